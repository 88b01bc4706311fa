// Courses from the API, kept while they are looked at, and laid side by side for the chart.
import uPlot from "uplot";

export type Point = [number, number, number, number, number]; // t_ms, min, mean, max, count
export type Gap = [number, number, string];
export interface Series { sensor: string; q: string; u: string; points: Point[]; gaps: Gap[]; coverage: number }
export interface Marks {
  doors: { door: string; from_ms: number; to_ms: number | null }[];
  outputs: { output: string; from_ms: number; to_ms: number | null }[];
  alarms: { id: string; rule: string; priority: string; state: string; from_ms: number; to_ms: number | null; text: string; url: string }[];
  works: { id: string; from_ms: number; to_ms: number; text: string }[];
  cut: boolean;
}
export type Hour = [number, number | null, number | null, number | null, number, number]; // hour_ms, min, mean, max, good values, other ones

const KEEP = 60; // answers
const FRESH_MS = 20_000; // of a window that reaches up to now

const answers = new Map<string, { at: number; data: Promise<unknown> }>();

/** Fetches JSON; an answer about the past is kept, one about now for some seconds. */
async function ask<T>(url: string, past: boolean): Promise<T> {
  const known = answers.get(url);
  if (known && (past || Date.now() - known.at < FRESH_MS)) return known.data as Promise<T>;
  const data = fetch(url, { credentials: "same-origin", headers: { Accept: "application/json" } }).then((answer) => {
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json() as Promise<unknown>;
  });
  answers.set(url, { at: Date.now(), data });
  data.catch(() => answers.delete(url));
  if (answers.size > KEEP) answers.delete(answers.keys().next().value!);
  return data as Promise<T>;
}

const query = (values: Record<string, string | number>): string => new URLSearchParams(Object.entries(values).map(([k, v]) => [k, String(v)])).toString();

export function seriesOf(sensor: string, [from, to]: [number, number], points: number): Promise<Series> {
  const values = { sensor, from: Math.round(from), to: Math.round(to), points };
  return ask<Series>(`/api/v1/readings?${query(values)}`, to < Date.now() - FRESH_MS);
}

export function marksOf(url: string, [from, to]: [number, number]): Promise<Marks> {
  return ask<Marks>(`${url}?${query({ from: Math.round(from), to: Math.round(to) })}`, to < Date.now() - FRESH_MS);
}

export async function hoursOf(sensor: string, [from, to]: [number, number]): Promise<Hour[]> {
  const found = await ask<{ hours: Hour[] }>(`/api/v1/readings/hours?${query({ sensor, from: Math.round(from), to: Math.round(to) })}`, false);
  return found.hours;
}

/** One series as columns of seconds, mean, lowest, highest; a null in the middle of each gap breaks the line. */
export function columns(series: Series, shift = 0): [number[], (number | null)[], (number | null)[], (number | null)[]] {
  const rows: [number, number | null, number | null, number | null][] = series.points.map(([t, low, mean, high]) => [t, mean, low, high]);
  for (const [from, to] of series.gaps) rows.push([(from + to) / 2, null, null, null]);
  rows.sort((a, b) => a[0] - b[0]);
  return [rows.map((r) => (r[0] + shift) / 1000), rows.map((r) => r[1]), rows.map((r) => r[2]), rows.map((r) => r[3])];
}

/** All series over one axis of time. */
export function joined(all: { series: Series; shift: number }[]): uPlot.AlignedData {
  const tables = all.map(({ series, shift }) => columns(series, shift) as unknown as uPlot.AlignedData);
  if (tables.length === 0) return [[]];
  // retained nulls are gaps; what another series has and this one has not is no gap
  return uPlot.join(tables, tables.map(() => [1, 1, 1, 1] as uPlot.JoinNullMode[]));
}

export function gapAt(series: Series, ms: number): string | null {
  const found = series.gaps.find(([from, to]) => ms > from && ms < to);
  return found ? found[2] : null;
}
