import { defineConfig } from "vite";

// Three files with names that stay: they are committed in dist/ and embedded in the binary.
export default defineConfig({
  base: "/dashboard/",
  build: {
    target: "es2022",
    modulePreload: false,
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    rollupOptions: { output: { entryFileNames: "app.js", assetFileNames: "app.[ext]", inlineDynamicImports: true } },
  },
  server: { proxy: { "^/dashboard/(stream|history|timeline)": "http://127.0.0.1:9901" } },
});
