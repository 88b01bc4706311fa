// The dialog that exports: begins with what the chart shows, and asks the API for a file.
import { zone } from "./times";
import { say } from "./words";

interface Shown { channels: string[]; from: number; to: number }

/** A moment as `datetime-local` wants it, in the viewer's zone. */
function local(ms: number): string {
  const parts = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  return parts.format(ms).replace(" ", "T");
}

export function startExport(form: HTMLFormElement): void {
  const from = form.elements.namedItem("from") as HTMLInputElement, to = form.elements.namedItem("to") as HTMLInputElement;
  const problem = form.querySelector<HTMLElement>("[data-export-problem]")!;
  from.value = local(Date.now() - 86_400_000);
  to.value = local(Date.now() + 60_000);
  document.addEventListener("muniment:course", (event) => {
    const shown = (event as CustomEvent<Shown>).detail;
    from.value = local(shown.from);
    to.value = local(shown.to + 59_999);
    for (const box of form.querySelectorAll<HTMLInputElement>("input[name=sensor]")) box.checked = shown.channels.includes(box.value);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const data = new FormData(form);
    const sensors = data.getAll("sensor").map(String);
    const start = new Date(from.value).getTime(), end = new Date(to.value).getTime();
    const wrong = sensors.length === 0 ? say("export_none") : !(end > start) ? say("export_order") : "";
    problem.textContent = wrong;
    problem.hidden = wrong === "";
    if (wrong) return;
    const query = new URLSearchParams({ sensor: sensors.join(","), from: String(start), to: String(end), format: String(data.get("format")) });
    const link = document.createElement("a");
    link.href = `${form.getAttribute("action")}?${query.toString().replaceAll("%2C", ",")}`;
    link.download = "";
    link.click();
    form.closest("dialog")?.close();
  });
}
