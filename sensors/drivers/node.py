"""Muniment's sensor node, by cable, shared line or broker: its samples in order and once, each with the time of its measurement.

The node has no clock of its own. Each sample carries its age and the node's uptime at sending; the smallest distance seen between
that uptime and our CLOCK_BOOTTIME is the node's start, so that a sample that waited in a buffer on the way still gets its own time.
"""

import asyncio
import logging
import random
import secrets
from collections.abc import Mapping
from typing import Any

from sensors.drivers.node_channels import NodeChannels
from sensors.errors import TransportError
from sensors.readings import SUSPECT, Channel, Instant, Reading, missing, now
from sensors.transports.node_wires import NodeWire

log = logging.getLogger(__name__)

HELLO_S = 1.0
GREET_S = 3.0  # a node that says nothing for this long may have started anew: greet it again
REOPEN_S = (0.2, 2.0)  # first and longest wait between two tries to open the port
DRIFT = 0.0005  # a crystal and its temperature: far below 500 ppm
TEXT_MAX = 64
NUMBER_MAX = 2**53  # of samples and of milliseconds: what JSON carries exactly, and far more than a node lives
PAST_MAX_MS = 366 * 86_400_000  # no node keeps samples for longer
UNSURE = "measured before the node's restart, at this time or earlier"


def _counts(number: Any) -> bool:
    """Whether it is a whole number that a node could have counted to."""
    return type(number) is int and 0 <= number < NUMBER_MAX


class NodeClock:
    """Turns a node's uptime into our CLOCK_BOOTTIME, from the fastest frame so far."""

    def __init__(self) -> None:
        self._start_ms: float | None = None
        self._heard_ms = 0

    def heard(self, up_ms: int, m_ms: int) -> None:
        """A frame that was sent at uptime up_ms has arrived at m_ms."""
        start = float(m_ms - up_ms)
        if self._start_ms is not None:
            start = min(start, self._start_ms + (m_ms - self._heard_ms) * DRIFT)
        self._start_ms = start
        self._heard_ms = m_ms

    def m_ms(self, up_ms: int) -> int:
        """CLOCK_BOOTTIME at uptime up_ms."""
        return round((self._start_ms or 0.0) + up_ms)


class NodeSensor:
    """A pushed sensor: `read` waits for samples; those it returned are acknowledged to the node when it is called again."""

    pushed = True
    notes: tuple[str, ...] = ()

    def __init__(self, name: str, options: Mapping[str, Any], *, wire: NodeWire, taken: str = "") -> None:
        """name: for the log; options: silent_s, chips; wire: to the node; taken: as `taken` said before a restart."""
        self.name = name
        self.node = self.version = ""  # what the node calls itself, once it has said hello
        self.boots = 0  # how often it has started, where it counts
        self.lost = 0  # samples that the node's ring had to drop
        self.damaged = 0  # frames that did not decode
        self._damaged_here = 0
        self._wire = wire
        self._silent_ms = int(options["silent_s"] * 1000)
        self._session = ""
        self._boot = ""  # the start of the node whose samples come now
        self._start = ""  # the one whose uptime it tells
        self._channels = NodeChannels.of(str(options["chips"]))
        self._seq: int | None = None  # highest sample taken of this boot
        stored, _, self._stored_boot = taken.partition(" ")
        self._stored = int(stored or 0)  # highest sample stored of _stored_boot, before a restart
        self._owed = False  # whether _seq has yet to be acknowledged
        self._greeted = False
        self._hello_due = 0.0
        self._clock = NodeClock()
        self._heard_m: int | None = None
        self._wait_s = REOPEN_S[0]
        self._trouble = "the node is silent"

    @property
    def channels(self) -> tuple[Channel, ...]:
        """What the node's chips measure; before its first hello, what the option `chips` says."""
        return self._channels.channels

    @property
    def taken(self) -> str:
        """Number of the newest sample handed out, and the node's boot."""
        return f"{self._seq} {self._boot}" if self._seq is not None else ""

    async def read(self) -> list[Reading]:
        """The samples that have come since the last call, oldest first; after silent_s without any, a missing one a channel."""
        if self._heard_m is None:
            self._heard_m = now().m_ms
        while True:
            left_s = (self._heard_m + self._silent_ms - now().m_ms) / 1000
            if left_s <= 0:
                self._heard_m = now().m_ms
                return [missing(channel.quantity, self._trouble, now()) for channel in self.channels]
            try:
                readings = await self._exchange(left_s)
            except TransportError as error:
                self._disconnected(str(error))
                await asyncio.sleep(min(left_s, self._wait_s * random.uniform(0.5, 1.0)))  # noqa: S311 jitter
                self._wait_s = min(self._wait_s * 2, REOPEN_S[1])
                continue
            if readings:
                self._heard_m = now().m_ms
                return readings

    async def _exchange(self, left_s: float) -> list[Reading]:
        if not self._wire.is_open:
            self._wire.open()
            self._session = secrets.token_hex(8)
            self._damaged_here = 0
            self._greeted = False
            self._hello_due = 0.0
        clock_s = asyncio.get_running_loop().time()
        if clock_s >= self._hello_due:
            self._greet(clock_s)
        self._acknowledge()
        messages = await self._wire.receive(min(left_s, HELLO_S))
        at = now()
        readings: list[Reading] = []
        self._note_damage()
        for message in messages:
            if message.get("k") == "here" and not self._greeted:
                self._greet(clock_s)
            readings += self._take(message, at)
            self._hello_due = clock_s + GREET_S
        return readings

    def _greet(self, clock_s: float) -> None:
        self._wire.send({"k": "hello", "session": self._session, "t": now().t_ms})
        self._hello_due = clock_s + HELLO_S

    def identify(self, seconds: float) -> bool:
        """Blink the node's LED for so long; False when the node is not there to hear it."""
        try:
            if not self._greeted or not self._wire.is_open:
                return False
            self._wire.send({"k": "identify", "s": max(0, round(seconds))})
        except TransportError:
            return False
        return True

    def _note_damage(self) -> None:
        """Count what was no frame; say so once a connection."""
        fresh = self._wire.bad - self._damaged_here
        if fresh and not self._damaged_here:
            log.warning("%s: damaged frames on the wire; the node sends again what was in them", self.name)
        self._damaged_here += fresh
        self.damaged += fresh

    def _acknowledge(self) -> None:
        if self._owed and self._greeted:
            self._wire.send({"k": "ack", "boot": self._boot, "seq": self._seq})
            self._owed = False

    def _take(self, message: dict[str, Any], at: Instant) -> list[Reading]:
        if message.get("k") == "hello":
            self._hello(message, at)
            return []
        numbers = [message.get(field) for field in ("seq", "oldest", "age", "up")]
        if message.get("k") != "sample" or not all(_counts(number) for number in numbers) or not self._greeted:
            return []
        seq, oldest, age_ms, up_ms = (int(number or 0) for number in numbers)
        past = message.get("past")
        if age_ms > (PAST_MAX_MS if past in (1, 2) else up_ms):
            return []  # nothing of this start is older than it
        self._clock.heard(up_ms, at.m_ms)
        if self._seq is None and self._boot == self._stored_boot and seq <= self._stored:
            self._seq = self._stored  # stored by the agent before this one, which could not say so any more
        if self._seq is not None and seq <= self._seq:
            self._owed = True  # our acknowledgement was lost
            return []
        expected = oldest if self._seq is None else self._seq + 1
        if seq > max(expected, oldest):
            return []  # one before it was damaged on the way; the node sends again from there
        if self._seq is not None and seq > expected:
            self.lost = min(self.lost + seq - expected, NUMBER_MAX)
            log.warning("%s: the node dropped %d samples that found no room in its ring", self.name, seq - expected)
        self._seq = seq
        self._owed = True
        m_ms = min(self._clock.m_ms(up_ms - age_ms), at.m_ms)
        readings = self._channels.readings(message, at.earlier(at.m_ms - m_ms))
        return [reading.marked(SUSPECT, UNSURE) for reading in readings] if past == 2 else readings

    def _hello(self, message: dict[str, Any], at: Instant) -> None:
        boot, up = message.get("boot"), message.get("up")
        if message.get("session") != self._session or not isinstance(boot, str) or not isinstance(up, int) or not _counts(up):
            return
        if boot != self._boot:
            self._boot, self._seq, self._owed = boot[:TEXT_MAX], None, False
        start = str(message.get("start", boot))[:TEXT_MAX]
        if start != self._start:
            self._start, self._clock = start, NodeClock()
        self._clock.heard(up, at.m_ms)
        self._channels = self._channels.told(message)
        self._greeted = True
        self._wait_s = REOPEN_S[0]
        self._trouble = "the node is silent"
        self.node, self.version = (str(message.get(field))[:TEXT_MAX] for field in ("node", "version"))
        self.boots = int(message["boots"]) if _counts(message.get("boots")) else 0
        log.info("%s: node %s, firmware %s, start %d, boot %s", self.name, self.node, self.version, self.boots, self._boot)

    def _disconnected(self, why: str) -> None:
        if self._greeted or why != self._trouble:
            log.warning("%s: %s", self.name, why)
        self._greeted = False
        self._trouble = why

    async def close(self) -> None:
        """Acknowledge nothing further and let go of the port; idempotent."""
        self._wire.close()
