// The overview's filter, by name and by light; it holds when the list is refreshed, and comes back with the next visit of this tab.

export function startRooms(bar: HTMLElement): void {
  const find = bar.querySelector<HTMLInputElement>("input[type=search]")!;
  const buttons = [...bar.querySelectorAll<HTMLButtonElement>("button[data-light]")];
  let light = "";
  const apply = (): void => {
    const words = find.value.trim().toLocaleLowerCase();
    let shown = 0;
    for (const room of document.querySelectorAll<HTMLElement>("[data-room]")) {
      const fits = room.dataset.room!.toLocaleLowerCase().includes(words) && (light === "" || room.dataset.light === light);
      room.hidden = !fits;
      if (fits) shown++;
    }
    const none = document.querySelector<HTMLElement>("[data-rooms-none]");
    if (none) none.hidden = shown > 0;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.light === light));
    sessionStorage.setItem("muniment-rooms", JSON.stringify({ words: find.value, light }));
  };
  find.addEventListener("input", apply);
  for (const button of buttons) button.addEventListener("click", () => { light = button.dataset.light ?? ""; apply(); });
  document.addEventListener("htmx:afterSettle", apply);
  try {
    const kept = JSON.parse(sessionStorage.getItem("muniment-rooms") ?? "{}") as { words?: string; light?: string };
    find.value = kept.words ?? "";
    if (buttons.some((button) => button.dataset.light === kept.light)) light = kept.light ?? "";
  } catch {
    // what another version kept is forgotten
  }
  apply();
}
