// The security queue: one event at a time, with the clip and the keys (j/k next and previous, space play, 1-4 verdicts, ? help).

function playing(): HTMLVideoElement | null {
  return document.querySelector<HTMLVideoElement>("[data-clip] video");
}

function follow(selector: string): void {
  document.querySelector<HTMLAnchorElement>(selector)?.click();
}

function key(event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.closest("input, textarea, select, dialog[open], [contenteditable]")) return;
  const desk = document.querySelector<HTMLElement>("[data-review]");
  if (!desk) return;
  const video = playing();
  if (event.key === "j") follow("[data-next]");
  else if (event.key === "k") follow("[data-previous]");
  else if (event.key === " " && video && !target.closest("button, a, video, summary")) {
    if (video.paused) void video.play();
    else video.pause();
  } else if (/^[1-4]$/.test(event.key)) desk.querySelector<HTMLElement>(`[data-verdict-key="${event.key}"]`)?.click();
  else return;
  event.preventDefault();
}

function verdict(event: MouseEvent): void {
  const button = (event.target as Element).closest<HTMLElement>("[data-verdict]");
  if (!button) return;
  const dialog = document.querySelector<HTMLDialogElement>("#verdict-dialog");
  if (!dialog) return;
  dialog.querySelector<HTMLInputElement>('[name="verdict"]')!.value = button.dataset.verdict!;
  dialog.querySelector("[data-verdict-words]")!.textContent = button.dataset.words ?? button.textContent;
  dialog.showModal();
  dialog.querySelector<HTMLElement>("textarea, select, input:not([type=hidden])")?.focus();
}

/** Moves the hand on the clip's track along with the picture, and jumps where the track is clicked. */
function track(root: ParentNode): void {
  for (const clip of root.querySelectorAll<HTMLElement>("[data-clip]:not([data-ready])")) {
    const video = clip.querySelector("video");
    const hand = clip.querySelector<SVGElement>("[data-hand]");
    const rail = clip.querySelector<SVGElement>("[data-rail]");
    if (!video || !hand || !rail) continue;
    clip.dataset.ready = "";
    video.addEventListener("timeupdate", () => {
      if (!Number.isFinite(video.duration) || video.duration === 0) return;
      const x = `${(video.currentTime / video.duration) * 100}%`;
      hand.setAttribute("x1", x);
      hand.setAttribute("x2", x);
    });
    video.addEventListener("error", () => clip.setAttribute("data-failed", ""));
    rail.addEventListener("click", (event) => {
      const box = rail.getBoundingClientRect();
      if (Number.isFinite(video.duration)) video.currentTime = ((event.clientX - box.left) / box.width) * video.duration;
    });
  }
}

export function startReview(): void {
  document.addEventListener("keydown", key);
  document.addEventListener("click", verdict);
  track(document);
}

export { track };
