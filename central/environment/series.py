"""A channel's course: thinned to so many points, gaps marked as gaps; or every raw value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, case, func, select, tuple_

from central.environment.queries import QUALITY_NAMES
from central.environment.tables import SUM_SCALE, channels, readings, rollup_hour
from central.store.engine import reading
from central.times import now_ms

HOUR_MS = 3_600_000
RAW_MAX = 100_000  # more raw values than this are shown from the hourly rollups
CSV_STEP = 5000
GAPS_MAX = 1000
GOOD = 0
Gap = tuple[int, int, str]
Point = tuple[int, float, float, float, int]


class Series(msgspec.Struct, frozen=True):
    """`points`: [t_ms, min, mean, max, count] of the good values; `gaps`: [from_ms, to_ms, why]; coverage: share of the span, 0-1."""

    sensor: str
    q: str
    u: str
    points: list[Point]
    gaps: list[Gap]
    coverage: float


@dataclass(frozen=True)
class Channel:
    """A channel's row."""

    id: int
    name: str
    q: str
    u: str


@dataclass(frozen=True, kw_only=True)
class Span:
    """What is asked for; values `gap_ms` apart have a gap between them."""

    from_ms: int
    to_ms: int
    points: int
    gap_ms: int


def channel_named(connection: Connection, name: str) -> Channel | None:
    """The channel of this name, None if there is no such one."""
    row = connection.execute(select(channels).where(channels.c.channel == name)).first()
    return None if row is None else Channel(row.id, row.channel, row.q, row.u)


def series(connection: Connection, channel: Channel, span: Span) -> Series:
    """The course of a channel within [from, to)."""
    hours = (
        (rollup_hour.c.channel_id == channel.id) & (rollup_hour.c.hour_ms >= span.from_ms - HOUR_MS) & (rollup_hour.c.hour_ms < span.to_ms)
    )
    count = connection.scalar(select(func.sum(rollup_hour.c.n + rollup_hour.c.other)).where(hours)) or 0
    points, gaps = _raw(connection, channel, span) if count <= RAW_MAX else _from_rollups(connection, channel, span)
    end = min(span.to_ms, max(now_ms(), span.from_ms + 1))
    missing = sum(min(gap[1], end) - gap[0] for gap in gaps if gap[0] < end)
    coverage = max(0.0, 1 - missing / (end - span.from_ms))
    return Series(sensor=channel.name, q=channel.q, u=channel.u, points=points, gaps=gaps, coverage=round(coverage, 6))


def _within(channel: Channel, span: Span) -> Any:
    return (readings.c.channel_id == channel.id) & (readings.c.t_ms >= span.from_ms) & (readings.c.t_ms < span.to_ms)


def _raw(connection: Connection, channel: Channel, span: Span) -> tuple[list[Point], list[Gap]]:
    width = -(-(span.to_ms - span.from_ms) // span.points)
    bucket = (readings.c.t_ms - span.from_ms) // width
    good = _within(channel, span) & (readings.c.quality == GOOD) & readings.c.v.is_not(None)
    query = (
        select(func.min(readings.c.t_ms), func.min(readings.c.v), func.avg(readings.c.v), func.max(readings.c.v), func.count())
        .where(good)
        .group_by(bucket)
        .order_by(bucket)
    )
    points: list[Point] = [(row[0], row[1], row[2], row[3], row[4]) for row in connection.execute(query)]
    return points, _raw_gaps(connection, channel, span)


def _raw_gaps(connection: Connection, channel: Channel, span: Span) -> list[Gap]:
    """Spans without any value, and spans whose values are not good."""
    usable = case(((readings.c.quality == GOOD) & readings.c.v.is_not(None), 1), else_=0)
    ordered = readings.c.t_ms, readings.c.epoch_id, readings.c.seq
    inner = (
        select(
            readings.c.t_ms,
            usable.label("usable"),
            readings.c.quality,
            readings.c.why,
            func.lag(readings.c.t_ms).over(order_by=ordered).label("before"),
            func.lag(usable).over(order_by=ordered).label("was"),
        )
        .where(_within(channel, span))
        .subquery()
    )
    turns = (inner.c.before.is_(None)) | (inner.c.t_ms - inner.c.before > span.gap_ms) | (inner.c.usable != inner.c.was)
    rows = connection.execute(select(inner).where(turns).order_by(inner.c.t_ms).limit(2 * GAPS_MAX)).all()
    last = connection.scalar(select(func.max(readings.c.t_ms)).where(_within(channel, span)))
    gaps: list[Gap] = []
    bad_from: tuple[int, str] | None = None
    for row in rows:
        before = span.from_ms if row.before is None else row.before
        if bad_from is not None and (row.usable or row.t_ms - before > span.gap_ms):
            gaps.append((bad_from[0], row.t_ms if row.usable and row.t_ms - before <= span.gap_ms else before, bad_from[1]))
            bad_from = None
        if row.t_ms - before > span.gap_ms:
            gaps.append((before, row.t_ms, "no data"))
        if not row.usable and bad_from is None:
            bad_from = (row.t_ms, row.why or QUALITY_NAMES.get(row.quality, "bad"))
    end = min(span.to_ms, max(now_ms(), span.from_ms))
    tail = span.from_ms if last is None else last
    if bad_from is not None:
        gaps.append((bad_from[0], min(max(tail, bad_from[0]), end), bad_from[1]))
    if end - tail > span.gap_ms or last is None:
        gaps.append((tail, end, "no data"))
    return [gap for gap in gaps if gap[1] > gap[0]][:GAPS_MAX]


def _from_rollups(connection: Connection, channel: Channel, span: Span) -> tuple[list[Point], list[Gap]]:
    first, end = span.from_ms - span.from_ms % HOUR_MS, min(span.to_ms, max(now_ms(), span.from_ms + 1))
    hours = -(-(span.to_ms - first) // HOUR_MS)
    width = -(-hours // span.points) * HOUR_MS
    bucket = (rollup_hour.c.hour_ms - first) // width
    mine = (rollup_hour.c.channel_id == channel.id) & (rollup_hour.c.hour_ms >= first) & (rollup_hour.c.hour_ms < span.to_ms)
    sums = func.sum(rollup_hour.c.sum), func.sum(rollup_hour.c.sum_n)
    query = (
        select(func.min(rollup_hour.c.hour_ms), func.min(rollup_hour.c.min), *sums, func.max(rollup_hour.c.max), func.sum(rollup_hour.c.n))
        .where(mine, rollup_hour.c.sum_n > 0)
        .group_by(bucket)
        .order_by(bucket)
    )
    points: list[Point] = [(row[0], row[1], row[2] / SUM_SCALE / row[3], row[4], row[5]) for row in connection.execute(query)]
    gaps: list[Gap] = []
    at = first
    for row in connection.execute(select(rollup_hour.c.hour_ms, rollup_hour.c.n).where(mine).order_by(rollup_hour.c.hour_ms)):
        if row.hour_ms > at:
            gaps.append((max(at, span.from_ms), row.hour_ms, "no data"))
        if row.n == 0:
            gaps.append((max(row.hour_ms, span.from_ms), row.hour_ms + HOUR_MS, "bad"))
        at = row.hour_ms + HOUR_MS
    if at < end:
        gaps.append((max(at, span.from_ms), end, "no data"))
    return points, gaps[:GAPS_MAX]


def raw_values(engine: Engine, channel: Channel, *, from_ms: int, to_ms: int) -> Iterator[Any]:
    """Every raw row (t_ms, v, quality, why) within [from, to), read in bounded steps."""
    key = tuple_(readings.c.t_ms, readings.c.epoch_id, readings.c.seq)
    after: tuple[int, int, int] = (from_ms - 1, 2**62, 2**62)
    while True:
        query = select(readings).where(readings.c.channel_id == channel.id, readings.c.t_ms < to_ms, key > after)
        with reading(engine) as connection:
            rows = connection.execute(query.order_by(readings.c.t_ms, readings.c.epoch_id, readings.c.seq).limit(CSV_STEP)).all()
        yield from rows
        if len(rows) < CSV_STEP:
            return
        after = (rows[-1].t_ms, rows[-1].epoch_id, rows[-1].seq)
