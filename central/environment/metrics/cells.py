"""One day of one sensor's climate as sums, and the fold that makes such days of values in time order; batch and incremental both use it.

A value holds until the next one. After a gap it has held for one interval only: a gap is never bridged. What a value stands for is
counted on the day on which the value was taken. The order of additions is that of time, so that equal readings give equal sums.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from central.environment.metrics import formulas as f
from central.environment.metrics.mould import CLEAN, MATERIALS, PINE, RH_LEAST, Material, Mould, advance

DAY_MS = 86_400_000
INTERVAL_MS = 60_000
GAP_FACTOR = 2.5
TOLERANCE_C, TOLERANCE_PCT = 0.2, 1.8  # of an SHT4x (SHT40: typical ±0.2 °C, ±1.8 %RH at 25 °C, its datasheet's table 1 and 2)


class Event(NamedTuple):
    """What is known of a sensor from a moment on; None for both where one of them is missing, bad, or no climate."""

    t_ms: int
    temp_c: float | None
    rh_pct: float | None


class Day(msgspec.Struct):
    """Sums over one day; `…_ms` are durations, the others are value x milliseconds where nothing else is said."""

    day_ms: int  # its start, UTC
    interval_ms: int  # for how long a value counts that a gap follows
    n: int = 0
    covered_ms: int = 0
    temp: float = 0.0
    rh: float = 0.0
    temp_min: float = math.inf
    temp_max: float = -math.inf
    rh_min: float = math.inf
    rh_max: float = -math.inf
    absolute: float = 0.0
    emc: float = 0.0
    dew: float = 0.0
    dew_ms: int = 0  # time with any vapour at all
    decay: float = 0.0  # of 1 / PI
    ageing: float = 0.0  # of 1 / lifetime multiplier
    kinetic: float = 0.0  # of `kinetic_weight`
    mould: float = 0.0  # index at the day's end
    mould_dry_ms: int = 0
    mould_low: float = 0.0  # the same at the sensor's lower bounds
    mould_low_dry_ms: int = 0
    mould_high: float = 0.0  # and upper ones
    mould_high_dry_ms: int = 0
    mould_max: float = 0.0
    open_ms: int | None = None  # when the last value was taken, while nothing follows it
    open_temp: float | None = None
    open_rh: float | None = None
    tolerance_c: float = TOLERANCE_C  # the sensor's, by which the mould's bounds were grown
    tolerance_pct: float = TOLERANCE_PCT

    def states(self) -> "States":
        """The mould's states at the day's end."""
        low, high = Mould(self.mould_low, self.mould_low_dry_ms), Mould(self.mould_high, self.mould_high_dry_ms)
        return States(Mould(self.mould, self.mould_dry_ms), low, high)

    def add(self, temp_c: float, rh_pct: float, held_ms: int, activation_j: float = f.PAPER_J) -> None:
        """Count one climate for so long. The formulas of `formulas.py`, written out: a call each would be half of the cost."""
        self.n += 1
        self.covered_ms += held_ms
        self.temp += temp_c * held_ms
        self.rh += rh_pct * held_ms
        if temp_c < self.temp_min:
            self.temp_min = temp_c
        if temp_c > self.temp_max:
            self.temp_max = temp_c
        if rh_pct < self.rh_min:
            self.rh_min = rh_pct
        if rh_pct > self.rh_max:
            self.rh_max = rh_pct
        kelvin, h = temp_c + f.ZERO_K, rh_pct / 100.0
        exp, power = math.exp, f.WATER_A * temp_c / (temp_c + f.WATER_B)
        self.absolute += 1e5 * f.WATER_HPA / f.VAPOUR_GAS * h * exp(power) / kelvin * held_ms
        if rh_pct >= 1e-6:
            gamma = math.log(h) + power
            self.dew += f.WATER_B * gamma / (f.WATER_A - gamma) * held_ms
            self.dew_ms += held_ms
        w = 349.0 + 1.29 * temp_c + 0.0135 * temp_c * temp_c
        kh = (0.805 + 0.000736 * temp_c - 2.73e-6 * temp_c * temp_c) * h
        a = (6.27 - 0.00938 * temp_c - 0.000303 * temp_c * temp_c) * kh
        b = a * kh * (1.91 + 0.0407 * temp_c - 0.000293 * temp_c * temp_c)
        self.emc += 1800.0 / w * (kh / (1.0 - kh) + (a + 2.0 * b) / (1.0 + a + b)) * held_ms
        self.decay += 365.0 * exp((134.9 * rh_pct - 95_220.0) / (f.GAS * kelvin) - 0.0284 * rh_pct + 28.023) * held_ms
        colder = 1.0 / f.REFERENCE_K - 1.0 / kelvin
        self.ageing += (rh_pct / f.REFERENCE_RH) ** f.RH_POWER * exp(activation_j / f.GAS * colder) * held_ms
        self.kinetic += exp(f.MKT_K * colder) * held_ms


class States(NamedTuple):
    """The mould index as measured, and at the lower and upper bounds of the sensor's tolerance."""

    mid: Mould = CLEAN
    low: Mould = CLEAN
    high: Mould = CLEAN


@dataclass(frozen=True, slots=True)
class Setting:
    """How values become durations and days: the usual interval, the longest one that is no gap, tolerances, the surface."""

    interval_ms: int = INTERVAL_MS
    gap_ms: int = int(GAP_FACTOR * INTERVAL_MS)
    tolerance_c: float = TOLERANCE_C
    tolerance_pct: float = TOLERANCE_PCT
    material: Material = MATERIALS[PINE]
    activation_j: float = f.PAPER_J  # of the lifetime multiplier

    def held_ms(self, t_ms: int, next_ms: int) -> int:
        """For how long the value of a moment counts, when the next event came then."""
        lasted = next_ms - t_ms
        return lasted if lasted <= self.gap_ms else min(self.interval_ms, lasted)

    def grown(self, states: States, temp_c: float, rh_pct: float, held_ms: int) -> States:
        """The mould's states after one climate for so long."""
        if rh_pct + self.tolerance_pct < RH_LEAST and states == _ALL_CLEAN:
            return states
        mid, low, high = states
        material, more, wetter = self.material, self.tolerance_c, self.tolerance_pct
        return States(
            advance(mid, held_ms, temp_c, rh_pct, material),
            advance(low, held_ms, temp_c - more, max(rh_pct - wetter, 0.0), material),
            advance(high, held_ms, temp_c + more, min(rh_pct + wetter, 100.0), material),
        )


_ALL_CLEAN = States()


def utc_day(t_ms: int) -> int:
    """The start of a moment's UTC day."""
    return t_ms - t_ms % DAY_MS


class Fold:
    """Makes days of events in time order; an event at the time of the one before it replaces it."""

    def __init__(self, setting: Setting, *, states: States = _ALL_CLEAN, day_of: Callable[[int], int] = utc_day) -> None:
        """`states` are the mould's at the beginning."""
        self.setting = setting
        self.states = states
        self.day: Day | None = None  # the day at hand
        self._day_of = day_of

    def feed(self, event: Event) -> Day | None:
        """Take an event; the day that ended before it, if one did."""
        t_ms, temp_c, rh_pct = event
        day = self.day
        if day is not None and day.open_ms is not None:
            if day.open_ms == t_ms:
                day.open_temp, day.open_rh = temp_c, rh_pct
                if temp_c is None or rh_pct is None:
                    day.open_ms = day.open_temp = day.open_rh = None
                return None
            self.close(t_ms)
        if temp_c is None or rh_pct is None:
            return None
        done, start = None, self._day_of(t_ms)
        if day is None or day.day_ms != start:
            done, day = day, self._new(start)
            self.day = day
            self._carry(day)
        day.open_ms, day.open_temp, day.open_rh = t_ms, temp_c, rh_pct
        return done

    def close(self, next_ms: int) -> None:
        """Count the open value, knowing when the next event is."""
        day = self.day
        if day is None or day.open_ms is None or day.open_temp is None or day.open_rh is None:
            return
        held_ms = self.setting.held_ms(day.open_ms, next_ms)
        self.states = self.setting.grown(self.states, day.open_temp, day.open_rh, held_ms)
        day.add(day.open_temp, day.open_rh, held_ms, self.setting.activation_j)
        day.open_ms = day.open_temp = day.open_rh = None
        self._carry(day)

    def end(self) -> Day | None:
        """Count the open value for one interval: nothing follows. The day at hand."""
        if self.day is not None and self.day.open_ms is not None:
            self.close(self.day.open_ms + self.setting.interval_ms)
        return self.day

    def _new(self, start_ms: int) -> Day:
        setting = self.setting
        return Day(start_ms, setting.interval_ms, tolerance_c=setting.tolerance_c, tolerance_pct=setting.tolerance_pct)

    def _carry(self, day: Day) -> None:
        mid, low, high = self.states
        day.mould, day.mould_dry_ms = mid
        day.mould_low, day.mould_low_dry_ms = low
        day.mould_high, day.mould_high_dry_ms = high
        if mid[0] > day.mould_max:
            day.mould_max = mid[0]


def finished(day: Day, setting: Setting) -> Day:
    """The day with its open value counted for one interval; the given one stays as it is."""
    if day.open_ms is None:
        return day
    fold = Fold(setting, states=day.states())
    fold.day = msgspec.structs.replace(day)
    done = fold.end()
    return done if done is not None else day


def days_of(events: Iterable[Event], setting: Setting, *, day_of: Callable[[int], int] = utc_day) -> Iterator[Day]:
    """The days of a whole series, in order; days without a value are left out."""
    fold = Fold(setting, day_of=day_of)
    for event in events:
        done = fold.feed(event)
        if done is not None and done.n:
            yield done
    last = fold.end()
    if last is not None and last.n:
        yield last


class Merger:
    """One sensor's two channels as events: each value holds beside the other's for at most `hold_ms`."""

    __slots__ = ("hold_ms", "rh", "rh_ms", "temp", "temp_ms")

    def __init__(self, hold_ms: int) -> None:
        """Nothing is known yet."""
        self.hold_ms = hold_ms
        self.temp_ms = self.rh_ms = -(2**62)
        self.temp: float | None = None
        self.rh: float | None = None

    def event(self, t_ms: int) -> Event:
        """What is known at this moment, from both."""
        temp, rh, oldest = self.temp, self.rh, t_ms - self.hold_ms
        if self.temp_ms < oldest or self.rh_ms < oldest or not f.is_climate(temp, rh):
            return Event(t_ms, None, None)
        return Event(t_ms, temp, rh)

    def take(self, t_ms: int, value: float | None, *, humidity: bool) -> Event:
        """One channel's value (None: missing or bad); what is known with it."""
        if humidity:
            self.rh_ms, self.rh = t_ms, value
        else:
            self.temp_ms, self.temp = t_ms, value
        return self.event(t_ms)


def merged(temps: Iterable[tuple[int, float | None]], humidities: Iterable[tuple[int, float | None]], *, hold_ms: int) -> Iterator[Event]:
    """Two channels' values in time order, each (t_ms, value), as one sensor's events; of several at one time the last stands."""
    merger = Merger(hold_ms)
    both = sorted([(t_ms, False, v) for t_ms, v in temps] + [(t_ms, True, v) for t_ms, v in humidities], key=lambda row: row[0])
    for place, (t_ms, humidity, value) in enumerate(both, 1):
        found = merger.take(t_ms, value, humidity=humidity)
        if place == len(both) or both[place][0] != t_ms:
            yield found
