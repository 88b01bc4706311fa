"""Times: RFC 3339 with offset outside, integer milliseconds since 1970 UTC inside."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

AHEAD_MS = 300_000  # a time further ahead of the centre's own comes from a wrong clock: no current state, and no proof of life
MS_MAX = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z
MS_SHOWN = MS_MAX - 86_400_000  # the last moment that has a date in every time zone
_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+\- ]\d{2}:\d{2})")


def now_ms() -> int:
    """Wall time in milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def rfc3339(t_ms: int) -> str:
    """An RFC 3339 text in UTC with milliseconds, e.g. 2026-01-02T03:04:05.678+00:00; times outside the years 1970-9999 are clipped."""
    return datetime.fromtimestamp(shown(t_ms) / 1000, UTC).isoformat(timespec="milliseconds")


def shown(t_ms: int) -> int:
    """A moment that has a date in every time zone: a clock may tell any number."""
    return min(max(t_ms, 0), MS_SHOWN)


def rfc3339_or_none(t_ms: int | None) -> str | None:
    """The same, None for None."""
    return None if t_ms is None else rfc3339(t_ms)


def parse_ms(text: str) -> int:
    """Milliseconds of an RFC 3339 time or of an integer; a blank in place of an unescaped + is understood; ValueError otherwise."""
    if text.isascii() and text.isdigit() and len(text) <= 15:
        value = int(text)
    elif _RFC3339.fullmatch(text) and text.isascii():
        head, tail = text[:11], text[11:].replace(" ", "+")
        try:
            value = round(datetime.fromisoformat((head + tail).upper().replace("Z", "+00:00")).timestamp() * 1000)
        except OverflowError as error:
            raise ValueError("out of range") from error
    else:
        raise ValueError("not an RFC 3339 time with offset, nor integer milliseconds")
    if not 0 <= value <= MS_MAX:
        raise ValueError("outside the years 1970-9999")
    return value
