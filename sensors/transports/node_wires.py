"""The three ways to a sensor node: a serial port of its own, a line that several nodes share, a topic on the broker."""

import asyncio
import logging
from typing import Any, Protocol

from sensors.errors import TransportError
from sensors.transports.serial_port import SerialPort
from wire.frames import FrameReader, encode_frame

log = logging.getLogger(__name__)

Message = dict[str, Any]
TURN_S = 0.4  # silence after which a polled node's turn is over
TURN_MAX_S = 2.0  # and the longest turn of all
PACE_S = 0.1  # between two turns of one node that has nothing to say
ABSENT_AFTER, ABSENT_PACE_S = 3, 2.0  # a node that let so many turns pass is asked less often
QUEUE_MAX = 16


class NodeWire(Protocol):
    """Moves messages; TransportError from any call means that the wire is gone and has to be opened anew."""

    @property
    def bad(self) -> int:
        """Frames that did not decode, since the wire was opened."""

    @property
    def is_open(self) -> bool:
        """Whether it is open."""

    def open(self) -> None:
        """Open it, with nothing left over from before."""

    def send(self, message: Message) -> None:
        """Send one message; it may get lost."""

    async def receive(self, timeout_s: float) -> list[Message]:
        """The next messages; none after timeout_s."""

    def close(self) -> None:
        """Let go of it; idempotent."""


class SerialWire:
    """A node alone on a serial port."""

    def __init__(self, path: str, baud: int) -> None:
        """path: of the device; baud: bits per second."""
        self._port = SerialPort(path, baud)
        self._frames = FrameReader()

    @property
    def bad(self) -> int:
        """See NodeWire."""
        return self._frames.bad

    @property
    def is_open(self) -> bool:
        """See NodeWire."""
        return self._port.is_open

    def open(self) -> None:
        """See NodeWire."""
        self._frames = FrameReader()
        self._port.open()

    def send(self, message: Message) -> None:
        """See NodeWire."""
        self._port.send(encode_frame(message))

    async def receive(self, timeout_s: float) -> list[Message]:
        """See NodeWire."""
        messages: list[Message] = self._frames.feed(await self._port.receive(timeout_s))
        return messages

    def close(self) -> None:
        """See NodeWire."""
        self._port.close()


class NodeLine:
    """An RS-485 line with several nodes: one is asked at a time, and only the one that was asked answers."""

    def __init__(self, path: str, baud: int) -> None:
        """path: of the adapter; baud: bits per second."""
        self.path = path
        self.baud = baud
        self.opened = 0  # how often; a wire of an earlier opening is gone
        self._port = SerialPort(path, baud)
        self._lock = asyncio.Lock()
        self._clean = True  # whether the last turn ended with its `end`

    @property
    def is_open(self) -> bool:
        """Whether the port is open."""
        return self._port.is_open

    def open(self) -> None:
        """Open the port, if another node's wire has not."""
        if not self._port.is_open:
            self._port.open()
            self.opened += 1

    async def turn(self, address: int, messages: list[Message], frames: FrameReader) -> tuple[list[Message], bool]:
        """Send messages to a node, give it its turn; what it said, and whether it said anything."""
        opened = self.opened
        async with self._lock:
            if not self._port.is_open or self.opened != opened:
                raise TransportError(f"{self.path}: the port was closed meanwhile")
            if not self._clean:
                await self._hush()
            self._clean = False
            asked = b"".join(encode_frame({**message, "a": address}) for message in [*messages, {"k": "poll"}])
            self._port.send(asked)
            said: list[Message] = []
            heard = False
            async with asyncio.timeout(TURN_MAX_S + len(asked) * 10 / self.baud):
                while data := await self._port.receive(TURN_S + len(asked) * 10 / self.baud):
                    heard = True
                    for message in frames.feed(data):
                        if message.get("a") != address:
                            continue  # our own words, where the adapter hears itself
                        if message.get("k") == "end":
                            self._clean = True
                            return said, True
                        said.append(message)
            return said, heard

    async def _hush(self) -> None:
        """Wait until nobody speaks: a turn was cut short on our side or on theirs."""
        async with asyncio.timeout(TURN_MAX_S):
            while await self._port.receive(TURN_S / 4):
                pass

    def close(self) -> None:
        """Close the port; idempotent."""
        self._port.close()


class PolledWire:
    """One node of a line."""

    def __init__(self, line: NodeLine, address: int) -> None:
        """address: the node's own, 1 to 247."""
        self._line = line
        self._address = address
        self._opened = -1
        self._frames = FrameReader()
        self._waiting: list[Message] = []
        self._passed = 0
        self._pace_s = 0.0

    @property
    def bad(self) -> int:
        """See NodeWire."""
        return self._frames.bad

    @property
    def is_open(self) -> bool:
        """See NodeWire."""
        return self._line.is_open and self._opened == self._line.opened

    def open(self) -> None:
        """See NodeWire."""
        self._line.open()
        self._opened = self._line.opened
        self._frames = FrameReader()
        self._waiting.clear()

    def send(self, message: Message) -> None:
        """Keep it for the node's next turn."""
        if len(self._waiting) < QUEUE_MAX:
            self._waiting.append(message)

    async def receive(self, timeout_s: float) -> list[Message]:
        """One turn of the node."""
        await asyncio.sleep(min(self._pace_s, timeout_s))
        if not self.is_open:
            raise TransportError(f"{self._line.path}: the port was opened anew")
        sending, self._waiting = self._waiting, []
        try:
            said, heard = await self._line.turn(self._address, sending, self._frames)
        except TimeoutError:
            said, heard = [], True
        self._passed = 0 if heard else self._passed + 1
        self._pace_s = ABSENT_PACE_S if self._passed >= ABSENT_AFTER else 0.0 if said else PACE_S
        return said

    def close(self) -> None:
        """The line belongs to the wires."""
        self._opened = -1
