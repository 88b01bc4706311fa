// Shows times in the viewer's own zone and keeps ages ("12 s ago") moving.
import { say } from "./words";

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

const parts = new Intl.DateTimeFormat("en-CA", {
  timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit",
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});

/** Milliseconds since 1970 as `2026-11-24 19:44:50`, or only a part of it, in the viewer's zone. */
export function formatTime(ms: number, form: string): string {
  const p = Object.fromEntries(parts.formatToParts(ms).map((part) => [part.type, part.value]));
  const date = `${p.year}-${p.month}-${p.day}`;
  const clock = `${p.hour}:${p.minute}:${p.second}`;
  if (form === "date") return date;
  if (form === "clock") return clock;
  if (form === "minute") return `${date} ${p.hour}:${p.minute}`;
  return `${date} ${clock}`;
}

/** How long ago, in one unit: seconds under 90, minutes under 90, hours under 48, else days. */
export function formatAge(ms: number, now: number = Date.now()): string {
  const s = Math.max(0, Math.round((now - ms) / 1000));
  if (s < 90) return say("age_s", { n: s });
  if (s < 5400) return say("age_min", { n: Math.round(s / 60) });
  if (s < 172800) return say("age_h", { n: Math.round(s / 3600) });
  return say("age_d", { n: Math.round(s / 86400) });
}

export function localise(root: ParentNode = document): void {
  for (const element of root.querySelectorAll<HTMLTimeElement>("time[data-time]")) {
    const ms = Date.parse(element.dateTime);
    if (Number.isNaN(ms)) continue;
    element.textContent = formatTime(ms, element.dataset.time ?? "");
    element.title = `${formatTime(ms, "")} ${zone}`;
  }
  tick(root);
}

function tick(root: ParentNode = document): void {
  const now = Date.now();
  for (const element of root.querySelectorAll<HTMLTimeElement>("time[data-age]")) {
    const ms = Date.parse(element.dateTime);
    if (Number.isNaN(ms)) continue;
    const text = formatAge(ms, now);
    if (element.textContent !== text) element.textContent = text;
    const stale = Number(element.dataset.staleS ?? 0);
    if (stale > 0) element.classList.toggle("is-stale", now - ms > stale * 1000);
  }
}

export function startTimes(): void {
  document.cookie = `muniment_zone=${encodeURIComponent(zone)}; path=/; max-age=31536000; samesite=lax`;
  for (const element of document.querySelectorAll("[data-zone]")) element.textContent = zone;
  localise();
  window.setInterval(() => tick(), 1000);
}
