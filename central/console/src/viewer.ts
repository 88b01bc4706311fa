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

/** Deep zoom of a page in this element: over its tiles where there are some, else over the image itself; boxes in viewport units. */
export async function openDeep(element: HTMLElement, page: string, purpose: string, boxes: number[][]): Promise<OpenSeadragon.Viewer> {
  markStyled();
  const base = `/api/v1/pages/${encodeURIComponent(page)}`, why = `?purpose=${encodeURIComponent(purpose)}`;
  let source: object = { type: "image", url: `${base}/image${why}` };
  try {
    const answer = await fetch(`${base}/iiif/info.json${why}`, { credentials: "same-origin" });
    if (answer.ok) {
      const info = { ...((await answer.json()) as object), id: new URL(`${base}/iiif`, location.href).href, version: 3 };
      const tiles = new OpenSeadragon.IIIFTileSource(info as never);
      const plain = tiles.getTileUrl.bind(tiles);
      tiles.getTileUrl = (level: number, x: number, y: number): string => `${String(plain(level, x, y))}${why}`;
      source = tiles;
    }
  } catch { /* the image itself does as well */ }
  const viewer = OpenSeadragon({
    element, tileSources: source as never, showNavigationControl: false, animationTime: 0.3, maxZoomPixelRatio: 3, visibilityRatio: 0.6,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true }, crossOriginPolicy: false, drawer: "canvas",
  });
  viewer.addHandler("open", () => {
    element.setAttribute("data-state", "ready");
    for (const [x, y, w, h] of boxes) {
      const found = document.createElement("div");
      found.className = "found";
      viewer.addOverlay({ element: found, location: new OpenSeadragon.Rect(x!, y!, w!, h!) });
    }
    viewer.viewport.zoomBy(2, undefined, true);
  });
  viewer.addHandler("open-failed", () => element.setAttribute("data-state", "failed"));
  return viewer;
}
