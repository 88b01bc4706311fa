"""A foot pedal on GPIO pins: each switch's raw edges, with the time of the edge itself."""

import time
from collections.abc import Callable, Mapping

from sensors.transports.gpio import EdgeInput, Pins

OnEdge = Callable[[str, bool, int], None]
OnState = Callable[[str], None]


class GpioPedal:
    """One switch a pin. Calls `on_edge(switch, closed, monotonic_ns)` in the thread that reports the pins' edges; debounces nothing."""

    def __init__(self, switches: Mapping[str, int], *, pins: Pins, active: str = "low", pull: str = "up") -> None:
        """switches: BCM number by switch; active: the level while pressed; pull: `up`, `down` or `none`."""
        self._numbers = dict(switches)
        self._pins = pins
        self._active = active
        self._pull = pull
        self._inputs: list[EdgeInput] = []

    @property
    def serial(self) -> str:
        """Where it is: a switch on a pin has no number of its own."""
        return ", ".join(f"{switch} GPIO {number}" for switch, number in self._numbers.items())

    def start(self, on_edge: OnEdge, on_state: OnState) -> None:
        """Claim the pins; `on_state` is told at once that nothing is wrong. Raises what the pins' factory raises."""
        for switch, number in self._numbers.items():
            self._inputs.append(self._watch(switch, number, on_edge))
        on_state("")

    def _watch(self, switch: str, number: int, on_edge: OnEdge) -> EdgeInput:
        def told(closed: bool, at_s: float) -> None:
            on_edge(switch, closed, time.monotonic_ns() - int(watched.age_s(at_s) * 1e9))

        watched = EdgeInput(number, pins=self._pins, active=self._active, pull=self._pull, on_edge=told)
        return watched

    def close(self) -> None:
        """Let go of the pins; idempotent."""
        for one in self._inputs:
            one.close()
        self._inputs.clear()
