// usage: node comfy.mjs BASE_URL   (or BASE_URL in the environment)
// @saintno/comfyui-sdk: two workflows one after the other and two at once, with previews, and the images themselves.
import {ComfyApi, CallWrapper, PromptBuilder} from "@saintno/comfyui-sdk";
import {workflow} from "./comfy_workflow.mjs";

const base = (process.argv[2] ?? process.env.BASE_URL).replace(/\/$/, "");
const started = Date.now();
const out = {client: "@saintno/comfyui-sdk", ok: false};
const finish = () => { out.ms = Date.now() - started; console.log(JSON.stringify(out)); process.exit(out.ok ? 0 : 1); };
setTimeout(() => { out.error = "no end in time"; finish(); }, Number(process.env.CLIENT_TIMEOUT_MS ?? 60000)).unref();
const need = (truth, what) => { if (!truth) throw new Error(what); };

async function image(api, prompt) {
  const builder = new PromptBuilder(workflow, ["text"], ["images"])
    .setInputNode("text", "6.inputs.text").setOutputNode("images", "9").input("text", prompt);
  let progress = 0, previews = 0, failure = null;
  const result = await new CallWrapper(api, builder)
    .onProgress(() => progress++).onPreview(() => previews++).onFailed(error => failure = error).run();
  need(result, prompt + " failed: " + (failure?.message ?? result) + " " + JSON.stringify(failure?.cause ?? null));
  const info = result.images?.images?.[0];
  need(info, "no image in " + JSON.stringify(result));
  const bytes = Buffer.from(await (await api.getImage(info)).arrayBuffer());
  need(bytes.subarray(1, 4).toString() === "PNG", prompt + ": /view has no such image (" + bytes.length + " bytes)");
  need(bytes.includes(prompt), prompt + ": /view gave another's image");
  return {file: info.filename, progress, previews};
}

try {
  const api = new ComfyApi(base);
  api.on("connection_error", event => { out.error = "connection error " + event.detail?.message; finish(); });
  await api.init(3, 300).waitForReady();
  for (let i = 0; i < 100 && api.socket?.client.readyState !== 1; i++) await new Promise(done => setTimeout(done, 50));
  const nodes = await api.getNodeDefs("KSampler");
  need(nodes?.KSampler, "no KSampler in object_info");
  out.images = [await image(api, "pretty dog"), await image(api, "quiet lake")];
  out.images.push(...await Promise.all(["left", "right"].map(p => image(api, p))));
  // The SDK begins to listen only after the answer to its prompt, so that a short job may be over before.
  const sum = key => out.images.reduce((total, one) => total + one[key], 0);
  need(sum("progress") >= 4, "only " + sum("progress") + " progress messages");
  need(sum("previews") >= 1, "no preview");
  const queue = JSON.stringify(await api.getQueue());  // others may be in it
  need(!queue.includes(api.id), "a prompt of ours is in the queue at the end: " + queue.slice(0, 300));
  out.ok = true;
} catch (error) {
  out.error = String(error?.stack ?? error).slice(0, 600);
}
finish();
