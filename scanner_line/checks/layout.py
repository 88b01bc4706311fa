"""Where the page lies in the picture, how bright its paper is, and where its text stands."""

from dataclasses import dataclass

import cv2
import numpy as np

from scanner_line.checks.images import Gray, as_gray, mask_where

VIEW_PX = 1000  # long side of the reduced picture on which everything but sharpness is measured
MASK_PX = 200  # long side of the picture on which the page is told from the desk
DESK_STEP = 0.35  # of the paper's level: desk and paper must lie further apart than light and shade on one page
TILE_PX = 48  # side of a tile, in the reduced picture
TEXT_STEP = 0.22  # contrast of text, as a share of the paper's level
SMEAR_STEP = 0.13  # of what is darker than its surroundings, as a share of the paper's level
TEXT_SHARE = 0.35  # share of a tile within reach of an edge, for the tile to count as text
TILES_MAX = 24  # tiles looked at in full size, where that many are full of text
PART_TILES = 3  # of each ninth of the picture, however little of the page's text stands there


@dataclass(frozen=True, slots=True)
class Layout:
    """`mask` marks the page in the reduced picture (255 = page); `paper` is its paper's grey level; `touches` the picture's sides that
    the page runs into; `tiles` the (x, y) of the tiles full of text; `scale` the reduced picture's size over the full one's."""

    mask: Gray
    paper: float
    touches: str
    tiles: tuple[tuple[int, int], ...]
    scale: float


def reduce_view(gray: Gray) -> Gray:
    """The picture shrunk to a long side of VIEW_PX; a smaller one is returned as it is."""
    height, width = gray.shape
    scale = VIEW_PX / max(height, width)
    if scale >= 1:
        return gray
    return as_gray(cv2.resize(gray, (max(8, round(width * scale)), max(8, round(height * scale))), interpolation=cv2.INTER_AREA))


def layout_of(view: Gray, *, full_width: int) -> Layout:
    """The layout of a reduced picture."""
    mask, paper = _page_of(view)
    return Layout(mask=mask, paper=paper, touches=_touches(mask), tiles=_text_tiles(view, mask, paper), scale=view.shape[1] / full_width)


def ink_of(view: Gray, layout: Layout) -> tuple[float, float]:
    """Two shares of the page: what has the contrast of ink, and what is darker than its surroundings at all, sharp or smeared.

    A page with much of the second and none of the first is not blank but out of focus.
    """
    inside = cv2.erode(layout.mask, np.ones((25, 25), np.uint8), borderValue=0)
    area = max(1, cv2.countNonZero(inside))
    ground = cv2.morphologyEx(view, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_RECT, (41, 41)))
    below = cv2.subtract(ground, view)
    ink = cv2.countNonZero(cv2.bitwise_and(mask_where(below > layout.paper * TEXT_STEP), inside))
    smear = cv2.countNonZero(cv2.bitwise_and(mask_where(below > layout.paper * SMEAR_STEP), inside))
    return ink / area, smear / area


def shade_of(view: Gray, layout: Layout) -> float:
    """How uneven the page is at the size of paragraphs, as a share of its paper: text stays visible here even when it is wholly smeared."""
    inside = cv2.erode(layout.mask, np.ones((61, 61), np.uint8), borderValue=0)
    alone = np.where(layout.mask > 0, view, np.uint8(min(255, round(layout.paper)))).astype(np.float32)
    size = (max(8, view.shape[1] // 4), max(8, view.shape[0] // 4))
    small = cv2.resize(alone, size, interpolation=cv2.INTER_AREA)
    blocks = cv2.GaussianBlur(small, (0, 0), 2.0) - cv2.GaussianBlur(small, (0, 0), 12.0)
    seen = blocks[cv2.resize(inside, size, interpolation=cv2.INTER_NEAREST) > 0]
    return float(np.std(seen)) / max(1.0, layout.paper) if seen.size else 0.0


def _page_of(view: Gray) -> tuple[Gray, float]:
    """The mask of the page and the level of its paper. Without a desk in sight the whole picture is the page."""
    height, width = view.shape
    scale = MASK_PX / max(height, width)
    small = cv2.resize(view, (max(8, round(width * scale)), max(8, round(height * scale))), interpolation=cv2.INTER_AREA)
    ground = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))  # text closed away, paper left
    _, bright = cv2.threshold(ground, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    whole = np.full_like(ground, 255)
    page = whole
    share = cv2.countNonZero(bright) / bright.size
    if 0.1 < share < 0.98:
        light, shade = float(ground[bright > 0].mean()), float(ground[bright == 0].mean())
        if light - shade > DESK_STEP * light:
            count, labels, stats, _ = cv2.connectedComponentsWithStats(bright)
            if count > 1:
                largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
                page = mask_where(labels == largest)
    paper = float(np.median(ground[page > 0]))
    return as_gray(cv2.resize(page, (width, height), interpolation=cv2.INTER_NEAREST)), paper


def _touches(mask: Gray) -> str:
    """The sides of the picture, of "lrtb", along which a tenth or more is page."""
    sides = {"l": mask[:, 0], "r": mask[:, -1], "t": mask[0], "b": mask[-1]}
    return "".join(name for name, side in sides.items() if np.count_nonzero(side) > 0.1 * side.size)


def _text_tiles(view: Gray, mask: Gray, paper: float) -> tuple[tuple[int, int], ...]:
    """Tiles of the reduced picture that are full of text: the fullest of each ninth of the picture, and of all, up to TILES_MAX."""
    reach = np.ones((9, 9), np.uint8)
    contrast = cv2.subtract(cv2.dilate(view, reach), cv2.erode(view, reach))
    text = cv2.bitwise_and(mask_where(contrast > paper * TEXT_STEP), mask)
    rows, columns = view.shape[0] // TILE_PX, view.shape[1] // TILE_PX
    if rows == 0 or columns == 0:
        return ()
    shares = cv2.resize(text[: rows * TILE_PX, : columns * TILE_PX], (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    found = [(float(shares[y, x]), x * TILE_PX, y * TILE_PX) for y in range(rows) for x in range(columns) if shares[y, x] > TEXT_SHARE]
    parts: dict[tuple[int, int], list[tuple[float, int, int]]] = {}
    for entry in sorted(found, reverse=True):
        part = parts.setdefault((3 * entry[1] // view.shape[1], 3 * entry[2] // view.shape[0]), [])
        if len(part) < PART_TILES:
            part.append(entry)
    left = max(0, TILES_MAX - sum(map(len, parts.values())))
    taken = [entry for part in parts.values() for entry in part]
    rest = sorted(set(found) - set(taken), reverse=True)[:left]
    found = sorted(taken + rest, key=lambda entry: (entry[2], entry[1]))
    return tuple((x, y) for _, x, y in found)
