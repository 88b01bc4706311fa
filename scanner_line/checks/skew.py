"""The angle of the text lines, found as the rotation under which their profile is most jagged."""

import cv2
import numpy as np

from scanner_line.checks.images import Floats, Gray, mask_where
from scanner_line.checks.layout import Layout

RANGE_DEG = 8.0
COARSE_DEG = 0.5
FINE_DEG = 0.05
POINTS_MAX = 12_000
POINTS_MIN = 400
INK_STEP = 0.12  # darker than its surroundings by this share of the paper's level
SQUARE = 0.975  # of the rectangle around the page that the page must fill, for its edges to be straight
CLEAR = 1.5  # how far the best angle's profile must stand out of the median one's


def skew_deg(view: Gray, layout: Layout) -> float | None:
    """Degrees by which the lines rise to the right (negative: fall), for lines or columns of text; None when no angle stands out."""
    inside = cv2.erode(layout.mask, np.ones((25, 25), np.uint8), borderValue=0)
    ground = cv2.blur(view, (31, 31))
    ink = cv2.bitwise_and(mask_where(view < ground.astype(np.float32) - layout.paper * INK_STEP), inside)
    rows, columns = np.nonzero(ink)
    if rows.size < POINTS_MIN:
        return None
    step = max(1, rows.size // POINTS_MAX)
    x = columns[::step].astype(np.float32) - view.shape[1] / 2
    y = rows[::step].astype(np.float32) - view.shape[0] / 2
    lines = _best(x, y)
    upright = _best(-y, x)  # columns of vertical text, as in older Chinese volumes
    best = max(lines, upright, key=lambda found: found[1])
    return round(best[0], 3) if best[1] > CLEAR else None


def page_edge_deg(layout: Layout) -> float | None:
    """Degrees by which the page itself lies turned, from the rectangle around it; None where its edges are not in the picture or not
    straight."""
    if layout.touches:
        return None
    contours, _ = cv2.findContours(layout.mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return None
    largest = max(contours, key=cv2.contourArea)
    (_, _), (width, height), angle = cv2.minAreaRect(largest)
    if cv2.contourArea(cv2.convexHull(largest)) < SQUARE * width * height:
        return None
    turned = (angle + 45) % 90 - 45
    return round(-float(turned), 3)


def _best(x: Floats, y: Floats) -> tuple[float, float]:
    """The angle of the most jagged profile, and by how much it stands out."""
    coarse = np.arange(-RANGE_DEG, RANGE_DEG + COARSE_DEG / 2, COARSE_DEG)
    scores = np.array([_score(x, y, angle) for angle in coarse])
    top = float(coarse[int(np.argmax(scores))])
    fine = np.arange(top - COARSE_DEG, top + COARSE_DEG + FINE_DEG / 2, FINE_DEG)
    fine_scores = np.array([_score(x, y, angle) for angle in fine])
    return float(fine[int(np.argmax(fine_scores))]), float(fine_scores.max() / max(1e-6, float(np.median(scores))))


def _score(x: Floats, y: Floats, angle_deg: float) -> float:
    shifted = y + x * np.float32(np.tan(np.radians(angle_deg)))
    bins = (shifted - shifted.min()).astype(np.int32)
    profile = np.bincount(bins).astype(np.float32)
    return float(np.square(np.diff(profile)).sum())
