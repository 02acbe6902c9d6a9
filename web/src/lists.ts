// What is not a chart: who waits, the pods and their sessions, cold starts by phase, what the GPUs did, events.
import type { Columns, Model, Pod } from "./model.ts";
import { sum } from "./model.ts";
import { asTable, h, say, table } from "./dom.ts";
import { ago, clock, count, duration, percent, plural, seconds } from "./format.ts";

const panel = (id: string, title: string, ...inside: Node[]) =>
  h("section", { class: "panel", id, "aria-labelledby": `h-${id}` }, h("h2", { id: `h-${id}` }, title), ...inside);
const note = () => h("p", { class: "note" });

// --- who waits

export class Queue {
  private readonly note = note();
  private readonly rows = h("ol", { class: "rows" });
  readonly element = panel("queue", "Who waits", this.note, this.rows);

  show(model: Model): void {
    const service = model.current;
    if (!service) return;
    const hidden = service.waiting - service.queue.length;
    say(this.note, service.waiting === 0 ? "Nobody: a pod has a free slot, or nobody came."
      : `${plural(service.waiting, "request")}, first come first served` + (hidden > 0 ? `; the first ${service.queue.length} are shown` : ""));
    this.rows.replaceChildren(...service.queue.map((one) => h("li", {},
      h("span", {}, one.client || "a client", one.bound && h("small", {}, ` for ${one.bound}`)),
      h("small", {}, seconds(one.queue + one.cold) + (one.cold > 0.05 ? `, ${seconds(one.cold)} of it for a cold start` : "")))));
  }
}

// --- pods and sessions

export class Pods {
  private readonly note = note();
  private readonly box = h("div", { class: "scroll", role: "group", "aria-label": "Pods and their sessions", tabindex: 0 });
  readonly element = panel("pods", "Sessions per pod", this.note, this.box);
  private before = "";

  show(model: Model): void {
    const pods = model.pods;
    say(this.note, pods.length === 0 ? "No pod runs." : `${plural(pods.reduce((n, pod) => n + pod.sessions, 0), "session")} on ${plural(pods.length, "pod")}`);
    const rows = pods.map((pod) => [pod.name, pod.state === "failed" ? pod.phase : pod.state, pod.sessions, this.work(model, pod), pod.restarts]);
    const now = pods.map((pod) => pod.name).join();
    if (now !== this.before)
      this.box.replaceChildren(pods.length > 0 ? table("Pods", ["Pod", "State", "Sessions", "Working on", "Restarts"], rows) : "");
    else this.box.querySelectorAll("tbody tr").forEach((row, i) => rows[i]?.forEach((cell, j) => say(row.children[j]!, String(cell))));
    this.before = now;
  }

  // The request, as the logs name it, and how long it has been there.
  private work(model: Model, pod: Pod): string {
    const [first, ...more] = (model.current?.work ?? []).filter((one) => one.pod === pod.name);
    if (!first) return pod.leases > 0 ? plural(pod.leases, "request") : "–";
    const id = first.id.length > 20 ? `${first.id.slice(0, 19)}…` : first.id;
    return `${id}, ${seconds(first.seconds)}${more.length > 0 ? `, and ${more.length} more` : ""}`;
  }
}

// --- cold starts

const PHASES: [string, string, string][] = [["pending", "--waiting", "waits for room"], ["creating", "--draining", "is made"],
  ["starting", "--starting", "starts, port closed"], ["mounting", "--busy", "port open, not ready"]];

export class ColdStarts {
  private readonly note = note();
  private readonly rows = h("ul", { class: "rows" });
  private readonly details = asTable(() => table("Cold starts, newest first", ["Pod", ...PHASES.map((p) => p[0]), "altogether"],
    this.last.map((one) => [one.pod, ...one.seconds.map(seconds), seconds(sum(one.seconds))])));
  private last: { pod: string; ready: number; seconds: number[] }[] = [];
  private before = "";
  readonly element = panel("cold", "Cold starts", this.note, this.rows, legend(PHASES.map(([, colour, label]) => [colour, label])), this.details);

  show(model: Model): void {
    this.last = [...(model.current?.coldStarts ?? [])].reverse();
    const totals = this.last.map((one) => sum(one.seconds)), longest = Math.max(...totals, 0.001);
    const sorted = [...totals].sort((a, b) => a - b);
    say(this.note, totals.length === 0 ? "None since the gateway began."
      : `The last ${totals.length}; half of them took at most ${seconds(sorted[Math.ceil(sorted.length / 2) - 1])}`);
    const now = JSON.stringify(this.last);
    if (now === this.before) return;
    this.before = now;
    this.rows.replaceChildren(...this.last.slice(0, 6).map((one) => {
      const stack = h("div", { class: "stack", role: "img",
        "aria-label": PHASES.map(([name], i) => `${name} ${seconds(one.seconds[i])}`).join(", ") });
      PHASES.forEach(([, colour], i) => stack.append(slice(colour, (one.seconds[i] ?? 0) / longest)));
      return h("li", { class: "cold" }, h("div", {}, h("span", {}, one.pod),
        h("small", {}, `${seconds(sum(one.seconds))} · ready ${clock(one.ready)}`)), stack);
    }));
    this.details.renew();
  }
}

// --- GPUs

const STATES: [string, string, string][] = [["starting", "--starting", "starting"], ["idle", "--idle", "idle"],
  ["busy", "--busy", "busy"], ["draining", "--draining", "draining"]];
const PRICE = "pilotlight.gpu-hour-price";

export class Gpus {
  private readonly big = h("p", { class: "big" });
  private readonly note = note();
  private readonly stack = h("div", { class: "stack", role: "img" });
  private readonly rows = h("ul", { class: "rows" });
  private readonly cost = h("output", { for: "price" });
  private readonly price = h("input", { id: "price", type: "number", min: "0", step: "0.01", inputmode: "decimal", placeholder: "1.20", value: localStorage.getItem(PRICE) ?? "" });
  readonly element = panel("gpus", "GPU time, and what idling cost", this.big, this.note, this.stack, this.rows,
    h("p", { class: "price" }, h("label", { for: "price" }, "Price of a GPU hour"), this.price, this.cost));

  constructor() {
    this.price.addEventListener("input", () => {
      localStorage.setItem(PRICE, this.price.value);
      this.tell();
    });
  }
  private spent = [0, 0, 0, 0];

  show(shown: Columns): void {
    this.spent = [shown.gpuStarting, shown.gpuIdle, shown.gpuBusy, shown.gpuDraining].map(sum);
    const all = sum(this.spent), idle = this.spent[1] ?? 0;
    say(this.big, all < 0.5 ? "no GPU was held" : `${percent(idle / all)} idle`);
    say(this.note, `${count(idle)} of ${count(all)} GPU-seconds in the time shown; a pod without an assigned GPU counts as one`);
    this.stack.setAttribute("aria-label", STATES.map(([, , label], i) => `${label} ${count(this.spent[i] ?? 0)} GPU-seconds`).join(", "));
    STATES.forEach(([, colour], i) => {
      const part = (this.stack.children[i] as HTMLElement | undefined) ?? this.stack.appendChild(slice(colour, 0));
      part.style.width = `${all > 0 ? (100 * (this.spent[i] ?? 0)) / all : 0}%`;
      const row = this.rows.children[i] ?? this.rows.appendChild(h("li", {}, key(colour, STATES[i]![2]), h("small", {})));
      say(row.lastElementChild!, `${count(this.spent[i] ?? 0)} GPU-s · ${duration(this.spent[i] ?? 0)}`);
    });
    this.tell();
  }

  private tell(): void {
    const price = Number(this.price.value);
    const money = (s: number) => ((s / 3600) * price).toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 4 });
    say(this.cost, price > 0 ? `idling cost ${money(this.spent[1] ?? 0)}, all of it ${money(sum(this.spent))}` : "tells what it came to; it stays in this browser");
  }
}

// --- events

export class Events {
  private readonly rows = h("ol", { class: "rows" });
  readonly element = panel("events", "What happened", this.rows);
  private last = -1;

  show(model: Model): void {
    const newest = model.events.at(-1)?.n ?? 0;
    if (newest === this.last) return;
    this.last = newest;
    this.rows.replaceChildren(...model.events.slice(-14).reverse().map((one) => h("li", {},
      h("span", {}, h("span", { class: one.warning ? "warning" : "" }, one.reason), ` ${one.name}: ${one.message}`),
      h("time", { datetime: new Date(one.at).toISOString(), title: ago(one.at, Date.now()) }, clock(one.at)))));
  }
}

function slice(colour: string, share: number): HTMLElement {
  const part = h("i", { "aria-hidden": "true" });
  part.style.setProperty("--c", `var(${colour})`);
  part.style.width = `${share * 100}%`;
  return part;
}
function key(colour: string, label: string): HTMLElement {
  const mark = h("i", { class: "key box", "aria-hidden": "true" });
  mark.style.setProperty("--c", `var(${colour})`);
  const out = h("span", {}, mark, ` ${label}`);
  mark.style.display = "inline-block";
  return out;
}
function legend(entries: [string, string][]): HTMLElement {
  return h("ul", { class: "legend" }, ...entries.map(([colour, label]) => h("li", {}, key(colour, label))));
}
