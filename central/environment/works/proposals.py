"""China's days off and make-up workdays of a year, as the package chinesecalendar knows them: a proposal that a person confirms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from importlib.metadata import version

import chinese_calendar
from chinese_calendar import constants

WEEKEND = (5, 6)
NAMES_ZH = {holiday.value: holiday.chinese for holiday in constants.Holiday}


class NotKnown(ValueError):
    """The package does not know the year (yet): the State Council announces a year's holidays late in the year before."""


@dataclass(frozen=True)
class Proposed:
    """Days against their weekday: day -> off or work; the Chinese names of the holidays; where it comes from."""

    days: dict[str, str]
    names: dict[str, str]
    source: str


def proposal(year: int) -> Proposed:
    """The year's days that are off on a weekday, or worked on a weekend; NotKnown for a year that was not announced."""
    known = {day.year for day in constants.holidays}
    if year not in known:
        text = f"The holidays of {year} are not known here, only {min(known)}-{max(known)}: enter them by hand, or update chinesecalendar."
        raise NotKnown(text)
    days, names, day = {}, {}, date(year, 1, 1)
    while day.year == year:
        off, holiday = chinese_calendar.get_holiday_detail(day)
        weekend = day.weekday() in WEEKEND
        if off != weekend:
            days[day.isoformat()] = "off" if off else "work"
        if holiday is not None and (off or off != weekend):
            names[day.isoformat()] = NAMES_ZH.get(holiday, holiday)
        day += timedelta(days=1)
    return Proposed(days, names, f"chinesecalendar {version('chinesecalendar')}")
