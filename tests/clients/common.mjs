// Shared by the client scripts: one JSON line on stdout, exit 0 or 1, and never longer than LIMIT_S seconds (60).
export const base = (process.argv[2] || "http://127.0.0.1:7860").replace(/\/$/, "");
const began = Date.now();
export function finish(ok, facts) {
  const line = JSON.stringify({ok, ms: Date.now() - began, ...facts});
  process.stdout.write(line + "\n", () => process.exit(ok ? 0 : 1));
}
export function run(name, work) {
  const limit = Number(process.env.LIMIT_S || 60);
  setTimeout(() => finish(false, {client: name, error: `not done after ${limit} s`}), limit * 1000).unref();
  process.on("unhandledRejection", error => finish(false, {client: name, error: String(error?.message || error)}));
  console.log = console.warn = console.info = (...args) => console.error(...args);
  work().then(facts => finish(true, {client: name, ...facts}),
              error => finish(false, {client: name, error: String(error?.stack || error)}));
}
export function check(truth, what) { if (!truth) throw new Error("failed: " + what); }
export const isPng = bytes => bytes.length > 8 && bytes[0] === 0x89 && bytes[1] === 0x50 && bytes[2] === 0x4e;
export const taskId = () => "task(" + Array.from({length: 15}, () => Math.random().toString(36)[2] || "x").join("") + ")";
export const sleep = ms => new Promise(done => setTimeout(done, ms));
