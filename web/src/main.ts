import "./style.css";
import { Chart, type Settings } from "./charts.ts";
import { byId, h, say } from "./dom.ts";
import { ago, count, percent, plural, seconds } from "./format.ts";
import { ColdStarts, Events, Gpus, Pods, Queue } from "./lists.ts";
import { bins, type Column, type Columns, Model, type Service, type Span, sum } from "./model.ts";
import { Timeline } from "./timeline.ts";

const SPANS: [Span, string, number][] = [[60, "1 min", 60], [180, "3 min", 90], [900, "15 min", 90], [3600, "1 h", 120], [86400, "24 h", 144]];
const BINS = new Map(SPANS.map(([span, , parts]) => [span, parts]));
const width = (span: number) => ({ 60: "second", 180: "2 s", 900: "10 s", 3600: "30 s", 86400: "10 min" })[span] ?? "";

const CHARTS: Settings[] = [
  { title: "Requests", note: "", kind: "bars", show: count,
    lines: [{ column: "ok", label: "2xx", colour: "--ok" }, { column: "redirected", label: "3xx", colour: "--redirected" },
      { column: "clientError", label: "4xx", colour: "--client" }, { column: "serverError", label: "5xx", colour: "--server" },
      { column: "left", label: "client left", colour: "--left" }, { column: "waitingPage", label: "waiting page", colour: "--page" }],
    summary: () => `for each ${width(model.span)}` },
  { title: "Response time of generations", note: "", kind: "lines", show: seconds,
    lines: [{ column: "p50", label: "P50", colour: "--q50" }, { column: "p90", label: "P90", colour: "--q90" },
      { column: "p95", label: "P95", colour: "--q95" }, { column: "p99", label: "P99", colour: "--q99" }],
    summary: () => "waiting included; of the minute before" },
  { title: "Pods over time", note: "", kind: "steps", show: count,
    lines: [{ column: "wanted", label: "wanted", colour: "--soft" }, { column: "ready", label: "ready", colour: "--idle", fill: true },
      { column: "busy", label: "busy", colour: "--busy", fill: true }],
    summary: (last) => `${count(last("ready") ?? 0)} of ${plural(last("wanted") ?? 0, "wanted pod")} ready` },
  { title: "Queue", note: "", kind: "steps", show: count,
    lines: [{ column: "waiting", label: "waiting", colour: "--accent", fill: true }],
    summary: (_, shown) => {
      const most = Math.max(...shown.waiting.map((v) => v ?? 0)), longest = Math.max(...shown.longestWait.map((v) => v ?? 0));
      return most === 0 ? "nobody waited" : `${plural(most, "request")} at most, ${seconds(longest)} the longest wait`;
    } },
];

const model = new Model(() => schedule());
const charts = CHARTS.map((settings) => new Chart(settings));
const queue = new Queue(), pods = new Pods(), cold = new ColdStarts(), gpus = new Gpus(), events = new Events();
const timeline = new Timeline(byId("timeline"), model);
byId("charts").append(...charts.map((chart) => chart.element));
byId("lists").append(h("div", {}, queue.element, pods.element, events.element), h("div", {}, gpus.element, cold.element));

// --- the head

const spans = byId("span");
for (const [span, label] of SPANS)
  spans.append(h("label", {}, h("input", { type: "radio", name: "span", value: span, checked: span === model.span,
    change: () => {
      model.span = span;
      model.spanChosen = true;
      if (span === 86400) void model.loadDay();
      schedule();
    } }), h("span", {}, label)));

const picker = byId<HTMLSelectElement>("service");
picker.addEventListener("change", () => void model.choose(picker.value));

function pick(services: Service[]): void {
  const names = services.map((one) => one.name);
  if (names.join() !== [...picker.options].map((one) => one.value).join())
    picker.replaceChildren(...names.map((name) => h("option", { value: name }, name)));
  const chosen = spans.querySelector<HTMLInputElement>(`input[value="${model.span}"]`);
  if (chosen && !chosen.checked) chosen.checked = true;
  if (picker.value !== model.service) picker.value = model.service;
}

// --- the state now, in one sentence

function headline(service: Service | undefined): string {
  const frame = model.frame;
  if (!frame) return "Waiting for the gateway";
  if (!service) return "No service is configured";
  if (frame.draining) return "Shutting down: what runs is finished, nothing new is taken";
  if (service.crashLooping) return "Pods fail one after the other; nothing can be served";
  const here = model.pods, busy = here.filter((pod) => pod.state === "busy").length;
  const starting = here.filter((pod) => pod.state === "starting" || pod.state === "waiting").length;
  const waits = service.waiting === 0 ? "" : `, ${plural(service.waiting, "request waits", "requests wait")}`;
  if (service.ready === 0 && starting > 0) return `${plural(starting, "pod starts", "pods start")}${waits}`;
  if (service.ready === 0) return service.waiting > 0 ? `No pod is ready${waits}` : "Asleep: no pod runs, and nobody asks";
  const ready = `${plural(service.ready, "pod")} ready, ${busy === service.ready && busy > 1 ? "all" : busy === 0 ? "none" : count(busy)} busy`;
  return ready + (starting > 0 ? `, ${count(starting)} on the way` : "") + (waits || ", nobody waits");
}

function now(service: Service | undefined): void {
  say(byId("headline"), headline(service));
  say(byId("reason"), service?.reason ? service.reason[0]!.toUpperCase() + service.reason.slice(1) + "." : "");
  // Whoever listens hears what changed, not every second that passes.
  const kind = (service?.reason ?? "").replace(/[\d.]+/g, "");
  const heard = byId("announce");
  if (heard.dataset.kind !== kind) {
    heard.dataset.kind = kind;
    say(heard, `${headline(service)}. ${service?.reason ?? ""}`);
  }
  const step = service?.step;
  say(byId("step"), step
    ? `${ago(step.at, model.frame!.time)}, from ${plural(step.from, "pod")} to ${count(step.to)}: ${step.sentence}`
    : "The autoscaler has not changed anything yet.");
  const tokens = byId("tokens");
  const wanted = model.pods.map((pod) => `${pod.state}|${pod.name}`);
  if (wanted.join() !== tokens.dataset.now) {
    tokens.dataset.now = wanted.join();
    tokens.replaceChildren(...model.pods.map((pod) => h("li", { "data-state": pod.state, title: pod.name },
      h("i", { class: "dot", "aria-hidden": "true" }), `${short(pod.name)} ${pod.state === "failed" ? pod.phase : pod.state}`)));
  }
}

const short = (name: string): string => name.match(/-deployment-(\d+)$/)?.[1]?.replace(/^/, "pod ") ?? name;

// --- tiles

const tiles = new Map<string, HTMLElement>();
function tile(id: string, label: string, value: string, bad = false): void {
  let box = tiles.get(id);
  if (!box) {
    box = h("div", {}, h("dt", {}, label), h("dd", { id: `tile-${id}` }));
    tiles.set(id, box);
    byId("tiles").append(box);
  }
  box.dataset.bad = String(bad);
  say(box.firstElementChild!, label);
  say(box.lastElementChild!, value);
}

function figures(shown: Columns): void {
  const of = (column: Column) => sum(shown[column]);
  const answered = of("ok") + of("redirected") + of("clientError") + of("serverError");
  tile("requests", "Requests", count(answered + of("left") + of("waitingPage")));
  tile("success", "Success rate", answered === 0 ? "–" : percent(1 - of("serverError") / answered), of("serverError") > 0);
  tile("4xx", "4xx", count(of("clientError")));
  tile("5xx", "5xx", count(of("serverError")), of("serverError") > 0);
  // Of all generations in the time shown, as the other figures, while all of them are known here; else of the last minute.
  const took = model.durations(model.frame!.time - model.span * 1000), whole = took.length >= of("generations");
  for (const rank of [50, 90, 95, 99]) {
    const value = whole ? took[Math.ceil((took.length * rank) / 100) - 1] : shown[`p${rank}` as Column].findLast((v) => v !== null);
    tile(`p${rank}`, whole ? `P${rank}` : `P${rank}, last minute`, seconds(value));
  }
}

// --- all of it, at most once a picture

let scheduled = false;
function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    draw();
  });
}

function draw(): void {
  const { frame } = model, live = byId("live");
  live.dataset.state = model.connected ? "live" : frame ? "lost" : "connecting";
  say(live, model.connected ? "live" : frame ? "connection lost" : "connecting");
  if (!frame) return now(undefined);
  pick(frame.services);
  const shown = bins(model.history, frame.time / 1000, model.span, BINS.get(model.span) ?? 60);
  now(model.current);
  figures(shown);
  timeline.show();
  for (const chart of charts) chart.show(shown);
  for (const part of [queue, pods, cold, events]) part.show(model);
  gpus.show(shown);
  say(byId("about"), `Pilotlight ${frame.version} · ${plural(frame.connections, "connection")} · ${plural(frame.requests, "request")} under way · kept here: an hour by the second, a day by the minute`);
  document.body.dataset.frame = String(frame.frame);
}

draw();
model.start();
