"""For planning: time spent at each step, queues, when what is there will be done at the present pace, and units side by side."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, case, func, select

from central.digitization.process.lights import limits_of
from central.digitization.process.machine import DONE, NAMES
from central.digitization.process.tables import discrepancies, visits, volumes
from central.times import rfc3339

DAY_MS = 86_400_000
PACE_DAYS = 14
UNITS_MAX = 500


class StepTime(msgspec.Struct, frozen=True):
    """A step over a span: stays that ended, hours waited and worked on in the mean, its share of all time spent."""

    step: str
    stays: int
    waited_h: float
    worked_h: float
    share: float
    skipped: int
    back: int


class Forecast(msgspec.Struct, frozen=True):
    """A step's queue, and when it will be through what stands before it at `a_day` volumes, the mean of the last `base_days` days."""

    step: str
    queue: int
    before: int  # volumes at this step and at earlier ones
    pages: int  # of those
    finished: int  # in the base's days
    base_days: float
    a_day: float
    done: str | None


class Unit(msgspec.Struct, frozen=True):
    """A unit's volumes that were registered in a span: how many are late now, complete at the count, in discrepancy, sent back, filed."""

    unit: str
    volumes: int
    pages: int
    late: int
    counted: int
    complete: int
    discrepancies: int
    open_discrepancies: int
    rework: int
    filed: int


def step_times(connection: Connection, *, from_ms: int, to_ms: int) -> list[StepTime]:
    """Where the time of stays went that ended in a span."""
    begun = func.coalesce(visits.c.begun_ms, visits.c.ended_ms)
    query = (
        select(
            visits.c.step,
            func.count().label("stays"),
            func.sum(begun - visits.c.entered_ms).label("waited"),
            func.sum(visits.c.ended_ms - begun).label("worked"),
            func.sum(case((visits.c.how == "skipped", 1), else_=0)).label("skipped"),
            func.sum(case((visits.c.how == "back", 1), else_=0)).label("back"),
        )
        .where(visits.c.ended_ms.between(from_ms, to_ms - 1), visits.c.how.in_(("finished", "skipped", "back")))
        .group_by(visits.c.step)
    )
    found = {row.step: row for row in connection.execute(query)}
    spent = sum(row.waited + row.worked for row in found.values())
    made = []
    for step in NAMES:
        row = found.get(step)
        if row is None:
            made.append(StepTime(step=step, stays=0, waited_h=0.0, worked_h=0.0, share=0.0, skipped=0, back=0))
            continue
        hours = {name: round(value / row.stays / 3_600_000, 2) for name, value in (("waited_h", row.waited), ("worked_h", row.worked))}
        share = round((row.waited + row.worked) / spent, 4) if spent else 0.0
        made.append(StepTime(step=step, stays=row.stays, share=share, skipped=row.skipped, back=row.back, **hours))
    return made


def forecasts(connection: Connection, *, now_ms: int) -> list[Forecast]:
    """Queue, pace and end of each step, from what was finished there in the last 14 days (or since the first volume came)."""
    first = connection.scalar(select(func.min(volumes.c.registered_ms)))
    base_ms = min(PACE_DAYS * DAY_MS, max(now_ms - (now_ms if first is None else first), DAY_MS))
    finished = select(visits.c.step, func.count().label("n")).where(visits.c.ended_ms > now_ms - base_ms, visits.c.how == "finished")
    paces = {row.step: row.n for row in connection.execute(finished.group_by(visits.c.step))}
    standing = select(volumes.c.step, func.count().label("n"), func.sum(volumes.c.count).label("pages")).where(volumes.c.step != DONE)
    queues = {row.step: row for row in connection.execute(standing.group_by(volumes.c.step))}
    made, before, pages = [], 0, 0
    for step in NAMES:
        row = queues.get(step)
        before, pages = before + (row.n if row else 0), pages + (row.pages if row else 0)
        count = paces.get(step, 0)
        a_day = count * DAY_MS / base_ms
        done = rfc3339(now_ms + round(before / a_day * DAY_MS)) if before and a_day else None
        facts = {"queue": row.n if row else 0, "before": before, "pages": pages, "finished": count}
        made.append(Forecast(step=step, base_days=round(base_ms / DAY_MS, 1), a_day=round(a_day, 2), done=done, **facts))
    return made


def units(connection: Connection, *, from_ms: int, to_ms: int, now_ms: int) -> list[Unit]:
    """Units side by side, of volumes registered in a span: the most late first."""
    within = volumes.c.registered_ms.between(from_ms, to_ms - 1)

    def total(what: Any) -> Any:
        return func.coalesce(func.sum(case((what, 1), else_=0)), 0)

    query = (
        select(
            volumes.c.unit,
            func.count().label("volumes"),
            func.sum(volumes.c.declared).label("pages"),
            total(limits_of(connection).late(now_ms)).label("late"),
            func.sum(volumes.c.open_discrepancies).label("open_discrepancies"),
            func.sum(volumes.c.rework).label("rework"),
            total(volumes.c.step == DONE).label("filed"),
        )
        .where(within)
        .group_by(volumes.c.unit)
        .limit(UNITS_MAX)
    )
    rows = connection.execute(query).all()
    received = (visits.c.step == NAMES[0]) & (visits.c.how == "finished")
    counts = (
        select(volumes.c.unit, func.count().label("counted"), total(visits.c.count_out == volumes.c.declared).label("complete"))
        .select_from(volumes.join(visits, visits.c.volume == volumes.c.id))
        .where(within, received)
        .group_by(volumes.c.unit)
    )
    counted = {row.unit: row for row in connection.execute(counts)}
    opened = (
        select(volumes.c.unit, func.count().label("n"))
        .select_from(volumes.join(discrepancies, discrepancies.c.volume == volumes.c.id))
        .where(within)
        .group_by(volumes.c.unit)
    )
    differing = {row.unit: row.n for row in connection.execute(opened)}
    made = [
        Unit(
            counted=counted[row.unit].counted if row.unit in counted else 0,
            complete=counted[row.unit].complete if row.unit in counted else 0,
            discrepancies=differing.get(row.unit, 0),
            **row._mapping,
        )
        for row in rows
    ]
    return sorted(made, key=lambda one: (-one.late, -one.open_discrepancies, one.unit))
