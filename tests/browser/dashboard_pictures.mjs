// The dashboard's pictures for the documentation: two and a half minutes of users who come and go, and then a look at it
// while they work. Options: --admin URL --traffic URL --host NAME --pictures FOLDER
import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { parseArgs, promisify } from "node:util";
import { openBrowser, PHONE, until, User } from "./run.mjs";

const { values: options } = parseArgs({
  options: { admin: { type: "string" }, traffic: { type: "string" }, host: { type: "string" }, pictures: { type: "string" } },
});
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
const jar = (name) => `/tmp/pilotlight-${process.pid}-${name}`;

async function generate(name, pictures, between) {
  for (let i = 0; i < pictures; i++) {
    await promisify(execFile)("curl", ["-s", "-o", "/dev/null", "-H", `Host: ${options.host}`, "-b", jar(name), "-c", jar(name),
      "-H", "Content-Type: application/json", "-d", '{"prompt": "pretty dog"}', options.traffic + "/sdapi/v1/txt2img"]);
    await pause(between);
  }
}

const USERS = ["ada", "ben", "eve", "joe", "kim", "lou"];
const day = (async () => {
  await pause(12);
  await generate("ada", 3, 0.4);
  await Promise.all([generate("ada", 6, 0.3), generate("ben", 7, 0.5), generate("eve", 5, 0.2)]);
  await pause(20);
  await generate("ben", 4, 1);
  await Promise.all(USERS.map((name, i) => pause(i * 0.7).then(() => generate(name, 8, 0.2))));
  await pause(9);
  await Promise.all(USERS.map((name, i) => pause(i * 0.9).then(() => generate(name, 40, 0.3))));
})();

const browser = await openBrowser();
const user = await User.arrive(browser, "operator");
const wide = { width: 1280, height: 1250, deviceScaleFactor: 1 };
const open = async (viewport, scheme) => {
  const tab = await user.tab({ viewport, scheme });
  await tab.goto(options.admin + "/");
  await until("a frame", () => tab.$eval("body", (body) => body.dataset.frame));
  return tab;
};
const looks = [["light", await open(wide, "light")], ["dark", await open({ ...wide, height: 1990 }, "dark")],
  ["phone", await open({ ...PHONE, height: 1180 }, "light")]];
await pause(158);
await looks[0][1].bringToFront(); // others are not drawn
await until("somebody waits", () => looks[0][1].$$eval("#queue li", (rows) => rows.length > 0), 60_000);
for (const [name, tab] of looks) {
  await tab.bringToFront();
  await tab.click('input[value="180"] + span');
  await pause(0.5);
  if (name === "light") await tab.$$eval("#timeline .bar", (bars) => bars[12].dispatchEvent(new MouseEvent("click")));
  await pause(0.8);
  await tab.screenshot({ path: `${options.pictures}/dashboard-${name}.png` });
}
await browser.close();
for (const name of USERS) rmSync(jar(name), { force: true });
day.catch(() => {});
process.exit(0);
