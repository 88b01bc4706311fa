// What a person does: forms that go to the JSON API, dialogs, and the short time in which an act can be taken back.
import htmx from "htmx.org/dist/htmx.esm.js";
import { say } from "./words";

const UNDO_MS = 4000;
const TOAST_MS = 6000;
const RELOAD_MS = 900; // what was done is read before the page is drawn anew

interface Waiting { timer: number; send: (keepalive: boolean) => Promise<void> }
const waiting = new Set<Waiting>();

export function toast(text: string, options: { tone?: "plain" | "alarm"; undo?: () => void; ms?: number } = {}): HTMLElement {
  const shelf = document.getElementById("toasts")!;
  const note = document.createElement("div");
  note.className = `toast toast-${options.tone ?? "plain"}`;
  note.setAttribute("role", options.tone === "alarm" ? "alert" : "status");
  const words = document.createElement("span");
  words.textContent = text;
  note.append(words);
  if (options.undo) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button-quiet";
    button.textContent = say("undo");
    button.addEventListener("click", () => { options.undo?.(); note.remove(); });
    note.append(button);
  }
  shelf.append(note);
  window.setTimeout(() => note.remove(), options.ms ?? TOAST_MS);
  return note;
}

/** The centre was not reached: nothing was changed, and the same may be sent again. */
export class NoConnection extends Error {}

/** Posts JSON as the signed-in person; on a refusal throws the problem document's own words. */
export async function post(url: string, body: unknown, keepalive = false, method = "POST"): Promise<unknown> {
  const csrf = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
  let answer: Response;
  try {
    answer = await fetch(url, {
      method, keepalive, credentials: "same-origin",
      headers: { "Content-Type": "application/json", "Accept": "application/json", "X-CSRFToken": csrf },
      body: JSON.stringify(body),
    });
  } catch {
    throw new NoConnection(say("no_connection"));
  }
  const content = answer.headers.get("Content-Type") ?? "";
  const data: unknown = content.includes("json") ? await answer.json() : null;
  if (answer.ok) return data;
  const problem = data as { title?: string; detail?: string } | null;
  throw new Error(ownWords(problem?.detail ?? "") || problem?.title || say("refused", { status: answer.status }));
}

/** A refusal in the reader's language where it comes in both (`words / 中文`), without the name of the field that programs need. */
function ownWords(detail: string): string {
  const both = /^(.*?) \/ ([^/]*[\u4e00-\u9fff][^/]*)$/su.exec(detail.replace(/^[a-z_]+: /, ""));
  if (!both) return detail.replace(/^[a-z_]+: /, "");
  return document.documentElement.lang.startsWith("zh") ? both[2]! : both[1]!;
}

function bodyOf(form: HTMLFormElement, submitter: HTMLElement | null): Record<string, unknown> {
  const body: Record<string, unknown> = form.dataset.json ? (JSON.parse(form.dataset.json) as Record<string, unknown>) : {};
  for (const [name, value] of new FormData(form, submitter)) {
    if (typeof value !== "string" || value === "") continue;
    const field = form.elements.namedItem(name);
    const kind = field instanceof HTMLElement ? field.dataset : {};
    if (kind.list !== undefined) { body[name] = value.split(/[\s,;]+/u).filter(Boolean); continue; }
    body[name] = kind.number !== undefined ? Number(value) : kind.time !== undefined ? new Date(value).toISOString() : value;
  }
  return body;
}

async function send(form: HTMLFormElement, body: Record<string, unknown>, keepalive = false): Promise<void> {
  form.setAttribute("aria-busy", "true");
  try {
    await post(form.dataset.api!, body, keepalive, form.dataset.method);
    if (!keepalive) {
      toast(form.dataset.done ?? say("done"));
      form.reset();
      if (form.dataset.next) location.assign(form.dataset.next);
      else if (form.dataset.reload !== undefined) window.setTimeout(() => location.reload(), RELOAD_MS);
      for (const kind of (form.dataset.refresh ?? "alarm").split(" ")) htmx.trigger(document.body, `live-${kind}`);
    }
  } catch (error) {
    toast((error as Error).message, { tone: "alarm", ms: 12000 });
  } finally {
    form.removeAttribute("aria-busy");
  }
}

function submit(event: SubmitEvent): void {
  const form = event.target as HTMLFormElement;
  if (!form.dataset?.api) return;
  event.preventDefault();
  if (form.getAttribute("aria-busy") === "true") return;
  const body = bodyOf(form, event.submitter);
  form.closest("dialog")?.close();
  if (form.dataset.undo === undefined) {
    void send(form, body);
    return;
  }
  form.setAttribute("aria-busy", "true");
  const act: Waiting = { timer: 0, send: async (keepalive) => { waiting.delete(act); await send(form, body, keepalive); } };
  waiting.add(act);
  const note = toast(form.dataset.undo, {
    ms: UNDO_MS,
    undo: () => {
      window.clearTimeout(act.timer);
      waiting.delete(act);
      form.removeAttribute("aria-busy");
    },
  });
  act.timer = window.setTimeout(() => { note.remove(); void act.send(false); }, UNDO_MS);
}

function click(event: MouseEvent): void {
  const target = event.target as Element;
  const opener = target.closest<HTMLElement>("[data-opens]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset.opens!);
    if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
    return;
  }
  if (target.closest("[data-closes]")) target.closest("dialog")?.close();
  else if (target instanceof HTMLDialogElement) target.close(); // a click beside the sheet
}

export function startActs(): void {
  document.addEventListener("submit", submit);
  document.addEventListener("click", click);
  // leaving the page is not taking the act back
  window.addEventListener("pagehide", () => {
    for (const act of [...waiting]) { window.clearTimeout(act.timer); void act.send(true); }
  });
}
