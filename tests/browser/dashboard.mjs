// The dashboard in headless Chromium: what it shows after a known run is what /metrics says, whoever looks and with
// whatever means. Options: --admin URL --traffic URL --host NAME
import { execFile } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { parseArgs, promisify } from "node:util";
import { openBrowser, PHONE, runChecks, until, User } from "./run.mjs";

const { values: options } = parseArgs({
  options: { admin: { type: "string" }, traffic: { type: "string" }, host: { type: "string" } },
});
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const WIDE = { width: 1280, height: 1500, deviceScaleFactor: 1 };

const same = (is, shall, what) => {
  if (is !== shall) throw new Error(`${what}: ${JSON.stringify(is)}, and it should be ${JSON.stringify(shall)}`);
};
const near = (is, shall, by, what) => {
  if (!(Math.abs(is - shall) <= by)) throw new Error(`${what}: ${is}, and it should be ${shall}`);
};

// name{labels} value -> the sum of those samples whose labels contain all of `having`
async function metrics() {
  const text = await (await fetch(options.admin + "/metrics")).text();
  const samples = text.split("\n").filter((line) => line && !line.startsWith("#"))
    .map((line) => line.match(/^(\w+)(?:\{(.*)\})? (.+)$/).slice(1));
  return (name, ...having) => samples.filter(([n, labels]) => n === name && having.every((one) => (labels ?? "").includes(one)))
    .reduce((all, [, , value]) => all + Number(value), 0);
}

const text = (page, selector) => page.$eval(selector, (element) => element.textContent.trim());
const number = async (page, selector) => Number((await text(page, selector)).replace(/[^\d.]/g, ""));
const seconds = (shown) => parseFloat(shown) * (shown.endsWith("ms") ? 0.001 : 1);

async function hey(count, clients) {
  await promisify(execFile)("hey", ["-n", String(count), "-c", String(clients), "-t", "180", "-m", "POST", "-H",
    "Content-Type: application/json", "-host", options.host, "-d", '{"prompt": "pretty dog"}', options.traffic + "/sdapi/v1/txt2img"]);
}
// fetch() may not name another host.
async function curl(path, ...more) {
  const { stdout } = await promisify(execFile)("curl", ["-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", `Host: ${options.host}`, ...more, options.traffic + path]);
  return Number(stdout);
}
const generate = (...more) => curl("/sdapi/v1/txt2img", "-H", "Content-Type: application/json", "-d", "{}", ...more);

const browser = await openBrowser();
const user = await User.arrive(browser, "operator");
const asked = [];
let page;

async function open(settings) {
  const tab = await user.tab(settings);
  tab.on("request", (request) => asked.push(request.url()));
  const answer = await tab.goto(options.admin + "/");
  await until("a frame", () => tab.$eval("body", (body) => body.dataset.frame));
  return { tab, answer };
}

const checks = [
  ["the page is there, says that nothing runs, and is served under a strict policy", async () => {
    const { tab, answer } = await open({ viewport: WIDE });
    page = tab;
    const policy = answer.headers()["content-security-policy"];
    same(/default-src 'none'/.test(policy) && !/unsafe|\*|https?:/.test(policy), true, `the policy ${policy}`);
    same(await text(page, "#headline"), "Asleep: no pod runs, and nobody asks", "the headline");
  }],
  ["while requests wait for the first pod the page says so, live", async () => {
    const running = hey(30, 3);
    await until("the headline speaks of those who wait", async () => /3 requests wait/.test(await text(page, "#headline")));
    await until("the queue names them", async () => (await page.$$("#queue li")).length === 3);
    await until("the queue says what they wait for", async () => /for a cold start/.test(await text(page, "#queue")));
    await until("a pod works", async () => (await page.$$('#tokens [data-state="busy"]')).length > 0, 20_000);
    await until("its row says on which request", async () => /[0-9a-f]{16}, [\d.]+ ?m?s/.test(await text(page, "#pods table")));
    await running;
  }],
  ["after the run, with two errors of the client, the figures are those of the metrics", async () => {
    same(await curl("/no-such-page"), 404, "the pod's answer");
    same(await curl("/no-such-page"), 404, "the pod's answer");
    await until("32 requests on the page", async () => (await number(page, "#tile-requests")) === 32);
    const metric = await metrics();
    same(await number(page, "#tile-requests"), metric("revision_request_count") + metric("pilotlight_client_left_total")
      + metric("pilotlight_waiting_pages_total"), "requests");
    same(await number(page, "#tile-4xx"), metric("revision_request_count", 'class="4xx"'), "4xx");
    same(await number(page, "#tile-5xx"), metric("revision_request_count", 'class="5xx"'), "5xx");
    same(await text(page, "#tile-success"), "100 %", "the success rate");
    same(metric("pilotlight_generation_seconds_count"), 30, "generations in the metrics");
    same((await page.$$("#timeline .bar")).length, 30, "generations in the timeline");
    same((await page.$$("#cold .cold")).length, metric("pilotlight_cold_start_seconds_count"), "cold starts");
  }],
  ["P50 and P99 are in the bucket in which the metrics have them", async () => {
    const metric = await metrics();
    const all = metric("pilotlight_generation_seconds_count");
    const bounds = [0, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30, 60];
    for (const [name, rank] of [["p50", Math.ceil(all * .5)], ["p99", Math.ceil(all * .99)]]) {
      const at = bounds.findIndex((le) => metric("pilotlight_generation_seconds_bucket", `le="${le}"`) >= rank);
      const shown = seconds(await text(page, `#tile-${name}`));
      same(await page.$eval(`#tile-${name}`, (value) => value.previousElementSibling.textContent), name.toUpperCase(), "the label");
      if (!(shown >= bounds[at - 1] * .94 && shown <= bounds[at] * 1.06)) throw new Error(`${name} is ${shown}, between ${bounds[at - 1]} and ${bounds[at]} in the metrics`);
    }
  }],
  ["GPU-seconds and their idle share are those of the metrics", async () => {
    const metric = await metrics();
    const all = metric("pilotlight_gpu_seconds_total"), idle = metric("pilotlight_gpu_seconds_total", 'state="idle"');
    const [shownIdle, shownAll] = (await text(page, "#gpus .note")).match(/[\d,]+/g).map((n) => Number(n.replaceAll(",", "")));
    near(shownAll, all, 6, "GPU-seconds");
    near(shownIdle, idle, 6, "idle ones");
    await page.type("#price", "1.20");
    same(/idling cost [\d,.]+, all of it/.test(await text(page, ".price")), true, "what idling cost");
  }],
  ["the autoscaler's reason is the one that kubectl would read", async () => {
    await until("the same sentence", async () => {
      const { items } = await (await fetch(options.admin + "/apis/serving.knative.dev/v1/revisions")).json();
      const said = items[0].metadata.annotations["pilotlight.dev/reason"];
      const shown = (await text(page, "#reason")).replace(/\.$/, "");
      const plain = (sentence) => sentence.toLowerCase().replace(/[\d.]+ s more/, "");
      return plain(said) === plain(shown);
    });
  }],
  ["a generation opens by mouse and by keyboard, and tells its request", async () => {
    await page.$eval("#timeline .bar", (bar) => bar.dispatchEvent(new MouseEvent("click")));
    const first = await text(page, "#detail dd");
    same(/^[\w-]{8,}$/.test(first), true, `a request id: ${first}`);
    await page.$eval("#timeline .bar[tabindex='0']", (bar) => bar.focus());
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    const second = await text(page, "#detail dd");
    same(second !== first && /127\.0\.0\.1/.test(await text(page, "#detail")), true, "another one, with its client");
    same((await page.$$("#timeline .bar[tabindex='0']")).length, 1, "stops of the Tab key in the timeline");
  }],
  ["what a client sends is text, never markup", async () => {
    same(await generate("-H", "X-Request-Id: <img src=x onerror=document.title=1>"), 200, "the answer");
    await until("31 bars", async () => (await page.$$("#timeline .bar")).length === 31);
    await page.$$eval("#timeline .bar", (bars) => bars.sort((a, b) => a.dataset.n - b.dataset.n).at(-1).dispatchEvent(new MouseEvent("click")));
    same(await page.title(), "Pilotlight", "the title");
    same((await page.$$("#detail img")).length, 0, "images that a client made");
  }],
  ["a session is counted on its pod", async () => {
    const jar = `${process.env.TMPDIR ?? "/tmp"}/pilotlight-jar-${process.pid}`;
    for (const n of [32, 33]) {
      same(await generate("-c", jar, "-b", jar), 200, "the answer");
      await until(`${n} bars`, async () => (await page.$$("#timeline .bar")).length === n);
    }
    rmSync(jar, { force: true });
    same((await metrics())("pilotlight_sessions"), 1, "sessions in the metrics");
    same(await text(page, "#pods .note"), "1 session on 3 pods", "the page");
  }],
  ["the tables tell what the charts show", async () => {
    await page.$$eval("details.as-table", (all) => all.forEach((one) => (one.open = true)));
    await until("tables", async () => (await page.$$("details.as-table table")).length === 6);
    const requests = await page.$$eval("#charts figure:first-child tbody tr", (rows) =>
      rows.reduce((all, row) => all + [...row.querySelectorAll("td")].reduce((n, cell) => n + (Number(cell.textContent) || 0), 0), 0));
    same(requests, 35, "requests in the table");
    await page.$$eval("details.as-table", (all) => all.forEach((one) => (one.open = false)));
  }],
  ["axe finds nothing against whoever cannot see, in light and in dark", async () => {
    for (const scheme of ["light", "dark"]) {
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      await new Promise((resolve) => setTimeout(resolve, 300));
      await page.evaluate(AXE);
      const found = await page.evaluate(async () => (await globalThis.axe.run()).violations.map((one) =>
        `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 90) + " " + (node.any[0]?.message ?? "")).join(" | ")}`));
      same(found.join("\n"), "", `violations, ${scheme}`);
    }
  }],
  ["on a phone nothing is cut off sideways", async () => {
    const { tab } = await open({ viewport: { ...PHONE, height: 1400 }, scheme: "dark" });
    await until("bars", async () => (await tab.$$("#timeline .bar")).length > 0);
    same(await tab.evaluate(() => document.scrollingElement.scrollWidth - innerWidth), 0, "pixels beyond the right edge");
    await tab.close();
  }],
  ["who opens it later sees the same", async () => {
    const { tab } = await open({ viewport: WIDE });
    await until("35 requests", async () => (await number(tab, "#tile-requests")) === 35);
    same((await tab.$$("#timeline .bar")).length, 33, "generations");
    await tab.close();
  }],
  ["nothing was asked of anybody else, and nothing went wrong", async () => {
    const elsewhere = asked.filter((url) => !url.startsWith(options.admin) && !url.startsWith("data:"));
    same(elsewhere.join(), "", "requests elsewhere");
    same(user.errors.join(), "", "errors");
  }],
];

const passed = await runChecks(checks);
await browser.close();
process.exit(passed ? 0 : 1);
