// The browser's part of the guide's walk: what guide_walk.py asks for, a word a line, is done and answered by a line of JSON.
//
//   open   the service by its domain: the waiting page, which becomes the pod's own
//   busy   the dashboard while five pods work, in the dark
//   done   the dashboard afterwards: its figures; in the light, and on a phone
//
// Options: --service URL --admin URL [--pictures FOLDER]
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { openBrowser, PHONE, screenshot, until, User } from "./run.mjs";

const { values: options } = parseArgs({
  options: { service: { type: "string" }, admin: { type: "string" }, pictures: { type: "string" } },
});
const WIDE = { width: 1240, height: 900, deviceScaleFactor: 1 };
const browser = await openBrowser();
const user = await User.arrive(browser, "reader");
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const picture = (page, name) => options.pictures && screenshot(page, `${options.pictures}/${name}.png`);
const text = (page, selector) => page.$eval(selector, (element) => element.textContent.trim());

async function dashboard(viewport, scheme) {
  const page = await user.tab({ viewport, scheme });
  await page.goto(options.admin + "/");
  await until("a frame", () => page.$eval("body", (body) => body.dataset.frame));
  return page;
}

// Up to where a panel ends, so that nothing is cut.
async function upTo(page, selector) {
  const bottom = await page.$eval(selector, (element) => Math.ceil(element.getBoundingClientRect().bottom + scrollY + 16));
  await page.setViewport({ ...page.viewport(), height: bottom });
  await pause(500);
}

const steps = {
  async open() {
    const page = await user.tab({ viewport: { width: 640, height: 600, deviceScaleFactor: 1 } });
    const answer = await page.goto(options.service, { waitUntil: "domcontentloaded" });
    const waiting = { status: answer.status(), title: await page.title() };
    await until("the pod says what it does", () => page.evaluate(() => /start/i.test(document.body.innerText)));
    await pause(2500);
    await picture(page, "guide-waiting");
    await until("the pod's own page", () => page.evaluate("Boolean(globalThis.sd)").catch(() => false), 30_000);
    const became = { title: await page.title(), host: new URL(page.url()).hostname };
    await picture(page, "guide-open");
    await page.close();
    return { waiting, became };
  },
  async busy() {
    const page = await dashboard(WIDE, "dark");
    const headline = await until("five pods at work", async () => {
      const now = await text(page, "#headline");
      return (await page.$$('#tokens [data-state="busy"]')).length === 5 && (await page.$$("#timeline .bar")).length >= 30 && now;
    }, 60_000);
    await upTo(page, "#charts");
    await picture(page, "dashboard-dark");
    await page.close();
    return { headline };
  },
  async done() {
    const light = await dashboard(WIDE, "light");
    await until("all of them in the timeline", async () => (await light.$$("#timeline .bar")).length >= 50);
    const tile = async (name) => Number((await text(light, `#tile-${name}`)).replace(/[^\d.]/g, ""));
    await light.click('input[value="180"] + span');
    await pause(500);
    const figures = { requests: await tile("requests"), success: await tile("success"), 4: await tile("4xx"), 5: await tile("5xx"),
      bars: (await light.$$("#timeline .bar")).length, coldStarts: (await light.$$("#cold .cold")).length };
    await light.$$eval("#timeline .bar", (bars) => bars[14].dispatchEvent(new MouseEvent("click")));
    await upTo(light, "#charts figure:nth-child(2)");
    await picture(light, "dashboard-light");
    const phone = await dashboard({ ...PHONE, width: 360 }, "light");
    await phone.click('input[value="180"] + span');
    figures.beyond = await phone.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);
    await upTo(phone, "#timeline");
    await picture(phone, "dashboard-phone");
    return { ...figures, errors: user.errors };
  },
};

for await (const word of createInterface({ input: process.stdin })) {
  try {
    console.log(JSON.stringify(await steps[word]()));
  } catch (error) {
    console.log(JSON.stringify({ failed: `${word}: ${error.message}` }));
  }
}
await browser.close();
