// Volumes: acts on one or many with each failure named, lists that are registered, the board by keyboard.
import htmx from "htmx.org/dist/htmx.esm.js";
import { post, toast } from "./acts";
import { say } from "./words";

const STEPS = "/api/v1/process/steps";
const VOLUMES = "/api/v1/process/volumes";
const AT_ONCE = 500;
const SHEETS_AT_ONCE = 200;

interface Failure { number: string | null; words: string; words_zh: string }
interface Done { done: string[]; failed: Failure[] }
interface Mistake { line: number; words: string; words_zh: string }
interface Registered { registered: number; volumes: number; mistakes: Mistake[]; more: boolean }

const chinese = (): boolean => document.documentElement.lang.startsWith("zh");
const own = (words: { words: string; words_zh: string }): string => (chinese() ? words.words_zh : words.words);
const wrong = (error: unknown): void => void toast((error as Error).message, { tone: "alarm", ms: 12000 });

const chosen = new Set<string>(); // outlives a refresh of the table

function boxes(): HTMLInputElement[] {
  return [...document.querySelectorAll<HTMLInputElement>("[data-choose]")];
}

function drawChosen(): void {
  const all = boxes();
  for (const box of all) box.checked = chosen.has(box.value);
  const shown = new Set(all.map((box) => box.value));
  for (const one of [...chosen]) if (!shown.has(one)) chosen.delete(one);
  for (const words of document.querySelectorAll("[data-chosen-count]")) words.textContent = chosen.size ? say("chosen", { n: chosen.size }) : say("chosen_none");
  const whole = document.querySelector<HTMLInputElement>("[data-choose-all]");
  if (whole) {
    whole.checked = all.length > 0 && chosen.size === all.length;
    whole.indeterminate = chosen.size > 0 && chosen.size < all.length;
  }
  for (const link of document.querySelectorAll<HTMLAnchorElement>("[data-sheets]")) {
    link.href = `/api/v1/process/sheets?volumes=${[...chosen].slice(0, SHEETS_AT_ONCE).join(",")}`;
    link.toggleAttribute("aria-disabled", chosen.size === 0);
  }
}

function list(box: HTMLElement, title: string, lines: string[]): void {
  box.hidden = lines.length === 0;
  const head = document.createElement("strong"), items = document.createElement("ul");
  head.textContent = title;
  for (const line of lines) {
    const item = document.createElement("li");
    item.textContent = line;
    items.append(item);
  }
  box.replaceChildren(head, items);
}

/** The fields beside the button that was pressed: those of its dialog where it stands in one, else those outside all dialogs. */
function fields(form: HTMLFormElement, submitter: HTMLElement): Record<string, unknown> {
  const dialog = submitter.closest("dialog"), body: Record<string, unknown> = {};
  for (const field of form.querySelectorAll<HTMLInputElement>("input[name], textarea[name], select[name]")) {
    const within = field.closest("dialog");
    if (within && within !== dialog) continue;
    if (field.type === "checkbox") { if (field.checked) body[field.name] = true; }
    else if (field.value.trim()) body[field.name] = field.dataset.number !== undefined ? Number(field.value) : field.value.trim();
  }
  return body;
}

async function act(form: HTMLFormElement, submitter: HTMLButtonElement): Promise<void> {
  const volumes = form.dataset.one ? [form.dataset.one] : [...chosen];
  if (!volumes.length || volumes.length > AT_ONCE) {
    toast(volumes.length ? say("chosen_many", { n: AT_ONCE }) : say("chosen_none"), { tone: "alarm" });
    return;
  }
  form.setAttribute("aria-busy", "true");
  try {
    const done = (await post(STEPS, { ...fields(form, submitter), act: submitter.value, volumes })) as Done;
    const box = form.querySelector<HTMLElement>("[data-failed]");
    const lines = done.failed.map((one) => (form.dataset.one ? own(one) : `${one.number ?? "?"}: ${own(one)}`));
    if (box) list(box, form.dataset.one ? "" : say("steps_failed", { n: lines.length }), lines);
    if (done.done.length) {
      toast(say("steps_done", { n: done.done.length }));
      for (const one of done.done) chosen.delete(one);
      submitter.closest("dialog")?.close();
      if (form.dataset.one) form.reset();
    } else submitter.closest("dialog")?.close();
    drawChosen();
  } catch (error) {
    wrong(error);
  } finally {
    form.removeAttribute("aria-busy");
    htmx.trigger(document.body, "live-volume");
  }
}

async function register(form: HTMLFormElement, submitter: HTMLElement | null): Promise<void> {
  const field = (name: string): HTMLInputElement => form.elements.namedItem(name) as HTMLInputElement;
  const file = field("file").files?.[0], query = new URLSearchParams();
  for (const name of ["unit", "consignment"]) if (field(name).value.trim()) query.set(name, field(name).value.trim());
  const dry = submitter instanceof HTMLButtonElement && submitter.name === "dry";
  if (dry) query.set("dry", "true");
  const csrf = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
  form.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(`${VOLUMES}/import?${query}`, {
      method: "POST", credentials: "same-origin", body: file ?? field("text").value,
      headers: { "Content-Type": "text/csv", "Accept": "application/json", "X-CSRFToken": csrf },
    });
    const said = (await answer.json()) as Registered & { detail?: string };
    if (said.mistakes === undefined && !answer.ok) throw new Error(said.detail ?? say("refused", { status: answer.status }));
    const lines = (said.mistakes ?? []).map((one) => `${say("line_wrong", { n: one.line })}: ${own(one)}`);
    if (said.more) lines.push(say("lines_more"));
    list(form.querySelector<HTMLElement>("[data-mistakes]")!, say("lines_wrong"), lines);
    if (lines.length) return;
    if (dry) toast(say("lines_right", { n: said.volumes }));
    else {
      toast(say("volumes_registered", { n: said.registered }));
      form.reset();
      htmx.trigger(document.body, "live-volume");
    }
  } catch (error) {
    wrong(error);
  } finally {
    form.removeAttribute("aria-busy");
  }
}

async function link(form: HTMLFormElement): Promise<void> {
  const number = (form.elements.namedItem("number") as HTMLInputElement).value.trim();
  try {
    const answer = await fetch(`${VOLUMES}?limit=50&q=${encodeURIComponent(number)}`, { credentials: "same-origin", headers: { Accept: "application/json" } });
    const found = ((await answer.json()) as { items: { id: string; number: string }[] }).items.find((one) => one.number === number);
    if (!found) throw new Error(say("volume_unknown"));
    await post(`${VOLUMES}/${found.id}/link`, { batch: form.dataset.linkBatch });
    toast(form.dataset.done ?? say("done"));
    htmx.trigger(document.body, "live-volume");
  } catch (error) {
    wrong(error);
  }
}

async function setLimits(form: HTMLFormElement): Promise<void> {
  const items = [...form.querySelectorAll<HTMLElement>("[data-step]")].map((row) => {
    const hours = (name: string): number => Number(row.querySelector<HTMLInputElement>(`[data-limit="${name}"]`)!.value);
    return { step: row.dataset.step, yellow_h: hours("yellow_h"), red_h: hours("red_h") };
  });
  try {
    await post("/api/v1/process/limits", { items });
    toast(form.dataset.done ?? say("done"));
  } catch (error) {
    wrong(error);
  }
}

/** Arrow keys walk over the board's cards: up and down within a step, left and right between steps. */
function walk(event: KeyboardEvent): void {
  const card = (event.target as Element).closest?.("[data-board] .card");
  const column = card?.closest(".board-column");
  if (!card || !column) return;
  const cards = [...column.querySelectorAll<HTMLElement>(".card")], at = cards.indexOf(card as HTMLElement);
  let next: HTMLElement | undefined;
  if (event.key === "ArrowDown") next = cards[at + 1];
  else if (event.key === "ArrowUp") next = cards[at - 1];
  else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    const filled = [...document.querySelectorAll<HTMLElement>(".board-column")].filter((one) => one.querySelector(".card"));
    const other = filled[filled.indexOf(column as HTMLElement) + (event.key === "ArrowRight" ? 1 : -1)];
    const there = other ? [...other.querySelectorAll<HTMLElement>(".card")] : [];
    next = there[Math.min(at, there.length - 1)];
  } else return;
  event.preventDefault();
  next?.focus();
}

export function startProcess(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement, submitter = event.submitter;
    if (form.getAttribute("aria-busy") === "true") { event.preventDefault(); return; }
    if (form.dataset.steps !== undefined && submitter instanceof HTMLButtonElement) { event.preventDefault(); void act(form, submitter); }
    else if (form.dataset.import !== undefined) { event.preventDefault(); void register(form, submitter); }
    else if (form.dataset.linkBatch !== undefined) { event.preventDefault(); void link(form); }
    else if (form.dataset.limitsSteps !== undefined) { event.preventDefault(); void setLimits(form); }
  });
  document.addEventListener("change", (event) => {
    const box = event.target as HTMLInputElement;
    if (box.dataset.chooseAll !== undefined) for (const one of boxes()) { if (box.checked) chosen.add(one.value); else chosen.delete(one.value); }
    else if (box.dataset.choose !== undefined) { if (box.checked) chosen.add(box.value); else chosen.delete(box.value); }
    else return;
    drawChosen();
  });
  document.addEventListener("click", (event) => {
    const sheets = (event.target as Element).closest("[data-sheets]");
    if (sheets && chosen.size === 0) { event.preventDefault(); toast(say("chosen_none"), { tone: "alarm" }); }
  });
  document.addEventListener("keydown", walk);
  document.addEventListener("htmx:afterSettle", drawChosen);
  drawChosen();
}
