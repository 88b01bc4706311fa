"""Reads and writes the rows of a sensor's days."""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Subquery, Table, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from central.environment.metrics.cells import GAP_FACTOR, INTERVAL_MS, TOLERANCE_C, TOLERANCE_PCT, Day, Setting
from central.environment.metrics.tables import metric_days, metric_dirty, metric_sensors

GAP_LEAST_MS = 300_000  # the centre calls a channel silent after as long, by default
_FIELDS = Day.__struct_fields__
_COLUMNS = [metric_days.c[name] for name in _FIELDS]
_NAMES = ("sensor", *_FIELDS)
_EDGES = ("temp_min", "temp_max", "rh_min", "rh_max")  # infinite while a day has no value
_UPSERT = f"INSERT OR REPLACE INTO metric_days ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608  names from our own code


@lru_cache(maxsize=256)
def setting_of(interval_ms: int, tolerance_c: float = TOLERANCE_C, tolerance_pct: float = TOLERANCE_PCT) -> Setting:
    """How values of a sensor that reports so often become durations: a gap is 2.5 intervals, five minutes at least."""
    return Setting(interval_ms, max(int(GAP_FACTOR * interval_ms), GAP_LEAST_MS), tolerance_c, tolerance_pct)


def setting_of_day(day: Day) -> Setting:
    """The setting by which a day was folded."""
    return setting_of(day.interval_ms, day.tolerance_c, day.tolerance_pct)


DEFAULT = setting_of(INTERVAL_MS)


def day_of_row(row: Sequence[Any]) -> Day:
    """A row's day."""
    values = dict(zip(_FIELDS, row, strict=True))
    for name in _EDGES:
        if values[name] is None:
            del values[name]
    return Day(**values)


def write_days(connection: Connection, rows: Iterable[tuple[str, Day]]) -> None:
    """Write days of sensors, each as a whole."""
    made = []
    for sensor, day in rows:
        values = (getattr(day, name) for name in _FIELDS)
        made.append((sensor, *(None if value in (math.inf, -math.inf) else value for value in values)))
    if made:
        connection.exec_driver_sql(_UPSERT, made)


def write_dirty(connection: Connection, sensor: str, days: Mapping[int, int | None]) -> bool:
    """Keep which days of a sensor wait, in place of those that waited before; whether any does."""
    connection.execute(delete(metric_dirty).where(metric_dirty.c.sensor == sensor))
    if days:
        connection.execute(insert(metric_dirty), [{"sensor": sensor, "day_ms": day_ms, "told_ms": told} for day_ms, told in days.items()])
    return bool(days)


def remove_day(connection: Connection, sensor: str, day_ms: int) -> None:
    """A day of which nothing is left."""
    connection.execute(delete(metric_days).where(metric_days.c.sensor == sensor, metric_days.c.day_ms == day_ms))


def read_day(connection: Connection, sensor: str, day_ms: int) -> Day | None:
    """One day."""
    row = connection.execute(select(*_COLUMNS).where(metric_days.c.sensor == sensor, metric_days.c.day_ms == day_ms)).first()
    return None if row is None else day_of_row(row)


def day_before(connection: Connection, sensor: str, day_ms: int) -> Day | None:
    """The last day before one."""
    earlier = select(*_COLUMNS).where(metric_days.c.sensor == sensor, metric_days.c.day_ms < day_ms)
    row = connection.execute(earlier.order_by(metric_days.c.day_ms.desc()).limit(1)).first()
    return None if row is None else day_of_row(row)


def day_after(connection: Connection, sensor: str, day_ms: int) -> int | None:
    """The start of the first day after one."""
    later = select(func.min(metric_days.c.day_ms)).where(metric_days.c.sensor == sensor, metric_days.c.day_ms > day_ms)
    found: int | None = connection.scalar(later)
    return found


def days_between(connection: Connection, sensor: str, *, from_ms: int, to_ms: int) -> list[Day]:
    """A sensor's days that start in from_ms..to_ms (end excluded), in order."""
    which = (metric_days.c.sensor == sensor) & (metric_days.c.day_ms >= from_ms) & (metric_days.c.day_ms < to_ms)
    return [day_of_row(row) for row in connection.execute(select(*_COLUMNS).where(which).order_by(metric_days.c.day_ms))]


def upsert_rows(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows or replace them, by the table's primary key; all have the same columns. A plain text: this runs at every commit."""
    if not rows:
        return
    names, keys = list(rows[0]), [column.name for column in table.primary_key]
    columns, marks = ", ".join(names), ", ".join("?" * len(names))
    updates = ", ".join(f"{name} = excluded.{name}" for name in names if name not in keys)
    told = f"INSERT INTO {table.name} ({columns}) VALUES ({marks}) ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {updates}"  # noqa: S608  our own names
    connection.exec_driver_sql(told, [tuple(row[name] for name in names) for row in rows])


def intervals_by_day(from_ms: int) -> Subquery:
    """(agent, day_ms, interval_ms): how far apart an agent's values usually were, on the UTC days from `from_ms` on that tell it."""
    told = select(metric_sensors.c.agent, metric_days.c.day_ms, func.min(metric_days.c.interval_ms).label("interval_ms"))
    told = told.join(metric_sensors, metric_sensors.c.sensor == metric_days.c.sensor).where(metric_days.c.day_ms >= from_ms)
    return told.group_by(metric_sensors.c.agent, metric_days.c.day_ms).subquery()
