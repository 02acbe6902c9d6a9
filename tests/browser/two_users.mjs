// Two users in real browsers, in front of pods that each run one generation at a time.
//
//   node two_users.mjs --warm URL [--cold URL] [--single] [--pictures FOLDER]
//
// --warm: a service with two ready pods and room for no third.  --cold: one that has no pod until it is needed.
// --single: the URL is one pod without a gateway; only what needs no gateway is checked.
// Prints a line for each check; exits 0 if all of them hold.
import { parseArgs } from "node:util";
import { openBrowser, PHONE, runChecks, screenshot, until, User } from "./run.mjs";

const { values: given } = parseArgs({
  options: {
    warm: { type: "string" },
    cold: { type: "string" },
    single: { type: "boolean", default: false },
    pictures: { type: "string" },
  },
});
if (!given.warm && !given.cold) {
  console.error("usage: node two_users.mjs --warm URL [--cold URL] [--single] [--pictures FOLDER]");
  process.exit(2);
}

const GENERATION = 30_000;

function assert(holds, what) {
  if (!holds) throw new Error(what);
}

const picture = async (page, name) => {
  if (given.pictures) await screenshot(page, `${given.pictures}/${name}.png`);
};

// --- the page of the simulated WebUI

async function open(user, url, options) {
  const page = await user.tab(options);
  const answer = await page.goto(url, { waitUntil: "domcontentloaded", timeout: GENERATION });
  assert(answer.status() === 200, `${url} answers ${answer.status()}`);
  await page.waitForFunction("window.sd", { timeout: 10_000 });
  return page;
}

const podOf = (page) => page.$eval("body", (body) => body.dataset.pod);
const stateOf = (page) => page.evaluate("sd.state");
const barOf = (page) => page.$eval("#bar", (bar) => parseFloat(bar.style.width) || 0);
const textOf = (page) => page.$eval("#text", (text) => text.textContent);

async function begin(page, prompt) {
  await page.$eval("#prompt", (box, text) => (box.value = text), prompt);
  await page.click("#generate");
}

const ended = async (page) => {
  const state = await until("the end of a generation", async () => {
    const now = await stateOf(page);
    return now !== "running" && now !== "idle" && now;
  }, GENERATION);
  assert(state === "done", `the generation ended with: ${state}`);
};

// The octets of the image as the page has it: the simulator writes the prompt into the PNG.
const imageOf = (page) =>
  page.evaluate(async () => {
    const octets = new Uint8Array(await (await fetch(sd.image)).arrayBuffer());
    return new TextDecoder("latin1").decode(octets);
  });

async function assertClean(page) {
  const { pollErrors, wsErrors, pods } = await page.evaluate("({...sd})");
  assert(pollErrors === 0, `${pollErrors} progress polls failed`);
  assert(wsErrors === 0, `${wsErrors} sockets closed uncleanly`);
  const own = await podOf(page);
  assert(pods.length === 1 && pods[0] === own, `a page of pod ${own} was answered by ${pods}`);
}

// --- checks

const browser = await openBrowser();
const users = [];
const arrive = async (name) => {
  const user = await User.arrive(browser, name);
  users.push(user);
  return user;
};

let ada, ben, adasPage, bensPage, whole;  // whole: milliseconds of a generation that nobody interrupts

const coldChecks = [
  ["a page that meets no pod waits visibly, and turns into the web UI by itself", async () => {
    const page = await (await arrive("cold")).tab({ viewport: PHONE, scheme: "dark" });
    const answer = await page.goto(given.cold, { waitUntil: "domcontentloaded" });
    assert(answer.status() === 503, `it was answered with ${answer.status()}, not with the waiting page`);
    assert(answer.headers()["cache-control"] === "no-store", "the waiting page may be stored");
    await page.waitForSelector("progress", { timeout: 5000 });
    await picture(page, "cold-page");
    await page.waitForSelector("body[data-pod] #generate", { timeout: 60_000 });
    await picture(page, "cold-page-became-ui");
    await begin(page, "first light");
    await ended(page);
  }],
];

const pageChecks = [
  ["the progress bar moves while a generation runs", async () => {
    ada ??= await arrive("ada");
    adasPage ??= await open(ada, given.warm);
    const begun = Date.now();
    await begin(adasPage, "ada's first");
    const seen = new Set();
    while ((await stateOf(adasPage)) === "running") {
      seen.add(await barOf(adasPage));
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert(Date.now() - begun < GENERATION, "the generation does not end");
    }
    await ended(adasPage);
    whole = Date.now() - begun;
    const between = [...seen].filter((share) => share > 0 && share < 100);
    assert(between.length >= 2, `the bar stood at ${[...seen]}`);
    assert((await imageOf(adasPage)).includes("ada's first"), "the image is not of the prompt");
    assert(between.every((share, i) => i === 0 || share > between[i - 1]), `the bar went back: ${between}`);
    await assertClean(adasPage);
  }],
  ["Interrupt ends the generation at its next step", async () => {
    await begin(adasPage, "ada changes her mind");
    await until("the generation's begin", async () => (await barOf(adasPage)) > 0);
    const clicked = Date.now();
    await adasPage.click("#interrupt");
    await ended(adasPage);
    const took = Date.now() - clicked;
    console.log(`     ended ${took} ms after the click; a whole one takes ${whole} ms`);
    assert(took < whole / 2, `it went on for ${took} ms of ${whole}`);
    await assertClean(adasPage);
  }],
];

const gatewayChecks = [
  ["two users are on two pods", async () => {
    ben = await arrive("ben");
    bensPage = await open(ben, given.warm);
    const [adas, bens] = [await podOf(adasPage), await podOf(bensPage)];
    assert(adas !== bens, `both are on ${adas}`);
  }],
  ["two users generate at the same time, and each sees only their own image", async () => {
    await Promise.all([begin(adasPage, "a red lamp"), begin(bensPage, "a blue door")]);
    await until("both bars between their ends", async () => {
      const bars = [await barOf(adasPage), await barOf(bensPage)];
      return bars.every((share) => share > 0 && share < 100);
    });
    await picture(adasPage, "two-users-ada");
    await picture(bensPage, "two-users-ben");
    await Promise.all([ended(adasPage), ended(bensPage)]);
    const [adas, bens] = [await imageOf(adasPage), await imageOf(bensPage)];
    assert(adas.includes("a red lamp") && !adas.includes("a blue door"), "ada's image is not hers");
    assert(bens.includes("a blue door") && !bens.includes("a red lamp"), "ben's image is not his");
    await Promise.all([assertClean(adasPage), assertClean(bensPage)]);
  }],
  ["one user's Interrupt leaves the other's generation alone", async () => {
    await Promise.all([begin(adasPage, "ada stops"), begin(bensPage, "ben goes on")]);
    await until("both bars", async () => (await barOf(adasPage)) > 0 && (await barOf(bensPage)) > 0);
    await adasPage.click("#interrupt");
    await ended(adasPage);
    assert((await stateOf(bensPage)) === "running", "ben's generation ended with ada's");
    await ended(bensPage);
  }],
  ["who waits for a pod reads their place in the progress bar", async () => {
    const eve = await arrive("eve");
    const page = await open(eve, given.warm);
    await Promise.all([begin(adasPage, "a red lamp again"), begin(bensPage, "a blue door again")]);
    await until("both pods at work", async () => (await barOf(adasPage)) > 0 && (await barOf(bensPage)) > 0);
    await begin(page, "a green field");
    await until("a place in the queue", async () => /waiting for a pod/i.test(await textOf(page)), GENERATION);
    await picture(page, "place-in-the-bar");
    await Promise.all([ended(adasPage), ended(bensPage), ended(page)]);
    assert((await page.evaluate("sd.pollErrors")) === 0, "a poll failed while it waited");
    await eve.leave();
  }],
  ["a reload keeps the pod", async () => {
    const before = await podOf(adasPage);
    for (let i = 0; i < 4; ++i) {
      await adasPage.reload({ waitUntil: "domcontentloaded" });
      const now = await podOf(adasPage);
      assert(now === before, `it was ${before} and is ${now}`);
    }
  }],
  // Over HTTP/1.1 a browser opens six connections to a host, and this page holds an event stream open. Sockets have
  // a pool of their own.
  ["a seventh tab works, and so do the six before it", async () => {
    const pod = await podOf(adasPage);
    const tabs = [adasPage];
    while (tabs.length < 7) tabs.push(await open(ada, given.warm));
    const pods = await Promise.all(tabs.map(podOf));
    assert(pods.every((its) => its === pod), `the tabs of one user are on ${pods}`);
    for (const tab of tabs) await until("the tab's heartbeat", () => tab.evaluate("sd.alive > 0"));
    await tabs[6].bringToFront();  // a tab behind another one is drawn by no frame, and takes no click
    await begin(tabs[6], "seventh");
    await until("the seventh's bar", async () => (await barOf(tabs[6])) > 0);
    await tabs[6].click("#interrupt");
    await ended(tabs[6]);
    await tabs[0].bringToFront();
    await begin(tabs[0], "first again");
    await ended(tabs[0]);
    await Promise.all([tabs[0], tabs[6]].map(assertClean));
  }],
];

const checks = [
  ...(given.cold ? coldChecks : []),
  ...(given.warm ? pageChecks : []),
  ...(given.warm && !given.single ? gatewayChecks : []),
  ["no page complained", async () => {
    const errors = users.flatMap((user) => user.errors);
    assert(errors.length === 0, errors.join("; "));
  }],
];
const passed = await runChecks(checks, { limit: 90_000 });
await browser.close();
process.exit(passed ? 0 : 1);
