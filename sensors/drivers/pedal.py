"""A foot pedal on a GPIO pin: each press once, at its first edge, with both edges debounced here."""

import threading
import time
from collections.abc import Callable

from sensors.transports.gpio import EdgeInput, Pins

SETTLE_MS = 30.0  # reed and micro switches in pedals bounce for 1-20 ms


class Pedal:
    """Calls `on_press(monotonic_ns)` at the first edge of each press, in the thread that reports the pin's edges.

    A press counts when the pedal had been up and quiet for settle_ms: neither the bounce of a press nor that of a release makes a
    second one. The time is CLOCK_MONOTONIC of the edge itself, not of the call.
    """

    def __init__(
        self,
        pin: int,
        *,
        on_press: Callable[[int], None],
        pins: Pins,
        active: str = "low",
        pull: str = "up",
        settle_ms: float = SETTLE_MS,
    ) -> None:
        """pin: BCM number; pins: a pin factory; active: the level while pressed; pull: `up`, `down` or `none`."""
        self._on_press = on_press
        self._settle_s = settle_ms / 1000
        self._lock = threading.Lock()
        self._edge_at: float | None = None
        self._input = EdgeInput(pin, pins=pins, active=active, pull=pull, on_edge=self._edge)
        self._was_down = self._input.active

    @property
    def is_down(self) -> bool:
        """Whether the pedal is pressed at this moment."""
        return self._input.active

    def _edge(self, down: bool, at_s: float) -> None:
        with self._lock:
            quiet = self._edge_at is None or at_s - self._edge_at >= self._settle_s
            press = down and not self._was_down and quiet
            self._was_down = down
            self._edge_at = at_s
        if press:
            self._on_press(time.monotonic_ns() - int(self._input.age_s(at_s) * 1e9))

    def close(self) -> None:
        """Let go of the pin; idempotent."""
        self._input.close()
