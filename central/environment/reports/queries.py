"""What may be read about reports: those that were filed, and which are due."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, func, select

from central.environment.reports.projection import BOTH, LANGS
from central.environment.reports.tables import report_schedules, reports
from central.environment.tables import channels, rollup_hour
from central.times import MS_SHOWN, rfc3339

REPORTS_MAX = 500
MONTHS_BACK = 24  # a month so long ago is filed by hand only


class Report(msgspec.Struct, frozen=True):
    """A report that was filed; `sha256` is that of the PDF, `tree_size` that of the ledger when it was made."""

    id: str
    room: str
    month: str
    lang: str
    sha256: str
    bytes: int
    tree_size: int
    made: str
    made_by: str


class Schedule(msgspec.Struct, frozen=True):
    """When a room's reports are made by themselves."""

    room: str
    on: bool
    day: int
    lang: str
    from_month: str
    set: str
    set_by: str


class Due(msgspec.Struct, frozen=True):
    """A report that is to be made."""

    room: str
    month: str
    lang: str


def filed(connection: Connection, *, room: str | None = None, ident: str | None = None) -> list[Report]:
    """Reports, the latest month and the last one made first."""
    query = select(reports).order_by(reports.c.month.desc(), reports.c.made_ms.desc(), reports.c.id).limit(REPORTS_MAX)
    if room is not None:
        query = query.where(reports.c.room == room)
    if ident is not None:
        query = query.where(reports.c.id == ident)
    names = ("id", "room", "month", "lang", "sha256", "bytes", "tree_size", "made_by")
    return [Report(made=rfc3339(row.made_ms), **{name: getattr(row, name) for name in names}) for row in connection.execute(query)]


def schedules(connection: Connection, room: str | None = None) -> list[Schedule]:
    """The schedules, by room."""
    query = select(report_schedules).order_by(report_schedules.c.room)
    if room is not None:
        query = query.where(report_schedules.c.room == room)
    names = ("room", "on", "day", "lang", "from_month", "set_by")
    return [Schedule(set=rfc3339(row.set_ms), **{name: getattr(row, name) for name in names}) for row in connection.execute(query)]


def month_before(month: str) -> str:
    """2026-01 -> 2025-12."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year - 1}-12" if number == 1 else f"{year}-{number - 1:02d}"


def first_month(connection: Connection, room: str, zone: ZoneInfo) -> str | None:
    """The month of a room's earliest reading, None before there is one."""
    mine = select(func.min(rollup_hour.c.hour_ms)).join(channels, channels.c.id == rollup_hour.c.channel_id)
    per_channel = mine.where(channels.c.room == room, rollup_hour.c.hour_ms > 0, rollup_hour.c.hour_ms < MS_SHOWN)
    found = connection.scalar(per_channel)
    return None if found is None else month_of(int(found), zone)


def month_of(t_ms: int, zone: ZoneInfo) -> str:
    """The month of a moment, YYYY-MM."""
    return f"{datetime.fromtimestamp(t_ms / 1000, zone):%Y-%m}"


def due(connection: Connection, *, now_ms: int, zone: ZoneInfo) -> list[Due]:
    """What the schedules ask for and nobody has filed, the earliest month first."""
    today = datetime.fromtimestamp(now_ms / 1000, zone)
    have = {(row.room, row.month, row.lang) for row in connection.execute(select(reports.c.room, reports.c.month, reports.c.lang))}
    found = []
    for schedule in schedules(connection):
        month = month_of(now_ms, zone)
        for back in range(MONTHS_BACK if schedule.on else 0):
            month = month_before(month)
            if month < schedule.from_month:
                break
            if back or today.day >= schedule.day:
                langs = LANGS if schedule.lang == BOTH else (schedule.lang,)
                found += [Due(schedule.room, month, lang) for lang in langs if (schedule.room, month, lang) not in have]
    return sorted(found, key=lambda one: (one.month, one.room, one.lang))
