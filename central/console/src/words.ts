// The texts that scripts show, translated by the server and handed over as one JSON block in the page.

let texts: Record<string, string> = {};

export function loadWords(): void {
  const block = document.getElementById("words");
  texts = block?.textContent ? (JSON.parse(block.textContent) as Record<string, string>) : {};
}

/** The text for a key, with `{name}` replaced from values; an unknown key shows itself, so that a gap is seen. */
export function say(key: string, values: Record<string, string | number> = {}): string {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}
