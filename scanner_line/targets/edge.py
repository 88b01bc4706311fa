"""Sharpness by the slanted edge of ISO 12233 (e-SFR): the contrast of fine detail by frequency, from one edge a few degrees oblique."""

import numpy as np
import numpy.typing as npt

from scanner_line.errors import TargetError
from scanner_line.targets.colour import Doubles, linear

OVERSAMPLING = 4
SLANT_MIN, SLANT_MAX = 0.02, 0.3  # pixels to the side per line: 1 to 17 degrees
SIDE_MIN_PX = 24
NYQUIST = 0.5


def sfr(patch: npt.NDArray[np.generic]) -> tuple[Doubles, Doubles]:
    """Frequencies (cycles a pixel, 0 to 0.5) and contrast (1 at 0) of a grey sRGB patch with one near-vertical edge across it.

    TargetError for a patch that holds no such edge.
    """
    light = linear(patch)
    rows, columns = light.shape
    if min(rows, columns) < SIDE_MIN_PX:
        raise TargetError("the slanted edge is too small")
    slope = np.abs(np.diff(light, axis=1)) * np.hamming(columns - 1)
    weight = slope.sum(axis=1)
    if np.any(weight <= 0):
        raise TargetError("no slanted edge in its place")
    position = (slope * (np.arange(columns - 1) + 0.5)).sum(axis=1) / weight
    lines = np.arange(rows)
    for _ in range(2):  # once more around the edge that was found, so that noise far from it does not pull
        lean, start = np.polyfit(lines, position, 1)
        near = np.exp(-0.5 * ((np.arange(columns - 1) + 0.5 - (lean * lines + start)[:, None]) / (columns / 8)) ** 2)
        close = np.abs(np.diff(light, axis=1)) * near
        position = (close * (np.arange(columns - 1) + 0.5)).sum(axis=1) / np.maximum(close.sum(axis=1), 1e-12)
    lean, start = np.polyfit(lines, position, 1)
    if not SLANT_MIN <= abs(lean) <= SLANT_MAX:
        raise TargetError("the edge is not slanted as it should be")
    distance = (np.arange(columns)[None, :] - (lean * lines + start)[:, None]) * np.cos(np.arctan(lean))
    reach = int(min(columns / 2 - abs(lean) * rows / 2 - 2, 48))
    if reach < 8:
        raise TargetError("the slanted edge is too short")
    bins = np.floor((distance + reach) * OVERSAMPLING).astype(int)
    inside = (bins >= 0) & (bins < 2 * reach * OVERSAMPLING)
    counts = np.bincount(bins[inside], minlength=2 * reach * OVERSAMPLING)
    sums = np.bincount(bins[inside], weights=light[inside], minlength=2 * reach * OVERSAMPLING)
    known = counts > 0
    edge = np.interp(np.arange(counts.size), np.flatnonzero(known), sums[known] / counts[known])
    line = np.gradient(edge)
    line = line * np.hanning(line.size)
    contrast = np.abs(np.fft.rfft(line))
    frequency = np.fft.rfftfreq(line.size, 1 / OVERSAMPLING)
    step = 2 * np.pi * frequency / OVERSAMPLING  # what the difference over two samples, and the width of a bin, take away
    contrast = contrast / np.maximum(np.sinc(step / np.pi) * np.sinc(frequency / OVERSAMPLING), 0.1)
    seen = frequency <= NYQUIST + 1e-9
    return np.asarray(frequency[seen], np.float64), np.asarray(contrast[seen] / contrast[0], np.float64)


def efficiency(frequency: Doubles, contrast: Doubles, *, at: float = 0.1) -> float:
    """The share of the half-sampling frequency at which the contrast falls to `at`; 1 when it never does."""
    below = np.flatnonzero(contrast < at)
    if below.size == 0:
        return 1.0
    last = int(below[0])
    if last == 0:
        return 0.0
    high, low = contrast[last - 1], contrast[last]
    found = frequency[last - 1] + (frequency[last] - frequency[last - 1]) * (high - at) / (high - low)
    return float(min(1.0, found / NYQUIST))
