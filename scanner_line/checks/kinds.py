"""What kind of page it is, and whether its text runs out of the picture: what the other checks have to know first."""

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from scanner_line.checks.images import Gray, mask_where
from scanner_line.checks.layout import Layout

Kind = Literal["text", "picture", "sparse", "blank", "separator"]

CLOSE_PX = 61  # wider than a headline's strokes, in the reduced picture: what stays dark after closing is no text
DARK_STEP = 0.22  # darker than the paper by this share of its level
PICTURE_SHARE = 0.12  # of the page, from which it counts as a picture page
EDGE_DEPTH_PX = 6  # outermost lines of the picture in which cut letters are looked for
CUT_RUNS = 9  # pieces of ink crossing one of these lines, from which text was cut
STRIP_SHARE = 0.12  # of the picture: a strip of text narrower than this with a margin behind it is the neighbouring page's
GAP_PX = 9  # of margin
EMPTY = 0.3  # of the usual ink in a line of the picture, under which it is margin
INK_STEP = 0.22


def picture_share(view: Gray, layout: Layout) -> float:
    """Share of the page that is dark over whole areas, as photographs, plates and engravings are."""
    hull = _hull(layout.mask)
    area = max(1, cv2.countNonZero(hull))
    small = cv2.resize(view, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    ground = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((CLOSE_PX // 4, CLOSE_PX // 4), np.uint8))
    inside = cv2.erode(cv2.resize(hull, (small.shape[1], small.shape[0]), interpolation=cv2.INTER_NEAREST), np.ones((13, 13), np.uint8))
    dark = cv2.bitwise_and(mask_where(ground < (1 - DARK_STEP) * layout.paper), inside)
    return 16 * cv2.countNonZero(dark) / area


def cut_text(view: Gray, layout: Layout) -> str:
    """The sides of the picture, of "lrtb", at which lines of text were cut off. A strip of the neighbouring page does not count."""
    ground = cv2.morphologyEx(view, cv2.MORPH_CLOSE, np.ones((41, 41), np.uint8))
    ink = cv2.subtract(ground, view) > layout.paper * INK_STEP
    turned = {"l": ink.T, "r": ink.T[::-1], "t": ink, "b": ink[::-1]}
    return "".join(side for side in layout.touches if _cut(turned[side], sideways=side in "lr"))


def _cut(lines: npt.NDArray[np.bool_], *, sideways: bool) -> bool:
    """Whether text runs over the first lines of a picture turned so that the side in question is on top."""
    runs = np.count_nonzero(np.diff(lines[1:EDGE_DEPTH_PX].astype(np.int8), axis=1) == 1, axis=1)
    if runs.max(initial=0) < CUT_RUNS:
        return False
    if not sideways:
        return True
    profile = lines[: lines.shape[0] // 3].mean(axis=1)
    inked = profile > EMPTY * np.median(profile)
    empty = np.flatnonzero(np.convolve(~inked, np.ones(GAP_PX), "valid") >= GAP_PX)
    return empty.size == 0 or bool(empty[0] > STRIP_SHARE * lines.shape[0])


def _hull(mask: Gray) -> Gray:
    """The page with what a dark plate took out of its mask."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    filled = np.zeros_like(mask)
    if contours:
        cv2.fillConvexPoly(filled, cv2.convexHull(np.vstack(contours)), 255)
    return filled
