// One page large, or two beside each other: shown at once from what was loaded ahead; deep zoom over tiles only when it is asked for.
import type OpenSeadragon from "openseadragon";
import { imageOf, type SheetPage } from "./sheet_grid";

const WIDTH = 1280;
const AHEAD = 3;

export interface Shown { page: SheetPage; caption: string; alt: string }

function boxes(page: SheetPage): [number, number, number, number][] {
  return page.failing.map((check) => check.where).filter((where): where is [number, number, number, number] =>
    Array.isArray(where) && where.length === 4 && where.every((part) => typeof part === "number" && part >= 0 && part <= 1));
}

export class Stage {
  protected ahead: HTMLImageElement[] = []; // kept, so that they stay loaded
  private viewer: OpenSeadragon.Viewer | null = null;
  private shown: Shown[] = [];
  private marks = true;

  constructor(private box: HTMLElement, private purpose: string, private words: { pending: string; failed: string }) {
    box.addEventListener("dblclick", () => void this.zoom(2));
  }

  show(shown: Shown[], next: SheetPage[]): void {
    this.close();
    this.shown = shown;
    this.box.replaceChildren(...shown.map((one) => this.figure(one)));
    this.ahead = next.filter((page) => !page.pending && !page.placeholder).slice(0, AHEAD).map((page) => {
      const image = new Image();
      image.src = imageOf(page, this.purpose, WIDTH);
      return image;
    });
  }

  /** Boxes on what the checks found: on or off; whether they are on now. */
  toggleMarks(): boolean {
    this.marks = !this.marks;
    this.box.toggleAttribute("data-bare", !this.marks);
    return this.marks;
  }

  get zoomed(): boolean { return this.viewer !== null; }

  async zoom(factor: number): Promise<void> {
    if (this.viewer) { this.viewer.viewport.zoomBy(factor); this.viewer.viewport.applyConstraints(); return; }
    const page = this.shown[0]?.page;
    if (!page || page.pending || page.placeholder || factor < 1) return;
    const element = document.createElement("div");
    element.className = "deep";
    this.box.append(element);
    const { openDeep } = await import("./viewer");
    if (this.shown[0]?.page !== page || this.viewer) { element.remove(); return; }
    this.viewer = await openDeep(element, page.id, this.purpose, boxes(page).map(([x, y, w, h]) => [x, y * page.height / page.width, w, h * page.height / page.width]));
  }

  turn(): void {
    if (this.viewer) this.viewer.viewport.setRotation(this.viewer.viewport.getRotation() + 90);
  }

  /** Back from zoom to the whole page; whether there was a zoom. */
  close(): boolean {
    if (!this.viewer) return false;
    this.viewer.destroy();
    this.viewer = null;
    this.box.querySelector(".deep")?.remove();
    return true;
  }

  private figure({ page, caption, alt }: Shown): HTMLElement {
    const figure = document.createElement("figure");
    const frame = document.createElement("div");
    frame.className = "print";
    if (page.pending || page.placeholder || !page.width || !page.height) {
      frame.classList.add("print-empty");
      frame.textContent = this.words.pending;
    } else {
      frame.style.aspectRatio = `${page.width} / ${page.height}`;
      frame.style.setProperty("--ratio", String(page.width / page.height));
      const image = document.createElement("img");
      image.alt = alt;
      image.src = imageOf(page, this.purpose, WIDTH);
      image.addEventListener("error", () => { frame.classList.add("print-empty"); frame.replaceChildren(this.words.failed); });
      frame.append(image);
      for (const [x, y, w, h] of boxes(page)) {
        const box = document.createElement("span");
        box.className = "found";
        Object.assign(box.style, { left: `${x * 100}%`, top: `${y * 100}%`, width: `${w * 100}%`, height: `${h * 100}%` });
        frame.append(box);
      }
    }
    figure.append(frame);
    if (caption) figure.append(Object.assign(document.createElement("figcaption"), { textContent: caption }));
    return figure;
  }
}
