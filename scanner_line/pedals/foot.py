"""A pedal of the bench at work: raw edges come in a driver's thread, are debounced, and reach the station in the event loop."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from scanner_line.pedals.registry import PedalDriver
from scanner_line.states import CAPTURE, UNDO, Edge
from sensors.drivers.switch import SETTLE_MS, Move, Switch

log = logging.getLogger(__name__)


class Pressed(Protocol):
    """Whoever is pressed: the station, as far as a pedal knows it."""

    def down(self, pedal: str, wish: str = CAPTURE, *, edge: Edge | None = None) -> object:
        """A switch went down."""
        ...

    def up(self, pedal: str, *, at_ns: int | None = None) -> None:
        """A switch came up."""
        ...


class FootPedal:
    """Presses the station at the first edge of each press, and tells it when the foot is off again."""

    def __init__(
        self,
        driver: PedalDriver,
        switches: Mapping[str, Mapping[str, Any]],
        *,
        station: Pressed,
        name: str,
        debounce_ms: float = SETTLE_MS,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """Call it in the event loop. `switches` are the tables by switch (their `wish`); `name` and the switch's stand in the press
        records, as `pedal.left`, or the name alone for a nameless switch; `changed` is called when the pedal goes or comes back."""
        self.name = name
        self.fault = "not started"
        self._driver = driver
        self._station = station
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._wishes = {switch: str(table.get("wish") or CAPTURE) for switch, table in switches.items()}
        self._switches = {switch: Switch(settle_ms=debounce_ms) for switch in switches}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._closed = False

    @property
    def serial(self) -> str:
        """By what the device is known."""
        return self._driver.serial

    def names(self) -> list[str]:
        """The names of its switches as press records carry them."""
        return [self._full(switch) for switch in self._switches]

    def wish_of(self, name: str) -> str:
        """What a switch asks for, by its name as press records carry it."""
        return next(wish for switch, wish in self._wishes.items() if self._full(switch) == name)

    def holds(self, name: str) -> bool:
        """Whether a long press of a switch means something of its own: that of all but undo."""
        return self.wish_of(name) != UNDO

    def start(self) -> None:
        """Begin to listen; a device that is not there is waited for by its driver."""
        self._driver.start(self._edge, self._state)

    def _edge(self, switch: str, closed: bool, monotonic_ns: int) -> None:
        """In the driver's thread."""
        self._loop.call_soon_threadsafe(self._take, switch, closed, monotonic_ns)

    def _state(self, words: str) -> None:
        """In the driver's thread."""
        self._loop.call_soon_threadsafe(self._note, words)

    def _note(self, words: str) -> None:
        if words and words != self.fault:
            log.warning("%s", words)
        self.fault = words
        self._changed()

    def _take(self, switch: str, closed: bool, at_ns: int) -> None:
        if self._closed:
            return
        self._tell(switch, self._switches[switch].edge(closed, at_ns))

    def _tick(self, switch: str) -> None:
        self._timers.pop(switch, None)
        if not self._closed:
            self._tell(switch, self._switches[switch].tick(time.monotonic_ns()))

    def _tell(self, switch: str, moves: list[Move]) -> None:
        for move in moves:
            if move.down:
                self._station.down(self._full(switch), self._wishes[switch], edge=Edge.at(move.at_ns))
            else:
                self._station.up(self._full(switch), at_ns=move.at_ns)
        due_ns = self._switches[switch].due_ns
        if timer := self._timers.pop(switch, None):
            timer.cancel()
        if due_ns is not None:
            wait_s = max(0.0, (due_ns - time.monotonic_ns()) / 1e9) + 0.001
            self._timers[switch] = self._loop.call_later(wait_s, self._tick, switch)

    def _full(self, switch: str) -> str:
        return f"{self.name}.{switch}" if switch else self.name

    def close(self) -> None:
        """Let go of the device; may be called twice."""
        self._closed = True
        self._driver.close()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
