"""Moiré: a regular pattern of stripes or meshes over part of the page that is not in the paper.

Print, too, is regular: lines of text, ruled tables and halftone screens. What tells a moiré pattern from them is that it stands oblique to
the page, or in colour, or on paper where nothing is printed, and that it is coarser than a printing screen. Each block of the reduced
picture is turned into its spectrum; a single peak far above everything at its distance is a pattern.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from scanner_line.checks.images import Floats, Gray, as_gray
from scanner_line.checks.layout import Layout

BLOCK_PX = 96  # side of a block, in the reduced picture
STEP_PX = 72
COARSE = 4.0  # periods a block: anything coarser is light and shade
FINE = 0.30  # periods a pixel of the reduced picture: anything finer is a printing screen or noise
UPRIGHT_DEG = 12.0  # from the page's own directions, in which lines and tables repeat
NEAR_AXIS = 2.5  # bins beside the page's directions, into which their own peaks reach
PEAK = 40.0  # power of a peak over the middle of its surroundings
SHARE = 0.30  # of all power between COARSE and FINE that the peak holds
AMPLITUDE_MIN = 0.006  # of a stripe, over the paper's level: less is not seen
TOGETHER = 20.0  # the same, for the spectra of all blocks together
EVERYWHERE_BLOCKS = 12
BLOCKS_MIN = 4  # blocks that must agree about a pattern
AGREE = 1.6  # bins by which the peaks of neighbouring blocks may lie apart
COLOUR_BLOCK_PX = 48
COLOUR_STEP_PX = 40
OTHER_SIZE = 0.87  # of the reduced picture: the size in which a pattern must show again
SAME = 0.08  # of its fineness, by which it may differ there

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Pattern:
    """`share` of the page under a regular pattern, where it lies in shares of the picture (None: nowhere), and its periods a pixel."""

    share: float
    where: Box | None
    fineness: float = 0.0


NONE = Pattern(0.0, None)


def moire_of(gray: Gray, view: Gray, tinted: Gray, layout: Layout, *, colour: bool) -> Pattern:
    """Look for a pattern in the reduced picture, and in the colours (BGR, a quarter of the full picture).

    Reducing a picture makes patterns of its own out of a printing screen; they change with the size, a real one does not.
    """
    found = _patterned(view.astype(np.float32), layout.mask, layout.paper, block=BLOCK_PX, step=STEP_PX, upright=UPRIGHT_DEG)
    if found.where is not None:
        size = (round(view.shape[1] * OTHER_SIZE), round(view.shape[0] * OTHER_SIZE))
        other = np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.float32)
        mask = as_gray(cv2.resize(layout.mask, size, interpolation=cv2.INTER_NEAREST))
        again = _patterned(other, mask, layout.paper, block=BLOCK_PX, step=STEP_PX, upright=UPRIGHT_DEG)
        if again.where is not None and abs(again.fineness * OTHER_SIZE - found.fineness) < SAME * found.fineness:
            return found
    return _tinted(tinted, layout) if colour else NONE


def _tinted(picture: Gray, layout: Layout) -> Pattern:
    """A pattern in the colours that is not in the light: ink, too, has another colour than paper."""
    luma, red, blue = (channel.astype(np.float32) for channel in cv2.split(cv2.cvtColor(picture, cv2.COLOR_BGR2YCrCb)))
    mask = as_gray(cv2.resize(layout.mask, (picture.shape[1], picture.shape[0]), interpolation=cv2.INTER_NEAREST))
    for channel in (red, blue):
        found = _patterned(channel, mask, layout.paper, block=COLOUR_BLOCK_PX, step=COLOUR_STEP_PX, upright=UPRIGHT_DEG, light=luma)
        if found.where is not None:
            return found
    return NONE


def _patterned(picture: Floats, mask: Gray, paper: float, *, block: int, step: int, upright: float, light: Floats | None = None) -> Pattern:
    height, width = picture.shape
    places = [(x, y) for y in range(0, height - block + 1, step) for x in range(0, width - block + 1, step)]
    places = [(x, y) for x, y in places if cv2.countNonZero(mask[y : y + block, x : x + block]) > 0.9 * block * block]
    tried = len(places)
    if tried < BLOCKS_MIN:
        return NONE
    window = cv2.createHanningWindow((block, block), cv2.CV_32F)
    ring, allowed = _rings(block, upright)
    pieces = np.stack([picture[y : y + block, x : x + block] for x, y in places])
    pieces = pieces - pieces.mean(axis=(1, 2), keepdims=True)
    if light is not None:
        lights = np.stack([light[y : y + block, x : x + block] for x, y in places])
        lights = lights - lights.mean(axis=(1, 2), keepdims=True)
        shared = (pieces * lights).sum(axis=(1, 2), keepdims=True) / np.maximum(np.square(lights).sum(axis=(1, 2), keepdims=True), 1.0)
        pieces = pieces - shared * lights
    pieces = pieces * window
    floor = np.square(AMPLITUDE_MIN * paper * block * block / 8)  # power of a stripe of that amplitude under a Hann window
    if light is not None:  # by Parseval's theorem no bin of a fainter block reaches the floor
        strong = np.flatnonzero(block * block * np.square(pieces).sum(axis=(1, 2)) >= 2 * floor)
        if strong.size < BLOCKS_MIN:
            return NONE
        pieces, places = pieces[strong], [places[at] for at in strong]
    powers = np.square(np.abs(np.fft.rfft2(pieces))).astype(np.float32) * ring
    peaks: dict[tuple[int, int], tuple[float, float]] = {}
    for at in np.flatnonzero((powers * allowed).max(axis=(1, 2)) >= floor):
        peak = _peak(powers[at], allowed, floor)
        if peak is not None:
            x, y = places[at]
            peaks[x // step, y // step] = peak
    agreed = [place for place, peak in peaks.items() if _neighbours(place, peak, peaks) >= 2]
    if len(agreed) >= BLOCKS_MIN:
        left, right = min(x for x, _ in agreed) * step, max(x for x, _ in agreed) * step + block
        top, bottom = min(y for _, y in agreed) * step, max(y for _, y in agreed) * step + block
        fineness = float(np.median([np.hypot(*peaks[place]) for place in agreed])) / block
        return Pattern(len(agreed) / tried, (left / width, top / height, (right - left) / width, (bottom - top) / height), fineness)
    fineness = _everywhere(powers, ring, allowed, floor) if len(places) >= EVERYWHERE_BLOCKS and light is None else 0.0
    return Pattern(1.0, (0.0, 0.0, 1.0, 1.0), fineness) if fineness else NONE


def _everywhere(powers: Floats, ring: Floats, allowed: Floats, floor: float) -> float:
    """The periods a pixel of an oblique peak in the blocks' spectra together, though text hides it in each (0: none): what is printed
    differs from block to block, a pattern does not."""
    together = np.asarray(np.percentile(powers, 30, axis=0), np.float32)
    around = np.asarray(cv2.blur(together, (9, 9)) * 81 - cv2.blur(together, (5, 5)) * 25, np.float32)
    counted = np.asarray(cv2.blur(ring, (9, 9)) * 81 - cv2.blur(ring, (5, 5)) * 25, np.float32)
    usual = np.maximum(around / np.maximum(counted, 1.0), 1e-3)
    standing = together / usual * allowed * (together > floor)
    row, column = divmod(int(np.argmax(standing)), standing.shape[1])
    if standing[row, column] < TOGETHER:
        return 0.0
    return float(np.hypot(min(row, standing.shape[0] - row), column) / standing.shape[0])


def _rings(block: int, upright: float) -> tuple[Floats, Floats]:
    """Which bins of a block's half spectrum are looked at, and which of them may be a pattern's peak."""
    down = np.fft.fftfreq(block).astype(np.float32)[:, None]
    right = np.fft.rfftfreq(block).astype(np.float32)[None, :]
    distance = np.hypot(down, right)
    ring = (distance >= COARSE / block) & (distance <= FINE)
    turn = np.degrees(np.arctan2(np.abs(down), right))
    oblique = (turn >= upright) & (turn <= 90 - upright)
    oblique &= (np.abs(down) > NEAR_AXIS / block) & (right > NEAR_AXIS / block)
    return ring.astype(np.float32), (ring & oblique).astype(np.float32)


def _peak(power: Floats, allowed: Floats, floor: float) -> tuple[float, float] | None:
    """The bin (down, right) of a block's one strong oblique peak, or None."""
    row, column = divmod(int(np.argmax(power * allowed)), power.shape[1])
    rows = (np.arange(row - 2, row + 3)) % power.shape[0]
    columns = np.arange(max(0, column - 2), min(power.shape[1], column + 3))
    around = power[np.ix_(rows, columns)]
    top = float(power[row, column])
    if top < floor or top < float(around.max()) or float(around.sum()) < SHARE * float(power.sum()):
        return None
    if top < PEAK * float(np.median(power[allowed > 0])):
        return None
    return float(row if row <= power.shape[0] // 2 else row - power.shape[0]), float(column)


def _neighbours(place: tuple[int, int], peak: tuple[float, float], peaks: dict[tuple[int, int], tuple[float, float]]) -> int:
    """How many of the blocks around show about the same stripes."""
    count = 0
    for across in (-1, 0, 1):
        for down in (-1, 0, 1):
            other = peaks.get((place[0] + across, place[1] + down))
            if (across or down) and other is not None and np.hypot(other[0] - peak[0], other[1] - peak[1]) <= AGREE:
                count += 1
    return count
