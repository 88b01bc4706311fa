// People of the benches: forms with several benches, and a PIN that is shown once and then forgotten by the page.
import { post, toast } from "./acts";
import { say } from "./words";

interface Done { person: { name: string }; pin: string | null }

function bodyOf(form: HTMLFormElement): Record<string, unknown> {
  if (form.dataset.personSet) return JSON.parse(form.dataset.personSet) as Record<string, unknown>;
  const given = new FormData(form);
  const body: Record<string, unknown> = {};
  for (const name of ["name", "pin"]) {
    const value = given.get(name);
    if (typeof value === "string" && value.trim() !== "") body[name] = value.trim();
  }
  if (form.querySelector("[name=stations]") || form.querySelector(".bench-boxes")) body.stations = given.getAll("stations");
  return body;
}

function showPin(name: string, pin: string): void {
  const dialog = document.getElementById("pin-dialog") as HTMLDialogElement;
  dialog.querySelector("[data-pin-name]")!.textContent = name;
  const digits = dialog.querySelector("[data-pin]")!;
  digits.textContent = pin;
  dialog.querySelector<HTMLButtonElement>("[data-pin-print]")!.onclick = () => window.print();
  dialog.querySelector<HTMLButtonElement>("[data-pin-close]")!.onclick = () => dialog.close();
  dialog.onclose = () => { digits.textContent = ""; location.reload(); };
  dialog.showModal();
}

async function submit(event: SubmitEvent): Promise<void> {
  const form = event.target as HTMLFormElement;
  if (!form.dataset?.person || form.getAttribute("aria-busy") === "true") return;
  event.preventDefault();
  if (form.dataset.personAsk && !window.confirm(form.dataset.personAsk)) return;
  form.setAttribute("aria-busy", "true");
  try {
    const done = (await post(form.dataset.personApi!, bodyOf(form), false, form.dataset.person)) as Done;
    form.reset();
    if (done.pin) showPin(done.person.name, done.pin);
    else { toast(say("done")); window.setTimeout(() => location.reload(), 700); }
  } catch (error) {
    toast((error as Error).message, { tone: "alarm", ms: 12000 });
  } finally {
    form.removeAttribute("aria-busy");
  }
}

export function startPeople(): void {
  if (document.querySelector("[data-person]")) document.addEventListener("submit", (event) => void submit(event));
}
