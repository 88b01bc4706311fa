"""How full the agent's disk is, in steps: what stops first so that events can always be journalled."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from edge_agent.errors import AgentError

MB = 1024 * 1024
RESERVE_MB = 64
RESERVE_SHARE = 0.10  # on a small filesystem, this share of it is the reserve
RELAX = 1.15  # a step is left only when this much more is free than where it began, so that it does not flutter
AHEAD = 1.25  # a step is announced when so much more than its mark is free


class Level(IntEnum):
    """The steps, in the order in which they are taken. Each includes those before it."""

    OK = 0
    NOTICE = 1  # an alarm: somebody should look
    NO_VIDEO = 2  # the recorder stops writing; existing clips stay
    NO_CAPTURE = 3  # a press is refused aloud
    THIN_READINGS = 4  # the oldest unsent readings become digests
    EVENTS_ONLY = 5  # what is left is for the events lane


# How much must be free, in reserves, for the step not to be taken.
MARKS = {Level.NOTICE: 4.0, Level.NO_VIDEO: 3.0, Level.NO_CAPTURE: 2.0, Level.THIN_READINGS: 1.5, Level.EVENTS_ONLY: 1.0}


@dataclass(frozen=True, slots=True)
class DiskState:
    """The level in force, the next one if it is near (its alarm is due now), bytes free for this agent, bytes it uses, its reserve."""

    level: Level
    coming: Level | None
    free_bytes: int
    used_bytes: int
    reserve_bytes: int


def used_bytes(folder: Path) -> int:
    """Bytes that the files below a folder take on the disk. A file that goes away meanwhile counts nothing."""
    total, folders = 0, [str(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    try:
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
                        else:
                            total += entry.stat(follow_symlinks=False).st_blocks * 512
                    except FileNotFoundError:
                        continue
        except FileNotFoundError:
            continue
    return total


def disk_bytes(folder: Path) -> tuple[int, int]:
    """(size, free for this user) of the filesystem that holds a folder, in bytes."""
    facts = os.statvfs(folder)
    return facts.f_blocks * facts.f_frsize, facts.f_bavail * facts.f_frsize


class DiskQuota:
    """Measures the data folder against its quota and against the disk, whichever is nearer to full."""

    def __init__(
        self,
        folder: Path,
        *,
        quota_bytes: int,
        reserve_bytes: int = RESERVE_MB * MB,
        inner_free: Callable[[], int] = lambda: 0,
    ) -> None:
        """`inner_free`: bytes inside existing files that new records use first (`Journal.free_bytes`)."""
        self.folder, self._quota, self._inner_free = folder, quota_bytes, inner_free
        size, _ = self._disk()
        self.reserve_bytes = min(reserve_bytes, int(min(size, quota_bytes) * RESERVE_SHARE))
        self.level = Level.OK

    def _disk(self) -> tuple[int, int]:
        try:
            return disk_bytes(self.folder)
        except OSError as error:
            raise AgentError(f"{self.folder}: {error}") from error

    def measure(self) -> DiskState:
        """Look at the disk and settle the level. Walks the data folder: call it in a thread, every half minute or so."""
        used = used_bytes(self.folder)
        _, free_on_disk = self._disk()
        free = max(0, min(free_on_disk, self._quota - used)) + self._inner_free()
        reached = max((level for level, mark in MARKS.items() if free < mark * self.reserve_bytes), default=Level.OK)
        if reached < self.level:  # going back: only where there is clearly room again
            eased = max((level for level, mark in MARKS.items() if free < mark * RELAX * self.reserve_bytes), default=Level.OK)
            reached = min(self.level, eased)
        self.level = reached
        after = Level(reached + 1) if reached < Level.EVENTS_ONLY else None
        coming = after if after is not None and free < MARKS[after] * AHEAD * self.reserve_bytes else None
        return DiskState(level=reached, coming=coming, free_bytes=free, used_bytes=used, reserve_bytes=self.reserve_bytes)
