"""What a foot means by a switch that takes no picture: a tap, a double tap, or a long press."""

import asyncio
import time

from scanner_line.states import Edge, Foot

DOUBLE_S = 0.6  # from the first tap's edge to the second's
TAP, DOUBLE, HELD = "tap", "double", "held"


class Taps:
    """Waits after a tap for what it will have been. One at a time: the station takes no other press meanwhile."""

    def __init__(self) -> None:
        """Nothing is waited for."""
        self._first: Edge | None = None
        self._pedal = ""
        self._second = asyncio.Event()

    def first(self, pedal: str, edge: Edge) -> None:
        """A tap that may become more; `meant` is to follow."""
        self._first, self._pedal = edge, pedal
        self._second.clear()

    def forget(self) -> None:
        """Wait for no second tap any more."""
        self._first = None

    def second(self, pedal: str, edge: Edge) -> bool:
        """Whether this press is the second tap that is waited for; then the first becomes a double tap."""
        first = self._first
        if first is None or pedal != self._pedal or edge.monotonic_ns - first.monotonic_ns > DOUBLE_S * 1e9:
            return False
        self.forget()
        self._second.set()
        return True

    async def meant(self, edge: Edge, foot: Foot, *, hold_s: float) -> str:
        """TAP, DOUBLE or HELD, as soon as that is known of the first tap, whose edge and foot these are."""
        try:
            await asyncio.wait_for(self._second.wait(), max(0.0, edge.monotonic_ns / 1e9 + DOUBLE_S - time.monotonic()))
        except TimeoutError:
            self.forget()
            return HELD if await foot.held(hold_s) else TAP
        return DOUBLE
