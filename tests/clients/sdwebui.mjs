// node-sd-webui 0.0.8: txt2img, img2img with its result, png-info of that.
import * as module from "node-sd-webui";
import {base, run, check, isPng} from "./common.mjs";
const sdwebui = module.default?.default || module.default;
run("node-sd-webui 0.0.8", async () => {
  const client = sdwebui({apiUrl: base});
  const made = await client.txt2img({prompt: "pretty dog", steps: 20, width: 512, height: 512});
  check(isPng(Buffer.from(made.images[0], "base64")), "txt2img");
  const again = await client.img2img({imageData: [made.images[0]], prompt: "pretty cat", steps: 20});
  check(isPng(Buffer.from(again.images[0], "base64")), "img2img");
  const facts = await client.pngInfo({imageData: again.images[0]});
  const text = typeof facts === "string" ? facts : JSON.stringify(facts);
  check(text.includes("pretty cat"), "png-info: " + text.slice(0, 200));
  return {images: 2};
});
