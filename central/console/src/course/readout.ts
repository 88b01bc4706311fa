// The values at the cursor, in words beside each course's colour; what a screen reader says of the chart, and the chart's table.
import { formatTime, zone } from "../times";
import { say } from "../words";
import { gapAt, type Marks, type Point } from "./data";
import type { Drawn } from "./plot";
import { DASHES, stroke } from "./palette";

const TABLE_MAX = 200; // rows; a longer course is shown at even steps

function nearest(points: Point[], ms: number): Point | null {
  let low = 0, high = points.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle]![0] < ms) low = middle + 1; else high = middle;
  }
  const [after, before] = [points[low], points[low - 1]];
  if (!after) return null;
  return before && ms - before[0] < after[0] - ms ? before : after;
}

export function valueText(one: Drawn, point: Point | null): string {
  if (!point) return "–";
  const { decimals, unit } = one.channel;
  const mean = `${point[2].toFixed(decimals)} ${unit}`.trim();
  return point[4] > 1 && point[1] !== point[3] ? `${mean} (${point[1].toFixed(decimals)} … ${point[3].toFixed(decimals)})` : mean;
}

/** What a course says at a moment: its value there, or why it has none. */
export function saidAt(one: Drawn, ms: number): string {
  const why = gapAt(one.series, ms - one.shift);
  if (why !== null) return `${say("course_gap")}: ${why === "no data" ? say("course_no_data") : why}`;
  return valueText(one, nearest(one.series.points, ms - one.shift));
}

export function marksAt(marks: Marks, ms: number): string[] {
  const now = Date.now(), within = (a: number, b: number | null): boolean => ms >= a && ms <= (b ?? now);
  return [
    ...marks.alarms.filter((one) => within(one.from_ms, one.to_ms)).map((one) => `${say("course_alarm")}: ${one.text}`),
    ...marks.doors.filter((one) => within(one.from_ms - 30_000, (one.to_ms ?? now) + 30_000)).map((one) => `${say("course_door")}: ${one.door.split("/").pop() ?? ""}`),
    ...marks.outputs.filter((one) => within(one.from_ms, one.to_ms)).map((one) => `${say("course_output")}: ${one.output.split("/").pop() ?? ""}`),
    ...marks.works.filter((one) => within(one.from_ms, one.to_ms)).map((one) => `${say("course_works")}: ${one.text}`),
  ].slice(0, 4);
}

function swatch(n: number): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 12");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", "M0 6h24");
  line.setAttribute("stroke", stroke(n));
  line.setAttribute("stroke-width", "3");
  line.setAttribute("stroke-dasharray", DASHES[n % DASHES.length]!.join(" "));
  svg.append(line);
  return svg;
}

export class Readout {
  private values: HTMLElement[] = [];
  private drawn: Drawn[] = [];

  constructor(private readonly list: HTMLElement, private readonly moment: HTMLElement, private readonly remove: (id: string) => void) {}

  show(drawn: Drawn[], removable: boolean): void {
    this.drawn = drawn;
    this.list.replaceChildren();
    this.values = drawn.map((one, n) => {
      const item = document.createElement("li");
      const name = document.createElement("span");
      name.className = "name";
      name.textContent = one.label;
      const value = document.createElement("strong");
      item.append(swatch(n), name, value);
      if (removable && drawn.length > 1) {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "chip-off";
        button.textContent = "×";
        button.setAttribute("aria-label", say("course_remove", { name: one.label }));
        button.addEventListener("click", () => this.remove(one.channel.id));
        item.append(button);
      }
      this.list.append(item);
      return value;
    });
  }

  at(ms: number | null, marks: Marks): string {
    const moment = ms ?? Date.now();
    this.drawn.forEach((one, n) => {
      const last = one.series.points.at(-1) ?? null;
      const text = ms === null ? valueText(one, last) : saidAt(one, moment);
      if (this.values[n]!.textContent !== text) this.values[n]!.textContent = text;
    });
    const extra = ms === null ? [] : marksAt(marks, moment);
    const text = ms === null ? say("course_latest") : [`${formatTime(moment, "")} ${zone}`, ...extra].join(" · ");
    this.moment.textContent = text;
    return [text, ...this.drawn.map((one) => `${one.label} ${ms === null ? valueText(one, one.series.points.at(-1) ?? null) : saidAt(one, moment)}`)].join("; ");
  }
}

function cell(kind: "td" | "th", text: string, num = false): HTMLTableCellElement {
  const made = document.createElement(kind);
  made.textContent = text;
  if (num) made.className = "num";
  return made;
}

/** The shown values as a table, the newest first. */
export function fillTable(table: HTMLTableElement, drawn: Drawn[]): void {
  const head = document.createElement("thead"), body = document.createElement("tbody");
  const top = document.createElement("tr");
  top.append(cell("th", `${say("time")} (${zone})`), ...drawn.map((one) => cell("th", one.label, true)));
  head.append(top);
  const times = [...new Set(drawn.flatMap((one) => one.series.points.map((p) => p[0] + one.shift)))].sort((a, b) => b - a);
  const step = Math.max(1, Math.ceil(times.length / TABLE_MAX));
  const byTime = drawn.map((one) => new Map(one.series.points.map((p) => [p[0] + one.shift, p])));
  for (let i = 0; i < times.length; i += step) {
    const row = document.createElement("tr");
    row.append(cell("td", formatTime(times[i]!, "")));
    drawn.forEach((one, n) => row.append(cell("td", valueText(one, byTime[n]!.get(times[i]!) ?? nearestWithin(one, times[i]!)), true)));
    body.append(row);
  }
  table.replaceChildren(head, body);
}

/** The point of a course that was measured at about the same time as another's. */
function nearestWithin(one: Drawn, ms: number): Point | null {
  const found = nearest(one.series.points, ms - one.shift);
  const usual = one.series.points.length > 1 ? one.series.points[1]![0] - one.series.points[0]![0] : 60_000;
  return found && Math.abs(found[0] + one.shift - ms) <= Math.max(60_000, usual) ? found : null;
}
