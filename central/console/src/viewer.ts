// Shows one page image with zoom and pan; the keys + - 0 work while it has the focus.
import OpenSeadragon from "openseadragon";

// The library would add a style element, which the page's policy forbids; this marker, which is no HTML style, tells it that line.css has it.
function markStyled(): void {
  const marker = document.createElementNS("urn:muniment", "style");
  marker.setAttribute("data-openseadragon-mobile-css", "true");
  document.head.append(marker);
}

export function startViewer(element: HTMLElement): void {
  markStyled();
  const viewer = OpenSeadragon({
    element,
    tileSources: { type: "image", url: element.dataset.image! },
    showNavigationControl: false,
    animationTime: 0.4,
    maxZoomPixelRatio: 3,
    visibilityRatio: 0.6,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    crossOriginPolicy: false,
    drawer: "canvas",
  });
  viewer.addHandler("open", () => element.setAttribute("data-state", "ready"));
  viewer.addHandler("open-failed", () => element.setAttribute("data-state", "failed"));
  const zoom = (factor: number): void => { viewer.viewport.zoomBy(factor); viewer.viewport.applyConstraints(); };
  const acts: Record<string, () => void> = {
    in: () => zoom(1.5), out: () => zoom(1 / 1.5), home: () => viewer.viewport.goHome(),
    turn: () => viewer.viewport.setRotation(viewer.viewport.getRotation() + 90),
  };
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-zoom]")) {
    button.addEventListener("click", () => acts[button.dataset.zoom!]?.());
  }
}
