// Draws one channel over time: mean line, min-max band, limits, gaps as gaps, door openings as marks.
import uPlot from "uplot";
import { formatTime, zone } from "./times";
import { say } from "./words";
import type { LiveReading } from "./live";

type Point = [number, number | null, number | null, number | null, number];
interface Series { points: Point[]; gaps: [number, number, string][]; coverage?: number }
interface Door { from: number; to: number | null }

const RANGES: Record<string, number> = { "1h": 3600e3, "24h": 86400e3, "7d": 7 * 86400e3, "30d": 30 * 86400e3 };
const GAP_FACTOR = 3; // buckets further apart than this many usual steps are a gap
const HEIGHT = 260;

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function columns(series: Series): [number[], (number | null)[], (number | null)[], (number | null)[]] {
  const steps = series.points.slice(1).map((p, i) => p[0] - series.points[i]![0]).sort((a, b) => a - b);
  const usual = steps[Math.floor(steps.length / 2)] ?? 60000;
  const data: [number[], (number | null)[], (number | null)[], (number | null)[]] = [[], [], [], []];
  let before: number | null = null;
  for (const [t, low, mean, high] of series.points) {
    if (before !== null && t - before > usual * GAP_FACTOR) {
      data[0].push((before + t) / 2000);
      data[1].push(null); data[2].push(null); data[3].push(null);
    }
    data[0].push(t / 1000);
    data[1].push(mean); data[2].push(low); data[3].push(high);
    before = t;
  }
  return data;
}

/** One element `[data-chart]`: `data-sensor`, `data-limits` {above, below}, `data-doors`, `data-decimals`, `data-unit`. */
class Chart {
  private plot: uPlot | null = null;
  private series: Series = { points: [], gaps: [] };
  private range = "24h";
  private readonly limits: { above?: number | null; below?: number | null };
  private readonly doors: Door[];
  private request = 0;
  ready: Promise<void> = Promise.resolve();

  constructor(private readonly element: HTMLElement) {
    this.limits = JSON.parse(element.dataset.limits || "{}");
    this.doors = JSON.parse(element.dataset.doors || "[]");
    new ResizeObserver(() => this.plot?.setSize({ width: element.clientWidth, height: HEIGHT })).observe(element);
  }

  load(range: string): Promise<void> {
    this.ready = this.fetch(range);
    return this.ready;
  }

  private async fetch(range: string): Promise<void> {
    this.range = range;
    const mine = ++this.request;
    const now = Date.now();
    const query = new URLSearchParams({
      sensor: this.element.dataset.sensor!,
      from: new Date(now - RANGES[range]!).toISOString(), to: new Date(now).toISOString(),
      points: String(Math.max(120, Math.min(800, Math.round(this.element.clientWidth / 2)))),
    });
    this.element.setAttribute("aria-busy", "true");
    try {
      const answer = await window.fetch(`/api/v1/readings?${query}`, { credentials: "same-origin", headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const series = (await answer.json()) as Series;
      if (mine !== this.request) return;
      this.series = series;
      this.draw();
    } catch {
      if (mine === this.request) this.say(say("chart_failed"));
    } finally {
      if (mine === this.request) this.element.setAttribute("aria-busy", "false");
    }
  }

  add(reading: LiveReading): void {
    if (reading.sensor !== this.element.dataset.sensor || !this.plot || reading.v === null) return;
    this.series.points.push([reading.t as number, reading.v, reading.v, reading.v, 1]);
    this.plot.setData(columns(this.series));
    this.scale();
  }

  private say(text: string): void {
    this.plot?.destroy();
    this.plot = null;
    this.element.replaceChildren();
    const words = document.createElement("p");
    words.className = "chart-empty";
    words.textContent = text;
    this.element.append(words);
  }

  private scale(): void {
    const now = Date.now() / 1000;
    this.plot?.setScale("x", { min: now - RANGES[this.range]! / 1000, max: now });
  }

  /** Whether all there is lies within the last hour, so that a day would show a dot. */
  get young(): boolean {
    const first = this.series.points[0];
    return first !== undefined && Date.now() - first[0] < RANGES["1h"]!;
  }

  draw(): void {
    if (this.series.points.length === 0) { this.say(say("chart_empty")); return; }
    const decimals = Number(this.element.dataset.decimals ?? 1);
    const ink = colour("--ink-soft"), line = colour("--rule"), stroke = colour("--chart");
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: "12px " + colour("--sans") };
    const limits = this.limits;
    this.plot?.destroy();
    this.element.replaceChildren();
    this.plot = new uPlot({
      width: this.element.clientWidth, height: HEIGHT,
      tzDate: (s) => uPlot.tzDate(new Date(s * 1000), zone),
      cursor: { drag: { x: true, y: false }, points: { size: 8 } },
      legend: { show: true, live: true },
      scales: {
        x: { time: true },
        y: { range: (_, low, high) => {
          const all = [low, high, limits.above ?? low, limits.below ?? high].filter((v) => Number.isFinite(v));
          const pad = Math.max(0.5, (Math.max(...all) - Math.min(...all)) * 0.08);
          return [Math.min(...all) - pad, Math.max(...all) + pad];
        } },
      },
      axes: [
        { ...axis, space: 90, values: (_, splits) => splits.map((s) => {
          const text = formatTime(s * 1000, "minute");
          return RANGES[this.range]! > 2 * 86400e3 ? text.slice(5, 10) : text.slice(11);
        }) },
        { ...axis, size: 52, values: (_, splits) => splits.map((v) => v.toFixed(decimals > 0 && splits[1]! - splits[0]! < 1 ? 1 : 0)) },
      ],
      series: [
        { label: say("time"), value: (_, s) => (s === null ? "–" : formatTime(s * 1000, "")) },
        { label: this.element.dataset.label ?? "", stroke, width: 2, points: { show: false }, spanGaps: false,
          value: (_, v) => (v === null ? "–" : `${v.toFixed(decimals)} ${this.element.dataset.unit ?? ""}`) },
        { label: say("lowest"), stroke: "transparent", points: { show: false }, spanGaps: false, value: (_, v) => v?.toFixed(decimals) ?? "–" },
        { label: say("highest"), stroke: "transparent", points: { show: false }, spanGaps: false, value: (_, v) => v?.toFixed(decimals) ?? "–" },
      ],
      bands: [{ series: [3, 2], fill: colour("--chart-band") }],
      hooks: { drawClear: [(u) => this.under(u)], draw: [(u) => this.over(u)] },
    }, columns(this.series), this.element);
    this.scale();
  }

  /** The band of what is allowed and the stretches without data, below the line. */
  private under(u: uPlot): void {
    const { left, top, width, height } = u.bbox;
    const y = (v: number): number => Math.min(top + height, Math.max(top, u.valToPos(v, "y", true)));
    u.ctx.save();
    if (this.limits.above != null || this.limits.below != null) {
      const high = this.limits.above != null ? y(this.limits.above) : top;
      const low = this.limits.below != null ? y(this.limits.below) : top + height;
      u.ctx.fillStyle = colour("--chart-allowed");
      u.ctx.fillRect(left, high, width, low - high);
      u.ctx.strokeStyle = colour("--chart-limit");
      u.ctx.setLineDash([6, 4]);
      u.ctx.beginPath();
      if (this.limits.above != null) { u.ctx.moveTo(left, high); u.ctx.lineTo(left + width, high); }
      if (this.limits.below != null) { u.ctx.moveTo(left, low); u.ctx.lineTo(left + width, low); }
      u.ctx.stroke();
    }
    u.ctx.fillStyle = colour("--chart-gap");
    for (const [from, to] of this.series.gaps) {
      const a = Math.max(left, u.valToPos(from / 1000, "x", true));
      const b = Math.min(left + width, u.valToPos(to / 1000, "x", true));
      if (b > a) u.ctx.fillRect(a, top, b - a, height);
    }
    u.ctx.restore();
  }

  /** Door openings along the lower edge, above the line. */
  private over(u: uPlot): void {
    const { left, top, width, height } = u.bbox;
    u.ctx.save();
    u.ctx.fillStyle = colour("--ink");
    for (const door of this.doors) {
      const a = u.valToPos(door.from / 1000, "x", true);
      const b = u.valToPos((door.to ?? Date.now()) / 1000, "x", true);
      if (b < left || a > left + width) continue;
      u.ctx.fillRect(Math.max(left, a), top + height - 8, Math.max(2, Math.min(b, left + width) - Math.max(left, a)), 8);
    }
    u.ctx.restore();
  }
}

export function startCharts(elements: HTMLElement[]): void {
  const charts = elements.map((element) => new Chart(element));
  const buttons = [...document.querySelectorAll<HTMLButtonElement>("[data-range]")];
  const choose = (range: string): void => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.range === range));
    for (const chart of charts) void chart.load(range);
  };
  for (const button of buttons) button.addEventListener("click", () => choose(button.dataset.range!));
  document.addEventListener("muniment:reading", (event) => {
    for (const chart of charts) chart.add((event as CustomEvent<LiveReading>).detail);
  });
  document.addEventListener("muniment:theme", () => charts.forEach((chart) => chart.draw()));
  let asked = false;
  for (const button of buttons) button.addEventListener("click", () => { asked = true; });
  choose("24h");
  void charts[0]?.ready.then(() => { if (!asked && charts[0]?.young) choose("1h"); });
}
