"""One switch of a pedal, debounced on both edges: bounce makes neither a second press nor an early release. Pure; the caller keeps time."""

from dataclasses import dataclass

SETTLE_MS = 30.0  # reed and micro switches in pedals bounce for 1-20 ms


@dataclass(frozen=True, slots=True)
class Move:
    """The foot went down, or came up, at a moment of `time.monotonic_ns()`."""

    down: bool
    at_ns: int


class Switch:
    """Turns a switch's raw edges into moves. A press is told at its first edge; a release once the contact has been open and quiet.

    `due_ns` is when `tick` has to be called next, or None.
    """

    def __init__(self, *, settle_ms: float = SETTLE_MS) -> None:
        """settle_ms: an edge this soon after another one is bounce."""
        self._settle_ns = round(settle_ms * 1e6)
        self._closed = False  # the contact itself
        self._pressed = False  # as it was told
        self._edge_ns: int | None = None
        self.due_ns: int | None = None

    @property
    def pressed(self) -> bool:
        """Whether the foot is down, as it was told last."""
        return self._pressed

    def edge(self, closed: bool, at_ns: int) -> list[Move]:
        """The contact closed or opened at a moment; what that means: nothing, a press, or (an edge was lost) a release and a press."""
        quiet = self._edge_ns is None or at_ns - self._edge_ns >= self._settle_ns
        moves = []
        if quiet and self._pressed and self.due_ns is not None:
            moves += self.tick(at_ns)  # its owner was late to ask
        if closed and quiet and self._closed and self._pressed:
            moves.append(self._move(False, at_ns))  # two closings without an opening between: that edge was lost
        if closed and quiet and not self._pressed:
            moves.append(self._move(True, at_ns))
        self._closed = closed
        self._edge_ns = at_ns
        self.due_ns = at_ns + self._settle_ns if self._pressed and not closed else None
        return moves

    def tick(self, now_ns: int) -> list[Move]:
        """Time has passed: a release, if the contact has been open and quiet for long enough."""
        if self.due_ns is None or now_ns < self.due_ns or self._edge_ns is None:
            return []
        return [self._move(False, self._edge_ns)]

    def _move(self, down: bool, at_ns: int) -> Move:
        self._pressed = down
        self.due_ns = None
        return Move(down, at_ns)
