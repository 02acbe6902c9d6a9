// usage: node sdcpp.mjs BASE_URL   (or BASE_URL in the environment)
// stable-diffusion.cpp's server: jobs that are polled, the OpenAI form, and stable-diffusion-api's txt2img.
import {StableDiffusionApi} from "stable-diffusion-api";

const base = (process.argv[2] ?? process.env.BASE_URL).replace(/\/$/, "");
const started = Date.now();
const out = {client: "sdcpp", ok: false};
const finish = () => { out.ms = Date.now() - started; console.log(JSON.stringify(out)); process.exit(out.ok ? 0 : 1); };
setTimeout(() => { out.error = "no end in time"; finish(); }, Number(process.env.CLIENT_TIMEOUT_MS ?? 60000)).unref();
const need = (truth, what) => { if (!truth) throw new Error(what); };
const post = (path, body) => fetch(base + path, {method: "POST", body: JSON.stringify(body),
                                                 headers: {"Content-Type": "application/json"}});
const check = (b64, prompt) => {
  const bytes = Buffer.from(b64, "base64");
  need(bytes.subarray(1, 4).toString() === "PNG", "not a PNG");
  need(!prompt || bytes.includes(prompt), "the image is of another prompt than " + prompt);
};

async function job(prompt) {
  const accepted = await post("/sdcpp/v1/img_gen", {prompt, width: 256, height: 256, sample_params: {sample_steps: 8}});
  need(accepted.status === 202, "img_gen: " + accepted.status + " " + (await accepted.clone().text()).slice(0, 200));
  const {id} = await accepted.json();
  const seen = new Set();
  while (true) {
    const answer = await fetch(base + "/sdcpp/v1/jobs/" + id);
    need(answer.status === 200, "jobs/" + id + ": " + answer.status);
    const at = await answer.json();
    need(at.id === id, "another's job");
    seen.add(at.status);
    if (at.status === "completed") { check(at.result.images[0].b64_json, prompt); return {id, seen: [...seen]}; }
    need(["queued", "generating"].includes(at.status), at.status + ": " + JSON.stringify(at.error));
    await new Promise(done => setTimeout(done, 30));
  }
}

try {
  out.jobs = [await job("pretty dog")];
  out.jobs.push(...await Promise.all(["left", "right", "up"].map(job)));
  const openai = await post("/v1/images/generations", {prompt: "quiet lake", n: 1, size: "256x256"});
  need(openai.status === 200, "images/generations: " + openai.status);
  check((await openai.json()).data[0].b64_json, "quiet lake");
  const api = new StableDiffusionApi({baseUrl: base, timeout: 60000});
  const made = await api.txt2img({prompt: "tall tower", steps: 8, width: 256, height: 256});
  check(made.images[0] && (await made.image.png().toBuffer()).toString("base64"));
  check(made.response.data.images[0], "tall tower");
  out.ok = true;
} catch (error) {
  out.error = String(error?.stack ?? error).slice(0, 600);
}
finish();
