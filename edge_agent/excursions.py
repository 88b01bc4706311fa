"""Whether a value lies outside its limit, back inside by the deadband, and whether the sensor's tolerance leaves that open. Pure.

Each kind of limit has one function. An excursion smaller than the tolerance is `uncertain`: it is an alarm, and says so. A tolerance
that a sensor does not declare counts as none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent import air
from edge_agent.rule import Box, Rule
from edge_agent.windows import HOUR_MS, Window

COVERAGE_MS = 20 * HOUR_MS  # a day's swing is judged by at least so much of it
RH_PER_K = 5.0  # by how many percent a box may be missed to weigh like one kelvin, where the nearest box is looked for


@dataclass(frozen=True, slots=True)
class Verdict:
    """`out`: beyond the limit; `back`: inside it by the deadband; neither: in between. value and limit: what the record says."""

    out: bool
    back: bool
    value: float | None
    limit: float | None
    uncertain: bool = False
    quantity: str = ""  # of value and limit, where the rule does not say


def measured(rule: Rule, values: Sequence[float]) -> tuple[float, ...] | None:
    """What a limit judges, from the values of its channels: one number, or temperature and humidity of a pair; None = cannot be told."""
    if rule.measure in ("value", "pair"):
        return tuple(values)
    dew = air.dew_point_c(values[0], values[1])
    if dew is None:
        return None
    return (dew,) if rule.measure == "dew_point" else (values[2] - dew,)


def tolerance(rule: Rule, values: Sequence[float], tolerances: Sequence[float]) -> float:
    """How far the one number that a limit judges may be off."""
    if rule.measure == "value":
        return tolerances[0]
    dew = air.dew_point_tolerance(values[0], values[1], temp_tolerance=tolerances[0], rh_tolerance=tolerances[1])
    return dew + (tolerances[2] if rule.measure == "condensation_margin" else 0.0)


def judge(
    rule: Rule, values: Sequence[float], tolerances: Sequence[float], *, window: Window | None = None, t_ms: int = 0
) -> Verdict | None:
    """Judge the values of a limit's channels; None while there is nothing to judge by."""
    what = measured(rule, values)
    if what is None:
        return None
    if rule.kind == "pairs":
        return pairs(rule, what[0], what[1], t_tolerance=tolerances[0], rh_tolerance=tolerances[1])
    allowed = tolerance(rule, values, tolerances)
    if rule.kind == "swing" and rule.set_point is not None:
        return set_point(rule, what[0], allowed, set_point=rule.set_point)
    if rule.kind == "swing":
        return swing(rule, window, allowed, t_ms=t_ms) if window is not None else None
    if rule.kind == "rate":
        return rate(rule, what[0], window, allowed, t_ms=t_ms) if window is not None else None
    return limit(rule, what[0], allowed)


def limit(rule: Rule, value: float, allowed: float) -> Verdict:
    """Above or below a fixed limit."""
    high = rule.above is not None and value > rule.above
    low = rule.below is not None and value < rule.below
    back = (rule.above is None or value <= rule.above - rule.deadband) and (rule.below is None or value >= rule.below + rule.deadband)
    crossed = rule.above if high else rule.below if low else None
    return Verdict(high or low, back, value, crossed, crossed is not None and abs(value - crossed) < allowed)


def set_point(rule: Rule, value: float, allowed: float, *, set_point: float) -> Verdict:
    """Further than `within` from the set point."""
    away = abs(value - set_point)
    edge = set_point + (rule.within if value > set_point else -rule.within)
    return Verdict(away > rule.within, away <= rule.within - rule.deadband, value, edge, away - rule.within < allowed)


def swing(rule: Rule, window: Window, allowed: float, *, t_ms: int) -> Verdict | None:
    """A day's highest minus lowest value beyond twice `within`; None with less than COVERAGE_MS of the day."""
    extremes = window.extremes(t_ms)
    if extremes is None or window.covered_ms(t_ms) < COVERAGE_MS:
        return None
    spread, most = extremes[1] - extremes[0], 2 * rule.within
    return Verdict(spread > most, spread <= most - rule.deadband, spread, most, spread - most < allowed)


def rate(rule: Rule, value: float, window: Window, allowed: float, *, t_ms: int) -> Verdict | None:
    """A change within the last hour beyond `per_h`; the value told is the change."""
    extremes = window.extremes(t_ms)
    if extremes is None:
        return None
    change = max((value - extremes[0], value - extremes[1]), key=abs)
    most = rule.per_h if change > 0 else -rule.per_h
    return Verdict(abs(change) > rule.per_h, abs(change) <= rule.per_h - rule.deadband, change, most, abs(change) - rule.per_h < allowed)


def pairs(rule: Rule, temp_c: float, rh_pct: float, *, t_tolerance: float, rh_tolerance: float) -> Verdict:
    """Temperature and humidity in none of the boxes; value and limit are those of the nearest box's side that is missed most."""
    missed = [_missed(box, temp_c, rh_pct) for box in rule.boxes]
    out = all(t or rh for t, rh in missed)
    back = any(not any(_missed(_shrunk(box, rule), temp_c, rh_pct)) for box in rule.boxes)
    if not out:
        return Verdict(False, back, None, None)
    t, rh = min(missed, key=lambda sides: abs(sides[0]) + abs(sides[1]) / RH_PER_K)
    warmer = abs(t) >= abs(rh) / RH_PER_K
    value, away = (temp_c, t) if warmer else (rh_pct, rh)
    uncertain = any(_within(t, t_tolerance) and _within(rh, rh_tolerance) for t, rh in missed)
    return Verdict(True, False, value, value - away, uncertain, "temperature" if warmer else "relative_humidity")


def _within(missed: float, allowed: float) -> bool:
    return not missed or abs(missed) < allowed


def _missed(box: Box, temp_c: float, rh_pct: float) -> tuple[float, float]:
    """By how much each side is missed, above positive; 0 = inside."""
    return _side(temp_c, box.t_min, box.t_max), _side(rh_pct, box.rh_min, box.rh_max)


def _side(value: float, low: float | None, high: float | None) -> float:
    if high is not None and value > high:
        return value - high
    return value - low if low is not None and value < low else 0.0


def _shrunk(box: Box, rule: Rule) -> Box:
    def moved(edge: float | None, by: float) -> float | None:
        return None if edge is None else edge + by

    t, rh = rule.deadband_t, rule.deadband_rh
    return Box(moved(box.t_min, t), moved(box.t_max, -t), moved(box.rh_min, rh), moved(box.rh_max, -rh))
