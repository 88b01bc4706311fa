"""A millimetre scale in the picture: pixels per inch from the distance of its lines."""

import numpy as np

from scanner_line.checks.images import Gray
from scanner_line.errors import TargetError
from scanner_line.targets.colour import Doubles

STRIP_PX = 12
TICKS_MIN = 25  # millimetres of scale that must be seen in one piece
PERIOD_MIN_PX, PERIOD_MAX_PX = 3.0, 60.0  # 76 to 1524 ppi
WINDOW_PX = 2048
CLEAR = 40.0  # power of the millimetre lines over the middle of the spectrum
CONTRAST = 6.0  # grey levels between the lines and the ground between them, in one strip
PURE = 0.75  # share of the lines' frequency and its multiples
LONGER = 0.04  # power of the five or ten millimetre lines beside them, over theirs


def ppi_of(gray: Gray) -> float:
    """Pixels per inch by the clearest millimetre scale along or across the picture; TargetError when there is none.

    A scale is told from lines of text by its longer lines at five or ten millimetres, which reach out beside the others.
    """
    best = max(_along(gray), _along(gray.T))
    if best[0] <= 0:
        raise TargetError("no millimetre scale was found in the picture")
    return 25.4 * best[1]


def _along(gray: Gray) -> tuple[float, float]:
    """How clear the clearest scale along the rows is, and its millimetre in pixels; (0, 0) for none."""
    height, width = gray.shape
    window = min(width, WINDOW_PX)
    if window < TICKS_MIN * PERIOD_MIN_PX or height < 4 * STRIP_PX:
        return 0.0, 0.0
    found = (0.0, 0.0)
    for left in sorted({*range(0, width - window + 1, max(1, window // 2)), width - window}):
        strips = gray[: height // STRIP_PX * STRIP_PX, left : left + window].reshape(-1, STRIP_PX, window).mean(axis=1)
        powers = np.square(np.abs(np.fft.rfft((strips - strips.mean(axis=1, keepdims=True)) * np.hanning(window), axis=1)))
        low, high = max(TICKS_MIN, int(window / PERIOD_MAX_PX)), min(int(window / PERIOD_MIN_PX), powers.shape[1] - 2)
        if high <= low:
            continue
        tops = powers[:, low:high].argmax(axis=1) + low
        clear = powers[np.arange(len(tops)), tops] / np.maximum(np.median(powers[:, low:high], axis=1), 1e-9)
        for strip in np.argsort(clear)[::-1][:6]:
            if clear[strip] < max(CLEAR, found[0]):
                break
            top = int(tops[strip])
            power = float(powers[strip, top])
            near = powers[max(0, strip - 12) : strip + 13]
            if power < np.square(CONTRAST * window / 4) or _comb(powers[strip], top) < PURE:
                continue
            if any(_longer(near, top / every, power) for every in (5, 10)):
                found = (float(clear[strip]), window / _refined(powers[strip], top))
    return found


def _comb(power: Doubles, top: int) -> float:
    """The share of the lines' own frequency and its multiples in all that is not coarser: text of equal letters has much beside them."""
    whole = float(power[round(0.6 * top) :].sum())
    held = sum(float(power[at - 2 : at + 3].sum()) for at in range(top, power.size - 3, top))
    return held / max(whole, 1e-9)


def _longer(near: Doubles, at: float, power: float) -> bool:
    low = max(1, round(at) - 1)
    return bool(near[:, low : low + 3].max(initial=0.0) > LONGER * power)


def _refined(power: Doubles, top: int) -> float:
    """The peak's place between the bins, by a parabola through the logarithms around it (a Hann window's peak is close to one)."""
    left, middle, right = np.log(np.maximum(power[top - 1 : top + 2], 1e-12))
    bend = left - 2 * middle + right
    return top + (0.5 * float((left - right) / bend) if bend < 0 else 0.0)
