"""Light: how much of the page is burnt to full white, over all and in one spot, and where."""

from dataclasses import dataclass

import cv2
import numpy as np

from scanner_line.checks.images import Gray, as_gray, mask_where
from scanner_line.checks.layout import Layout

FULL_WHITE = 253
SPOT_PAPER_MAX = 240.0  # on paper brighter than this a burnt spot cannot be told from paper

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Light:
    """`clipped`: share of the page at full white; `glare`: share of its largest burnt spot, None where white paper hides one; and where
    either lies, in shares of the picture. `lean`: how much brighter the paper is on the right than on the left, in grey levels."""

    clipped: float
    glare: float | None
    clipped_where: Box | None
    glare_where: Box | None
    lean: float


def light_of(view: Gray, layout: Layout) -> Light:
    """Measure a reduced picture."""
    area = max(1, cv2.countNonZero(layout.mask))
    white = as_gray(cv2.bitwise_and(mask_where(view >= FULL_WHITE), layout.mask))
    clipped = cv2.countNonZero(white) / area
    clipped_where = box_of(white) if clipped else None
    lean = _lean(view, layout)
    if layout.paper > SPOT_PAPER_MAX:
        return Light(clipped, None, clipped_where, None, lean)
    spots = cv2.morphologyEx(white, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(spots)
    if count < 2:
        return Light(clipped, 0.0, clipped_where, None, lean)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    spot = mask_where(labels == largest)
    return Light(clipped, int(stats[largest, cv2.CC_STAT_AREA]) / area, clipped_where, box_of(spot), lean)


def box_of(mask: Gray) -> Box | None:
    """The rectangle around what a mask marks, as [x, y, width, height] in shares of the picture; None for an empty one."""
    height, width = mask.shape
    x, y, wide, high = cv2.boundingRect(mask)
    return (x / width, y / height, wide / width, high / height) if wide and high else None


def _lean(view: Gray, layout: Layout) -> float:
    small = cv2.resize(view, (64, 64), interpolation=cv2.INTER_AREA)
    mask = cv2.resize(layout.mask, (64, 64), interpolation=cv2.INTER_NEAREST) > 0
    columns = np.flatnonzero(mask.any(axis=0))
    if columns.size < 8:
        return 0.0
    middle = int(columns.mean())
    ground = cv2.dilate(small, np.ones((5, 5), np.uint8))
    left, right = ground[:, :middle][mask[:, :middle]], ground[:, middle:][mask[:, middle:]]
    return float(np.median(right)) - float(np.median(left)) if left.size and right.size else 0.0
