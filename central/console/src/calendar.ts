// The calendar's editor: a click makes a day what its weekday does not say, and back; saved as a whole.
import { say } from "./words";

interface Calendar { weekend: number[]; days: Record<string, string> }

export function startCalendar(): void {
  const section = document.querySelector<HTMLElement>("[data-calendar]")!;
  const form = section.querySelector<HTMLFormElement>("[data-calendar-save]");
  if (section.dataset.edit === undefined || !form) return;
  const given = JSON.parse(section.dataset.calendar!) as Calendar;
  const before = JSON.stringify([given.weekend, given.days]);
  const state: Calendar = { weekend: [...given.weekend], days: { ...given.days } };
  const buttons = [...section.querySelectorAll<HTMLButtonElement>("[data-day]")];
  const kinds = JSON.parse(section.dataset.kinds!) as Record<string, string>;
  let changed = 0;

  const plain = (button: HTMLElement): string => (state.weekend.includes(Number(button.dataset.weekday)) ? "weekend" : "day");
  const draw = (): void => {
    for (const button of buttons) {
      const day = button.dataset.day!, kind = state.days[day] ?? plain(button);
      if (kind === button.dataset.kind) continue;
      button.dataset.kind = kind;
      button.setAttribute("aria-label", `${button.textContent}, ${day}: ${kinds[kind]}`);
    }
    form.dataset.json = JSON.stringify(state);
    form.querySelector("button")!.disabled = JSON.stringify([state.weekend, state.days]) === before;
    const words = section.querySelector("[data-calendar-changed]")!;
    if (changed) words.textContent = say("calendar_changed", { n: changed });
  };
  section.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLButtonElement>("[data-day]");
    if (!button) return;
    const day = button.dataset.day!;
    if (day in state.days) delete state.days[day];
    else state.days[day] = plain(button) === "weekend" ? "work" : "off";
    state.days = Object.fromEntries(Object.entries(state.days).sort(([a], [b]) => (a < b ? -1 : 1)));
    changed += 1;
    draw();
  });
  section.addEventListener("change", (event) => {
    const box = event.target as HTMLInputElement;
    if (box.dataset.weekend === undefined) return;
    const day = Number(box.dataset.weekend);
    state.weekend = box.checked ? [...state.weekend, day].sort() : state.weekend.filter((one) => one !== day);
    changed += 1;
    draw();
  });
  section.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 7, ArrowUp: -7 }[event.key];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    if (step === undefined || at < 0) return;
    buttons[at + step]?.focus();
    event.preventDefault();
  });
}
