// One chart: a figure with heading, plot, legend with the last values, and a table for whoever can't see the plot.
import uPlot from "uplot";
import type { Column, Columns } from "./model.ts";
import { asTable, h, say, table } from "./dom.ts";
import { clock } from "./format.ts";

export interface Line { column: Column; label: string; colour: string; fill?: boolean }
export interface Settings {
  title: string; note: string; lines: Line[]; show: (value: number) => string;
  kind: "bars" | "lines" | "steps"; // bars stand on each other, the first lowest
  summary: (last: (name: Column) => number | null, bins: Columns) => string;
}

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class Chart {
  readonly element: HTMLElement;
  private readonly box = h("div", { class: "plot", "aria-hidden": "true" });
  private readonly note = h("p", { class: "note" });
  private readonly values: HTMLElement[] = [];
  private readonly rows: ReturnType<typeof asTable>;
  private plot: uPlot | null = null;
  private bins: Columns | null = null;

  constructor(private readonly settings: Settings) {
    const { title, lines } = settings;
    this.rows = asTable(() => this.table());
    this.element = h("figure", { class: "panel" },
      h("figcaption", {}, h("h2", {}, title), this.note), this.box,
      h("ul", { class: "legend" }, ...lines.map((line) => {
        const value = h("b", {}, "–");
        this.values.push(value);
        const key = h("i", { class: settings.kind === "bars" ? "key box" : "key", "aria-hidden": "true" });
        key.style.setProperty("--c", `var(${line.colour})`);
        return h("li", {}, key, line.label, value);
      })), this.rows);
    new ResizeObserver(() => this.resize()).observe(this.box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.remake());
  }

  show(bins: Columns): void {
    this.bins = bins;
    const last = (name: Column) => bins[name].findLast((value) => value !== null) ?? null;
    say(this.note, this.settings.note + (this.settings.note ? " · " : "") + this.settings.summary(last, bins));
    const shown = this.plot?.cursor.idx ?? null;
    this.settings.lines.forEach((line, i) => {
      const value = shown === null ? last(line.column) : bins[line.column][shown] ?? null;
      say(this.values[i]!, value === null ? "–" : this.settings.show(value));
    });
    if (this.plot) this.plot.setData(this.data(bins));
    else this.remake();
    this.rows.renew();
  }

  private data(bins: Columns): uPlot.AlignedData {
    const times = bins.time as number[];
    const columns = this.settings.lines.map((line) => bins[line.column]);
    if (this.settings.kind !== "bars") return [times, ...columns] as uPlot.AlignedData;
    const stacked: (number | null)[][] = [];
    columns.forEach((column, i) =>
      stacked.push(column.map((value, at) => (value ?? 0) + (i > 0 ? stacked[i - 1]![at] ?? 0 : 0) || null)));
    return [times, ...stacked.reverse()] as uPlot.AlignedData;  // the tallest is drawn first
  }

  private resize(): void {
    if (this.plot && this.box.clientWidth > 0) this.plot.setSize({ width: this.box.clientWidth, height: 172 });
  }

  private remake(): void {
    if (!this.bins || this.box.clientWidth === 0) return;
    this.plot?.destroy();
    const { kind, lines, show } = this.settings;
    const axis = { stroke: colour("--soft"), font: "11.5px system-ui, sans-serif", ticks: { show: false } };
    const grid = { stroke: colour("--faint"), width: 1 };
    const bars = uPlot.paths.bars!({ size: [0.8, 40], radius: 0.15 });
    const steps = uPlot.paths.stepped!({ align: -1 });
    const series: uPlot.Series[] = lines.map((line) => {
      const stroke = colour(line.colour);
      return {
        stroke, width: kind === "bars" ? 0 : 1.75, points: { show: kind === "lines" ? undefined : false, size: 4 }, spanGaps: false,
        ...(kind === "bars" && { fill: stroke, paths: bars }),
        ...(kind === "steps" && { paths: steps }),
        ...(line.fill && { fill: stroke + "33" }),
      };
    });
    if (kind === "bars") series.reverse();
    this.plot = new uPlot({
      width: this.box.clientWidth, height: 172, legend: { show: false }, padding: [8, 26, 0, 0], // the last time of day is centred on the edge
      cursor: { y: false, drag: { x: false, y: false }, points: { show: kind !== "bars", size: 7 } },
      scales: { x: { time: true }, y: { range: (_, __, most) => [0, Math.max(most * 1.08, kind === "lines" ? 0.01 : 1)] } },
      series: [{}, ...series],
      axes: [
        { ...axis, grid: { show: false }, space: 70, size: 26, values: (_, at) => at.map((t) => clock(t * 1000, this.span() <= 200)) },
        { ...axis, grid, size: 58, space: 34,
          values: (_, at) => at.map((v) => (kind !== "lines" && v % 1 !== 0 ? "" : show(v))) },
      ],
      hooks: { setCursor: [() => this.bins && this.legend()] },
    }, this.data(this.bins), this.box);
  }

  private span(): number {
    const times = this.bins?.time ?? [];
    return (times.at(-1) ?? 0) - (times[0] ?? 0);
  }

  private legend(): void {
    const bins = this.bins!, at = this.plot?.cursor.idx;
    this.settings.lines.forEach((line, i) => {
      const value = at === null || at === undefined ? bins[line.column].findLast((v) => v !== null) ?? null : bins[line.column][at] ?? null;
      say(this.values[i]!, value === null ? "–" : this.settings.show(value));
    });
  }

  private table(): HTMLElement {
    const bins = this.bins!, { lines, show, title } = this.settings;
    const rows = bins.time.map((time, i) =>
      [clock((time ?? 0) * 1000), ...lines.map((line) => bins[line.column][i] ?? null)] as const)
      .filter((row) => row.slice(1).some((value) => value !== null)).reverse().slice(0, 60);
    return table(title + ", newest first", ["Until", ...lines.map((line) => line.label)],
      rows.map(([time, ...values]) => [time, ...values.map((v) => (typeof v === "number" ? show(v) : "–"))]));
  }
}
