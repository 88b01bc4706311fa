"""The VTT mould index (Hukka & Viitanen 1999): growth and decline on a surface, with the state carried from one interval to the next.

0 nothing, 1 growth seen under the microscope, 2 several colonies, 3 visible to the eye, 4 over 10 %, 5 over half, 6 all of the
surface covered.
The classes of materials are those of the later version (Ojanen, Viitanen, Peuhkuri 2010).
"""

import math
from typing import NamedTuple

from central.environment.metrics.formulas import is_climate

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
STEP_MS = HOUR_MS  # growth is integrated in steps of at most an hour, as its authors do
FAST_MS, STILL_MS = 6 * HOUR_MS, 24 * HOUR_MS  # after so long in the dry the decline halts, and goes on at half the pace
FAST_H, SLOW_H = 0.00133, 0.000667  # index an hour lost in each
RH_LEAST = 80.0
DAYS_A_WEEK = 7.0


class Material(NamedTuple):
    """How readily a surface moulds: growth below index 1 and from there on (None: the original's course), Mmax = a + b·x - c·x²."""

    below: float
    above: float | None
    a: float
    b: float
    c: float
    rh_least: float
    decline: float = 1.0


PINE = "pine"  # the original model: pine sapwood, resawn
MATERIALS = {
    PINE: Material(1.0, None, 1.0, 7.0, 2.0, 80.0),
    "very_sensitive": Material(1.0, 2.0, 1.0, 7.0, 2.0, 80.0),  # untreated wood with much sapwood
    "sensitive": Material(0.578, 0.386, 0.3, 6.0, 1.0, 80.0),  # planed wood, paper-coated products, wood-based boards
    "medium_resistant": Material(0.072, 0.097, 0.0, 5.0, 1.5, 85.0),  # concrete, mineral wool, polyester
    "resistant": Material(0.033, 0.014, 0.0, 3.0, 1.0, 85.0),  # glass, metal
}


class Mould(NamedTuple):
    """The index, and for how long conditions have been unfavourable (0 while the index is 0)."""

    value: float = 0.0
    dry_ms: int = 0


CLEAN = Mould()


def critical_rh(temp_c: float, *, rh_least: float = RH_LEAST) -> float:
    """RH in % from which mould grows: max(-0.00267·T³ + 0.160·T² - 3.13·T + 100, 80)."""
    return max(((-0.00267 * temp_c + 0.160) * temp_c - 3.13) * temp_c + 100.0, rh_least)


def growth_per_day(index: float, temp_c: float, rh_pct: float, material: Material) -> float | None:
    """Growth of the index a day at this index; None in conditions in which it declines instead."""
    if not 0.0 < temp_c <= 50.0:
        return None
    below, above, a, b, c, rh_least, _decline = material
    critical = ((-0.00267 * temp_c + 0.160) * temp_c - 3.13) * temp_c + 100.0  # `critical_rh`, without the call
    if critical < rh_least:
        critical = rh_least
    if rh_pct < critical:
        return None
    span = 100.0 - critical
    x = (rh_pct - critical) / span if span > 0.0 else 1.0
    slowing = 1.0 - math.exp(2.3 * (index - a - (b - c * x) * x))
    if slowing <= 0.0:
        return 0.0
    log_t, log_rh = math.log(temp_c), math.log(rh_pct)
    a_day = math.exp(0.68 * log_t + 13.9 * log_rh - 66.02) / DAYS_A_WEEK  # one over the time to index 1
    if index < 1.0:
        return below * slowing * a_day
    if above is not None:
        return above * slowing * a_day
    ratio = math.exp(1.18 * log_rh - 0.06 * log_t - 4.52)  # of the times to index 3 and 1: exp(-0.74 ln T - 12.72 ln RH + 61.50) is to 3
    return 2.0 / (ratio - 1.0) * slowing * a_day


def decline(index: float, *, dry_ms: int, for_ms: int, factor: float = 1.0) -> float:
    """The index after `for_ms` more of unfavourable conditions, `dry_ms` after they began."""
    end = dry_ms + for_ms
    fast = max(0, min(end, FAST_MS) - dry_ms)
    slow = max(0, end - max(dry_ms, STILL_MS))
    return max(0.0, index - factor * (FAST_H * fast + SLOW_H * slow) / HOUR_MS)


def advance(state: Mould, for_ms: int, temp_c: float, rh_pct: float, material: Material) -> Mould:
    """The state after `for_ms` (more than 0) of one climate that is one; by position, since every reading comes through here."""
    index, dry_ms = state
    if index <= 0.0 and rh_pct < RH_LEAST:
        return CLEAN
    pace = growth_per_day(index, temp_c, rh_pct, material)
    if pace is None:
        index = decline(index, dry_ms=dry_ms, for_ms=for_ms, factor=material.decline)
        return Mould(index, dry_ms + for_ms) if index > 0.0 else CLEAN
    left = for_ms
    while True:
        now = left if left < STEP_MS else STEP_MS
        index += pace * now / DAY_MS
        left -= now
        if left <= 0:
            return Mould(index, 0)
        pace = growth_per_day(index, temp_c, rh_pct, material) or 0.0


def step(state: Mould, for_ms: int, *, temp_c: float, rh_pct: float, material: Material = MATERIALS[PINE]) -> Mould:
    """The state after `for_ms` of one climate; values that are no climate change nothing."""
    if for_ms <= 0 or not is_climate(temp_c, rh_pct):
        return state
    return advance(state, for_ms, temp_c, rh_pct, material)
