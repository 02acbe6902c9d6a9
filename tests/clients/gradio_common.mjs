// What both generations of @gradio/client are asked to do: two images, a light call, a generator, in one session.
// `for await` with a break would call return() of the iterator, which never resolves in 1.19.
async function each(job, over) {
  const messages = job[Symbol.asyncIterator]();
  for (let at = await messages.next(); !at.done; at = await messages.next()) if (over(at.value)) return;
}

export async function drive(Client, name, base) {
  const started = Date.now();
  const out = {client: name, ok: false};
  const need = (truth, what) => { if (!truth) throw new Error(what); };
  const fetchFile = async url => {
    const answer = await fetch(url);
    need(answer.status === 200, "image " + url + ": " + answer.status);
    const bytes = Buffer.from(await answer.arrayBuffer());
    need(bytes.subarray(1, 4).toString() === "PNG", "not a PNG");
    return {bytes, pod: answer.headers.get("x-stub-pod")};
  };
  try {
    const app = await Client.connect(base, {events: ["data", "status"]});
    const info = await app.view_api();
    need(info.named_endpoints["/txt2img"], "no /txt2img in view_api");
    const prompts = ["pretty dog", "quiet lake"];
    let files = [];
    for (const prompt of prompts) {
      const stages = [];
      let steps = 0, result = null;
      const job = app.submit("/txt2img", [prompt, 7, 8]);
      await each(job, message => {
        if (message.type === "status") {
          stages.push(message.stage);
          if (message.progress_data) steps++;
          need(message.stage !== "error", "status error: " + message.message);
          if (message.stage === "complete") return true;
        }
        if (message.type === "data") { result = message.data; }
      });
      need(result && result[0] && result[0].url, "no image in " + JSON.stringify(result));
      need(result[1] === prompt, "another's prompt: " + result[1]);
      need(stages.includes("pending") && stages.includes("complete"), "stages " + stages);
      need(steps >= 4, "only " + steps + " progress messages");
      const file = await fetchFile(result[0].url);
      need(file.bytes.includes(prompt), "the image is of another prompt");
      files.push({url: result[0].url, pod: file.pod, bytes: file.bytes.length, steps});
    }
    const tokens = await app.predict("/count_tokens", ["a b c"]);
    need(tokens.data[0] === "3/75", "count_tokens says " + tokens.data[0]);
    const yields = [];
    await each(app.submit("/story", ["tale", 1, 8]), message => {
      if (message.type === "data") yields.push(message.data[0]);
      if (message.type === "status" && message.stage === "error") throw new Error(message.message);
      return message.type === "status" && message.stage === "complete";
    });
    need(yields.length >= 2 && yields.at(-1) === "tale, step 8", "the generator said " + JSON.stringify(yields));
    // Two at once in one session: both come, each with its own.
    const both = await Promise.all(["left", "right"].map(p => app.predict("/txt2img", [p, 1, 4])));
    need(both[0].data[1] === "left" && both[1].data[1] === "right", "answers of two at once are mixed up");
    out.files = files; out.yields = yields.length; out.root = app.config.root; out.ok = true;
    app.close?.();
  } catch (error) {
    out.error = String(error?.message ?? error).slice(0, 500);
  }
  out.ms = Date.now() - started;
  console.log(JSON.stringify(out));
  process.exit(out.ok ? 0 : 1);
}
setTimeout(() => { console.log(JSON.stringify({ok: false, error: "no end after 60 s"})); process.exit(1); },
           Number(process.env.CLIENT_TIMEOUT_MS ?? 60000)).unref();
