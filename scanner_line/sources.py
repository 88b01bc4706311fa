"""The one interface behind which all stations stand: what a press takes its pictures from, be it cameras, a scanner or a folder.

A camera bench yields one spread for a press, a feeder one sheet after the other until it ends. A source decides nothing about batches.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from scanner_line.cameras.base import Frame
from scanner_line.errors import BatchError
from scanner_line.spool import Spool
from scanner_line.states import Settings

CAMERAS = "cameras"  # the driver of a bench that names none
SOUND_ENDS = ("one", "empty", "count", "stopped")  # ends of a take that are no trouble of the device


@dataclass(frozen=True, slots=True)
class Taken:
    """One sheet or spread: frames by side, and for every side without one the reason in words. Frames may be JPEG, PNG or TIFF. `remarks`
    are what the device says of a side (English, Chinese), such as a double feed: a person has to look at its page."""

    frames: Mapping[str, Frame]
    failures: Mapping[str, str] = field(default_factory=dict)
    remarks: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def words(self) -> str | None:
        """The failures as one text; None if there are none."""
        return "; ".join(f"{side}: {why}" for side, why in self.failures.items()) or None


@dataclass(frozen=True, slots=True)
class End:
    """How a take ended: `code` is one of `one` (a camera's single spread), empty, count, stopped, or of a trouble: jam, double-feed,
    cover-open, busy, access-denied, io-error, …; words tell an operator what to do."""

    code: str
    words: str
    words_zh: str

    @property
    def sound(self) -> bool:
        """Whether the device ended as it should."""
        return self.code in SOUND_ENDS


@runtime_checkable
class RunsApart(Protocol):
    """A source of which all fronts run first and then all backs."""

    @property
    def apart(self) -> bool:
        """Whether they do."""
        ...


class Source(Protocol):
    """What a station takes its pictures from. All methods are for the event loop's own thread."""

    @property
    def sides(self) -> tuple[str, ...]:
        """The sides in reading order: left and right, overhead, front and back, …"""
        ...

    @property
    def many(self) -> bool:
        """Whether one take may bring many sheets: each is then recorded as it comes, and a held pedal is waited for before the first."""
        ...

    @property
    def faults(self) -> Mapping[str, str]:
        """What is wrong, by side or device; empty if nothing is. Housekeeping calls `start` again while there is something."""
        ...

    async def start(self) -> None:
        """Get ready, or mend what has a fault; what fails is kept in `faults`, nothing is raised."""
        ...

    def take(self, after_monotonic_ns: int) -> AsyncIterator[Taken]:
        """The sheets of one press, each frame exposed after the given moment of `time.monotonic_ns()`. Never raises for a device: a side
        that failed is in `failures`, the end of the take in `ended`. It must end by itself within bounded time once it was stopped."""
        ...

    @property
    def ended(self) -> End | None:
        """How the last take ended; None before the first one and while one runs."""
        ...

    def stop(self) -> None:
        """End the take under way after the sheet that is on its way; nothing if none is."""
        ...

    async def preview(self, side: str) -> bytes:
        """A small JPEG of what the side sees now; CameraError where there is none."""
        ...

    async def close(self) -> None:
        """Give the devices back; may be called twice."""
        ...


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What a source is made from: the bench's own table of options, its settings, the simulated book where there is one, and the bench's
    spool, in whose folder it may keep what it needs."""

    options: Mapping[str, Any]
    settings: Settings
    book: Any = None
    spool: Spool | None = None


Factory = Callable[[SourceOptions], Source]


def source_from(given: SourceOptions, *, factories: Mapping[str, Factory]) -> Source:
    """The source that the bench's `driver` names, by the factory of that name; BatchError with the known ones for another name."""
    driver = str(given.options.get("driver") or CAMERAS)
    if driver not in factories:
        raise BatchError(f"a bench's driver is one of {', '.join(sorted(factories))}, not {driver!r}")
    return factories[driver](given)
