// The switch between paper (light), night (dark) and what the system asks for; remembered in a cookie, so that the server draws it at once.

const ORDER = ["auto", "light", "dark"];

function redraw(): void {
  document.dispatchEvent(new Event("muniment:theme"));
}

export function startTheme(): void {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  let kept: string | undefined;
  window.addEventListener("beforeprint", () => { kept = document.documentElement.dataset.theme; document.documentElement.dataset.theme = "light"; redraw(); });
  window.addEventListener("afterprint", () => { document.documentElement.dataset.theme = kept ?? "auto"; redraw(); });
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-theme-switch]");
    if (!button) return;
    const root = document.documentElement;
    const next = ORDER[(ORDER.indexOf(root.dataset.theme ?? "auto") + 1) % ORDER.length]!;
    root.dataset.theme = next;
    document.cookie = `muniment_theme=${next}; path=/; max-age=31536000; samesite=lax`;
    redraw();
  });
}
