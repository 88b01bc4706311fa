"""How much the other sensors of a room have moved: what a value that stands still is judged against."""

from collections import deque

SLOT_MS = 600_000
SLOTS_MAX = 7 * 24 * 6  # a week


class Neighbours:
    """Lowest and highest value of each sensor's quantities, ten minutes by ten minutes, for a week."""

    def __init__(self) -> None:
        self._slots: dict[str, dict[str, deque[tuple[int, float, float]]]] = {}

    def saw(self, sensor: str, quantity: str, value: float, m_ms: int) -> None:
        """A good value of a sensor; m_ms: when, on CLOCK_BOOTTIME."""
        slots = self._slots.setdefault(quantity, {}).setdefault(sensor, deque(maxlen=SLOTS_MAX))
        slot = m_ms // SLOT_MS
        if slots and slots[-1][0] >= slot:
            at, low, high = slots[-1]
            slots[-1] = (at, min(low, value), max(high, value))
        else:
            slots.append((slot, value, value))

    def moved(self, sensor: str, quantity: str, since_m_ms: int) -> float | None:
        """How far, at most, any other sensor of the quantity has moved since a moment; None where there is no other."""
        spreads = []
        for other, slots in self._slots.get(quantity, {}).items():
            since = [(low, high) for slot, low, high in slots if slot >= since_m_ms // SLOT_MS]
            if other != sensor and since:
                spreads.append(max(high for _, high in since) - min(low for low, _ in since))
        return max(spreads, default=None)
