"""What is after hours: a span of local time each day, and whole days off by the calendar of holidays and make-up workdays."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

OFF, WORK = "off", "work"


@dataclass(frozen=True, slots=True)
class Calendar:
    """`weekend`: weekdays off (0 = Monday); `days`: "YYYY-MM-DD" -> off or work, where a day differs from its week."""

    weekend: frozenset[int] = frozenset()
    days: Mapping[str, str] = field(default_factory=dict)

    def off(self, t_ms: int) -> bool:
        """Whether a wall time lies on a day off, in local time."""
        local = time.localtime(t_ms / 1000)
        told = self.days.get(time.strftime("%Y-%m-%d", local))
        return told == OFF or (told is None and local.tm_wday in self.weekend)


def within(hours: str, t_ms: int) -> bool:
    """Whether a wall time lies in a span "HH:MM-HH:MM" of local time; the end is not part of it, spans may cross midnight."""
    local = time.localtime(t_ms / 1000)
    minute = local.tm_hour * 60 + local.tm_min
    begin, end = (int(text[:2]) * 60 + int(text[3:]) for text in hours.split("-"))
    return begin <= minute < end if begin <= end else minute >= begin or minute < end


def after_hours(hours: str, t_ms: int, *, calendar: Calendar | None, off_days: bool) -> bool:
    """Whether a wall time is after hours: in the daily span, or on a day off where those count."""
    return (bool(hours) and within(hours, t_ms)) or (off_days and calendar is not None and calendar.off(t_ms))
