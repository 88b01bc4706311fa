// The list and the page of alarms: keys to walk and act, and several acknowledged at once.

const AT = "is-at";

function typing(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement;
  return event.ctrlKey || event.metaKey || event.altKey || !!document.querySelector("dialog[open]")
    || !!target.closest("input:not([type=checkbox]), textarea, select");
}

function rows(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>("[data-alarms] tr[data-alarm]")];
}

function go(step: number): void {
  const all = rows();
  if (all.length === 0) return;
  const now = all.findIndex((row) => row.classList.contains(AT));
  const next = all[Math.min(Math.max(now + step, 0), all.length - 1)]!;
  for (const row of all) row.classList.toggle(AT, row === next);
  next.querySelector<HTMLElement>("a.alarm-link")?.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

function here(): HTMLElement | null {
  const focused = (document.activeElement as HTMLElement | null)?.closest<HTMLElement>("[data-alarm]");
  return focused ?? document.querySelector<HTMLElement>(`[data-alarms] .${AT}`) ?? document.querySelector<HTMLElement>("[data-alarm-page] [data-alarm]");
}

function count(): void {
  const form = document.querySelector<HTMLFormElement>("[data-bulk]");
  if (!form) return;
  const chosen = [...document.querySelectorAll<HTMLInputElement>("[data-choose]:checked")].map((box) => box.value);
  form.dataset.json = JSON.stringify({ alarms: chosen });
  form.querySelector<HTMLButtonElement>("[data-bulk-go]")!.disabled = chosen.length === 0;
  form.querySelector("[data-bulk-count]")!.textContent = chosen.length ? String(chosen.length) : "";
}

function press(event: KeyboardEvent): void {
  if (typing(event)) return;
  const list = document.querySelector("[data-alarms]");
  const alarm = here();
  const step = list ? { j: 1, k: -1 }[event.key] : undefined;
  if (step) go(step);
  else if (event.key === "a" && alarm) alarm.querySelector<HTMLFormElement>('form[data-api$="/acknowledge"][data-undo]')?.requestSubmit();
  else if (event.key === "s" && alarm) alarm.querySelector<HTMLElement>('[data-opens^="shelve-"]')?.click();
  else if (event.key === "n" && alarm) alarm.querySelector<HTMLElement>('[data-opens^="note-"]')?.click();
  else if (event.key === "x" && alarm) alarm.querySelector<HTMLElement>("[data-choose]")?.click();
  else return;
  event.preventDefault();
}

export function startAlarms(): void {
  if (!document.querySelector("[data-alarms], [data-alarm-page]")) return;
  document.addEventListener("keydown", press);
  document.addEventListener("change", (event) => {
    const box = event.target as HTMLInputElement;
    if (box.matches("[data-choose-all]")) for (const one of document.querySelectorAll<HTMLInputElement>("[data-choose]")) one.checked = box.checked;
    if (box.matches("[data-choose], [data-choose-all]")) count();
  });
  document.addEventListener("focusin", (event) => {
    const row = (event.target as HTMLElement).closest?.("[data-alarms] tr[data-alarm]");
    if (row) for (const one of rows()) one.classList.toggle(AT, one === row);
  });
  document.addEventListener("htmx:afterSettle", count);
  document.querySelector<HTMLFormElement>(".alarms-filter")?.addEventListener("change", (event) => {
    if ((event.target as HTMLElement).matches("select")) (event.currentTarget as HTMLFormElement).requestSubmit();
  });
}
