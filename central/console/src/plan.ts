// A floor plan: puts things at their places; in edit mode they are dragged or moved by keys, saved at once, and each step can be undone.
import { post, toast } from "./acts";
import { say } from "./words";

interface Spot { x: number | null; y: number | null; w: number | null; h: number | null }
const STEP = 0.005, STRIDE = 0.05; // of the plan, by arrow keys
const SAVE_MS = 500; // after the last key
const CORNER = 24; // pixels at a room's corner by which it is made larger
const LEAST = 0.04;
const ROOM: [number, number] = [0.24, 0.3]; // of a room that is put down
const UNDO_MAX = 100;

const clamp = (v: number, low = 0, high = 1): number => Math.round(Math.min(high, Math.max(low, v)) * 10000) / 10000;

class Plan {
  private readonly undos: { item: string; spot: Spot; name: string }[] = [];
  private readonly pending = new Map<string, { timer: number; before: Spot }>();
  private readonly api: string;

  constructor(private readonly root: HTMLElement) {
    this.api = `/api/v1/plans/${root.dataset.plan}`;
    this.stage.style.aspectRatio = `${root.dataset.width} / ${root.dataset.height}`;
    this.lay();
    if (root.dataset.focus) this.pin(root.dataset.focus)?.scrollIntoView({ block: "nearest", inline: "center" });
    document.addEventListener("htmx:afterSettle", () => this.lay());
    const edit = root.querySelector<HTMLButtonElement>("[data-plan-edit]");
    if (!edit) return;
    edit.addEventListener("click", () => this.editing(root.dataset.editing === undefined));
    root.querySelector("[data-plan-undo]")!.addEventListener("click", () => void this.undo());
    root.querySelector("[data-plan-picture]")!.addEventListener("change", (event) => void this.picture(event.target as HTMLInputElement));
    root.querySelector("[data-plan-name]")!.addEventListener("submit", (event) => { event.preventDefault(); void this.name(event.target as HTMLFormElement); });
    root.querySelector("[data-plan-remove]")!.addEventListener("click", (event) => void this.remove(event.target as HTMLButtonElement));
    root.addEventListener("click", (event) => this.click(event));
    root.addEventListener("pointerdown", (event) => this.grab(event));
    root.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "z" && root.dataset.editing !== undefined) { event.preventDefault(); void this.undo(); }
    });
    window.addEventListener("pagehide", () => { for (const item of [...this.pending.keys()]) this.save(item, true); });
    if (new URLSearchParams(location.search).has("edit")) this.editing(true);
  }

  private get stage(): HTMLElement { return this.root.querySelector<HTMLElement>("[data-stage]")!; }

  private pin(item: string): HTMLElement | null {
    return [...this.stage.querySelectorAll<HTMLElement>(".pin")].find((pin) => pin.dataset.item === item) ?? null;
  }

  private spot(pin: HTMLElement): Spot {
    const number = (text: string | undefined): number | null => (text === undefined || text === "" ? null : Number(text));
    return { x: number(pin.dataset.x), y: number(pin.dataset.y), w: number(pin.dataset.w), h: number(pin.dataset.h) };
  }

  private lay(): void {
    this.stage.style.aspectRatio = `${this.root.dataset.width} / ${this.root.dataset.height}`;
    for (const pin of this.stage.querySelectorAll<HTMLElement>(".pin")) {
      const { x, y, w, h } = this.spot(pin);
      pin.style.left = `${(x ?? 0) * 100}%`;
      pin.style.top = `${(y ?? 0) * 100}%`;
      if (w !== null && h !== null) { pin.style.width = `${w * 100}%`; pin.style.height = `${h * 100}%`; }
    }
  }

  private editing(on: boolean): void {
    if (on) this.root.dataset.editing = "";
    else delete this.root.dataset.editing;
    this.root.querySelector("[data-plan-edit]")!.setAttribute("aria-pressed", String(on));
  }

  private put(pin: HTMLElement, spot: Spot): void {
    pin.dataset.x = String(spot.x);
    pin.dataset.y = String(spot.y);
    if (spot.w !== null && spot.h !== null) { pin.dataset.w = String(spot.w); pin.dataset.h = String(spot.h); }
    this.lay();
  }

  private moved(spot: Spot, dx: number, dy: number): Spot {
    return { ...spot, x: clamp((spot.x ?? 0) + dx, 0, 1 - (spot.w ?? 0)), y: clamp((spot.y ?? 0) + dy, 0, 1 - (spot.h ?? 0)) };
  }

  private grown(spot: Spot, dw: number, dh: number): Spot {
    return { ...spot, w: clamp((spot.w ?? LEAST) + dw, LEAST, 1 - (spot.x ?? 0)), h: clamp((spot.h ?? LEAST) + dh, LEAST, 1 - (spot.y ?? 0)) };
  }

  private click(event: MouseEvent): void {
    if (this.root.dataset.editing === undefined) return;
    const target = event.target as Element;
    if (target.closest(".pin")) { event.preventDefault(); return; }
    const offer = target.closest<HTMLElement>("[data-place]");
    if (!offer) return;
    const room = offer.dataset.kind === "room";
    const count = this.stage.querySelectorAll(".pin").length;
    const at = { x: clamp(0.06 + (count % 3) * 0.31), y: clamp(0.08 + (Math.floor(count / 3) % 3) * 0.3) };
    const spot: Spot = room ? { ...at, w: ROOM[0], h: ROOM[1] } : { x: clamp(at.x + 0.1), y: clamp(at.y + 0.1), w: null, h: null };
    offer.setAttribute("disabled", "");
    void this.place(offer.dataset.place!, spot, { x: null, y: null, w: null, h: null }, offer.dataset.name ?? "").then((done) => { if (done) void this.refresh(offer.dataset.place!); });
  }

  private grab(event: PointerEvent): void {
    const pin = (event.target as Element).closest<HTMLElement>(".pin");
    if (!pin || this.root.dataset.editing === undefined || event.button !== 0) return;
    event.preventDefault();
    pin.focus();
    const box = this.stage.getBoundingClientRect(), edge = pin.getBoundingClientRect(), before = this.spot(pin);
    const grows = before.w !== null && edge.right - event.clientX < CORNER && edge.bottom - event.clientY < CORNER;
    pin.setPointerCapture(event.pointerId);
    pin.classList.add("is-held");
    pin.setAttribute("aria-busy", "true"); // a refresh leaves it alone
    const move = (to: PointerEvent): void => {
      const dx = (to.clientX - event.clientX) / box.width, dy = (to.clientY - event.clientY) / box.height;
      this.put(pin, grows ? this.grown(before, dx, dy) : this.moved(before, dx, dy));
    };
    const end = (): void => {
      pin.removeEventListener("pointermove", move);
      pin.classList.remove("is-held");
      pin.removeAttribute("aria-busy");
      const after = this.spot(pin);
      if (after.x !== before.x || after.y !== before.y || after.w !== before.w || after.h !== before.h) void this.place(pin.dataset.item!, after, before, pin.dataset.name ?? "");
    };
    pin.addEventListener("pointermove", move);
    pin.addEventListener("pointerup", end, { once: true });
    pin.addEventListener("pointercancel", end, { once: true });
  }

  private key(event: KeyboardEvent): void {
    const pin = (event.target as Element).closest<HTMLElement>(".pin");
    if (!pin || this.root.dataset.editing === undefined || event.ctrlKey || event.metaKey) return;
    const item = pin.dataset.item!, before = this.spot(pin);
    if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      void this.place(item, { x: null, y: null, w: null, h: null }, before, pin.dataset.name ?? "").then((done) => { if (done) void this.refresh(); });
      return;
    }
    const way: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const step = way[event.key];
    if (!step) return;
    event.preventDefault();
    const by = event.shiftKey ? STRIDE : STEP;
    this.put(pin, event.altKey && before.w !== null ? this.grown(before, step[0] * by, step[1] * by) : this.moved(before, step[0] * by, step[1] * by));
    this.say(pin);
    const known = this.pending.get(item);
    window.clearTimeout(known?.timer);
    this.pending.set(item, { before: known?.before ?? before, timer: window.setTimeout(() => this.save(item, false), SAVE_MS) });
  }

  private save(item: string, keepalive: boolean): void {
    const known = this.pending.get(item), pin = this.pin(item);
    this.pending.delete(item);
    window.clearTimeout(known?.timer);
    if (known && pin) void this.place(item, this.spot(pin), known.before, pin.dataset.name ?? "", keepalive);
  }

  private say(pin: HTMLElement): void {
    const { x, y } = this.spot(pin);
    this.root.querySelector("[data-plan-spoken]")!.textContent = say("plan_at", { name: pin.dataset.name ?? "", x: Math.round((x ?? 0) * 100), y: Math.round((y ?? 0) * 100) });
  }

  /** Sends a place; what stood there before can be had back. */
  private async place(item: string, spot: Spot, before: Spot | null, name: string, keepalive = false): Promise<boolean> {
    try {
      await post(`${this.api}/places`, { item, ...spot }, keepalive);
    } catch (error) {
      toast((error as Error).message, { tone: "alarm", ms: 12000 });
      void this.refresh();
      return false;
    }
    if (before) {
      this.undos.push({ item, spot: before, name });
      if (this.undos.length > UNDO_MAX) this.undos.shift();
    }
    this.root.querySelector<HTMLButtonElement>("[data-plan-undo]")!.disabled = this.undos.length === 0;
    this.root.querySelector("[data-plan-spoken]")!.textContent = say(spot.x === null ? "plan_off" : "plan_saved", { name });
    return true;
  }

  private async undo(): Promise<void> {
    for (const item of [...this.pending.keys()]) this.save(item, false);
    const last = this.undos.pop();
    if (last && (await this.place(last.item, last.spot, null, last.name))) await this.refresh(last.item);
  }

  /** Fetches stage and tray anew and keeps the focus on a thing. */
  private async refresh(focus?: string): Promise<void> {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [stage, tray] = [fresh.querySelector("[data-stage]"), fresh.querySelector("[data-tray]")];
    if (stage) this.stage.replaceChildren(...stage.childNodes);
    if (tray) this.root.querySelector("[data-tray]")!.replaceChildren(...tray.childNodes);
    const empty = this.root.querySelector<HTMLElement>("[data-plan-empty]");
    if (empty) empty.hidden = this.stage.querySelector(".pin") !== null;
    this.lay();
    if (focus) this.pin(focus)?.focus();
  }

  private async picture(input: HTMLInputElement): Promise<void> {
    const file = input.files?.[0];
    if (!file) return;
    const csrf = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
    const answer = await fetch(`${this.api}/picture`, { method: "POST", credentials: "same-origin", body: file, headers: { "Content-Type": file.type || "application/octet-stream", "X-CSRFToken": csrf, Accept: "application/json" } });
    if (answer.ok) { location.search = "?edit=1"; return; }
    const problem = (await answer.json().catch(() => null)) as { detail?: string } | null;
    toast(problem?.detail ?? say("refused", { status: answer.status }), { tone: "alarm", ms: 12000 });
    input.value = "";
  }

  private async name(form: HTMLFormElement): Promise<void> {
    try {
      await post(this.api, body(form));
      location.reload();
    } catch (error) { toast((error as Error).message, { tone: "alarm", ms: 12000 }); }
  }

  private async remove(button: HTMLButtonElement): Promise<void> {
    if (button.dataset.asked === undefined) { button.dataset.asked = ""; button.textContent = button.dataset.sure ?? ""; return; }
    await post(`${this.api}/remove`, {});
    location.href = "/plans?all=1";
  }
}

function body(form: HTMLFormElement): Record<string, string | null> {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim() || null]));
}

export function startPlan(): void {
  const root = document.querySelector<HTMLElement>("[data-plan]");
  if (root) new Plan(root);
  document.querySelector<HTMLFormElement>("[data-plan-new]")?.addEventListener("submit", (event) => {
    event.preventDefault();
    void post("/api/v1/plans", body(event.target as HTMLFormElement)).then(
      (made) => { location.href = `/plans/${(made as { id: string }).id}?edit=1`; },
      (error: Error) => toast(error.message, { tone: "alarm", ms: 12000 }),
    );
  });
}
