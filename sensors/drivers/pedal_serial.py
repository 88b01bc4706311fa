"""A foot pedal on a serial port: bytes it sends for each move, or a switch between two of the port's modem lines."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sensors.drivers.pedal import OnEdge, OnState

AGAIN_S = 1.0
POLL_S = 0.005  # of the modem lines: pyserial has no portable way to wait for them
READ_S = 0.2
LINES = ("cts", "dsr", "cd", "ri")


@dataclass(frozen=True, slots=True)
class SerialSwitch:
    """How one switch tells its moves: by bytes (without `up`, a press has no length), or by a modem line that is asserted while down."""

    down: bytes = b""
    up: bytes = b""
    line: str = ""


class WordDecoder:
    """Finds the switches' words in a stream of bytes; what fits none is passed over. Pure. No word may begin with another."""

    def __init__(self, switches: Mapping[str, SerialSwitch]) -> None:
        """Switches by name; those on a line are none of its business."""
        self._words = [(one.down, switch, True) for switch, one in switches.items() if one.down]
        self._words += [(one.up, switch, False) for switch, one in switches.items() if one.up]
        self._lengthless = {switch for switch, one in switches.items() if one.down and not one.up}
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[str, bool]]:
        """(switch, closed) for each word that ends in these bytes, in order."""
        self._rest += data
        found: list[tuple[str, bool]] = []
        while self._rest:
            match = next((word for word in self._words if self._rest.startswith(word[0])), None)
            if match is None and any(word[0].startswith(self._rest) for word in self._words):
                break  # the rest of a word may still come
            self._rest = self._rest[1 if match is None else len(match[0]) :]
            if match is not None:
                found.append(match[1:])
                if match[1] in self._lengthless:
                    found.append((match[1], False))
        return found


class SerialPedal:
    """Calls `on_edge(switch, closed, monotonic_ns)` in its own thread, and `on_state(words)` when it goes (words) and comes back ("")."""

    def __init__(
        self,
        port: str,
        switches: Mapping[str, SerialSwitch],
        *,
        baud: int = 9600,
        again_s: float = AGAIN_S,
        on_other: Callable[[str], None] = lambda _: None,
    ) -> None:
        """port: a path, best one of /dev/serial/by-id; again_s: between two tries to open it; on_other: told, in the same thread, of
        bytes in which no switch was found."""
        self.port = port
        self._switches = dict(switches)
        self._lines = {switch: one.line for switch, one in switches.items() if one.line}
        self._baud = baud
        self._again_s = again_s
        self._on_other = on_other
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed: set[str] = set()
        self._told: str | None = None

    @property
    def serial(self) -> str:
        """How the very port is named."""
        return self.port

    def start(self, on_edge: OnEdge, on_state: OnState) -> None:
        """Begin to open the port; one that is not there yet is waited for."""
        self._thread = threading.Thread(target=self._run, args=(on_edge, on_state), name=f"pedal {self.port}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Close the port; idempotent."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)

    def _run(self, on_edge: OnEdge, on_state: OnState) -> None:
        while not self._stop.is_set():
            why = self._session(on_edge, on_state)
            for switch in sorted(self._closed):
                on_edge(switch, False, time.monotonic_ns())
            self._closed.clear()
            if not self._stop.is_set():
                self._tell(on_state, why)
                self._stop.wait(self._again_s)

    def _tell(self, on_state: OnState, words: str) -> None:
        if words != self._told:
            self._told = words
            on_state(words)

    def _session(self, on_edge: OnEdge, on_state: OnState) -> str:
        import serial

        try:
            with serial.Serial(self.port, self._baud, timeout=POLL_S if self._lines else READ_S, exclusive=True) as port:
                if self._lines:
                    port.rts = port.dtr = True  # the supply of a switch between two lines
                    self._closed = {switch for switch, level in self._levels(port).items() if level}  # down before: no press
                self._tell(on_state, "")
                decoder = WordDecoder(self._switches)
                while not self._stop.is_set():
                    data = port.read(max(1, min(256, port.in_waiting)))
                    moves = decoder.feed(data)
                    if data and not moves:
                        self._on_other(f"bytes {data.hex()}")
                    for switch, closed in moves:
                        self._edge(switch, closed, on_edge)
                    if self._lines:
                        for switch, level in self._levels(port).items():
                            if level != (switch in self._closed):
                                self._edge(switch, level, on_edge)
        except (serial.SerialException, OSError, TypeError) as error:  # pyserial's own TypeError: a port closed while it reads
            return f"the pedal's port {self.port} cannot be used: {error}"
        return ""

    def _levels(self, port: Any) -> dict[str, bool]:
        return {switch: bool(getattr(port, line)) for switch, line in self._lines.items()}

    def _edge(self, switch: str, closed: bool, on_edge: OnEdge) -> None:
        (self._closed.add if closed else self._closed.discard)(switch)
        on_edge(switch, closed, time.monotonic_ns())
