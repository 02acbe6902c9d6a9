// The timeline of the pods: a lane each, and in it every generation as a bar that can be opened. One stop of the Tab
// key; the arrow keys go from bar to bar.
import { type Change, type Generation, type Model, type State } from "./model.ts";
import { asTable, h, say, svg, table } from "./dom.ts";
import { clock, plural, seconds } from "./format.ts";

const MOST_LANES = 24, HEIGHT = 26;
const STATES: [State, string][] = [["starting", "starting"], ["idle", "idle"], ["busy", "busy"], ["draining", "draining"],
  ["failed", "failed"]];

export class Timeline {
  private readonly note = h("p", { class: "note" });
  private readonly lanes = h("div", { class: "lanes", role: "group", "aria-label": "Pods over time; arrow keys go from generation to generation" });
  private readonly detail = h("div", { id: "detail", "aria-live": "polite" }, "Choose a bar to see who asked, and what it waited for.");
  private readonly rows: ReturnType<typeof asTable>;
  private chosen: number | null = null;
  private focused: number | null = null;
  private order: Generation[] = [];

  constructor(root: HTMLElement, private readonly model: Model) {
    this.rows = asTable(() => this.table());
    root.append(h("h2", { id: "h-timeline" }, "Pods"), this.note, h("div", {}, this.lanes),
      h("ul", { class: "legend" }, ...STATES.map(([state, label]) =>
        h("li", { "data-state": state }, h("i", { class: "key box", "aria-hidden": "true" }), label)),
      h("li", {}, "a solid bar is one generation")),
      this.detail, this.rows);
    this.lanes.addEventListener("keydown", (event) => this.key(event));
  }

  show(): void {
    const { model } = this;
    const end = model.frame?.time ?? Date.now(), start = end - Math.min(model.span, 3600) * 1000;
    const changes = new Map<string, Change[]>();
    for (const change of model.changes)
      if (change.service === model.service) changes.set(change.pod, [...(changes.get(change.pod) ?? []), change]);
    const seen = model.generations.filter((g) => g.service === model.service && g.pod && g.ended >= start);
    const lanes = [...changes].map(([pod, list]) => ({ pod, parts: stretches(list, start, end) }))
      .filter((lane) => lane.parts.length > 0).sort((a, b) => a.pod.localeCompare(b.pod, "en", { numeric: true }));
    const shown = lanes.slice(0, MOST_LANES);
    this.order = shown.flatMap(({ pod }) => seen.filter((g) => g.pod === pod));
    if (!this.order.some((g) => g.n === this.focused)) this.focused = this.order.at(-1)?.n ?? null;
    say(this.note, lanes.length === 0 ? "No pod ran in this time."
      : `${plural(lanes.length, "pod")} and ${plural(seen.length, "generation")} since ${clock(start, false)}` +
        (model.span > 3600 ? " · kept for an hour" : "") +
        (lanes.length > MOST_LANES ? ` · the first ${MOST_LANES} pods are shown` : ""));

    const width = Math.max(100, this.lanes.clientWidth - (this.lanes.clientWidth > 700 ? 252 : 0));
    const x = (at: number) => ((Math.max(at, start) - start) / (end - start)) * width;
    const held = document.activeElement instanceof SVGElement && this.lanes.contains(document.activeElement);
    const children: Element[] = [];
    for (const { pod, parts } of shown) {
      const picture = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, preserveAspectRatio: "none" },
        svg("rect", { class: "lane-ground", x: 0, y: 12, width, height: 2 }),
        ...parts.map((part) => svg("rect", { class: "stretch", "data-state": part.state, x: x(part.from), y: 8, rx: 2,
          height: 10, width: Math.max(1.5, x(part.to) - x(part.from)) }, svg("title", {}, `${part.state} ${seconds((part.to - part.from) / 1000)}`))),
        ...seen.filter((g) => g.pod === pod).map((g) => this.bar(g, x)));
      children.push(h("span", { class: "name", title: pod }, "\u200e" + pod), picture);
    }
    if (shown.length > 0) children.push(h("span", { class: "time-name" }), scale(start, end, width));
    this.lanes.replaceChildren(...children);
    if (held) this.focus(false);
    this.rows.renew();
  }

  private bar(g: Generation, x: (at: number) => number): SVGElement {
    const to = x(g.ended), from = x(g.ended - g.work * 1000), bad = g.status >= 400;
    const open = () => this.open(g);
    return svg("rect", {
      class: bad ? "bar bad" : "bar", x: from, y: 3, rx: 3, width: Math.max(3, to - from), height: 20, role: "button",
      tabindex: g.n === this.focused ? 0 : -1, "data-n": g.n, "aria-pressed": g.n === this.chosen ? "true" : "false",
      "aria-label": `Generation on ${g.pod}, ${seconds(g.work)}, ended ${clock(g.ended)}, status ${g.status}`,
      click: open,
      pointerdown: open, // the next frame may come before the button is let go
      keydown: (event) => {
        if (!["Enter", " "].includes((event as KeyboardEvent).key)) return;
        event.preventDefault();
        open();
      },
    });
  }

  private key(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -1e9, End: 1e9 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      const at = this.order.findIndex((g) => g.n === this.focused) + step;
      this.focused = this.order[Math.max(0, Math.min(this.order.length - 1, at))]?.n ?? null;
      this.focus(true);
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      event.preventDefault();
      const pods = [...new Set(this.order.map((g) => g.pod))];
      const now = this.order.find((g) => g.n === this.focused);
      const next = pods[pods.indexOf(now?.pod ?? "") + (event.key === "ArrowDown" ? 1 : -1)];
      const nearest = this.order.filter((g) => g.pod === next)
        .sort((a, b) => Math.abs(a.ended - (now?.ended ?? 0)) - Math.abs(b.ended - (now?.ended ?? 0)))[0];
      if (nearest) this.focused = nearest.n;
      this.focus(true);
    }
  }

  private focus(moved: boolean): void {
    for (const bar of this.lanes.querySelectorAll<SVGElement>(".bar")) {
      const here = bar.dataset.n === String(this.focused);
      bar.setAttribute("tabindex", here ? "0" : "-1");
      if (here) bar.focus({ preventScroll: !moved });
    }
  }

  private open(g: Generation): void {
    this.chosen = this.focused = g.n;
    const fact = (name: string, value: string) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
    this.detail.replaceChildren(h("dl", {},
      fact("Request", g.id), fact("Client", g.client || "–"), fact("Pod", g.pod),
      fact("Waited in the queue", seconds(g.queue)), fact("Waited for a cold start", seconds(g.cold)),
      fact("Pod worked", seconds(g.work)), fact("Altogether", seconds(g.total)), fact("Ended", clock(g.ended)),
      fact("Status", g.status === 499 ? "the client left" : g.reason ? `${g.status} ${g.reason}` : String(g.status))));
    for (const bar of this.lanes.querySelectorAll<SVGElement>(".bar"))
      bar.setAttribute("aria-pressed", bar.dataset.n === String(g.n) ? "true" : "false");
  }

  private table(): HTMLElement {
    return table("Generations, newest first", ["Ended", "Request", "Client", "Pod", "Queue", "Cold", "Pod time", "Status"],
      [...this.order].sort((a, b) => b.n - a.n).slice(0, 100).map((g) =>
        [clock(g.ended), g.id, g.client, g.pod, seconds(g.queue), seconds(g.cold), seconds(g.work), g.status]));
  }
}

interface Stretch { from: number; to: number; state: State }

// From changes to stretches that can be seen between start and end.
export function stretches(changes: Pick<Change, "at" | "state">[], start: number, end: number): Stretch[] {
  return changes.map((change, i) => ({ from: Math.max(start, change.at), to: Math.min(end, changes[i + 1]?.at ?? end), state: change.state }))
    .filter((part) => part.to > part.from && part.state !== "gone" && part.state !== "waiting");
}

function scale(start: number, end: number, width: number): SVGElement {
  const most = Math.max(2, Math.floor(width / 110)), span = end - start;
  const step = [10, 30, 60, 120, 300, 600, 900, 1800].map((s) => s * 1000).find((s) => span / s <= most) ?? 3_600_000;
  const marks: SVGElement[] = [];
  for (let at = Math.ceil(start / step) * step; at < end; at += step) {
    const x = ((at - start) / span) * width; // a label stays within the lane, at its ends too
    marks.push(svg("text", { x: Math.max(0, Math.min(width, x)), y: 13, "text-anchor": x < 30 ? "start" : x > width - 30 ? "end" : "middle" },
      clock(at, step < 60_000)));
  }
  return svg("svg", { class: "time", viewBox: `0 0 ${width} 18`, preserveAspectRatio: "none", "aria-hidden": "true" }, ...marks);
}
