// Draws courses on one canvas: a lane for each unit, limits as a band, gaps hatched, alarms, doors and works as marks.
import uPlot from "uplot";
import { formatTime, zone } from "../times";
import { css, DASHES, hatch, stroke } from "./palette";
import { columns, joined, type Marks, type Series } from "./data";
import type { Channel } from "./config";
import { DAY } from "./view";

export interface Drawn { channel: Channel; series: Series; label: string; shift: number; limits: boolean }
export interface Handlers { zoom: (from: number, to: number) => void; reset: () => void; cursor: (ms: number | null) => void }

const LANE = 0.46; // of the height, where there are two lanes
const STRIP = 9; // pixels of a mark
const RAW_POINTS = 150; // with fewer raw values than this each is a dot

/** The heights that a scale covers, so that its values fill lane `n` of `of`. */
export function laneRange(low: number, high: number, n: number, of: number): [number, number] {
  const pad = Math.max((high - low) * 0.1, 0.5);
  const [a, b] = [low - pad, high + pad];
  if (of === 1) return [a, b];
  const whole = (b - a) / LANE;
  const base = n === 0 ? 1 - LANE : 0;
  return [a - base * whole, a - base * whole + whole];
}

export function unitsOf(drawn: Drawn[]): string[] {
  return [...new Set(drawn.map((one) => one.channel.unit))];
}

/** What the axis of time shows: the clock, the day, or the month, by the length of the window. */
function timeText(seconds: number, length: number): string {
  const text = formatTime(seconds * 1000, "");
  if (length <= 15 * 60) return text.slice(11);
  if (length <= 2 * DAY / 1000) return text.slice(11, 16);
  return length <= 120 * DAY / 1000 ? text.slice(5, 10) : text.slice(0, 7);
}

export class Plot {
  private plot: uPlot | null = null;
  private drawn: Drawn[] = [];
  private marks: Marks = { doors: [], outputs: [], alarms: [], works: [], cut: false };
  private window: [number, number] = [0, 1];
  private lanes: [number, number][] = [];

  constructor(private readonly element: HTMLElement, private readonly handlers: Handlers) {
    new ResizeObserver(() => this.plot?.setSize({ width: element.clientWidth, height: this.height })).observe(element);
  }

  private get height(): number {
    return Math.max(260, Math.min(520, Math.round(this.element.clientWidth * 0.42), Math.round(window.innerHeight * 0.6)));
  }

  /** When there are values, in milliseconds, for the cursor by keyboard. */
  get times(): number[] {
    return [...new Set(this.drawn.flatMap((one) => one.series.points.map((point) => point[0] + one.shift)))].sort((a, b) => a - b);
  }

  moveCursor(ms: number): void {
    if (!this.plot) return;
    const left = this.plot.valToPos(ms / 1000, "x");
    this.plot.setCursor({ left, top: this.plot.over.clientHeight / 2 });
  }

  destroy(): void { this.plot?.destroy(); this.plot = null; this.element.replaceChildren(); }

  preview(window: [number, number]): void {
    this.window = window;
    this.plot?.setScale("x", { min: window[0] / 1000, max: window[1] / 1000 });
  }

  draw(drawn: Drawn[], marks: Marks, view: [number, number]): void {
    this.drawn = drawn; this.marks = marks; this.window = view;
    this.destroy();
    const units = unitsOf(drawn).slice(0, 2);
    const font = "12px " + css("--sans");
    const ink = css("--ink-soft"), rule = css("--rule");
    const length = (view[1] - view[0]) / 1000;
    const scales: uPlot.Scales = { x: { time: true, range: () => [this.window[0] / 1000, this.window[1] / 1000] } };
    const axes: uPlot.Axis[] = [{
      stroke: ink, font, grid: { stroke: rule, width: 1 }, ticks: { show: false }, size: 32, space: length <= 900 ? 90 : 70,
      values: (_, splits) => splits.map((s) => timeText(s, length)),
    }];
    units.forEach((unit, n) => {
      const key = `y${n}`;
      scales[key] = { range: (u, low, high) => this.range(u, unit, n, units.length, low, high) };
      const decimals = Math.max(...drawn.filter((one) => one.channel.unit === unit).map((one) => one.channel.decimals));
      const inLane: uPlot.Axis.Filter = (_, splits) => splits.map((v) => (this.lanes[n] && v >= this.lanes[n]![0] && v <= this.lanes[n]![1] ? v : null));
      axes.push({
        scale: key, side: n === 0 ? 3 : 1, size: 54, stroke: ink, font, ticks: { show: false }, space: 34,
        grid: { show: true, stroke: rule, width: 1, filter: inLane }, filter: inLane,
        values: (_, splits) => {
          const shown = splits.filter((v) => v !== null) as number[];
          const fine = shown.length > 1 && shown[1]! - shown[0]! < 1;
          const whole = shown.every((v) => Math.abs(v - Math.round(v)) < 1e-6); // a tick at 17.5 is not written 18
          return splits.map((v) => (v === null ? null : v.toFixed(fine ? Math.max(1, decimals) : whole ? 0 : 1)));
        },
      });
    });
    const series: uPlot.Series[] = [{}];
    const bands: uPlot.Band[] = [];
    drawn.forEach((one, i) => {
      const scale = `y${Math.max(0, units.indexOf(one.channel.unit))}`;
      const colour = stroke(i), at = series.length;
      const raw = one.series.points.length > 0 && one.series.points.length < RAW_POINTS && one.series.points.every((p) => p[4] === 1);
      series.push({ label: one.label, scale, stroke: colour, width: 2, dash: DASHES[i % DASHES.length], spanGaps: false, points: { show: raw, size: 5, fill: colour } });
      series.push({ scale, stroke: "transparent", points: { show: false }, spanGaps: false });
      series.push({ scale, stroke: "transparent", points: { show: false }, spanGaps: false });
      if (!raw && one.shift === 0) bands.push({ series: [at + 2, at + 1], fill: this.shade(colour) });
    });
    this.plot = new uPlot({
      width: this.element.clientWidth, height: this.height,
      tzDate: (s) => uPlot.tzDate(new Date(s * 1000), zone),
      legend: { show: false },
      cursor: { drag: { x: true, y: false, setScale: false, dist: 8 }, points: { size: 8 }, bind: { dblclick: () => () => { this.handlers.reset(); return null; } } },
      scales, axes, series, bands,
      hooks: {
        drawClear: [(u) => this.under(u)], draw: [(u) => this.over(u)],
        setSelect: [(u) => this.selected(u)],
        setCursor: [(u) => this.handlers.cursor(u.cursor.left === undefined || u.cursor.left === null || u.cursor.left < 0 ? null : u.posToVal(u.cursor.left, "x") * 1000)],
      },
    }, joined(drawn), this.element);
    const over = this.plot.over;
    over.addEventListener("click", (event) => {
      const alarm = event.offsetY <= STRIP * 2 ? this.alarmAt(event.offsetX) : undefined;
      if (alarm) location.href = alarm.url;
    });
  }

  /** The alarm whose mark lies here. */
  private alarmAt(left: number): Marks["alarms"][number] | undefined {
    const pos = (ms: number): number => this.plot!.valToPos(ms / 1000, "x");
    return this.marks.alarms.find((one) => left >= pos(one.from_ms) - 4 && left <= pos(one.to_ms ?? Date.now()) + 4);
  }

  /** Adds a value that has just come to the end of its course. */
  add(sensor: string, t: number, v: number): void {
    const one = this.drawn.find((d) => d.channel.id === sensor);
    if (!one || !this.plot || t < (one.series.points.at(-1)?.[0] ?? 0)) return;
    one.series.points.push([t, v, v, v, 1]);
    const length = this.window[1] - this.window[0];
    this.window = [Date.now() - length, Date.now()];
    this.plot.setData(joined(this.drawn));
  }

  private shade(colour: string): string {
    return /^#[0-9a-f]{6}$/i.test(colour) ? colour + "2b" : css("--chart-band");
  }

  private range(_: uPlot, unit: string, n: number, of: number, low: number | null, high: number | null): [number, number] {
    const limits = this.drawn.filter((one) => one.limits && one.channel.unit === unit).flatMap((one) => [one.channel.below, one.channel.above]);
    const seen = this.drawn.filter((one) => one.channel.unit === unit).flatMap((one) => {
      const [times, , lows, highs] = columns(one.series, one.shift);
      const inside = times.map((t, i) => (t * 1000 >= this.window[0] && t * 1000 <= this.window[1] ? i : -1)).filter((i) => i >= 0);
      return inside.flatMap((i) => [lows[i], highs[i]]);
    });
    let [a, b] = [Infinity, -Infinity];
    for (const v of [...limits, ...(seen.length > 0 ? seen : [low, high])]) if (v !== null && v !== undefined && Number.isFinite(v)) { a = Math.min(a, v); b = Math.max(b, v); }
    if (!Number.isFinite(a)) [a, b] = [0, 1];
    const pad = Math.max((b - a) * 0.1, 0.5);
    this.lanes[n] = [a - pad, b + pad];
    return laneRange(a, b, n, of);
  }

  private selected(u: uPlot): void {
    const { left, width } = u.select;
    if (width < 6) return;
    const from = u.posToVal(left, "x") * 1000, to = u.posToVal(left + width, "x") * 1000;
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.handlers.zoom(from, to);
  }

  private x(u: uPlot, ms: number): number {
    return Math.min(u.bbox.left + u.bbox.width, Math.max(u.bbox.left, u.valToPos(ms / 1000, "x", true)));
  }

  /** Works over the whole height, then each lane's limits and the stretches without data. */
  private under(u: uPlot): void {
    const { left, top, width, height } = u.bbox, ctx = u.ctx;
    const units = unitsOf(this.drawn).slice(0, 2);
    ctx.save();
    ctx.fillStyle = hatch(ctx, css("--chart-works"), 12);
    for (const work of this.marks.works) {
      const a = this.x(u, work.from_ms), b = this.x(u, work.to_ms);
      if (b > a) ctx.fillRect(a, top, b - a, height);
    }
    units.forEach((unit, n) => {
      const key = `y${n}`, lane = this.lanes[n];
      const first = this.drawn.find((one) => one.channel.unit === unit);
      if (!first || !lane) return;
      const y = (v: number): number => Math.min(top + height, Math.max(top, u.valToPos(v, key, true)));
      const roof = y(lane[1]), floor = y(lane[0]);
      if (first.limits && (first.channel.above !== null || first.channel.below !== null)) {
        const high = first.channel.above !== null ? y(first.channel.above) : roof;
        const low = first.channel.below !== null ? y(first.channel.below) : floor;
        ctx.fillStyle = css("--chart-allowed");
        ctx.fillRect(left, high, width, low - high);
        ctx.strokeStyle = css("--chart-limit");
        ctx.lineWidth = 1.5 * devicePixelRatio;
        ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
        ctx.beginPath();
        if (first.channel.above !== null) { ctx.moveTo(left, high); ctx.lineTo(left + width, high); }
        if (first.channel.below !== null) { ctx.moveTo(left, low); ctx.lineTo(left + width, low); }
        ctx.stroke();
      }
      ctx.fillStyle = hatch(ctx, css("--chart-gap-line"));
      for (const [from, to] of first.series.gaps) {
        const a = this.x(u, from + first.shift), b = this.x(u, to + first.shift);
        if (b > a) ctx.fillRect(a, roof, Math.max(1, b - a), floor - roof);
      }
    });
    ctx.restore();
  }

  /** Alarms along the upper edge, openings along the lower one. */
  private over(u: uPlot): void {
    const { left, top, width, height } = u.bbox, ctx = u.ctx, strip = STRIP * devicePixelRatio;
    const now = Date.now();
    ctx.save();
    for (const alarm of this.marks.alarms) {
      if (alarm.from_ms > this.window[1] || (alarm.to_ms ?? now) < this.window[0]) continue;
      const a = this.x(u, alarm.from_ms), b = this.x(u, alarm.to_ms ?? now);
      ctx.fillStyle = css(alarm.priority === "high" || alarm.priority === "urgent" ? "--seal" : "--look");
      ctx.fillRect(a, top, Math.max(3 * devicePixelRatio, b - a), strip);
    }
    ctx.fillStyle = css("--ink");
    for (const door of this.marks.doors) {
      if (door.from_ms > this.window[1] || (door.to_ms ?? now) < this.window[0]) continue;
      const a = this.x(u, door.from_ms), b = this.x(u, door.to_ms ?? now);
      ctx.fillRect(a, top + height - strip, Math.max(2 * devicePixelRatio, b - a), strip);
    }
    ctx.fillStyle = css("--course-3");
    for (const one of this.marks.outputs) {
      if (one.from_ms > this.window[1] || (one.to_ms ?? now) < this.window[0]) continue;
      const a = this.x(u, one.from_ms), b = this.x(u, one.to_ms ?? now);
      ctx.fillRect(a, top + height - 2 * strip, Math.max(2 * devicePixelRatio, b - a), strip / 2);
    }
    if (unitsOf(this.drawn).length > 1) {
      ctx.strokeStyle = css("--rule-strong");
      ctx.lineWidth = devicePixelRatio;
      ctx.beginPath();
      ctx.moveTo(left, top + height / 2); ctx.lineTo(left + width, top + height / 2);
      ctx.stroke();
    }
    ctx.restore();
  }
}
