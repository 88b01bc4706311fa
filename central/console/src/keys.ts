// Keys that work on every page: "?" shows them all, "g" and a letter goes somewhere, "/" finds a room.

const PLACES: Record<string, string> = { r: "/rooms", p: "/plans", a: "/alarms" };
const CHORD_MS = 1500;

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

export function startKeys(): void {
  let going = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
    const key = event.key;
    if (going && Date.now() - going < CHORD_MS && PLACES[key]) {
      const link = document.querySelector<HTMLAnchorElement>(`nav a[href="${PLACES[key]}"]`);
      if (link) { event.preventDefault(); link.click(); }
    }
    going = key === "g" ? Date.now() : 0;
    const found = key === "/" ? document.querySelector<HTMLElement>("[data-key-find]") : key === "c" ? document.querySelector<HTMLElement>('[data-part="plot"]') : null;
    if (found) { event.preventDefault(); found.focus(); found.scrollIntoView({ block: "nearest" }); }
    const dialog = key === "?" ? "keys" : key === "e" ? "export" : "";
    const sheet = dialog ? document.getElementById(dialog) : null;
    if (sheet instanceof HTMLDialogElement) { event.preventDefault(); sheet.showModal(); }
  });
}
