// Two fingers zoom and move a chart, the wheel with Ctrl zooms it, Shift and a drag move it.
import { panned, zoomed } from "./view";

export interface Grip { window: () => [number, number]; preview: (window: [number, number]) => void; apply: (window: [number, number]) => void; cursor: (ms: number) => void }

const WHEEL_MS = 160;

export function grip(element: HTMLElement, hold: Grip): void {
  const share = (clientX: number): number => {
    const box = (element.querySelector(".u-over") ?? element).getBoundingClientRect();
    return box.width > 0 ? (clientX - box.left) / box.width : 0;
  };
  const at = (window: [number, number], clientX: number): number => window[0] + share(clientX) * (window[1] - window[0]);
  let start: { window: [number, number]; a: number; b: number } | null = null;
  let next: [number, number] | null = null;

  element.addEventListener("touchstart", (event) => {
    if (event.touches.length !== 2) return;
    start = { window: hold.window(), a: share(event.touches[0]!.clientX), b: share(event.touches[1]!.clientX) };
  }, { passive: true });
  element.addEventListener("touchmove", (event) => {
    if (event.touches.length === 1 && !start) { hold.cursor(at(hold.window(), event.touches[0]!.clientX)); return; }
    if (!start || event.touches.length !== 2) return;
    event.preventDefault();
    const a = share(event.touches[0]!.clientX), b = share(event.touches[1]!.clientX);
    const spread = Math.abs(b - a), before = Math.abs(start.b - start.a);
    if (spread < 0.02 || before < 0.02) return;
    const [from, to] = start.window;
    const middle = from + ((start.a + start.b) / 2) * (to - from);
    const zoom = zoomed(start.window, before / spread, middle);
    next = panned(zoom, (start.a + start.b) / 2 - (a + b) / 2);
    hold.preview(next);
  }, { passive: false });
  element.addEventListener("touchend", () => { if (start && next) hold.apply(next); start = null; next = null; });

  let timer = 0;
  element.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const window_ = next ?? hold.window();
    next = zoomed(window_, Math.exp(event.deltaY * 0.003), at(window_, event.clientX));
    hold.preview(next);
    window.clearTimeout(timer);
    timer = window.setTimeout(() => { if (next) hold.apply(next); next = null; }, WHEEL_MS);
  }, { passive: false });

  let drag: { x: number; window: [number, number] } | null = null;
  element.addEventListener("mousedown", (event) => {
    if (!event.shiftKey || event.button !== 0) return;
    event.stopPropagation(); event.preventDefault();
    drag = { x: share(event.clientX), window: hold.window() };
  }, { capture: true });
  document.addEventListener("mousemove", (event) => {
    if (!drag) return;
    next = panned(drag.window, drag.x - share(event.clientX));
    hold.preview(next);
  });
  document.addEventListener("mouseup", () => { if (drag && next) hold.apply(next); if (drag) { drag = null; next = null; } });
}
