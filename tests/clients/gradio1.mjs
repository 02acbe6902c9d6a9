// @gradio/client 1.19 against the Gradio 3 page: config, info, a token counter, an image over its WebSocket, the file.
import {Client} from "@gradio/client";
import {WebSocket} from "ws";
import {base, run, check, isPng, taskId, sleep} from "./common.mjs";
globalThis.WebSocket ??= WebSocket;
run("@gradio/client 1.19", async () => {
  const auth = process.env.AUTH ? process.env.AUTH.split(":") : undefined;
  const app = await Client.connect(base + "/", {events: ["data", "status"], auth});
  const api = await app.view_api();
  check(api.named_endpoints["/txt2img"], "the API names txt2img");
  const tokens = await app.predict("/update_token_counter", ["pretty dog", 20]);
  check(String(tokens.data[0]).includes("/75"), "token counter");
  const statuses = [];
  const task = taskId();
  const job = app.submit("/txt2img", [task, "pretty dog", "", 20, 512, 512, -1]);
  let data = null, polls = 0, active = 0, queued = 0, done = false;
  const polling = (async () => {
    while (!done) {
      const answer = await fetch(base + "/internal/progress", {method: "POST", headers: {"Content-Type": "application/json"},
        body: JSON.stringify({id_task: task, id_live_preview: -1, live_preview: false, session_hash: app.session_hash})});
      check(answer.ok, "progress " + answer.status);
      const at = await answer.json();
      polls++;
      if (at.active) active++;
      if (at.queued) queued++;
      await sleep(100);
    }
  })();
  await new Promise(async (resolve, reject) => {  // leaving the loop would cancel: it has no end of its own
    for await (const message of job) {
      if (message.type === "data") data = message.data;
      if (message.type !== "status") continue;
      statuses.push(message.stage);
      if (message.stage === "error") reject(new Error("status error: " + message.message));
      if (message.stage === "complete") resolve();
    }
  });
  done = true;
  await polling;
  check(data && data[0]?.length, "an image in the gallery: " + JSON.stringify(data)?.slice(0, 200));
  const first = data[0][0];
  const name = first.name || first.path || first[0]?.name || first.image?.path || first.image?.name;
  check(name, "a file name: " + JSON.stringify(first).slice(0, 300));
  const file = await fetch(base + "/file=" + name, {headers: {"X-Session": app.session_hash,
    ...(app.cookies ? {Cookie: app.cookies.split(";")[0]} : {})}});
  check(file.ok, "the file: " + file.status);
  check(isPng(new Uint8Array(await file.arrayBuffer())), "the file is a PNG");
  return {polls, active, queued, statuses: [...new Set(statuses)], pod: file.headers.get("x-stub-pod")};
});
