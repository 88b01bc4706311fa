"""The target band of EN 15757: how far humidity has strayed from its own 30-day mean in a year that the objects came through unharmed.

The mean is centred and weighted by duration; a value has a residual only where the whole window lies within the series. The band is
the 7th to the 93rd percentile of the residuals, and a residual of less than 10 %RH counts as safe whatever the percentiles say.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

import msgspec

DAY_MS = 86_400_000
WINDOW_MS = 30 * DAY_MS
YEAR_MS = 365 * DAY_MS
SPAN_MS = YEAR_MS + WINDOW_MS  # 13 months: a year, and half a window before and after
COVERAGE_LEAST = 0.75
SAFE_PCT = 10.0
LOW, HIGH = 0.07, 0.93
SCALE = 1_000_000  # humidity is added up as integers of millionths


class Band(msgspec.Struct, frozen=True):
    """Residuals in %RH around the 30-day mean: percentiles as found, and the band widened to what counts as safe anyway."""

    p7_pct: float
    p93_pct: float
    lower_pct: float
    upper_pct: float
    seasonal_min_pct: float  # of the 30-day mean
    seasonal_max_pct: float
    outside: float  # share of time beyond lower..upper


class En15757(msgspec.Struct, frozen=True):
    """The band, or why there is none yet."""

    valid: bool
    months: float  # of data
    why: str | None = None
    why_zh: str | None = None
    band: Band | None = None


def weighted_quantile(values: Sequence[tuple[float, int]], share: float) -> float:
    """Quantile of (value, weight) sorted by value, interpolated; with equal weights it is the usual linear one (numpy's default)."""
    if len(values) == 1:
        return values[0][0]
    first, last = values[0][1], values[-1][1]
    sums = list(accumulate(weight for _value, weight in values))
    target = share * (sums[-1] - first / 2 - last / 2) + first / 2
    low, high = 0, len(values) - 1
    while low < high:  # the first whose middle lies at the target or beyond
        middle = (low + high) // 2
        if sums[middle] - values[middle][1] / 2 < target:
            low = middle + 1
        else:
            high = middle
    if low == 0:
        return values[0][0]
    left, right = sums[low - 1] - values[low - 1][1] / 2, sums[low] - values[low][1] / 2
    part = (target - left) / (right - left) if right > left else 1.0
    return values[low - 1][0] + part * (values[low][0] - values[low - 1][0])


def residuals(times_ms: Sequence[int], rh_pct: Sequence[float], held_ms: Sequence[int]) -> Iterator[tuple[int, float, float, int]]:
    """(t_ms, 30-day mean, residual, held_ms) of every value with a whole window around it; times ascending."""
    if not times_ms:
        return
    half, begin, end = WINDOW_MS // 2, times_ms[0], times_ms[-1] + held_ms[-1]
    weights = [0, *accumulate(held_ms)]
    sums = [0, *accumulate(round(v * SCALE) * held for v, held in zip(rh_pct, held_ms, strict=True))]
    low = high = 0
    for place in range(bisect_left(times_ms, begin + half), bisect_right(times_ms, end - half)):
        t_ms = times_ms[place]
        while times_ms[low] < t_ms - half:
            low += 1
        while high < len(times_ms) and times_ms[high] < t_ms + half:
            high += 1
        weight = weights[high] - weights[low]
        if weight and held_ms[place]:
            mean = (sums[high] - sums[low]) / weight / SCALE
            yield t_ms, mean, rh_pct[place] - mean, held_ms[place]


def band(times_ms: Sequence[int], rh_pct: Sequence[float], held_ms: Sequence[int]) -> En15757:
    """The band of a series: times ascending in ms, humidity in %, for how long each value counts in ms."""
    if not times_ms:
        return En15757(valid=False, months=0.0, why="not yet valid: there is no data", why_zh="尚无效：没有数据")
    span = times_ms[-1] + held_ms[-1] - times_ms[0]
    months = round(span / (YEAR_MS / 12), 2)
    if span < SPAN_MS:
        days, least = span // DAY_MS, SPAN_MS // DAY_MS
        why = f"not yet valid: {days} days of data, at least 13 months ({least} days) are needed"
        return En15757(valid=False, months=months, why=why, why_zh=f"尚无效：只有 {days} 天的数据，至少需要 13 个月（{least} 天）")
    coverage = sum(held_ms) / span
    ordered: list[tuple[float, int]] = []
    seasonal_min, seasonal_max = 100.0, 0.0
    if coverage >= COVERAGE_LEAST:
        for _t_ms, mean, residual, lasted in residuals(times_ms, rh_pct, held_ms):
            ordered.append((residual, lasted))
            seasonal_min, seasonal_max = min(seasonal_min, mean), max(seasonal_max, mean)
    if not ordered:
        why = f"not yet valid: data covers {coverage:.0%} of the time, {COVERAGE_LEAST:.0%} are needed"
        return En15757(valid=False, months=months, why=why, why_zh=f"尚无效：数据只覆盖 {coverage:.0%} 的时间，需要 {COVERAGE_LEAST:.0%}")
    ordered.sort()
    p7, p93 = weighted_quantile(ordered, LOW), weighted_quantile(ordered, HIGH)
    lower, upper = min(p7, -SAFE_PCT), max(p93, SAFE_PCT)
    total = sum(held for _residual, held in ordered)
    outside = sum(held for residual, held in ordered if not lower <= residual <= upper)
    made = Band(
        p7_pct=p7,
        p93_pct=p93,
        lower_pct=lower,
        upper_pct=upper,
        seasonal_min_pct=seasonal_min,
        seasonal_max_pct=seasonal_max,
        outside=outside / total,
    )
    return En15757(valid=True, months=months, band=made)
