// The limits page: search among the media, keep the form that sets them true to what is ticked, gather a profile's ranges.
import { post, toast } from "./acts";
import { say } from "./words";

function chosen(form: HTMLFormElement): string[] {
  return [...form.querySelectorAll<HTMLInputElement>("input[name=media]:checked")].map((box) => box.value);
}

function search(field: HTMLInputElement, form: HTMLFormElement): void {
  const words = field.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const item of form.querySelectorAll<HTMLElement>("[data-words]")) {
    const fits = words.every((word) => item.dataset.words!.includes(word)) || item.querySelector("input:checked") !== null;
    item.hidden = !fits;
    if (fits) shown += 1;
  }
  form.querySelector<HTMLElement>("[data-media-none]")!.hidden = shown > 0;
}

/** Merges into the JSON that the form sends beside its named fields. */
function told(form: HTMLFormElement, more: Record<string, unknown>): void {
  form.dataset.json = JSON.stringify({ ...(JSON.parse(form.dataset.json || "{}") as Record<string, unknown>), ...more });
}

function ranges(form: HTMLFormElement): Record<string, number>[] {
  const made: Record<string, number>[] = [];
  for (const row of form.querySelectorAll<HTMLElement>("[data-box]")) {
    const box: Record<string, number> = {};
    for (const field of row.querySelectorAll<HTMLInputElement>("[data-side]")) if (field.value !== "") box[field.dataset.side!] = Number(field.value);
    if (Object.keys(box).length > 0) made.push(box);
  }
  return made.length > 0 ? made : [{}];
}

async function retire(button: HTMLButtonElement): Promise<void> {
  button.disabled = true;
  try {
    await post(`/api/v1/limits/profiles/${button.dataset.retire}/retire`, {});
    location.reload();
  } catch (error) {
    button.disabled = false;
    toast((error as Error).message, { tone: "alarm", ms: 12000 });
  }
}

/** The strictest swing and rates of the media stand in the fields that nobody has filled in. */
function propose(save: HTMLFormElement): void {
  const strictest = JSON.parse(document.getElementById("preview")?.dataset.strictest || "{}") as Record<string, number | null>;
  for (const [name, value] of Object.entries(strictest)) {
    const field = save.elements.namedItem(name);
    if (!(field instanceof HTMLInputElement) || (field.value !== "" && field.dataset.proposed !== field.value)) continue;
    field.value = value === null ? "" : String(value);
    field.dataset.proposed = field.value;
  }
}

export function startLimits(): void {
  const media = document.querySelector<HTMLFormElement>("[data-media]")!;
  const save = document.querySelector<HTMLFormElement>("[data-limits-save]");
  const field = document.querySelector<HTMLInputElement>("[data-media-search]")!;
  field.addEventListener("input", () => search(field, media));
  media.addEventListener("submit", (event) => event.preventDefault());
  media.addEventListener("change", () => { if (save) told(save, { media: chosen(media) }); });
  if (save) document.addEventListener("htmx:afterSettle", (event) => { if ((event.target as Element).id === "preview") propose(save); });
  save?.addEventListener("submit", (event) => { // nothing ticked would give the limits back to the agents, which has a button of its own
    if (chosen(media).length > 0) return;
    event.preventDefault();
    event.stopPropagation();
    toast(say("limits_none"), { tone: "alarm", ms: 12000 });
    field.focus();
  });
  if (save) told(save, { media: chosen(media) }); // a browser may keep ticks over a reload
  const profile = document.querySelector<HTMLFormElement>("[data-profile]");
  profile?.addEventListener("input", () => told(profile, { boxes: ranges(profile) }));
  if (profile) told(profile, { boxes: ranges(profile) });
  for (const button of media.querySelectorAll<HTMLButtonElement>("[data-retire]")) button.addEventListener("click", () => void retire(button));
}
