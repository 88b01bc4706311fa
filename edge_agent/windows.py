"""The extremes of a series over the last hour or day, in a few slots, so that they stay small on disk and survive a restart."""

from collections.abc import Iterable, Sequence

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Window:
    """Lowest and highest value over `span_ms`, kept by slots of span_ms / slots; times are wall time, ms.

    What is older than the span is never told. When the clock is set back, what seems to lie ahead is folded into the slot of now.
    """

    def __init__(self, span_ms: int, slots: int, saved: Iterable[Sequence[float]] = ()) -> None:
        """`saved`: what `saved()` gave."""
        self._step_ms = span_ms // slots
        self._span_ms = span_ms
        self._slots: list[tuple[int, float, float]] = [(int(slot[0]), float(slot[1]), float(slot[2])) for slot in saved][-slots - 1 :]

    def add(self, t_ms: int, value: float) -> None:
        """Take a value."""
        number, low, high = t_ms // self._step_ms, value, value
        while self._slots and self._slots[-1][0] >= number:
            _, other_low, other_high = self._slots.pop()
            low, high = min(low, other_low), max(high, other_high)
        self._slots.append((number, low, high))
        while not self._in(self._slots[0], t_ms) and len(self._slots) > 1:
            self._slots.pop(0)

    def _in(self, slot: tuple[int, float, float], t_ms: int) -> bool:
        return t_ms - self._span_ms < slot[0] * self._step_ms <= t_ms

    def extremes(self, t_ms: int) -> tuple[float, float] | None:
        """(lowest, highest) of the span that ends now; None where nothing lies in it."""
        held = [slot for slot in self._slots if self._in(slot, t_ms)]
        return (min(slot[1] for slot in held), max(slot[2] for slot in held)) if held else None

    def covered_ms(self, t_ms: int) -> int:
        """How much of the span has values, to a slot's length."""
        return sum(self._step_ms for slot in self._slots if self._in(slot, t_ms))

    def saved(self) -> list[list[float]]:
        """Its slots as JSON values."""
        return [list(slot) for slot in self._slots]


def window_of(kind: str, saved: Iterable[Sequence[float]] = ()) -> Window:
    """The window that a kind of limit needs: a day in quarters of an hour for a swing, an hour in minutes for a rate."""
    return Window(DAY_MS, 96, saved) if kind == "swing" else Window(HOUR_MS, 60, saved)
