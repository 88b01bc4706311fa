"""How steep the edges of the text are: the one measure of focus and shake that does not depend on how dark the ink is.

At an edge smeared by a Gaussian of s pixels the steepest gradient is contrast / (s * sqrt(2 pi)). Gradient over local contrast is thus a
measure of s alone; the paper's grain and the page's amount of text cancel out. Taken in four directions apart, since a page that moved
stays sharp along its movement.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from scanner_line.checks.images import Floats, Gray
from scanner_line.checks.layout import TILE_PX, Layout

REACH_PX = 25  # window of the local contrast: wider than a stroke and the blur beside it
NEAR_PX = 7  # only the steepest pixel of a neighbourhood is an edge
MIDDLE = 0.25  # of the contrast: how near to half way between ink and paper an edge must lie; the grain of either does not
EDGE_STEP = 0.02  # gradient of an edge, per pixel, as a share of the paper's level
CONTRAST_STEP = 0.22  # contrast of text, as a share of the paper's level
QUANTILE = 65  # per cent: above the middle, since noise only makes edges look softer
EDGES_MIN = 150  # edges a page must have to say anything
DIRECTION_MIN = 5  # edges a direction must have
SOBEL_GAIN = 8.0  # of a 3 x 3 Sobel filter, over the gradient per pixel
DIAGONAL = float(np.sqrt(0.5))

Directions = tuple[float | None, float | None, float | None, float | None]


@dataclass(frozen=True, slots=True)
class Steepness:
    """Gradient over contrast, per pixel, of edges facing right, down and both diagonals (None: too few), and the tiles looked at."""

    directions: Directions | None
    tiles: int


def edge_steepness(gray: Gray, layout: Layout) -> Steepness:
    """Measure the text tiles of a layout in the full picture."""
    side = round(TILE_PX / layout.scale)
    found: list[list[Floats]] = [[], [], [], []]
    tiles = 0
    for x, y in layout.tiles:
        left, top = round(x / layout.scale), round(y / layout.scale)
        tile = gray[top : top + side, left : left + side]
        if min(tile.shape) < REACH_PX:
            continue
        tiles += 1
        for direction, ratios in zip(found, _ratios(tile, layout.paper), strict=True):
            direction.append(ratios)
    pooled = [np.concatenate(ratios) if ratios else np.empty(0, np.float32) for ratios in found]
    if sum(ratios.size for ratios in pooled) < EDGES_MIN:
        return Steepness(None, tiles)
    right, down, rising, falling = (float(np.percentile(ratios, QUANTILE)) if ratios.size >= DIRECTION_MIN else None for ratios in pooled)
    return Steepness((right, down, rising, falling), tiles)


def _ratios(tile: Gray, paper: float) -> list[Floats]:
    """Gradient over contrast at the edges of one tile, by direction."""
    reach = np.ones((REACH_PX, REACH_PX), np.uint8)
    light, ink = cv2.dilate(tile, reach), cv2.erode(tile, reach)
    contrast = cv2.subtract(light, ink).astype(np.float32)
    middle = cv2.addWeighted(light, 0.5, ink, 0.5, 0).astype(np.float32)
    right = np.asarray(cv2.Sobel(tile, cv2.CV_32F, 1, 0), np.float32)
    down = np.asarray(cv2.Sobel(tile, cv2.CV_32F, 0, 1), np.float32)
    grads = np.stack([np.abs(right), np.abs(down), DIAGONAL * np.abs(right + down), DIAGONAL * np.abs(right - down)])
    steepest = cv2.magnitude(right, down)
    edges = (contrast > CONTRAST_STEP * paper) & (np.abs(tile - middle) < MIDDLE * contrast)
    edges &= (steepest >= cv2.dilate(steepest, np.ones((NEAR_PX, NEAR_PX), np.uint8))) & (steepest > SOBEL_GAIN * EDGE_STEP * paper)
    rows, columns = np.nonzero(edges)
    facing = grads[:, rows, columns].argmax(axis=0)
    ratios = steepest[rows, columns] / (SOBEL_GAIN * contrast[rows, columns])
    return [ratios[facing == direction].astype(np.float32) for direction in range(4)]
