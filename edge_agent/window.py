"""Which batches are in flight, which lane goes next, and when to send again; pure bookkeeping, without a clock of its own."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from wire.topics import LANES

IN_FLIGHT_MAX = 4
BULK_MAX = 3  # capture and readings together: one place is always free for an event
BULK_SILENT_MAX = 1  # while the centre does not answer, a probe at a time is enough
SOON_S = 2.0  # right after a connection the centre may not be listening yet, and a broker without memory drops what nobody hears
AGAIN_MAX_S = 80.0  # the wait before sending again doubles up to this while no acknowledgement comes
UNSENT_MAX_S = 60.0  # a batch that the broker has not taken after this time means that the connection is stuck
EVENTS = LANES[0]


@dataclass(slots=True)
class Flight:
    """One batch on its way: sequences, paho's message id, when it was published and when the broker had it (None: not yet)."""

    first: int
    last: int
    mid: int
    sent_s: float
    taken_s: float | None = None


@dataclass(slots=True)
class _LaneWindow:
    acked: int = 0
    sent_to: int = 0
    flights: deque[Flight] = field(default_factory=deque)


class Window:
    """At most four batches in flight; lanes in order, so that an event overtakes any backlog; go back to the acknowledged on loss."""

    def __init__(self, *, again_s: float, soon_s: float = SOON_S) -> None:
        """`again_s`: how long an acknowledgement is awaited; `soon_s`: how long the first one of a connection is, doubling to that."""
        self._usual_s = again_s
        self._soon_s = min(soon_s, again_s)
        self.again_s = self._soon_s
        self.epoch = ""
        self.silent = False
        self._lanes = {lane: _LaneWindow() for lane in LANES}

    def restart(self, acked: Mapping[str, int], epoch: str) -> None:
        """Nothing is in flight (new connection, new epoch); all lanes go on after what is acknowledged."""
        self.epoch, self.silent, self.again_s = epoch, False, self._soon_s
        self._lanes = {lane: _LaneWindow(acked=acked[lane], sent_to=acked[lane]) for lane in LANES}

    @property
    def in_flight(self) -> int:
        """Batches sent and not acknowledged."""
        return sum(len(lane.flights) for lane in self._lanes.values())

    def sent_to(self, lane: str) -> int:
        """The last sequence sent."""
        return self._lanes[lane].sent_to

    def next_lane(self, last: Mapping[str, int]) -> str | None:
        """The lane whose next batch may go out now, given the last sequence of each; None if none has anything or the window is full."""
        if self.in_flight >= IN_FLIGHT_MAX:
            return None
        bulk = sum(len(self._lanes[lane].flights) for lane in LANES if lane != EVENTS)
        for lane in LANES:
            if last[lane] > self._lanes[lane].sent_to and (lane == EVENTS or bulk < (BULK_SILENT_MAX if self.silent else BULK_MAX)):
                return lane
        return None

    def sent(self, lane: str, flight: Flight) -> None:
        """A batch went out."""
        window = self._lanes[lane]
        window.flights.append(flight)
        window.sent_to = flight.last

    def taken(self, mid: int, now_s: float) -> None:
        """The broker has a message (PUBACK): from now on the centre's answer is awaited."""
        for window in self._lanes.values():
            for flight in window.flights:
                if flight.mid == mid and flight.taken_s is None:
                    flight.taken_s = now_s

    def acknowledged(self, lane: str, seq: int) -> None:
        """The centre has everything up to `seq`, more than before; if it lacks what came before the batches in flight, go back."""
        window = self._lanes[lane]
        self.repeated(lane, seq)
        window.acked = seq
        window.sent_to = max(window.sent_to, seq)
        if window.flights and seq < window.flights[0].first - 1:
            self.rewind(lane, seq)

    def repeated(self, lane: str, seq: int) -> None:
        """The centre answers but has no more than before: what it lacks is sent again when its time is over, not at once."""
        window = self._lanes[lane]
        self.silent, self.again_s = False, self._usual_s
        while window.flights and window.flights[0].last <= seq:
            window.flights.popleft()

    def rewind(self, lane: str, seq: int) -> None:
        """Go on after `seq`, whatever was sent."""
        self._lanes[lane] = _LaneWindow(acked=seq, sent_to=seq)

    def late(self, now_s: float) -> list[str]:
        """The lanes whose oldest batch waited too long for its acknowledgement; they go back to what is acknowledged."""
        late = []
        for name, window in self._lanes.items():
            oldest = window.flights[0] if window.flights else None
            if oldest is not None and oldest.taken_s is not None and now_s - oldest.taken_s >= self.again_s:
                self.rewind(name, window.acked)
                late.append(name)
        if late:
            self.silent = True
            self.again_s = min(self._usual_s if self.again_s < self._usual_s else AGAIN_MAX_S, self.again_s * 2)
        return late

    def stuck(self, now_s: float) -> bool:
        """Whether the broker left a batch lying: only a new connection helps."""
        return any(
            flight.taken_s is None and now_s - flight.sent_s >= UNSENT_MAX_S for window in self._lanes.values() for flight in window.flights
        )

    def wait_s(self, now_s: float) -> float:
        """How long nothing will be due if nothing happens, in seconds."""
        due = [
            flight.sent_s + UNSENT_MAX_S if flight.taken_s is None else flight.taken_s + self.again_s
            for window in self._lanes.values()
            for flight in window.flights
        ]
        return max(0.01, min([30.0, *(at - now_s for at in due)]))
