"""A calibration as numbers: corrected = raw * gain + offset, from one or two points, and what changed since the one before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

GAIN_RANGE = (0.5, 2.0)  # beyond it the sensor is broken, or the points are exchanged
APART = {"temperature": 5.0, "relative_humidity": 10.0}  # the least distance of two points, in the quantity's unit
OFFSET_MAX = {"temperature": 10.0, "relative_humidity": 20.0}  # a correction greater than this calls for a new sensor
OFFSET_SHARE = 0.5  # of the value, for quantities without a figure of their own


class CalibrationRefused(ValueError):
    """A calibration that cannot be right; the text says why."""


@dataclass(frozen=True)
class Correction:
    """corrected = raw * gain + offset, in the quantity's unit."""

    offset: float = 0.0
    gain: float = 1.0

    def of(self, raw: float) -> float:
        """The corrected value."""
        return raw * self.gain + self.offset

    def by(self, raw: float) -> float:
        """How much is added to a raw value."""
        return self.of(raw) - raw


def from_points(points: Sequence[tuple[float, float]]) -> Correction:
    """The line through one or two (raw, reference) points: one shifts, two shift and stretch; CalibrationRefused if there is none."""
    if len(points) == 1:
        return Correction(points[0][1] - points[0][0])
    (raw_a, ref_a), (raw_b, ref_b) = points
    if raw_a == raw_b:
        raise CalibrationRefused("The two values of the sensor are the same / 传感器的两个读数相同")
    gain = (ref_b - ref_a) / (raw_b - raw_a)
    return Correction(ref_a - gain * raw_a, gain)


def check(quantity: str, correction: Correction, points: Sequence[tuple[float, float]], *, lowest: float, highest: float) -> None:
    """CalibrationRefused for what no sensor in order needs; lowest and highest bound the quantity's plausible values."""
    if not (math.isfinite(correction.gain) and math.isfinite(correction.offset)):
        raise CalibrationRefused("Offset and gain are numbers / 偏移与增益应为数字")
    if not GAIN_RANGE[0] <= correction.gain <= GAIN_RANGE[1]:
        raise CalibrationRefused(
            f"A gain of {correction.gain:.3g} is beyond {GAIN_RANGE[0]:g} to {GAIN_RANGE[1]:g}: are the points exchanged?"
            f" / 增益 {correction.gain:.3g} 超出 {GAIN_RANGE[0]:g} 至 {GAIN_RANGE[1]:g}：校准点是否填反？"
        )
    for raw, reference in points:
        if not lowest <= raw <= highest or not lowest <= reference <= highest:
            raise CalibrationRefused(
                f"{raw:g} and {reference:g} have to lie between {lowest:g} and {highest:g}"
                f" / {raw:g} 与 {reference:g} 应在 {lowest:g} 至 {highest:g} 之间"
            )
    if len(points) == 2 and abs(points[0][1] - points[1][1]) < APART.get(quantity, 0.0):
        raise CalibrationRefused(
            f"The two points have to lie at least {APART[quantity]:g} apart / 两个校准点至少应相差 {APART[quantity]:g}"
        )
    for raw in [raw for raw, _ in points] or [_middle(lowest, highest, quantity)]:
        most = OFFSET_MAX.get(quantity, max(abs(raw) * OFFSET_SHARE, 1.0))
        if abs(correction.by(raw)) > most:
            raise CalibrationRefused(
                f"A correction of {correction.by(raw):+.3g} is more than {most:g}: the sensor should be replaced"
                f" / 修正量 {correction.by(raw):+.3g} 超过 {most:g}：应更换传感器"
            )


def _middle(lowest: float, highest: float, quantity: str) -> float:
    """Where an offset and gain are judged that come without points: a storeroom's own climate."""
    return {"temperature": 20.0, "relative_humidity": 50.0}.get(quantity, (lowest + highest) / 2)


def drift(now: Correction, before: Correction, *, raw: float) -> float:
    """By how much the sensor has moved since the calibration before: the difference of the two corrections at a raw value."""
    return now.by(raw) - before.by(raw)
