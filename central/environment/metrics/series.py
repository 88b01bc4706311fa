"""Sums up a climate series, or days of one: each metric with its coverage, its bounds by the sensor's tolerance, and words for staff."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from statistics import fmean, median_low

import msgspec

from central.environment.metrics import formulas as f
from central.environment.metrics.cells import GAP_FACTOR, INTERVAL_MS, Day, Event, Setting, days_of, utc_day
from central.environment.metrics.cells import TOLERANCE_C as TOLERANCE_C
from central.environment.metrics.cells import TOLERANCE_PCT as TOLERANCE_PCT
from central.environment.metrics.en15757 import En15757, band
from central.environment.metrics.mould import MATERIALS, PINE
from central.environment.metrics.within import Bounds, LimitsOver, Within
from central.environment.metrics.words import meaning

JUDGED_MS = 20 * 3_600_000  # of a day; with less of it covered its swing is not judged
DRY_PCT = 0.1  # lower bound of a humidity less its tolerance
Interval = tuple[float, float]


class Swing(msgspec.Struct, frozen=True):
    """How far one quantity moves within a day (max - min), over the days with at least 20 hours of data; `from_set_point` is the largest
    distance from the set point; `within` the share of days inside the allowed swing."""

    days: int
    mean: float | None = None
    max: float | None = None
    from_set_point: float | None = None
    within: float | None = None


class Course(msgspec.Struct, frozen=True):
    """Duration-weighted mean, and the extremes."""

    mean: float
    min: float
    max: float


class Metric(msgspec.Struct, frozen=True):
    """One metric as shown: value with unit, its bounds by the sensor's tolerance, the coverage behind it, one sentence in two languages."""

    value: float | None
    unit: str
    low: float | None
    high: float | None
    coverage: float
    en: str
    zh: str


class Summary(msgspec.Struct, frozen=True):
    """What a climate did. Values are None where there was nothing to compute them from; shares are 0..1."""

    from_ms: int | None
    to_ms: int | None
    values: int
    interval_ms: int
    coverage: float
    twpi_years: float | None
    lifetime_multiplier: float | None
    mkt_c: float | None
    mould_index: float | None
    mould_index_max: float | None
    dew_point_c: float | None
    absolute_humidity_g_m3: float | None
    emc_pct: float | None
    temp_c: Course | None
    rh_pct: Course | None
    swing_c: Swing
    swing_pct: Swing
    within_limits: float | None
    within: Within | None
    en15757: En15757
    metrics: dict[str, Metric]


class Asked(msgspec.Struct, frozen=True):
    """What a climate is judged by: a set point, the allowed swing around it."""

    set_point_c: float | None = None
    set_point_pct: float | None = None
    swing_c: float | None = None
    swing_pct: float | None = None


NOTHING_ASKED = Asked()


def usual_interval(times_ms: Sequence[int]) -> int:
    """The median of the distances between distinct ascending times, the lower one of two; INTERVAL_MS where there are no two times."""
    distances = [later - earlier for earlier, later in pairwise(times_ms) if later > earlier]
    return median_low(distances) if distances else INTERVAL_MS


def held(events: Sequence[Event], setting: Setting) -> Iterator[tuple[int, float, float, int]]:
    """(t_ms, temp_c, rh_pct, held_ms) of every event with values, in order."""
    last = len(events) - 1
    for place, (t_ms, temp_c, rh_pct) in enumerate(events):
        if temp_c is not None and rh_pct is not None:
            following = events[place + 1].t_ms if place < last else t_ms + setting.interval_ms
            yield t_ms, temp_c, rh_pct, setting.held_ms(t_ms, following)


def _swing(days: Sequence[Day], *, humidity: bool, set_point: float | None, allowed: float | None) -> Swing:
    judged = [day for day in days if day.covered_ms >= JUDGED_MS]
    ranges = [(day.rh_min, day.rh_max) if humidity else (day.temp_min, day.temp_max) for day in judged]
    if not ranges:
        return Swing(days=0)
    widths = [high - low for low, high in ranges]
    away = None if set_point is None else [max(abs(high - set_point), abs(low - set_point)) for low, high in ranges]
    good = None
    if allowed is not None:
        good = sum(width <= 2 * allowed for width in widths) if away is None else sum(far <= allowed for far in away)
    return Swing(
        days=len(judged),
        mean=fmean(widths),
        max=max(widths),
        from_set_point=None if away is None else max(away),
        within=None if good is None else good / len(judged),
    )


def _bounds(value: float | None, function: Callable[[float, float], float | None], climate: Interval, setting: Setting) -> Interval | None:
    """The value scaled by how the function changes at the corners of the tolerance around the mean climate (by difference for °C)."""
    temp_c, rh_pct = climate
    centre = function(temp_c, rh_pct)
    if value is None or centre is None:
        return None
    found = []
    for dt in (-setting.tolerance_c, setting.tolerance_c):
        for dh in (-setting.tolerance_pct, setting.tolerance_pct):
            corner = function(temp_c + dt, min(max(rh_pct + dh, DRY_PCT), 100.0))
            if corner is None:
                return None
            found.append(value + corner - centre if function is f.dew_point or not centre else value * corner / centre)
    return min(found), max(found)


def summary_of(
    days: Sequence[Day],
    *,
    setting: Setting,
    span_ms: Interval | tuple[int, int] | None,
    within: Within | None = None,
    en15757: En15757 | None = None,
    asked: Asked = NOTHING_ASKED,
) -> Summary:
    """The summary of finished days in order, over a span (from, to) that coverage is a share of."""
    total = sum(day.covered_ms for day in days)
    span = 0 if span_ms is None else span_ms[1] - span_ms[0]
    coverage = min(1.0, total / span) if span > 0 else 0.0
    decay, ageing = sum(day.decay for day in days), sum(day.ageing for day in days)
    dew_ms = sum(day.dew_ms for day in days)
    temp = rh = twpi = lifetime = mkt = dew = absolute = emc = None
    if total > 0:
        temp = Course(sum(d.temp for d in days) / total, min(d.temp_min for d in days), max(d.temp_max for d in days))
        rh = Course(sum(d.rh for d in days) / total, min(d.rh_min for d in days), max(d.rh_max for d in days))
        twpi = total / decay
        lifetime = total / ageing if ageing > 0.0 else None
        mkt = f.mean_kinetic(sum(day.kinetic for day in days) / total)
        dew = sum(day.dew for day in days) / dew_ms if dew_ms else None
        absolute, emc = sum(day.absolute for day in days) / total, sum(day.emc for day in days) / total
    last = days[-1] if days else None
    named: list[tuple[str, float | None, str, Interval | None]] = []
    if temp is not None and rh is not None and last is not None:
        climate, shift = (temp.mean, rh.mean), setting.tolerance_c
        lasting = partial(f.lifetime_multiplier, activation_j=setting.activation_j)
        named = [
            ("twpi_years", twpi, "a", _bounds(twpi, f.preservation_index, climate, setting)),
            ("lifetime_multiplier", lifetime, "1", _bounds(lifetime, lasting, climate, setting)),
            ("mkt_c", mkt, "Cel", None if mkt is None else (mkt - shift, mkt + shift)),
            ("mould_index", last.mould, "1", (last.mould_low, last.mould_high)),
            ("dew_point_c", dew, "Cel", _bounds(dew, f.dew_point, climate, setting)),
            ("absolute_humidity_g_m3", absolute, "g/m3", _bounds(absolute, f.absolute_humidity, climate, setting)),
            ("emc_pct", emc, "%", _bounds(emc, f.emc, climate, setting)),
        ]
        if within is not None:
            named.append(("within_limits", within.share, "1", (within.low, within.high)))
    metrics = {}
    for name, value, unit, bounds in named:
        low, high = bounds or (None, None)
        metrics[name] = Metric(value, unit, low, high, coverage, *meaning(name, value))
    return Summary(
        from_ms=None if span_ms is None else int(span_ms[0]),
        to_ms=None if span_ms is None else int(span_ms[1]),
        values=sum(day.n for day in days),
        interval_ms=setting.interval_ms,
        coverage=coverage,
        twpi_years=twpi,
        lifetime_multiplier=lifetime,
        mkt_c=mkt,
        mould_index=None if last is None else last.mould,
        mould_index_max=max((day.mould_max for day in days), default=None),
        dew_point_c=dew,
        absolute_humidity_g_m3=absolute,
        emc_pct=emc,
        temp_c=temp,
        rh_pct=rh,
        swing_c=_swing(days, humidity=False, set_point=asked.set_point_c, allowed=asked.swing_c),
        swing_pct=_swing(days, humidity=True, set_point=asked.set_point_pct, allowed=asked.swing_pct),
        within_limits=None if within is None else within.share,
        within=within,
        en15757=en15757 if en15757 is not None else band([], [], []),
        metrics=metrics,
    )


def events_of(times_ms: Sequence[int], temp_c: Sequence[float | None], rh_pct: Sequence[float | None]) -> list[Event]:
    """A series as events: sorted by time, of several at one time the last one, None for what is no climate."""
    made = [
        Event(t_ms, temp, rh) if f.is_climate(temp, rh) else Event(t_ms, None, None)
        for t_ms, temp, rh in zip(times_ms, temp_c, rh_pct, strict=True)
    ]
    if all(earlier[0] < later[0] for earlier, later in pairwise(made)):
        return made
    latest = {event.t_ms: event for event in made}
    return [latest[t_ms] for t_ms in sorted(latest)]


def summarise(
    times_ms: Sequence[int],
    temp_c: Sequence[float | None],
    rh_pct: Sequence[float | None],
    *,
    boxes: Sequence[Bounds] | None = None,
    asked: Asked = NOTHING_ASKED,
    interval_ms: int | None = None,
    gap_ms: int | None = None,
    tolerance_c: float = TOLERANCE_C,
    tolerance_pct: float = TOLERANCE_PCT,
    material: str = PINE,
    day_of: Callable[[int], int] = utc_day,
    span_ms: tuple[int, int] | None = None,
) -> Summary:
    """The summary of a series: times in ms since 1970 UTC in any order, °C, % (None: missing or bad).

    `interval_ms` is the usual distance of values (default: the series' own median), `gap_ms` the longest one that is no gap (default: 2.5
    intervals), `boxes` the limits as alternatives, `span_ms` what coverage is a share of (default: first value to the end of the last).
    """
    events = events_of(times_ms, temp_c, rh_pct)
    usual = interval_ms or usual_interval([event.t_ms for event in events])
    setting = Setting(usual, gap_ms or int(GAP_FACTOR * usual), tolerance_c, tolerance_pct, MATERIALS[material])
    return summarise_events(events, setting, boxes=boxes, asked=asked, day_of=day_of, span_ms=span_ms)


def summarise_events(
    events: Sequence[Event],
    setting: Setting,
    *,
    boxes: Sequence[Bounds] | None = None,
    limits: Sequence[tuple[int, Sequence[Bounds]]] | None = None,
    asked: Asked = NOTHING_ASKED,
    day_of: Callable[[int], int] = utc_day,
    span_ms: tuple[int, int] | None = None,
) -> Summary:
    """The same of events in order, as `events_of` makes them; `limits` in place of `boxes` where they changed: [(from when, boxes)]."""
    days = list(days_of(events, setting, day_of=day_of))
    followed = limits or [(0, boxes or ())]
    judged = LimitsOver(followed, tolerance_c=setting.tolerance_c, tolerance_pct=setting.tolerance_pct)
    times, humidities, lasted = [], [], []
    for t_ms, temp, rh, held_ms in held(events, setting):
        times.append(t_ms)
        humidities.append(rh)
        lasted.append(held_ms)
        if boxes or limits:
            judged.add(t_ms, temp, rh, held_ms)
    span = span_ms or ((events[0].t_ms, events[-1].t_ms + setting.interval_ms) if events else None)
    found = band(times, humidities, lasted)
    return summary_of(days, setting=setting, span_ms=span, within=judged.result(), en15757=found, asked=asked)
