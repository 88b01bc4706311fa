// A year at a glance: a column a day, a row an hour, coloured by the hour's mean or by how far it lay beyond the limits.
import { formatTime, zone } from "../times";
import { say } from "../words";
import type { Channel } from "./config";
import type { Hour } from "./data";
import { cividis, css, hatch } from "./palette";
import { DAY, HOUR } from "./view";

interface Cell { ms: number; mean: number; low: number; high: number; out: number }
export interface Day { date: string; cells: (Cell | null)[] }

const clock = new Intl.DateTimeFormat("en-CA", { timeZone: zone, hour: "2-digit", hourCycle: "h23" });

/** How much of an hour lay beyond the limits: 0 none, 0.5 only its extremes, 1 its mean, too. */
export function outOf(channel: Channel, low: number, mean: number, high: number): number {
  const beyond = (v: number): boolean => (channel.above !== null && v > channel.above) || (channel.below !== null && v < channel.below);
  return beyond(mean) ? 1 : beyond(low) || beyond(high) ? 0.5 : 0;
}

/** The hours as days of the viewer's zone; a day of 23 or 25 hours keeps what it has. */
export function days(hours: Hour[], channel: Channel, [from, to]: [number, number]): Day[] {
  const made = new Map<string, Day>();
  for (let ms = from; ms < to + DAY; ms += DAY) {
    const date = formatTime(Math.min(ms, to), "date");
    if (!made.has(date)) made.set(date, { date, cells: Array.from({ length: 24 }, () => null) });
  }
  for (const [ms, low, mean, high] of hours) {
    if (low === null || mean === null || high === null) continue;
    const day = made.get(formatTime(ms, "date"));
    if (day) day.cells[Number(clock.format(ms)) % 24] = { ms, mean, low, high, out: outOf(channel, low, mean, high) };
  }
  return [...made.values()];
}

export class Calendar {
  private all: Day[] = [];
  private columns = 1;
  private readonly canvas = document.createElement("canvas");

  constructor(private readonly element: HTMLElement, private readonly said: (text: string) => void, private readonly open: (from: number, to: number) => void) {
    this.canvas.setAttribute("role", "img");
    this.canvas.tabIndex = 0;
    this.canvas.addEventListener("mousemove", (event) => this.point(event));
    this.canvas.addEventListener("click", (event) => {
      const found = this.under(event);
      const first = found?.day.cells.find((one) => one !== null);
      if (first) this.open(first.ms - (first.ms % HOUR), first.ms - (first.ms % HOUR) + DAY);
    });
  }

  draw(hours: Hour[], channel: Channel, window_: [number, number], by: "value" | "limits", legend: HTMLElement, table: HTMLTableElement): void {
    this.all = days(hours, channel, window_);
    this.columns = Math.max(1, this.all.length);
    this.element.replaceChildren(this.canvas);
    this.canvas.setAttribute("aria-label", say("calendar_label", { what: channel.label }));
    const ratio = devicePixelRatio, width = this.element.clientWidth, height = 24 * 11 + 18;
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    this.canvas.style.width = "100%";
    this.canvas.style.height = `${height}px`;
    const ctx = this.canvas.getContext("2d")!;
    ctx.scale(ratio, ratio);
    const cells = this.all.flatMap((day) => day.cells).filter((one) => one !== null);
    const low = Math.min(...cells.map((one) => one.mean)), high = Math.max(...cells.map((one) => one.mean));
    const wide = width / this.columns, gap = wide > 6 ? 1 : 0;
    const none = hatch(ctx, css("--chart-gap-line"), 6);
    this.all.forEach((day, x) => {
      for (let hour = 0; hour < 24; hour++) {
        const one = day.cells[hour];
        ctx.fillStyle = !one ? none : by === "value" ? cividis(high > low ? (one.mean - low) / (high - low) : 0.5) : cividis([0.08, 0.55, 1][one.out * 2]!);
        ctx.fillRect(x * wide, hour * 11, Math.max(1, wide - gap), 10);
      }
    });
    this.axis(ctx, width, wide);
    this.legend(legend, channel, by, low, high, cells.length);
    this.table(table, channel);
  }

  private axis(ctx: CanvasRenderingContext2D, width: number, wide: number): void {
    ctx.fillStyle = css("--ink-soft");
    ctx.font = "11px " + css("--sans");
    let last = -80;
    this.all.forEach((day, x) => {
      const label = this.columns > 60 ? day.date.slice(0, 7) : day.date.slice(5);
      const fresh = this.columns <= 60 || x === 0 || day.date.slice(0, 7) !== this.all[x - 1]!.date.slice(0, 7);
      if (fresh && x * wide - last >= 56 && x * wide + 40 < width) { ctx.fillText(label, x * wide, 24 * 11 + 13); last = x * wide; }
    });
  }

  private legend(element: HTMLElement, channel: Channel, by: "value" | "limits", low: number, high: number, found: number): void {
    element.replaceChildren();
    if (found === 0) { element.textContent = say("chart_empty"); return; }
    const steps: [string, string][] = by === "value"
      ? [0, 0.25, 0.5, 0.75, 1].map((share) => [cividis(share), `${(low + share * (high - low)).toFixed(channel.decimals)} ${channel.unit}`])
      : [[cividis(0.08), say("calendar_in")], [cividis(0.55), say("calendar_touched")], [cividis(1), say("calendar_out")]];
    const said = new Set<string>(); // of a young room's few hours all may be the same
    for (const [colour, text] of steps) {
      if (said.has(text)) continue;
      said.add(text);
      const item = document.createElement("span");
      const box = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      box.setAttribute("viewBox", "0 0 24 12");
      box.setAttribute("aria-hidden", "true");
      const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      rect.setAttribute("width", "24"); rect.setAttribute("height", "12"); rect.setAttribute("fill", colour);
      box.append(rect);
      item.append(box, text);
      element.append(item);
    }
  }

  private table(table: HTMLTableElement, channel: Channel): void {
    const head = document.createElement("thead"), body = document.createElement("tbody");
    const top = document.createElement("tr");
    for (const [i, text] of [say("date"), say("lowest"), say("mean"), say("highest"), say("calendar_hours"), say("calendar_hours_out")].entries()) {
      const th = document.createElement("th");
      th.textContent = text;
      if (i > 0) th.className = "num";
      top.append(th);
    }
    head.append(top);
    for (const day of [...this.all].reverse()) {
      const cells = day.cells.filter((one) => one !== null);
      const number = (v: number): string => (Number.isFinite(v) ? `${v.toFixed(channel.decimals)} ${channel.unit}` : "–");
      const row = document.createElement("tr");
      const mean = cells.reduce((sum, one) => sum + one.mean, 0) / cells.length;
      const texts = [day.date, number(Math.min(...cells.map((c) => c.low))), number(mean), number(Math.max(...cells.map((c) => c.high))), String(cells.length), String(cells.filter((c) => c.out > 0).length)];
      for (const [i, text] of texts.entries()) {
        const td = document.createElement("td");
        td.textContent = text;
        if (i > 0) td.className = "num";
        row.append(td);
      }
      body.append(row);
    }
    table.replaceChildren(head, body);
  }

  private under(event: MouseEvent): { day: Day; hour: number } | null {
    const box = this.canvas.getBoundingClientRect();
    const day = this.all[Math.floor(((event.clientX - box.left) / box.width) * this.columns)];
    const hour = Math.floor((event.clientY - box.top) / 11);
    return day && hour >= 0 && hour < 24 ? { day, hour } : null;
  }

  private point(event: MouseEvent): void {
    const found = this.under(event);
    if (!found) return;
    const one = found.day.cells[found.hour];
    const value = one ? `${one.mean.toFixed(1)} (${one.low.toFixed(1)} … ${one.high.toFixed(1)})` : say("course_no_data");
    this.said(`${found.day.date} ${String(found.hour).padStart(2, "0")}:00 ${zone} · ${value}`);
  }
}
