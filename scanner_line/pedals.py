"""A foot pedal of the bench: its edges come from a GPIO pin in a thread, its presses reach the station in the event loop."""

import asyncio
import time

from scanner_line.states import CAPTURE, Edge
from scanner_line.station import Station
from sensors.drivers.pedal import Pedal
from sensors.transports.gpio import Pins

POLL_S = 0.02
UP_POLLS = 2  # contacts bounce: up is up when it is seen twice


class FootPedal:
    """Presses the station at the first edge, and tells it when the foot is off again."""

    def __init__(
        self, station: Station, pin: int, *, pins: Pins, name: str = "pedal", wish: str = CAPTURE, active: str = "low", pull: str = "up"
    ) -> None:
        """Call it in the event loop. `name` stands in the press records: `pedal` for the capture pedal, whose long press is a control;
        `wish` is capture or retake."""
        self._station = station
        self._name = name
        self._wish = wish
        self._loop = asyncio.get_running_loop()
        self._watch: asyncio.Task[None] | None = None
        self._pedal = Pedal(pin, on_press=self._edge, pins=pins, active=active, pull=pull)

    def _edge(self, monotonic_ns: int) -> None:
        """In the GPIO thread."""
        self._loop.call_soon_threadsafe(self._down, Edge.at(monotonic_ns))

    def _down(self, edge: Edge) -> None:
        self._station.down(self._name, self._wish, edge=edge)
        if self._watch is not None:
            self._watch.cancel()
        self._watch = self._loop.create_task(self._until_up(), name=f"{self._name}: until it is up")

    async def _until_up(self) -> None:
        seen_up, at_ns = 0, 0
        while seen_up < UP_POLLS:
            await asyncio.sleep(POLL_S)
            seen_up = 0 if self._pedal.is_down else seen_up + 1
            at_ns = time.monotonic_ns() if seen_up == 1 else at_ns
        self._station.up(self._name, at_ns=at_ns)

    def close(self) -> None:
        """Let go of the pin; may be called twice."""
        self._pedal.close()
        if self._watch is not None:
            self._watch.cancel()
