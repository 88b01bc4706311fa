"""Light: how much of the page is burnt to full white, over all and in one spot."""

from dataclasses import dataclass

import cv2
import numpy as np

from scanner_line.checks.images import Gray, mask_where
from scanner_line.checks.layout import Layout

FULL_WHITE = 253
SPOT_PAPER_MAX = 236.0  # on paper brighter than this a burnt spot cannot be told from paper


@dataclass(frozen=True, slots=True)
class Light:
    """`clipped`: share of the page at full white; `glare`: share of its largest burnt spot, None where white paper hides one."""

    clipped: float
    glare: float | None


def light_of(view: Gray, layout: Layout) -> Light:
    """Measure a reduced picture."""
    area = max(1, cv2.countNonZero(layout.mask))
    white = cv2.bitwise_and(mask_where(view >= FULL_WHITE), layout.mask)
    clipped = cv2.countNonZero(white) / area
    if layout.paper > SPOT_PAPER_MAX:
        return Light(clipped, None)
    spots = cv2.morphologyEx(white, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(spots)
    largest = int(stats[1:, cv2.CC_STAT_AREA].max()) if count > 1 else 0
    return Light(clipped, largest / area)
