// One generation by the client CLIENT, which its user interrupts (INTERRUPT=yes), tries to but is refused (refused), or
// lets run (no) - once USERS of them have one running. What another user does to his own must not show here. They wait for
// each other before they begin and before they interrupt, by files in the folder MEET.
import fs from "node:fs";
import {WebSocket} from "ws";
import {base, run, check, isPng, taskId, sleep} from "./common.mjs";
import {image as comfyWorkflow} from "./comfy_workflow.mjs";

const wanted = process.env.INTERRUPT ?? "yes";
const users = Number(process.env.USERS ?? 1);

async function meet(where) {
  fs.writeFileSync(`${process.env.MEET}/${where}-${process.pid}`, "");
  while (fs.readdirSync(process.env.MEET).filter(name => name.startsWith(where)).length < users) await sleep(20);
}

async function everybodyWorks() {
  for (let left = 200; left > 0; left--) {
    const status = await (await fetch(base + "/.pilotlight/status")).json();
    if (status.running >= users) return meet("at-work");
    await sleep(50);
  }
  throw new Error("never " + users + " at work");
}

async function sdapi() {
  const module = await import("stable-diffusion-api");
  const api = new module.StableDiffusionApi({baseUrl: base, timeout: 300000});
  await api.getSamplers();  // a first answer, with the cookie
  await meet("ready");
  const made = api.txt2img({prompt: "pretty dog", steps: 20});
  await everybodyWorks();
  if (wanted !== "no") {
    const answer = await fetch(base + "/sdapi/v1/interrupt", {method: "POST"});  // the client has none
    check(answer.status === (wanted === "yes" ? 200 : 409), "interrupt " + answer.status);
  }
  const result = await made;
  check(isPng(await result.image.png().toBuffer()), "an image, as far as it is");
  return {pod: result.response.headers["x-stub-pod"]};
}

async function gradio1() {
  const {Client} = await import("@gradio/client");
  globalThis.WebSocket ??= WebSocket;
  const app = await Client.connect(base + "/", {events: ["data", "status"]});
  await meet("ready");
  const made = app.predict("/txt2img", [taskId(), "pretty dog", "", 20, 512, 512, -1]);
  await everybodyWorks();
  if (wanted !== "no") await app.predict("/interrupt", []);
  const first = (await made).data[0][0];
  const file = await fetch(base + "/file=" + (first.name ?? first.path ?? first.image.path));
  check(file.ok && isPng(new Uint8Array(await file.arrayBuffer())), "an image, as far as it is");
  return {pod: file.headers.get("x-stub-pod")};
}

async function gradio5() {  // its cancel is for the client only: the pod goes on, and the slot with it
  const {Client} = await import("gradio-client-2");
  const app = await Client.connect(base, {events: ["data", "status"]});
  await meet("ready");
  const job = app.submit("/txt2img", ["pretty dog", 7, 20]);
  await everybodyWorks();
  if (wanted !== "no") await job.cancel();
  const next = await app.predict("/txt2img", ["quiet lake", 7, 20]);
  check(next.data[1] === "quiet lake", "the next one is as asked");
  return {};
}

async function comfy() {
  const {ComfyApi} = await import("@saintno/comfyui-sdk");
  const api = new ComfyApi(base);
  await api.init(3, 300).waitForReady();
  while (api.socket?.client.readyState !== 1) await sleep(50);
  let end;
  const ended = new Promise(resolve => {
    for (const event of ["execution_success", "execution_interrupted", "execution_error"])
      api.on(event, () => resolve(end = event));
  });
  await meet("ready");
  const {prompt_id} = await api.queuePrompt(null, comfyWorkflow("pretty dog"));
  check(prompt_id, "a prompt's id");
  await everybodyWorks();
  if (wanted !== "no") await api.interrupt();
  await ended;
  check(end === (wanted === "yes" ? "execution_interrupted" : "execution_success"), "the socket says " + end);
  return {};
}

const clients = {sdapi, gradio1, gradio5, comfy};
run("interrupt by " + process.env.CLIENT, clients[process.env.CLIENT]);
