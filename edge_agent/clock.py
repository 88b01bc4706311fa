"""The agent's two clocks: wall time, which may be wrong, and time since boot, which may not."""

import ctypes
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wire.records import T_MIN, record

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_TIMEX_BYTES = 208  # struct timex on 64-bit Linux; 128 on 32-bit, so this is room enough for both


def wall_ms() -> int:
    """Wall time in integer milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def boot_ms() -> int:
    """CLOCK_BOOTTIME in integer milliseconds: never set, never stopped, starts at 0 with each boot."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def now() -> tuple[int, int]:
    """(wall ms, boot ms), as every record carries them."""
    return wall_ms(), boot_ms()


def boot_id() -> str:
    """The kernel's random id of this boot."""
    return _BOOT_ID.read_text(encoding="ascii").strip()


def span(from_ms: int, to_ms: int) -> str:
    """Two wall times in words, UTC, to the second."""
    texts = [datetime.fromtimestamp(ms / 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for ms in (from_ms, to_ms)]
    return "/".join(texts)


def disciplined() -> bool:
    """Whether the kernel says that something (NTP, an RTC driver with NTP) keeps the wall clock; False before 2020 whatever it says."""
    if wall_ms() < T_MIN:
        return False
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)  # modes = 0: read only
    state = ctypes.CDLL(None, use_errno=True).adjtimex(timex)
    return state not in (-1, _TIME_ERROR)


@dataclass(slots=True)
class ClockWatch:
    """Tells when a `clock` record is due: once per boot, when the clock is first disciplined, and at each step.

    A step is a change of (wall - boot) by more than `step_ms` between two looks. Call `look()` every few seconds and journal what it
    returns in every lane.
    """

    boot: str
    step_ms: int = 500
    _offset: int | None = None
    _ok: bool = False

    def look(self, *, t_ms: int, m_ms: int, ok: bool) -> dict[str, Any] | None:
        """The `clock` record that is due at these times, or None."""
        offset = t_ms - m_ms
        made: dict[str, Any] | None
        if self._offset is None:
            made = record("clock", t_ms, m_ms, boot=self.boot, ok=ok, source="kernel")
        elif abs(offset - self._offset) > self.step_ms or ok != self._ok:
            made = record("clock", t_ms, m_ms, boot=self.boot, ok=ok, step_ms=offset - self._offset, source="kernel")
        else:
            made = None  # what slewing moves between two looks is no step
        self._offset, self._ok = offset, ok
        return made
