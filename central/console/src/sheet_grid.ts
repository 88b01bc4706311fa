// The grid of small pages: only what is on the screen is in the document, so that two thousand pages are as quick as twenty.

export interface Failing { name: string; words: unknown; words_zh: unknown; where: unknown }
export interface SheetPage {
  id: string; seq: number | null; verdict: string; press: string; station: string; operator: string | null; pending: boolean;
  placeholder: string | null; width: number; height: number; replaces: string | null; replaced_by: string | null; deleted: boolean;
  why: string | null; review: { ok: boolean; code: string | null; reason: string | null; by: string } | null; failing: Failing[];
}

const TILE = 148; // px, with its gap; styles in sheet.css
const ROW = 236;
const BEYOND = 2; // rows drawn above and below

export function imageOf(page: SheetPage, purpose: string, width: number): string {
  return `/api/v1/pages/${encodeURIComponent(page.id)}/image?purpose=${encodeURIComponent(purpose)}&width=${width}`;
}

export function icon(name: string): SVGSVGElement {
  const drawn = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawn.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  drawn.append(use);
  return drawn;
}

export const TONE: Record<string, string> = { good: "green", look: "yellow", bad: "red" };

export class Grid {
  private canvas: HTMLElement;
  private pages: SheetPage[] = [];
  private drawn = new Map<number, HTMLElement>();
  private columns = 1;
  at = 0;

  /** `words(page)` says all of a page for who hears it; `open` is called for a page that is chosen. */
  constructor(private box: HTMLElement, private options: { purpose: string; words: (page: SheetPage) => string; open: (at: number) => void; pending: string }) {
    this.canvas = box.firstElementChild as HTMLElement;
    box.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.layOut()).observe(box);
    this.canvas.addEventListener("click", (event) => {
      const tile = (event.target as Element).closest<HTMLElement>("[data-at]");
      if (!tile) return;
      this.go(Number(tile.dataset.at));
      this.options.open(this.at);
    });
  }

  show(pages: SheetPage[], at: number): void {
    this.pages = pages;
    this.at = Math.max(0, Math.min(at, pages.length - 1));
    this.layOut();
    this.reveal();
  }

  /** A page was said something of: its tile alone is drawn again. */
  refresh(): void {
    for (const tile of this.drawn.values()) tile.remove();
    this.drawn.clear();
    this.draw();
  }

  go(at: number): void {
    this.at = Math.max(0, Math.min(at, this.pages.length - 1));
    this.reveal();
    this.draw();
  }

  /** The arrow keys; whether this was one. */
  key(key: string): boolean {
    const page = Math.max(1, Math.floor(this.box.clientHeight / ROW)) * this.columns;
    const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns, PageUp: -page, PageDown: page, Home: -this.pages.length, End: this.pages.length };
    if (!(key in steps)) return false;
    this.go(this.at + steps[key]!);
    return true;
  }

  private layOut(): void {
    this.columns = Math.max(1, Math.floor(this.box.clientWidth / TILE));
    this.canvas.style.height = `${Math.ceil(this.pages.length / this.columns) * ROW}px`;
    this.refresh();
  }

  private reveal(): void {
    const top = Math.floor(this.at / this.columns) * ROW;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top + ROW > this.box.scrollTop + this.box.clientHeight) this.box.scrollTop = top + ROW - this.box.clientHeight;
  }

  private draw(): void {
    if (this.box.clientHeight === 0) return;
    const first = Math.max(0, (Math.floor(this.box.scrollTop / ROW) - BEYOND) * this.columns);
    const last = Math.min(this.pages.length, (Math.ceil((this.box.scrollTop + this.box.clientHeight) / ROW) + BEYOND) * this.columns);
    for (const [at, tile] of this.drawn) if (at < first || at >= last) { tile.remove(); this.drawn.delete(at); }
    for (let at = first; at < last; at++) {
      let tile = this.drawn.get(at);
      if (!tile) {
        tile = this.tile(this.pages[at]!, at);
        this.drawn.set(at, tile);
        this.canvas.append(tile);
      }
      tile.setAttribute("aria-selected", String(at === this.at));
    }
    if (this.pages.length) this.box.setAttribute("aria-activedescendant", `tile-${this.at}`);
    else this.box.removeAttribute("aria-activedescendant");
  }

  private tile(page: SheetPage, at: number): HTMLElement {
    const tile = document.createElement("div");
    tile.className = "tile";
    tile.id = `tile-${at}`;
    tile.dataset.at = String(at);
    tile.setAttribute("role", "option");
    tile.setAttribute("aria-setsize", String(this.pages.length));
    tile.setAttribute("aria-posinset", String(at + 1));
    tile.setAttribute("aria-label", this.options.words(page));
    tile.style.transform = `translate(${(at % this.columns) * TILE}px, ${Math.floor(at / this.columns) * ROW}px)`;
    if (page.replaced_by || page.deleted) tile.dataset.gone = "";
    if (page.review) tile.dataset.said = page.review.ok ? "ok" : "no";
    const frame = document.createElement("span");
    frame.className = "frame";
    if (page.pending || page.placeholder) frame.textContent = this.options.pending;
    else {
      const image = document.createElement("img");
      image.alt = "";
      image.decoding = "async";
      image.src = imageOf(page, this.options.purpose, 320);
      frame.append(image);
    }
    const under = document.createElement("span");
    under.className = "under";
    const number = document.createElement("strong");
    number.textContent = page.seq === null ? "–" : String(page.seq);
    under.append(icon(TONE[page.verdict] ?? "grey"), number);
    if (page.why) under.append(Object.assign(document.createElement("span"), { className: "drawn", textContent: "●" }));
    if (page.review) under.append(Object.assign(document.createElement("span"), { className: "said", textContent: page.review.ok ? "✓" : "✗" }));
    tile.append(frame, under);
    return tile;
  }
}
