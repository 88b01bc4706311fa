"""GPIO pins: gpiozero's pin factories are the seam, the Pi's own (lgpio) or its mock whose levels the simulated room drives."""

from collections.abc import Callable
from typing import Any

Pins = Any  # a gpiozero.Factory; the library ships no types


def device_pins() -> Pins:
    """The Pi's pins through lgpio; raises gpiozero.BadPinFactory where there are none."""
    from gpiozero.pins.lgpio import LGPIOFactory

    return LGPIOFactory()


def simulated_pins() -> Pins:
    """A fresh set of simulated pins: `pins.pin(17).drive_low()` is the contact's wire."""
    from gpiozero.pins.mock import MockFactory

    return MockFactory()


class EdgeInput:
    """One input pin; tells `on_edge(active, at_s)` each edge with its own time, in the thread that reports the pin's edges.

    at_s counts on the factory's clock; `age_s(at_s)` says how long ago that was. Nothing is debounced here.
    """

    def __init__(self, pin: int, *, pins: Pins, active: str, pull: str, on_edge: Callable[[bool, float], None]) -> None:
        """pin: BCM number; active: the level that means active, `high` or `low`; pull: `up`, `down` or `none`."""
        from gpiozero import InputDevice

        self._pins = pins
        self._active_level = active == "high"
        self._on_edge = on_edge
        floating = pull == "none"
        self._device = InputDevice(
            pin, pull_up=None if floating else pull == "up", active_state=self._active_level if floating else None, pin_factory=pins
        )
        # gpiozero's own event classes drop the time of the edge and couple the active level to the pull: hence the pin itself
        self._pin = self._device.pin
        self._pin.edges = "both"
        self._pin.when_changed = self._changed

    def _changed(self, ticks: float, state: int) -> None:
        self._on_edge(bool(state) == self._active_level, ticks)

    @property
    def active(self) -> bool:
        """Whether the pin is at its active level at this moment."""
        return bool(self._pin.state) == self._active_level

    def now_s(self) -> float:
        """This moment on the factory's clock."""
        return float(self._pins.ticks())

    def age_s(self, at_s: float) -> float:
        """Seconds since a moment on the factory's clock, at least 0."""
        return max(0.0, float(self._pins.ticks_diff(self._pins.ticks(), at_s)))

    def close(self) -> None:
        """Let go of the pin; idempotent."""
        if not self._device.closed:
            self._pin.when_changed = None
            self._device.close()
