"""Share of time within limits that come as pairs: boxes of temperature with humidity, alternatives of each other."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import msgspec


class Bounds(Protocol):
    """Limits of temperature (°C) and humidity (%); None is no limit on that side."""

    @property
    def t_min(self) -> float | None:
        """Lowest temperature."""

    @property
    def t_max(self) -> float | None:
        """Highest temperature."""

    @property
    def rh_min(self) -> float | None:
        """Lowest humidity."""

    @property
    def rh_max(self) -> float | None:
        """Highest humidity."""


class Box(NamedTuple):
    """One pair of ranges."""

    t_min: float | None = None
    t_max: float | None = None
    rh_min: float | None = None
    rh_max: float | None = None


class Within(msgspec.Struct, frozen=True):
    """Shares (0..1) of the covered time: measured within, surely within and possibly within, given the sensor's tolerance."""

    share: float
    low: float
    high: float
    open: float  # the part that the tolerance leaves open: high - low


class Limits:
    """Counts time against boxes."""

    def __init__(self, boxes: Sequence[Bounds], *, tolerance_c: float, tolerance_pct: float) -> None:
        """A climate is within where it lies in any of the boxes, edges included."""
        inf = math.inf
        self._boxes = [
            (
                -inf if box.t_min is None else box.t_min,
                inf if box.t_max is None else box.t_max,
                -inf if box.rh_min is None else box.rh_min,
                inf if box.rh_max is None else box.rh_max,
            )
            for box in boxes
        ]
        self._c, self._pct = tolerance_c, tolerance_pct
        self._total = self._inside = self._surely = self._possibly = 0

    def take(self, other: "Limits") -> None:
        """Add what was counted against other boxes, in force at another time."""
        self._total += other._total
        self._inside += other._inside
        self._surely += other._surely
        self._possibly += other._possibly

    def add(self, temp_c: float, rh_pct: float, held_ms: int) -> None:
        """Count one climate for so long; without boxes there is nothing to be within, and the time does not count."""
        if not self._boxes:
            return
        self._total += held_ms
        c, pct, inside, surely, possibly = self._c, self._pct, False, False, False
        for t_min, t_max, rh_min, rh_max in self._boxes:
            if t_min - c <= temp_c <= t_max + c and rh_min - pct <= rh_pct <= rh_max + pct:
                possibly = True
                if t_min <= temp_c <= t_max and rh_min <= rh_pct <= rh_max:
                    inside = True
                    if t_min + c <= temp_c <= t_max - c and rh_min + pct <= rh_pct <= rh_max - pct:
                        surely = True
                        break
        self._inside += held_ms * inside
        self._surely += held_ms * surely
        self._possibly += held_ms * possibly

    def result(self) -> Within | None:
        """The shares; None where there was no time under a limit."""
        total = self._total
        if not total:
            return None
        low, high = self._surely / total, self._possibly / total
        return Within(share=self._inside / total, low=low, high=high, open=(self._possibly - self._surely) / total)


class LimitsOver:
    """Counts time against boxes that followed each other: [(from when, boxes)] in order, the first of them from ever."""

    def __init__(self, spans: Sequence[tuple[int, Sequence[Bounds]]], *, tolerance_c: float, tolerance_pct: float) -> None:
        """At least one span."""
        self._starts = [from_ms for from_ms, _boxes in spans]
        self._each = [Limits(boxes, tolerance_c=tolerance_c, tolerance_pct=tolerance_pct) for _from, boxes in spans]

    def add(self, t_ms: int, temp_c: float, rh_pct: float, held_ms: int) -> None:
        """Count the climate of a moment for so long."""
        self._each[max(bisect_right(self._starts, t_ms) - 1, 0)].add(temp_c, rh_pct, held_ms)

    def result(self) -> Within | None:
        """The shares over all spans."""
        total = Limits((), tolerance_c=0.0, tolerance_pct=0.0)
        for one in self._each:
            total.take(one)
        return total.result()


def within(held: Iterable[tuple[float, float, int]], limits: Limits) -> Within | None:
    """The shares of climates (temp_c, rh_pct, held_ms)."""
    for temp_c, rh_pct, held_ms in held:
        limits.add(temp_c, rh_pct, held_ms)
    return limits.result()
