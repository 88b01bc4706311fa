"""The calendar of days off and make-up workdays: what is in force, what a year's holidays would be, and who confirmed it."""

from __future__ import annotations

import calendar as months
from datetime import date, datetime

import msgspec
from flask import Blueprint, render_template, request

from central.console import language
from central.console.access import access
from central.console.facts import Facts
from central.environment.works.proposals import NotKnown, Proposed, proposal
from central.environment.works.queries import Calendar, calendar
from central.store.engine import reading
from central.web.state import engine

YEARS = (2000, 2100)


def day_kind(day: date, found: Calendar) -> str:
    """How a day is: off, work; weekend or day where only the weekday says so."""
    return found.days.get(day.isoformat()) or ("weekend" if day.weekday() in found.weekend else "day")


def _year(now_year: int) -> int:
    wish = request.args.get("year", "")
    year = int(wish) if wish.isdecimal() and len(wish) == 4 else now_year
    return min(max(year, YEARS[0]), YEARS[1])


def _proposed(year: int) -> Proposed | None:
    try:
        return proposal(year)
    except NotKnown:
        return None


def routes(made: Blueprint, _facts: Facts) -> None:
    """Add the page."""

    @made.get("/calendar", endpoint="calendar")
    @access("calendar.read")
    def calendar_page() -> str:
        today = datetime.now(language.zone()).date()
        year = _year(today.year)
        with reading(engine()) as connection:
            found = calendar(connection)
        offered = _proposed(year)
        names = offered.names if offered else {}
        weeks = months.Calendar()
        drawn = [
            [[(day, day_kind(day, found), names.get(day.isoformat())) if day.month == month else None for day in week] for week in rows]
            for month in range(1, 13)
            for rows in [weeks.monthdatescalendar(year, month)]
        ]
        mine = {day: kind for day, kind in found.days.items() if day.startswith(f"{year}-")}
        differs = offered is not None and offered.days != mine
        others = {day: kind for day, kind in found.days.items() if not day.startswith(f"{year}-")}
        after = {"weekend": found.weekend, "days": others | offered.days} if offered and differs else None
        return render_template(
            "console/calendar.html",
            year=year,
            months=drawn,
            today=today,
            calendar=msgspec.to_builtins(found),
            mine=mine,
            offered=offered,
            after=after,
            years=[one for one in (year - 1, year + 1) if YEARS[0] <= one <= YEARS[1]],
        )
