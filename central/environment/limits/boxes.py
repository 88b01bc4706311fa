"""Boxes of temperature and humidity: what a medium allows, and the strictest feasible combination of several media."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

NARROWEST_C = 1.0  # a box narrower than this cannot be held by any plant, nor told by a sensor of +-0.3 K
NARROWEST_PCT = 2.0
LOWEST, HIGHEST = float("-inf"), float("inf")
COMBINED_MAX = 512  # pairs of alternatives looked at for one medium; a room's media leave a handful
Degrees = Annotated[float, msgspec.Meta(ge=-100, le=200)]
Percents = Annotated[float, msgspec.Meta(ge=0, le=100)]


class TooMany(ValueError):
    """So many alternatives that nobody could say what they have in common."""


class Box(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Temperatures in degrees Celsius and relative humidities in percent that are allowed together; null: open on that side."""

    t_min: Degrees | None = None
    t_max: Degrees | None = None
    rh_min: Percents | None = None
    rh_max: Percents | None = None

    @property
    def temperature(self) -> tuple[float, float]:
        """(lowest, highest), open sides as infinities."""
        return LOWEST if self.t_min is None else self.t_min, HIGHEST if self.t_max is None else self.t_max

    @property
    def humidity(self) -> tuple[float, float]:
        """(lowest, highest), open sides as infinities."""
        return LOWEST if self.rh_min is None else self.rh_min, HIGHEST if self.rh_max is None else self.rh_max

    def holds(self, temp_c: float, rh_pct: float) -> bool:
        """Whether a point lies inside; the edges belong to the box."""
        (cold, warm), (dry, damp) = self.temperature, self.humidity
        return cold <= temp_c <= warm and dry <= rh_pct <= damp

    def inside(self, other: Box) -> bool:
        """Whether every point of this box lies in the other one."""
        mine, theirs = (self.temperature, self.humidity), (other.temperature, other.humidity)
        return all(a[0] >= b[0] and a[1] <= b[1] for a, b in zip(mine, theirs, strict=True))

    @property
    def holdable(self) -> bool:
        """Whether the box is wide enough to be held and judged."""
        (cold, warm), (dry, damp) = self.temperature, self.humidity
        return warm - cold >= NARROWEST_C and damp - dry >= NARROWEST_PCT


Alternatives = Sequence[Box]  # of one medium: any one of them is enough


def _high(a: float | None, b: float | None) -> float | None:
    return b if a is None else a if b is None else max(a, b)


def _low(a: float | None, b: float | None) -> float | None:
    return b if a is None else a if b is None else min(a, b)


def intersect(a: Box, b: Box) -> Box | None:
    """What both allow; None where that is nothing."""
    made = Box(_high(a.t_min, b.t_min), _low(a.t_max, b.t_max), _high(a.rh_min, b.rh_min), _low(a.rh_max, b.rh_max))
    (cold, warm), (dry, damp) = made.temperature, made.humidity
    return made if cold <= warm and dry <= damp else None


def largest(boxes: Alternatives) -> list[Box]:
    """The boxes without those that lie inside another one, in their order."""
    kept: list[Box] = []
    for box in boxes:
        if not any(box.inside(other) for other in kept):
            kept = [*(other for other in kept if not other.inside(box)), box]
    return kept


def combine(media: Sequence[Alternatives]) -> list[Box]:
    """Where every medium is content: one alternative of each, intersected; [] where there is no such place. No media allow all.

    TooMany where the alternatives are more than anybody would set.
    """
    found = [Box()]
    for alternatives in media:
        if len(found) * len(alternatives) > COMBINED_MAX:
            raise TooMany(f"{len(found)} alternatives with {len(alternatives)} more")
        found = largest([made for box in found for other in alternatives if (made := intersect(box, other)) is not None])
    return found


def conflicting(media: Sequence[Alternatives]) -> list[int]:
    """The positions of a smallest set of media that exclude each other: two where two suffice; [] where all go together."""
    if combine(media):
        return []
    for first in range(len(media)):
        for second in range(first + 1, len(media)):
            if not combine([media[first], media[second]]):
                return [first, second]
    kept = list(range(len(media)))
    for one in range(len(media)):
        fewer = [other for other in kept if other != one]
        if not combine([media[other] for other in fewer]):
            kept = fewer
    return kept


def hull(boxes: Alternatives) -> tuple[tuple[float, float], tuple[float, float]]:
    """((coldest, warmest), (driest, dampest)) of all boxes together."""
    temperatures, humidities = [box.temperature for box in boxes], [box.humidity for box in boxes]
    return tuple((min(low for low, _ in ends), max(high for _, high in ends)) for ends in (temperatures, humidities))  # type: ignore[return-value]
