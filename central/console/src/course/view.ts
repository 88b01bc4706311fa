// What a course shows: which channels, which span, which mode. The address carries it, so that a link shows the same.

export type Mode = "course" | "years" | "calendar";
export interface View { channels: string[]; span: string | null; from: number | null; to: number | null; mode: Mode; by: "value" | "limits" }

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
/** Spans by name, in milliseconds; "all" begins with the first reading. */
export const SPANS: Record<string, number> = { "1h": HOUR, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY, "1y": 366 * DAY, all: Infinity };
const LEAST = 60_000; // the narrowest window: raw values are a minute apart

export function readView(defaults: string[], known: ReadonlySet<string>): View {
  const query = new URLSearchParams(location.search);
  const asked = (query.get("c") ?? "").split(",").filter((id) => known.has(id));
  const from = Number(query.get("from")), to = Number(query.get("to"));
  const span = query.get("span") ?? "";
  const mode = query.get("mode");
  const fixed = Number.isFinite(from) && Number.isFinite(to) && to > from && from > 0;
  return {
    channels: asked.length > 0 ? asked : defaults,
    span: fixed ? null : span in SPANS ? span : null,
    from: fixed ? from : null, to: fixed ? to : null,
    mode: mode === "years" || mode === "calendar" ? mode : "course",
    by: query.get("by") === "limits" ? "limits" : "value",
  };
}

export function writeView(view: View): void {
  const query = new URLSearchParams();
  query.set("c", view.channels.join(","));
  if (view.from !== null && view.to !== null) { query.set("from", String(Math.round(view.from))); query.set("to", String(Math.round(view.to))); }
  else if (view.span) query.set("span", view.span);
  if (view.mode !== "course") query.set("mode", view.mode);
  if (view.mode === "calendar" && view.by !== "value") query.set("by", view.by);
  history.replaceState(null, "", `${location.pathname}?${query.toString().replaceAll("%2C", ",")}${location.hash}`);
}

/** The window in milliseconds; `first` is when the first reading came. */
export function windowOf(view: View, first: number, now = Date.now()): [number, number] {
  if (view.from !== null && view.to !== null) return [view.from, view.to];
  const length = SPANS[view.span ?? "24h"] ?? DAY;
  return [Number.isFinite(length) ? now - length : Math.min(first, now - HOUR), now];
}

/** Zoom by a factor around a moment, never narrower than raw values and never beyond now by more than the window. */
export function zoomed([from, to]: [number, number], factor: number, around: number): [number, number] {
  const length = Math.max(LEAST, (to - from) * factor);
  const share = Math.min(1, Math.max(0, (around - from) / (to - from)));
  const start = around - length * share;
  return [start, start + length];
}

export function panned([from, to]: [number, number], share: number): [number, number] {
  const step = (to - from) * share;
  return [from + step, to + step];
}

/** The same moment so many calendar years earlier. */
export function yearsBefore(ms: number, years: number): number {
  const date = new Date(ms);
  date.setFullYear(date.getFullYear() - years);
  return date.getTime();
}
