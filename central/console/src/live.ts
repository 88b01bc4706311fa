// The one connection for live events: shows whether it stands, updates readings in place, asks sections to refresh.
import htmx from "htmx.org/dist/htmx.esm.js";
import { formatTime } from "./times";
import { say } from "./words";

const KINDS = ["reading", "contact", "alarm", "clip", "page", "batch", "agent", "review", "station", "works", "patrol", "volume"];
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

type Told =
  | { is: "state"; state: "connected" | "reconnecting"; since: number; again: boolean; last: number }
  | { is: "event"; kind: string; data: unknown; id: number }
  | { is: "question" };

/** Keeps the stream open and tells what happens on it. */
class Stream {
  private source: EventSource | null = null;
  private state: Told = { is: "state", state: "reconnecting", since: Date.now(), again: false, last: 0 };
  private opened = false;

  constructor(private readonly url: string, private last: number, private readonly tell: (told: Told) => void) {
    this.connect();
  }

  answer(): void {
    this.tell({ ...this.state, again: false, last: this.last } as Told);
  }

  close(): void {
    this.source?.close();
  }

  private now(state: "connected" | "reconnecting"): void {
    const same = this.state.is === "state" && this.state.state === state;
    const since = same && this.state.is === "state" ? this.state.since : Date.now();
    this.state = { is: "state", state, since, again: state === "connected" && this.opened, last: this.last };
    this.tell(this.state);
  }

  private connect(): void {
    const source = new EventSource(`${this.url}?last_event_id=${this.last}`);
    this.source = source;
    source.addEventListener("open", () => { this.now("connected"); this.opened = true; });
    source.addEventListener("reset", () => this.tell({ ...this.state, again: true } as Told));
    source.addEventListener("error", () => {
      this.now("reconnecting");
      if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself, from the last event
      source.close();
      window.setTimeout(() => this.connect(), RETRY_MS + Math.random() * RETRY_MS);
    });
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => {
        try {
          const { data, lastEventId } = event as MessageEvent<string>;
          this.last = Math.max(this.last, Number(lastEventId) || 0);
          this.tell({ is: "event", kind, data: JSON.parse(data), id: this.last });
        } catch {
          // a line that is no JSON changes nothing
        }
      });
    }
  }
}

let seen = 0; // the last event that this page shows, from the moment it was drawn

function hear(told: Told): void {
  if (told.is === "state") {
    show(told.state, told.since);
    // what happened while the line was down is fetched, not guessed
    if (told.again || told.last > seen) for (const kind of KINDS) announce(kind);
    seen = Math.max(seen, told.last);
  } else if (told.is === "event") {
    seen = Math.max(seen, told.id);
    if (told.kind === "reading") showReading(told.data as LiveReading);
    announce(told.kind);
  }
}

/** One stream a browser: the tab that holds the lock keeps it and tells the others, since a browser opens few connections to one host. */
export function startLive(): void {
  const url = document.body.dataset.live;
  if (!url) return;
  let stream: Stream | null = null;
  seen = Number(document.body.dataset.liveFrom ?? 0);
  window.addEventListener("pagehide", () => stream?.close());
  if (!("locks" in navigator) || !("BroadcastChannel" in window)) {
    stream = new Stream(url, seen, hear);
    return;
  }
  const channel = new BroadcastChannel("muniment-live");
  channel.addEventListener("message", (event: MessageEvent<Told>) => {
    if (event.data.is === "question") stream?.answer();
    else if (!stream) hear(event.data);
  });
  channel.postMessage({ is: "question" } satisfies Told);
  void navigator.locks.request("muniment-live", () => new Promise<void>(() => {
    stream = new Stream(url, seen, (told) => { hear(told); channel.postMessage(told); });
  }));
}
