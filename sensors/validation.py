"""Judges one channel's readings: range, rate of change, stuck values, freshness. Marks quality and why; never clamps, never invents."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sensors.readings import BAD, SUSPECT, Channel, Instant, Reading, missing
from wire.units import plausible

RATES = {"temperature": "temperature_rate", "relative_humidity": "humidity_rate"}  # option with the rate, in units a minute
MINUTE_MS = 60_000
PERSISTS = 3  # a jump that so many readings in a row agree on was real
FINE = 0.01  # a sensor of this resolution never repeats itself for stuck_s; a coarser one may, for longer in proportion
FRESH_S = 30.0


class Validator:
    """The judge of one channel; remembers what it needs of earlier readings and nothing else.

    Readings come in the order in which they were measured; one that is older than the newest (from a node's ring, after an outage
    was reported) is judged by range alone.
    """

    def __init__(self, channel: Channel, options: Mapping[str, Any]) -> None:
        """channel: the sensor's own declaration; options: temperature_rate, humidity_rate (a minute), stuck_s, fresh_s where present."""
        self._channel = channel
        self._rate = options.get(RATES.get(channel.quantity, ""))
        coarse = max(1.0, (channel.resolution or FINE) / FINE)
        self._stuck_ms = float(options.get("stuck_s") or 0.0) * 1000 * coarse
        self._fresh_ms = float(options.get("fresh_s") or FRESH_S) * 1000
        self._level: Reading | None = None  # the last value taken for real
        self._jumped: list[float] = []
        self._same: Reading | None = None  # the first of a run of equal values
        self._newest_m: int | None = None

    def check(self, reading: Reading) -> Reading:
        """The same reading with a quality that is equal or worse; an impossible value is taken away, its number stays in `why`."""
        if reading.value is None:
            return reading
        low, high, value = self._channel.low, self._channel.high, reading.value
        outside = (low is not None and value < low) or (high is not None and value > high)
        if outside or not plausible(reading.quantity, value):
            raw = value if reading.raw is None else reading.raw
            return replace(reading, value=None, raw=raw, quality=BAD, why=f"out of range: {value:g} {reading.unit}")
        if self._newest_m is not None and reading.m_ms < self._newest_m:
            return reading
        self._newest_m = reading.m_ms
        return self._stuck(self._jump(reading, value), value)

    def stale(self, at: Instant) -> Reading | None:
        """A missing reading when no value has come for fresh_s (driven by a timer, not by readings), else None."""
        if self._newest_m is None:
            self._newest_m = at.m_ms
        silent_ms = at.m_ms - self._newest_m
        if silent_ms < self._fresh_ms:
            return None
        return missing(self._channel.quantity, f"no value for {silent_ms // 1000} s", at)

    def _jump(self, reading: Reading, value: float) -> Reading:
        level = self._level
        if self._rate is None or level is None or level.value is None:
            self._level = reading
            return reading
        allowed = self._rate * max(1.0, (reading.m_ms - level.m_ms) / MINUTE_MS)
        if abs(value - level.value) <= allowed:
            self._level, self._jumped = reading, []
            return reading
        if self._jumped and abs(value - self._jumped[-1]) > self._rate:
            self._jumped = []
        self._jumped.append(value)
        if len(self._jumped) >= PERSISTS:
            self._level, self._jumped = reading, []
            return reading
        return reading.marked(SUSPECT, f"jumped from {level.value:g} to {value:g} {reading.unit}")

    def _stuck(self, reading: Reading, value: float) -> Reading:
        same = self._same
        if same is None or same.value != value:
            self._same = reading
            return reading
        lasted_ms = reading.m_ms - same.m_ms
        if not self._stuck_ms or lasted_ms < self._stuck_ms:
            return reading
        return reading.marked(SUSPECT, f"exactly {value:g} {reading.unit} for {lasted_ms // 1000} s: stuck?")
