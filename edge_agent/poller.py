"""Reads one sensor again and again: validates, calibrates, shows each sample to the alarm rules, journals what is due."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from edge_agent import clock
from edge_agent.alarms import AlarmDesk
from edge_agent.async_journal import AsyncJournal
from edge_agent.calibration import fits
from edge_agent.channels import Channels
from edge_agent.reporting import Reporter
from sensors.readings import GOOD, Reading, Sensor
from wire.records import record

TAKEN = "taken:"  # the note that says how far the samples of a sensor with a memory of its own are journalled
COMMIT_S = 10.0  # readings wait at most this long for the commit that they share
LIVE_S = 30.0  # older samples, from a node that was unplugged, are journalled and shown to no rule
DIGITS = 4
log = logging.getLogger(__name__)


class Checker(Protocol):
    """Marks the quality of one channel's readings: range, rate, stuck, freshness."""

    def check(self, reading: Reading) -> Reading:
        """The same reading, its quality worse or equal."""


@dataclass(frozen=True, slots=True)
class Latest:
    """The last sample of a channel, as shown and after calibration."""

    reading: Reading
    value: float | None


class ReadingsBuffer:
    """Gathers reading records of all sensors and commits them together."""

    def __init__(self, journal: AsyncJournal) -> None:
        self._journal = journal
        self._waiting: list[dict[str, Any]] = []
        self._taken: dict[str, str] = {}  # since the start
        self._fresh: dict[str, str] = {}  # since the last commit
        self._lock = asyncio.Lock()

    def add(self, sensor: str, made: list[dict[str, Any]], *, taken: str = "") -> None:
        """Take the records of one answer of a sensor for the next commit, and how far its samples go (`Sensor.taken`) with them."""
        self._waiting += made
        if made and taken:
            self._taken[sensor] = self._fresh[TAKEN + sensor] = taken

    async def taken(self, sensor: str) -> str:
        """How far a sensor's samples were taken, in this process or before it; empty for one never heard of."""
        if sensor not in self._taken:
            note: str | None = await self._journal.call(self._journal.journal.memory.note, TAKEN + sensor)
            self._taken[sensor] = note or ""
        return self._taken[sensor]

    async def flush(self) -> None:
        """Commit what waits now; what the disk refuses is held by the journal's bounded memory."""
        async with self._lock:
            batch, self._waiting = self._waiting, []
            notes, self._fresh = self._fresh, {}
            if batch or self._journal.held("readings"):
                await self._journal.keep("readings", batch, notes=notes)

    async def run(self) -> None:
        """Commit every COMMIT_S, and once more at the end."""
        try:
            while True:
                await asyncio.sleep(COMMIT_S)
                await self.flush()
        finally:
            await self.flush()


class Poller:
    """One sensor's loop. A failing device gives bad readings, never an exception; what raises here is a fault of ours."""

    def __init__(
        self,
        name: str,
        sensor: Sensor,
        *,
        checkers: Callable[[str], Checker],
        channels: Channels,
        desk: AlarmDesk,
        buffer: ReadingsBuffer,
        calibration: Callable[[str], Mapping[str, Any] | None],
        agent: str,
        sample_s: float,
        report_s: float,
        room: str = "",
    ) -> None:
        """`checkers(quantity)` gives the checker of a channel; `calibration(channel id)` {"offset", "gain", "serial"?} or None.

        room: where the sensor hangs, where that is not the agent's.
        """
        self.name = name
        self.sensor = sensor
        self.latest: dict[str, Latest] = {}
        self.samples = 0
        self.took_ms = 0.0
        self._make_checker = checkers
        self._checkers: dict[str, Checker] = {}
        self._channels = channels
        self._desk = desk
        self._buffer = buffer
        self._calibration = calibration
        self._subject = f"{agent}/{name}"
        self._sample_s = sample_s
        self._room = room
        self._serials: dict[str, str] = {}  # by quantity: of the device that is fitted now
        self._report_s = report_s
        self._reporters: dict[str, Reporter] = {}
        self._quality: dict[str, str] = {}

    async def run(self) -> None:
        """Sample until cancelled, on a grid of sample_s that does not drift."""
        due = time.monotonic()
        while True:
            began = time.monotonic()
            readings = await self.sensor.read()
            self.took_ms = (time.monotonic() - began) * 1000
            await self.take(readings)
            if self.sensor.pushed:
                continue
            due = max(due + self._sample_s, time.monotonic())
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def take(self, readings: list[Reading]) -> None:
        """Treat one answer of the sensor."""
        now_m = clock.boot_ms()
        self.samples += len(readings)
        taken, due, at_once = self.sensor.taken, list[dict[str, Any]](), False
        for channel in self.sensor.channels:
            await self._channels.declare(self.name, channel, t=clock.wall_ms(), m=now_m, room=self._room)
            self._serials[channel.quantity] = channel.serial
            self._desk.rules.set_tolerance(self._channels.channel_id(self.name, channel.quantity), channel.tolerance)
        for reading in readings:
            at_once = await self._one(reading, due, live=now_m - reading.m_ms <= LIVE_S * 1000) or at_once
        self._buffer.add(self.name, due, taken=taken)  # all of them at once: a commit holds either a sample or nothing of it
        recent = [reading for reading in readings if now_m - reading.m_ms <= LIVE_S * 1000]
        if recent:
            last = {reading.quantity: self.latest[reading.quantity].reading for reading in recent}
            good = all(reading.quality == GOOD for reading in last.values())
            newest = max(recent, key=lambda reading: reading.m_ms)
            at_once = await self._desk.sensor(self._subject, good=good, t=newest.t_ms, m=newest.m_ms) or at_once
            await self._desk.condition(f"{self.name}-calibration", self._foreign())
        if at_once or (due and taken):
            # what a node kept is gone from it once it is taken, that is with the next read: it must be on our disk before
            await self._buffer.flush()

    async def _one(self, given: Reading, due: list[dict[str, Any]], *, live: bool) -> bool:
        """Treat one reading and add its record to `due` if it is to have one; whether that is to be committed at once."""
        quantity = given.quantity
        checker = self._checkers.setdefault(quantity, self._make_checker(quantity))
        reading = checker.check(given)
        value, raw = self._calibrated(reading)
        self.latest[quantity] = Latest(reading, value)
        if self._quality.get(quantity, GOOD) != reading.quality:
            level = logging.INFO if reading.quality == GOOD else logging.WARNING
            log.log(level, "%s %s is %s%s", self.name, quantity, reading.quality, f": {reading.why}" if reading.why else " again")
        self._quality[quantity] = reading.quality
        channel = self._channels.channel_id(self.name, quantity)
        crossed = live and await self._desk.reading(channel, value, good=reading.quality == GOOD, t=reading.t_ms, m=reading.m_ms)
        reporter = self._reporters.setdefault(quantity, Reporter(self._report_s))
        why = "limit" if crossed else reporter.due(reading, value)
        if not why:
            return False
        reporter.reported(reading, value)
        bad = reading.quality != GOOD
        due.append(
            record(
                "reading",
                reading.t_ms,
                reading.m_ms,
                i=self._channels.number(channel),
                v=value,
                raw=raw,
                quality=reading.quality if bad else None,
                why=reading.why[:200] if bad and reading.why else None,
            )
        )
        return why in ("limit", "quality", "fast")

    def _calibrated(self, reading: Reading) -> tuple[float | None, float | None]:
        """(value after calibration, the value before it where they differ, or what the device sent where there is no value)."""
        if reading.value is None:
            return None, reading.raw
        calibration = self._calibration(self._channels.channel_id(self.name, reading.quantity))
        if not calibration or not fits(calibration, self._serials.get(reading.quantity, "")):
            return round(reading.value, DIGITS), None
        value = reading.value * calibration.get("gain", 1.0) + calibration.get("offset", 0.0)
        return round(value, DIGITS), round(reading.value, DIGITS)

    def _foreign(self) -> bool:
        """Whether a channel has a calibration that belongs to another device than the one that is fitted."""
        found = ((self._calibration(self._channels.channel_id(self.name, quantity)), serial) for quantity, serial in self._serials.items())
        return any(calibration is not None and not fits(calibration, serial) for calibration, serial in found)

    def rows(self) -> list[dict[str, Any]]:
        """One row a channel for the probe: channel, value, unit, quality, why, serial number, notes, age and how long it took."""
        now_m = clock.boot_ms()
        if not self.latest:
            return [{"device": self.name, "what": "sensor", "ok": False, "why": "no reading yet"}]
        return [
            {
                "device": self.name,
                "what": quantity,
                "value": latest.value,
                "unit": latest.reading.unit,
                "quality": latest.reading.quality,
                "ok": latest.reading.quality != "bad",
                "why": latest.reading.why,
                "serial": self._serials.get(quantity, ""),
                "note": "; ".join(self.sensor.notes),
                "age_ms": now_m - latest.reading.m_ms,
                "took_ms": round(self.took_ms, 1),
            }
            for quantity, latest in self.latest.items()
        ]
