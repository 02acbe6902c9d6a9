// The dashboard in headless Chromium where the gateway asks for a token. Options: --admin URL --token TOKEN
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import { openBrowser, runChecks, until, User } from "./run.mjs";

const { values: options } = parseArgs({ options: { admin: { type: "string" }, token: { type: "string" } } });
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const same = (is, shall, what) => {
  if (is !== shall) throw new Error(`${what}: ${JSON.stringify(is)}, and it should be ${JSON.stringify(shall)}`);
};

const browser = await openBrowser();
const user = await User.arrive(browser, "operator");
const page = await user.tab();
const shown = (selector) => page.$eval(selector, (element) => element.checkVisibility());
const asked = () => until("the page asks for a token", () => shown("#login"));
const live = () => until("the page is live", () => page.$eval("#live", (element) => element.textContent === "live"));
const answer = async (text) => {
  await page.$eval("#token", (field) => (field.value = ""));
  await page.type("#token", text);
  await page.keyboard.press("Enter");
};

const checks = [
  ["whoever looks is asked for a token, and sees nothing else", async () => {
    await page.goto(options.admin + "/");
    await asked();
    same(await shown("#all"), false, "the figures are shown");
  }],
  ["axe finds nothing wrong with the question", async () => {
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => axe.run());
    same(violations.map((one) => `${one.id}: ${one.nodes[0].html}`).join("; "), "", "violations");
  }],
  ["a wrong token is refused, in words", async () => {
    await answer("plk_nonsense");
    await until("it says so", () => page.$eval("#login-said", (element) => /no token of this gateway/.test(element.textContent)));
  }],
  ["the right one opens the page, live, and no script can read what stays", async () => {
    await answer(options.token);
    await live();
    same(await shown("#login"), false, "the question is still there");
    same(await page.evaluate(() => document.cookie), "", "document.cookie");
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
    same(kept.includes("plk_"), false, "the token is kept in the browser");
    const [cookie] = await user.context.cookies();
    same([cookie.httpOnly, cookie.sameSite, cookie.path].join(), "true,Strict,/dashboard", "the cookie");
  }],
  ["it is still open after a reload", async () => {
    await page.reload();
    await live();
  }],
  ["the session changes nothing", async () => {
    const status = await page.evaluate(async () => (await fetch("/dashboard/anything", { method: "DELETE" })).status);
    same(status, 403, "a DELETE by the session");
  }],
  ["after logging out the page asks again", async () => {
    await Promise.all([page.waitForNavigation(), page.click("#logout")]);
    await asked();
  }],
  ["no page complained", async () => same(user.errors.join("; "), "", "errors")],
];
const good = await runChecks(checks);
await browser.close();
process.exit(good ? 0 : 1);
