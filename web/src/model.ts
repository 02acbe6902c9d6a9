// What the gateway says, and what is kept of it here: the history of the service that is looked at, the timeline of
// the pods, and the last frame. Only this file talks to the gateway.
import { ask, isRefused } from "./login.ts";

export const COLUMNS = ["time", "ok", "redirected", "clientError", "serverError", "left", "waitingPage", "generations", "p50", "p90",
  "p95", "p99", "wanted", "ready", "busy", "starting", "waiting", "sessions", "longestWait", "gpuStarting", "gpuIdle",
  "gpuBusy", "gpuDraining"] as const;
export type Column = (typeof COLUMNS)[number];
export type Columns = Record<Column, (number | null)[]>;

export type State = "waiting" | "starting" | "idle" | "busy" | "draining" | "failed" | "gone";
export interface Change { service: string; pod: string; at: number; state: State }
export interface Generation {
  n: number; id: string; client: string; service: string; pod: string; reason: string; class: string; status: number;
  ended: number; queue: number; cold: number; work: number; total: number;
}
export interface Pod {
  service: string; name: string; state: State; phase: string; message: string; leases: number; sessions: number;
  restarts: number; gpus: number; created: number;
}
export interface Service {
  name: string; revision: string; image: string; host: string; wanted: number; ready: number; starting: number;
  waiting: number; running: number; minScale: number; maxScale: number; slots: number; crashLooping: boolean;
  responses: number[]; gpuSeconds: number[]; reason: string; keep?: number;
  step?: { from: number; to: number; at: number; kind: string; sentence: string };
  queue: { client: string; bound: string; queue: number; cold: number }[];
  work: { pod: string; id: string; client: string; seconds: number }[];  // since the request has its slot
  coldStarts: { pod: string; ready: number; seconds: number[] }[];
  sample?: Columns;
}
export interface GatewayEvent {
  n: number; at: number; warning: boolean; kind: string; name: string; reason: string; message: string;
}
export interface Frame {
  frame: number; time: number; serving: boolean; draining: boolean; connections: number; requests: number;
  errands: number; version: string; services: Service[]; pods: Pod[]; changes: Change[]; generations: Generation[];
  events: GatewayEvent[];
}

export type Span = 60 | 180 | 900 | 3600 | 86400;
const MOST = { changes: 8000, generations: 2048, events: 100 };
export const empty = (): Columns => Object.fromEntries(COLUMNS.map((name) => [name, []])) as unknown as Columns;

// Appends what is newer; oldest seconds beyond `most` go.
export function append(to: Columns, one: Columns, most: number): void {
  const last = to.time.at(-1) ?? 0;
  for (let i = 0; i < one.time.length; i++) {
    if ((one.time[i] ?? 0) <= last) continue;
    for (const name of COLUMNS) to[name].push(one[name][i] ?? null);
  }
  const extra = to.time.length - most;
  if (extra > 0) for (const name of COLUMNS) to[name].splice(0, extra);
}

type Fold = "sum" | "most" | "last";
const FOLD: Record<Column, Fold> = {
  time: "last", ok: "sum", redirected: "sum", clientError: "sum", serverError: "sum", left: "sum", waitingPage: "sum", generations: "sum",
  p50: "last", p90: "last", p95: "last", p99: "last", wanted: "most", ready: "most", busy: "most", starting: "most",
  waiting: "most", sessions: "most", longestWait: "most", gpuStarting: "sum", gpuIdle: "sum", gpuBusy: "sum",
  gpuDraining: "sum",
};

// `count` equal bins that end at `end` (seconds). Counts are summed, gauges are the most, percentiles the last.
// A bin nobody looked in holds nulls.
export function bins(from: Columns, end: number, span: number, count: number): Columns {
  const width = span / count;
  const stop = Math.ceil(end / width) * width, start = stop - span;
  const out = empty();
  for (const name of COLUMNS) out[name] = new Array<number | null>(count).fill(null);
  for (let i = 0; i < count; i++) out.time[i] = start + (i + 1) * width;
  from.time.forEach((time, i) => {
    const at = Math.ceil(((time ?? 0) - start) / width) - 1;
    if (at < 0 || at >= count) return;
    for (const name of COLUMNS) {
      const value = from[name][i];
      if (name === "time" || value === null || value === undefined) continue;
      const before = out[name][at] ?? null;
      out[name][at] = before === null || FOLD[name] === "last" ? value
        : FOLD[name] === "sum" ? before + value : Math.max(before, value);
    }
  });
  return out;
}

export const sum = (values: (number | null)[]): number => values.reduce<number>((all, value) => all + (value ?? 0), 0);

export class Model {
  frame: Frame | null = null;
  service = "";
  span: Span = 900;
  spanChosen = false;
  hour = empty();
  day = empty();
  changes: Change[] = [];
  generations: Generation[] = [];
  events: GatewayEvent[] = [];
  connected = false;
  private asked = 0;
  private dayAsked = 0;

  constructor(private readonly changed: () => void) {}

  start(): void {
    const stream = new EventSource("/dashboard/stream");
    stream.onmessage = (message) => this.take(JSON.parse(message.data as string) as Frame);
    stream.onerror = () => {
      this.connected = false;
      this.changed();
      // It tries again by itself, but not after an answer that says no: too many of us, or nobody that is known.
      if (stream.readyState === EventSource.CLOSED) void this.again();
    };
  }

  private async again(): Promise<void> {
    if (await isRefused()) await ask();
    else await new Promise((done) => setTimeout(done, 5000));
    this.start();
  }

  get current(): Service | undefined {
    return this.frame?.services.find((one) => one.name === this.service);
  }
  get pods(): Pod[] {
    return this.frame?.pods.filter((one) => one.service === this.service) ?? [];
  }
  // How long the generations that ended since then took, the fastest first.
  durations(since: number): number[] {
    return this.generations.filter((g) => g.service === this.service && g.pod && g.ended >= since)
      .map((g) => g.total).sort((a, b) => a - b);
  }
  get history(): Columns {
    return this.span === 86400 ? this.day : this.hour;
  }

  async choose(service: string): Promise<void> {
    this.service = service;
    this.hour = empty();
    this.day = empty();
    await this.load();
  }

  // As much as there is to see, until somebody chooses. While one looks it grows no further than to three minutes.
  private fitSpan(opened: boolean): void {
    if (this.spanChosen) return;
    const known = this.hour.time.length;
    if (known < 55) this.span = 60;
    else if (known < 170) this.span = 180;
    else if (opened) this.span = 900;
    else if (this.span === 60) this.span = 180;
  }

  private take(frame: Frame): void {
    const missed = !this.connected || frame.frame !== (this.frame?.frame ?? -1) + 1;
    this.frame = frame;
    this.connected = true;
    if (!frame.services.some((one) => one.name === this.service)) {
      const busiest = [...frame.services].sort((a, b) => (sum(b.responses) - sum(a.responses)))[0];
      if (busiest) void this.choose(busiest.name);
    } else if (missed) {
      void this.load();
    }
    const sample = this.current?.sample;
    if (sample) append(this.hour, sample, 3600);
    if (this.span === 60) this.fitSpan(false);
    this.add(frame);
    if (frame.time - this.dayAsked > 60_000 && this.span === 86400) void this.loadDay();
    this.changed();
  }

  private add(more: Pick<Frame, "changes" | "generations" | "events">): void {
    const newest = this.changes.at(-1)?.at ?? 0;
    this.changes = [...this.changes, ...more.changes.filter((c) => c.at > newest)].slice(-MOST.changes);
    const last = this.generations.at(-1)?.n ?? 0;
    this.generations = [...this.generations, ...more.generations.filter((g) => g.n > last)].slice(-MOST.generations);
    const told = this.events.at(-1)?.n ?? 0;
    this.events = [...this.events, ...more.events.filter((e) => e.n > told)].slice(-MOST.events);
  }

  // All that was before: at the start, for another service, and after frames were missed.
  private async load(): Promise<void> {
    const asked = ++this.asked;
    const [hour, timeline] = await Promise.all([
      get<Columns>(`/dashboard/history?service=${encodeURIComponent(this.service)}`),
      get<Pick<Frame, "changes" | "generations" | "events">>("/dashboard/timeline"),
    ]);
    if (asked !== this.asked) return;
    if (hour) {
      const live = this.hour;
      this.hour = empty();
      append(this.hour, hour, 3600);
      append(this.hour, live, 3600);
    }
    this.fitSpan(true);
    if (timeline) {
      this.changes = timeline.changes.sort((a, b) => a.at - b.at);
      this.generations = timeline.generations;
      this.events = timeline.events;
    }
    if (this.span === 86400) await this.loadDay();
    this.changed();
  }

  async loadDay(): Promise<void> {
    this.dayAsked = this.frame?.time ?? 0;
    const service = this.service;
    const day = await get<Columns>(`/dashboard/history?span=day&service=${encodeURIComponent(service)}`);
    if (!day || service !== this.service) return;
    this.day = day;
    this.changed();
  }
}

async function get<T>(path: string): Promise<T | null> {
  try {
    const answer = await fetch(path);
    return answer.ok ? ((await answer.json()) as T) : null;
  } catch {
    return null; // the stream says that the gateway is gone, and asks again when it is back
  }
}
