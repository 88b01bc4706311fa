"""Yields: what stations and people got done in which time, how much of it was retaken, doubted or rejected, by day or week."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, case, func, select

from central.digitization.tables import batches, pages, presses, stations

PAUSE_MS = 5 * 60_000  # presses further apart than this have a pause between them, which is no working time
COUNTED = ("captured", "rejected", "failed")  # presses that were meant to take a page
DAYS_MAX = 93
STATIONS_MAX = 100
WORK_MS_MIN = 60_000  # of less, a pace says nothing
By = Literal["station", "person"]
Span = Literal["day", "week"]


class Yield(msgspec.Struct, frozen=True):
    """One station's or person's work of a day, or of the week that begins on `begins`.

    `presses` are those captured, rejected or failed; `taken` are all pages shot, `pages` those of them that count; `look`, `bad`, `retaken`
    are of those taken, `rejected` of those that count, at acceptance. `work_s` is the time between presses, pauses of over five minutes
    left out; `pages_h` is null where that is short.
    """

    who: str
    begins: str
    taken: int
    pages: int
    presses: int
    retaken: int
    look: int
    bad: int
    rejected: int
    work_s: int
    pages_h: float | None


def days_of(first: date, last: date, zone: ZoneInfo) -> Iterator[tuple[date, int, int]]:
    """(day, its first millisecond, the first one after it), as days are in that time zone."""
    day = first
    while day <= last:
        begin, end = (round(datetime(at.year, at.month, at.day, tzinfo=zone).timestamp() * 1000) for at in (day, day + timedelta(days=1)))
        yield day, begin, end
        day += timedelta(days=1)


def yields(
    connection: Connection, *, first: date, last: date, zone: ZoneInfo, by: By, span: Span, person: str | None = None
) -> list[Yield]:
    """Yields from the first to the last day (at most 93), the newest first; `person`: of that one alone."""
    if not 0 <= (last - first).days < DAYS_MAX:
        raise ValueError(f"1 to {DAYS_MAX} days")
    known = list(connection.scalars(select(stations.c.id).order_by(stations.c.id).limit(STATIONS_MAX)))
    sums: dict[tuple[date, str], dict[str, int]] = {}
    for day, begin_ms, end_ms in days_of(first, last, zone):
        begins = day - timedelta(days=day.weekday()) if span == "week" else day
        for who, facts in _day(connection, known, begin_ms, end_ms, by).items():
            if who and (person is None or who == person):
                into = sums.setdefault((begins, who), dict.fromkeys(facts, 0))
                for name, value in facts.items():
                    into[name] += value
    made = [_yield(begins, who, facts) for (begins, who), facts in sums.items()]
    return sorted(sorted(made, key=lambda one: one.who), key=lambda one: one.begins, reverse=True)


def _yield(begins: date, who: str, facts: dict[str, int]) -> Yield:
    work_ms = facts.pop("work_ms")
    pace = round(facts["pages"] * 3_600_000 / work_ms, 1) if work_ms >= WORK_MS_MIN else None
    return Yield(who=who, begins=begins.isoformat(), work_s=round(work_ms / 1000), pages_h=pace, **facts)


def _day(connection: Connection, known: list[str], begin_ms: int, end_ms: int, by: By) -> dict[str, dict[str, int]]:
    who = pages.c.station if by == "station" else pages.c.operator
    within = pages.c.station.in_(known) & pages.c.t_ms.between(begin_ms, end_ms - 1)
    shot = pages.c.sha256.is_not(None)  # a placeholder is no shot
    counts = pages.c.replaced_by.is_(None) & ~pages.c.deleted

    def total(what: Any) -> Any:
        return func.coalesce(func.sum(case((what, 1), else_=0)), 0)

    query = (
        select(
            who.label("who"),
            total(shot).label("taken"),
            total(shot & counts).label("pages"),
            total(shot & pages.c.replaced_by.is_not(None)).label("retaken"),
            total(shot & (pages.c.verdict == "look")).label("look"),
            total(shot & (pages.c.verdict == "bad")).label("bad"),
            total(counts & (pages.c.rejected_by.is_not(None) | (batches.c.state == "rejected"))).label("rejected"),
        )
        .select_from(pages.join(batches, batches.c.id == pages.c.batch_id))
        .where(within)
        .group_by(who)
    )
    found = {row.who: {name: value for name, value in row._mapping.items() if name != "who"} for row in connection.execute(query)}
    worked, pressed = _worked(connection, known, begin_ms, end_ms, by), _pressed(connection, known, begin_ms, end_ms, by)
    none = dict.fromkeys(("taken", "pages", "retaken", "look", "bad", "rejected"), 0)
    return {
        name: found.get(name, none) | {"presses": pressed.get(name, 0), "work_ms": worked.get(name, 0)} for name in {**found, **pressed}
    }


def _pressed(connection: Connection, known: list[str], begin_ms: int, end_ms: int, by: By) -> dict[str, int]:
    """How many presses were captured, rejected or failed; a person's where the bench tells who pressed."""
    who = presses.c.station if by == "station" else presses.c.operator
    within = presses.c.station.in_(known) & presses.c.t_ms.between(begin_ms, end_ms - 1) & presses.c.outcome.in_(COUNTED)
    query = select(who.label("who"), func.count().label("n")).where(within & who.is_not(None)).group_by(who)
    return {row.who: int(row.n) for row in connection.execute(query)}


def _worked(connection: Connection, known: list[str], begin_ms: int, end_ms: int, by: By) -> dict[str, int]:
    """Milliseconds between presses by who pressed: captured, rejected and failed ones, and those known by their pages alone."""
    counted = presses.c.outcome.in_(COUNTED)
    if by == "station":
        within = presses.c.station.in_(known) & presses.c.t_ms.between(begin_ms, end_ms - 1) & counted
        moments = select(presses.c.station.label("who"), presses.c.station, presses.c.t_ms).where(within).subquery()
    else:
        within = pages.c.station.in_(known) & pages.c.t_ms.between(begin_ms, end_ms - 1) & pages.c.operator.is_not(None)
        shot = select(pages.c.operator.label("who"), pages.c.station, pages.c.t_ms).where(
            within
        )  # of benches that tell no press's operator
        pressed = select(presses.c.operator, presses.c.station, presses.c.t_ms).where(
            presses.c.station.in_(known) & presses.c.t_ms.between(begin_ms, end_ms - 1) & counted & presses.c.operator.is_not(None)
        )
        moments = shot.union_all(pressed).subquery()
    before = func.lag(moments.c.t_ms).over(partition_by=(moments.c.who, moments.c.station), order_by=moments.c.t_ms)
    gaps = select(moments.c.who, (moments.c.t_ms - before).label("gap")).subquery()
    query = select(gaps.c.who, func.sum(gaps.c.gap).label("work_ms")).where(gaps.c.gap <= PAUSE_MS).group_by(gaps.c.who)
    return {row.who: int(row.work_ms) for row in connection.execute(query)}
