"""Judges one channel's readings: range, rate of change, stuck values. Marks quality and why; never clamps, never invents."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sensors.neighbours import Neighbours
from sensors.readings import BAD, GOOD, SUSPECT, Channel, Reading
from wire.units import plausible

RATES = {"temperature": "temperature_rate", "relative_humidity": "humidity_rate"}  # option with the rate, in units a minute
MINUTE_MS = 60_000
PERSISTS = 3  # a jump that so many readings in a row agree on was real
FINE = 0.01  # a sensor of this resolution never repeats itself for stuck_s; a coarser one may, for longer in proportion
NEVER_STILL = frozenset(("temperature", "relative_humidity", "air_pressure", "co2"))  # a dark room's light may well stand at 0 for days
MOVED_STEPS = 2  # a neighbour that moved by more than so many steps of the sensor's own should have moved it too


class Validator:
    """The judge of one channel; remembers what it needs of earlier readings and nothing else.

    Readings come in the order in which they were measured; one that is older than the newest (from a node's ring, after an outage
    was reported) is judged by range alone.
    """

    def __init__(self, channel: Channel, options: Mapping[str, Any], *, sensor: str = "", neighbours: Neighbours | None = None) -> None:
        """channel: the sensor's own declaration; options: temperature_rate, humidity_rate (a minute), stuck_s, where present;
        sensor: its name among its neighbours, which all sensors of a room share.
        """
        self._channel = channel
        self._sensor = sensor
        self._neighbours = neighbours or Neighbours()
        self._rate = options.get(RATES.get(channel.quantity, ""))
        coarse = max(1.0, (channel.resolution or FINE) / FINE)
        stuck_s = float(options.get("stuck_s") or 0.0) if channel.quantity in NEVER_STILL else 0.0
        self._stuck_ms = stuck_s * 1000 * coarse
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
        judged = self._stuck(self._jump(reading, value), value)
        if judged.quality == GOOD:
            self._neighbours.saw(self._sensor, reading.quantity, value, reading.m_ms)
        return judged

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
        moved = self._neighbours.moved(self._sensor, reading.quantity, same.m_ms)
        if moved is not None and moved <= MOVED_STEPS * (self._channel.resolution or FINE):
            return reading  # the room itself stands still
        beside = "" if moved is None else f", while a neighbour moved by {moved:.3g}"
        return reading.marked(SUSPECT, f"exactly {value:g} {reading.unit} for {lasted_ms // 1000} s{beside}: stuck?")
