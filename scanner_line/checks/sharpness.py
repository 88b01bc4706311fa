"""How steep the edges of the text are: the one measure of focus and shake that does not depend on how dark the ink is.

At an edge smeared by a Gaussian of s pixels the steepest gradient is contrast / (s * sqrt(2 pi)). Gradient over local contrast is thus a
measure of s alone; the paper's grain and the page's amount of text cancel out. Taken in four directions apart, since a page that moved
stays sharp along its movement.

Beside it stand two ratios of the energy in neighbouring bands of fine detail: a picture that was smeared has lost more of the finest than
of the next, whatever is printed on it; where both speak, a smear of one pixel shows. And the tiles are compared with each other, so that
one soft corner does not hide behind eight sharp ones.
"""

from dataclasses import dataclass
from itertools import pairwise

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

BANDS_PX = ((0.6, 5), (1.0, 7), (1.6, 11))  # smearings whose differences are the bands, with the size of their kernels
TILE_MAX_PX = 176  # of a tile looked at in the full picture: larger photographs have more pixels than the measure needs
TILE_EDGES_MIN = 25  # edges a tile must have to be compared with the others
ONE_WAY = 0.72  # of a tile's edges facing one way, from which it is no text
LESS_FINE = 0.06  # log10 by which a soft part of the page has less of the finest detail than the page
CELL_TILES_MIN = 2  # tiles that must agree for a part of the page to be soft

Directions = tuple[float | None, float | None, float | None, float | None]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Steepness:
    """Gradient over contrast, per pixel, of edges facing right, down and both diagonals (None: too few), and the tiles looked at.

    fine: log10 of the energy of the finest band over the next, and of that over the third. part: steepness of the softest ninth of the
    page over that of the page; where: that ninth, in shares of the picture. ink: grey level of the darkest of the text.
    """

    directions: Directions | None
    tiles: int
    fine: tuple[float, float] | None = None
    part: float | None = None
    where: Box | None = None
    ink: float | None = None


def edge_steepness(gray: Gray, layout: Layout) -> Steepness:
    """Measure the text tiles of a layout in the full picture."""
    side = round(TILE_PX / layout.scale)
    taken = min(side, TILE_MAX_PX)
    found: list[list[Floats]] = [[], [], [], []]
    bands: list[list[float]] = []
    inks: list[float] = []
    levels: list[tuple[int, int, float, float]] = []
    for x, y in layout.tiles:
        left, top = round(x / layout.scale) + (side - taken) // 2, round(y / layout.scale) + (side - taken) // 2
        tile = gray[top : top + taken, left : left + taken]
        if min(tile.shape) < REACH_PX:
            continue
        ratios = _ratios(tile, layout.paper)
        if _one_way(ratios):
            continue
        for direction, values in zip(found, ratios, strict=True):
            direction.append(values)
        pooled = np.concatenate(ratios)
        energies = _energies(tile)
        if pooled.size >= TILE_EDGES_MIN:
            fineness = float(np.log10(max(energies[1], 1e-6) / max(energies[2], 1e-6)))
            levels.append((x, y, float(np.percentile(pooled, QUANTILE)), fineness))
        bands.append(energies)
        inks.append(float(np.percentile(tile, 2)))
    joined = [np.concatenate(values) if values else np.empty(0, np.float32) for values in found]
    if sum(values.size for values in joined) < EDGES_MIN:
        return Steepness(None, len(bands), ink=min(inks, default=None))
    right, down, rising, falling = (float(np.percentile(values, QUANTILE)) if values.size >= DIRECTION_MIN else None for values in joined)
    first, second, third = np.maximum(np.mean(np.asarray(bands), axis=0), 1e-6)
    part, where = _softest(levels, layout)
    fine = (float(np.log10(first / second)), float(np.log10(second / third)))
    return Steepness((right, down, rising, falling), len(bands), fine, part, where, float(np.median(inks)))


def _energies(tile: Gray) -> list[float]:
    """Energy of the three finest bands of a tile."""
    pictures = [tile.astype(np.float32)]
    pictures += [np.asarray(cv2.GaussianBlur(pictures[0], (size, size), sigma), np.float32) for sigma, size in BANDS_PX]
    return [float(np.mean(np.square((one - other)[4:-4, 4:-4]))) for one, other in pairwise(pictures)]


def _one_way(ratios: list[Floats]) -> bool:
    """Whether nearly all edges face one way, as those of a book's closed pages seen from the side do; letters have edges all around."""
    sizes = [values.size for values in ratios]
    return sum(sizes) >= TILE_EDGES_MIN and max(sizes) > ONE_WAY * sum(sizes)


def _softest(levels: list[tuple[int, int, float, float]], layout: Layout) -> tuple[float | None, Box | None]:
    """The softest ninth of the text over the middle of all ninths, and where it lies; None for too little text to compare.

    A ninth with as much of the finest detail as the page is not soft: an engraving's lines are thinner than letters, and less steep.
    """
    height, width = layout.mask.shape
    cells: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for x, y, level, fineness in levels:
        cells.setdefault((3 * (x + TILE_PX // 2) // width, 3 * (y + TILE_PX // 2) // height), []).append((level, fineness))
    known = {cell: np.median(np.asarray(values), axis=0) for cell, values in cells.items() if len(values) >= CELL_TILES_MIN}
    if len(known) < 3:
        return None, None
    level, fineness = np.median(np.asarray(list(known.values())), axis=0)
    softer = [(float(found[0] / level), cell) for cell, found in known.items() if found[1] < fineness - LESS_FINE]
    part, (column, row) = min(softer, default=(1.0, (0, 0)))
    return part, (column / 3, row / 3, 1 / 3, 1 / 3)


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
