"""How steep the edges of the text are: the one measure of focus and shake that does not depend on how dark the ink is.

At an edge smeared by a Gaussian of s pixels the steepest gradient is contrast / (s * sqrt(2 pi)). Gradient over local contrast is thus a
measure of s alone; the paper's grain and the page's amount of text cancel out. Taken across and along the lines apart, since a page that
moved is sharp one way only.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from scanner_line.checks.images import Floats, Gray
from scanner_line.checks.layout import TILE_PX, Layout

REACH_PX = 25  # window of the local contrast: wider than a stroke and the blur beside it
NEAR_PX = 7  # only the steepest pixel of a neighbourhood is an edge
EDGE_STEP = 0.03  # gradient of an edge, per pixel, as a share of the paper's level
CONTRAST_STEP = 0.22
EDGES_MIN = 150  # edges a page must have each way to say anything
SOBEL_GAIN = 8.0  # of a 3 x 3 Sobel filter, over the gradient per pixel


@dataclass(frozen=True, slots=True)
class Steepness:
    """Median gradient over contrast, per pixel, of edges that run across (x) and along (y) the picture, and the tiles it was taken from."""

    x: float | None
    y: float | None
    tiles: int


def edge_steepness(gray: Gray, layout: Layout) -> Steepness:
    """Measure the text tiles of a layout in the full picture."""
    side = round(TILE_PX / layout.scale)
    across: list[Floats] = []
    along: list[Floats] = []
    for x, y in layout.tiles:
        left, top = round(x / layout.scale), round(y / layout.scale)
        tile = gray[top : top + side, left : left + side]
        if min(tile.shape) >= 2 * REACH_PX:
            ratios_x, ratios_y = _ratios(tile, layout.paper)
            across.append(ratios_x)
            along.append(ratios_y)
    all_x = np.concatenate(across) if across else np.empty(0, np.float32)
    all_y = np.concatenate(along) if along else np.empty(0, np.float32)
    if min(all_x.size, all_y.size) < EDGES_MIN:
        return Steepness(None, None, 0)
    return Steepness(float(np.median(all_x)), float(np.median(all_y)), len(across))


def _ratios(tile: Gray, paper: float) -> tuple[Floats, Floats]:
    """Gradient over contrast at the edges of one tile, across and along."""
    reach = np.ones((REACH_PX, REACH_PX), np.uint8)
    contrast = cv2.subtract(cv2.dilate(tile, reach), cv2.erode(tile, reach))
    grad_x = np.abs(cv2.Sobel(tile, cv2.CV_16S, 1, 0))
    grad_y = np.abs(cv2.Sobel(tile, cv2.CV_16S, 0, 1))
    text = contrast > CONTRAST_STEP * paper
    found = []
    for grad, other in ((grad_x, grad_y), (grad_y, grad_x)):
        near = cv2.dilate(grad, np.ones((NEAR_PX, NEAR_PX), np.uint8))
        edges = text & (grad >= near) & (grad > SOBEL_GAIN * EDGE_STEP * paper) & (grad > 2 * other)
        found.append((grad[edges] / (SOBEL_GAIN * contrast[edges])).astype(np.float32))
    return found[0], found[1]
