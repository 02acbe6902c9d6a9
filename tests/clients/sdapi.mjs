// stable-diffusion-api 0.0.7: two images at once, progress and interrupt beside them. FROM_ZERO=1: an image before all
// that, as only a generation wakes a pod. REFUSED=1: others who do not say who they are may be at work too, so that the
// interrupt may be refused.
import * as module from "stable-diffusion-api";
import {base, run, check, isPng, sleep} from "./common.mjs";
const StableDiffusionApi = module.default?.default || module.default || module.StableDiffusionApi;
run("stable-diffusion-api 0.0.7", async () => {
  const api = new StableDiffusionApi({baseUrl: base, timeout: 300000});
  if (process.env.FROM_ZERO) check(isPng(await (await api.txt2img({prompt: "pretty dog"})).image.png().toBuffer()), "first");
  const models = await api.getSdModels();
  check(models.length > 0, "models");
  const asked = [0, 1].map(i => api.txt2img({prompt: "pretty dog", steps: 20, seed: 7 + i}));
  await sleep(50);
  const progress = await api.getProgress();
  check("progress" in (progress.data || progress), "progress");
  const answers = await Promise.all(asked);
  for (const answer of answers) check(isPng(await answer.image.png().toBuffer()), "an image");
  const began = Date.now();
  const long = api.txt2img({prompt: "pretty dog", steps: 20});
  let over = false;
  long.then(() => { over = true; });
  let stopped;
  do {  // while it waits, and somebody else's image is made on its pod, nothing is stopped: 409
    await sleep(100);
    stopped = await fetch(base + "/sdapi/v1/interrupt", {method: "POST"});  // the client has none
  } while (stopped.status === 409 && !over && !process.env.REFUSED);
  check(stopped.ok || stopped.status === 409, "interrupt " + stopped.status);
  const cut = await long;
  check(isPng(await cut.image.png().toBuffer()), "an interrupted image");
  return {images: 3, interruptedAfterMs: Date.now() - began};
});
