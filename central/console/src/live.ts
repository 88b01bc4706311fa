// The one connection for live events: shows whether it stands, updates readings in place, asks sections to refresh.
import htmx from "htmx.org/dist/htmx.esm.js";
import { formatTime } from "./times";
import { say } from "./words";

const KINDS = ["reading", "contact", "alarm", "clip", "page", "batch", "agent", "review", "station"];
const REFRESH_MS = 400; // events that come together refresh a section once
const RETRY_MS = 5000;

export interface LiveReading { sensor: string; v: number | null; quality?: string; t: string | number }

const changed = new Set<string>();
let refreshTimer = 0;

function announce(kind: string): void {
  changed.add(kind);
  if (refreshTimer) return;
  refreshTimer = window.setTimeout(() => {
    refreshTimer = 0;
    const kinds = [...changed];
    changed.clear();
    for (const one of kinds) htmx.trigger(document.body, `live-${one}`);
  }, REFRESH_MS);
}

function show(state: "connected" | "reconnecting" | "off", since: number): void {
  for (const element of document.querySelectorAll<HTMLElement>("[data-connection]")) {
    element.dataset.connection = state;
    const words = element.querySelector("[data-connection-words]");
    if (words) words.textContent = say(`connection_${state}`, { since: formatTime(since, "clock") });
  }
}

function showReading(reading: LiveReading): void {
  const ms = typeof reading.t === "number" ? reading.t : Date.parse(reading.t);
  for (const element of document.querySelectorAll<HTMLElement>("[data-channel]")) {
    if (element.dataset.channel !== reading.sensor) continue;
    const value = element.querySelector<HTMLElement>("[data-value]");
    const age = element.querySelector<HTMLTimeElement>("time[data-age]");
    if (age && Date.parse(age.dateTime) > ms) continue; // a late one never replaces a newer one
    if (value) value.textContent = reading.v === null ? "–" : reading.v.toFixed(Number(value.dataset.decimals ?? 1));
    if (age) age.dateTime = new Date(ms).toISOString();
    element.dataset.quality = reading.quality ?? "good";
  }
  document.dispatchEvent(new CustomEvent<LiveReading>("muniment:reading", { detail: { ...reading, t: ms } }));
}

export function startLive(): void {
  const url = document.body.dataset.live;
  if (!url) return;
  let since = Date.now();
  let opened = false;
  let retry = 0;

  const connect = (): void => {
    const source = new EventSource(url);
    source.addEventListener("open", () => {
      since = Date.now();
      show("connected", since);
      // what happened while the line was down is fetched, not guessed
      if (opened) for (const kind of KINDS) announce(kind);
      opened = true;
    });
    source.addEventListener("error", () => {
      if (document.querySelector('[data-connection="connected"]')) since = Date.now();
      show("reconnecting", since);
      if (source.readyState !== EventSource.CLOSED) return;
      source.close();
      window.clearTimeout(retry);
      retry = window.setTimeout(connect, RETRY_MS + Math.random() * RETRY_MS);
    });
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => {
        let data: unknown;
        try {
          data = JSON.parse((event as MessageEvent<string>).data);
        } catch {
          return; // a line that is no JSON changes nothing
        }
        if (kind === "reading") {
          const many = Array.isArray(data) ? data : ((data as { readings?: unknown[] }).readings ?? [data]);
          for (const one of many) showReading(one as LiveReading);
        }
        announce(kind);
      });
    }
    window.addEventListener("pagehide", () => source.close(), { once: true });
  };
  connect();
}
