"""A reading: a value with its quantity, unit, time and quality; and what a sensor says about each stream of them."""

import time
from dataclasses import dataclass, replace
from typing import Protocol

from wire.units import unit_of

GOOD, SUSPECT, BAD = "good", "suspect", "bad"
QUALITIES = (GOOD, SUSPECT, BAD)
RANK = {GOOD: 0, SUSPECT: 1, BAD: 2}


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment on both clocks: wall time and CLOCK_BOOTTIME, in integer milliseconds."""

    t_ms: int
    m_ms: int

    def earlier(self, ms: float) -> "Instant":
        """The moment `ms` before this one."""
        return Instant(self.t_ms - round(ms), self.m_ms - round(ms))


def now() -> Instant:
    """This moment."""
    return Instant(time.time_ns() // 1_000_000, time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000)


@dataclass(frozen=True, slots=True)
class Reading:
    """One measured value, or the fact that there is none: `value` is None only with quality `bad`, never a made-up number.

    quantity and unit: as in wire/units.py; raw: what the device sent before scaling; t_ms, m_ms: wall time and CLOCK_BOOTTIME of the
    *measurement*; quality: good, suspect or bad; why: a few words when it is not good.
    """

    quantity: str
    unit: str
    value: float | None
    raw: float | None
    t_ms: int
    m_ms: int
    quality: str = GOOD
    why: str = ""

    def marked(self, quality: str, why: str) -> "Reading":
        """The same reading with a quality that is worse or equal, and the reason; a better quality changes nothing."""
        if RANK[quality] <= RANK[self.quality]:
            return self
        return replace(self, quality=quality, why=why)


def measured(quantity: str, value: float, at: Instant, *, raw: float | None = None) -> Reading:
    """A good reading of a quantity at a moment."""
    return Reading(quantity, unit_of(quantity), value, raw, at.t_ms, at.m_ms)


def missing(quantity: str, why: str, at: Instant, *, raw: float | None = None) -> Reading:
    """A bad reading without a value: the device was asked and gave none."""
    return Reading(quantity, unit_of(quantity), None, raw, at.t_ms, at.m_ms, BAD, why)


@dataclass(frozen=True, slots=True)
class Channel:
    """What a sensor declares about one of its streams.

    resolution: smallest step, tolerance: +- accuracy, low and high: its own measuring range, all in `unit`; serial: the device's own
    serial number or empty.
    """

    quantity: str
    unit: str
    resolution: float | None = None
    tolerance: float | None = None
    low: float | None = None
    high: float | None = None
    serial: str = ""


class Sensor(Protocol):
    """A device that gives readings.

    `read` never raises for what the device or its wire does: it answers a bad reading for each channel. A `pushed` sensor (the node)
    waits in `read` until its device sends something or has been silent for too long, so its caller loops without a pause;
    for the others one call is one measurement. Everything handed out counts as taken when `read` is called again.
    """

    name: str
    pushed: bool

    @property
    def taken(self) -> str:
        """Up to which of the device's own samples they were handed out, for `build_sensor`; empty where a device keeps none."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What an installer should know of it, for the probe; empty where there is nothing to say."""

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The sensor's streams, in the order of its readings; a serial number may appear after the first reading."""

    async def read(self) -> list[Reading]:
        """The readings since the last call (pushed) or of now."""

    async def close(self) -> None:
        """Release the wire; idempotent."""
