"""Skin on the page: a patch redder than the paper that reaches in from the page's edge."""

import cv2
import numpy as np

from scanner_line.checks.exposure import Box, box_of
from scanner_line.checks.images import Gray, mask_where
from scanner_line.checks.layout import Layout

REDDER = 14  # Cr above the paper's, on a scale of 0-255
DARKER = 8  # grey levels below the paper
DARK = 45  # below this grey level a colour says nothing


def finger_of(small: Gray, layout: Layout) -> tuple[float, Box | None]:
    """Share of the page's outline that skin covers, and where, from the picture in colour (BGR) at an eighth."""
    height, width = small.shape[:2]
    mask = cv2.resize(layout.mask, (width, height), interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return 0.0, None
    hull = np.zeros_like(mask)
    cv2.fillConvexPoly(hull, cv2.convexHull(np.vstack(contours)), 255)
    area = max(1, cv2.countNonZero(hull))
    smooth = cv2.medianBlur(small, 5)
    luma, red, _ = cv2.split(cv2.cvtColor(smooth, cv2.COLOR_BGR2YCrCb))
    paper_red = float(np.median(red[mask > 0]))
    paper_luma = float(np.median(luma[mask > 0]))
    skin = cv2.bitwise_and(mask_where((red > paper_red + REDDER) & (luma < paper_luma - DARKER) & (luma > DARK)), hull)
    skin = cv2.morphologyEx(skin, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(skin)
    rim = cv2.subtract(hull, cv2.erode(hull, np.ones((9, 9), np.uint8), borderValue=0))
    core = cv2.erode(hull, np.ones((25, 25), np.uint8), borderValue=0)
    largest, where = 0, None
    for label in range(1, count):
        patch = labels == label
        if np.any(rim[patch]) and np.any(core[patch]):  # in from the edge, and not merely along it
            size = int(stats[label, cv2.CC_STAT_AREA])
            if size > largest:
                largest, where = size, box_of(mask_where(patch))
    return largest / area, where
