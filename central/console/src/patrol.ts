// The walk on a phone: each check is sent at once, or kept on the phone with its time until the centre can be reached.
import { NoConnection, post, toast } from "./acts";
import { formatTime } from "./times";
import { say } from "./words";

const KEY = "muniment-checks";
const AGAIN_MS = 20_000;
const URL_CHECKS = "/api/v1/patrols/checks";

interface Check { id: string; code: string; ok: boolean; t: string; note?: string; scanned: boolean }

function kept(): Check[] {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]") as Check[];
  } catch {
    return [];
  }
}

function keep(checks: Check[]): void {
  localStorage.setItem(KEY, JSON.stringify(checks));
  for (const element of document.querySelectorAll<HTMLElement>("[data-patrol-kept]")) {
    element.hidden = checks.length === 0;
    element.textContent = checks.length ? say("patrol_kept", { n: checks.length }) : "";
  }
}

/** A random UUID; crypto.randomUUID is missing where the page came without TLS. */
function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

let sending = false;

/** Sends what is kept, the oldest first; what the centre refuses is told and let go, what it did not hear stays. */
async function send(): Promise<void> {
  if (sending) return;
  sending = true;
  try {
    for (let next = kept()[0]; next; next = kept()[0]) {
      try {
        await post(URL_CHECKS, next);
      } catch (error) {
        if (error instanceof NoConnection) return;
        toast((error as Error).message, { tone: "alarm", ms: 12000 });
      }
      const sent = next.id;
      keep(kept().filter((check) => check.id !== sent));
    }
  } finally {
    sending = false;
    keep(kept());
  }
}

function check(stop: HTMLElement, ok: boolean, note: string): void {
  const scanned = !stop.querySelector<HTMLElement>('[data-part="scanned"]')!.hidden;
  const made: Check = { id: uuid(), code: stop.dataset.code!, ok, t: new Date().toISOString(), scanned, ...(note ? { note } : {}) };
  keep([...kept(), made]);
  stop.dataset.state = ok ? "ok" : "wrong";
  const done = stop.querySelector<HTMLElement>('[data-part="done"]')!;
  done.hidden = false;
  done.textContent = `${formatTime(Date.now(), "clock")} · ${say("patrol_taken")}${note ? `: ${note}` : ""}`;
  stop.querySelector<HTMLElement>('[data-part="note"]')!.hidden = true;
  const following = [...document.querySelectorAll<HTMLElement>(".stop")].find((one) => one.dataset.state === "");
  following?.scrollIntoView({ block: "start", behavior: "smooth" });
  void send();
}

function walk(list: HTMLElement): void {
  list.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLButtonElement>("[data-check]");
    const stop = button?.closest<HTMLElement>(".stop");
    if (!button || !stop) return;
    const box = stop.querySelector<HTMLElement>('[data-part="note"]')!;
    const text = box.querySelector("textarea")!;
    if (button.dataset.check === "ok") check(stop, true, "");
    else if (button.dataset.check === "wrong") {
      box.hidden = !box.hidden;
      button.setAttribute("aria-expanded", String(!box.hidden));
      if (!box.hidden) text.focus();
    } else if (text.value.trim()) check(stop, false, text.value.trim());
    else text.focus();
  });
  for (const waiting of kept()) {
    const stop = list.querySelector<HTMLElement>(`[data-code="${CSS.escape(waiting.code)}"]`);
    if (stop) stop.dataset.state = waiting.ok ? "ok" : "wrong";
  }
}

function round(form: HTMLFormElement): void {
  const list = form.querySelector<HTMLElement>("[data-points]")!;
  form.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-point]");
    const point = button?.closest<HTMLElement>(".point");
    if (button?.dataset.point === "add") {
      const made = list.querySelector<HTMLElement>(".point")!.cloneNode(true) as HTMLElement;
      made.dataset.code = "";
      for (const input of made.querySelectorAll("input")) input.value = "";
      list.append(made);
      made.querySelector<HTMLElement>("select")!.focus();
    } else if (button?.dataset.point === "off" && list.children.length > 1) point?.remove();
    else if (button?.dataset.point === "up" && point?.previousElementSibling) point.previousElementSibling.before(point);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const value = (name: string): string => (form.elements.namedItem(name) as HTMLInputElement).value;
    const checkpoints = [...list.querySelectorAll<HTMLElement>(".point")].map((point) => {
      const field = (name: string): string => point.querySelector<HTMLInputElement>(`[data-field="${name}"]`)!.value;
      return { room: field("room"), name: field("name"), look_at: field("look_at"), ...(point.dataset.code ? { code: point.dataset.code } : {}) };
    });
    const times = value("times").split(/[\s,，]+/).filter(Boolean);
    const body = { name: value("name"), times, grace_min: Number(value("grace_min")), off_days: (form.elements.namedItem("off_days") as HTMLInputElement).checked, checkpoints };
    post(form.dataset.roundApi!, body).then(() => location.assign(form.dataset.next!), (error: Error) => toast(error.message, { tone: "alarm", ms: 12000 }));
  });
}

export function startPatrol(): void {
  keep(kept());
  void send();
  window.addEventListener("online", () => void send());
  window.setInterval(() => void send(), AGAIN_MS);
  const list = document.querySelector<HTMLElement>("[data-walk]");
  if (list) walk(list);
  const form = document.querySelector<HTMLFormElement>("[data-round]");
  if (form) round(form);
  document.querySelector("[data-print]")?.addEventListener("click", () => window.print());
}
