"""A channel's course: thinned to so many points, gaps marked as gaps; or every raw value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, Engine, func, select

from central.environment.chunks import Row
from central.environment.queries import QUALITY_NAMES
from central.environment.tables import SUM_SCALE, channels, rollup_hour
from central.environment.windows import day_from, rows_between
from central.store.engine import reading
from central.times import now_ms

HOUR_MS = 3_600_000
RAW_MAX = 45_000  # a month of minutes; more raw values than this are shown from the hourly rollups
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


def _raw(connection: Connection, channel: Channel, span: Span) -> tuple[list[Point], list[Gap]]:
    width = -(-(span.to_ms - span.from_ms) // span.points)
    rows = rows_between(connection, channel.id, from_ms=span.from_ms, to_ms=span.to_ms)
    buckets: dict[int, tuple[int, list[float]]] = {}
    for row in rows:
        if row[4] == GOOD and row[3] is not None:
            place = (row[0] - span.from_ms) // width
            found = buckets.get(place)
            if found is None:
                buckets[place] = row[0], [row[3]]
            else:
                found[1].append(row[3])
    points: list[Point] = [(t_ms, min(vs), sum(vs) / len(vs), max(vs), len(vs)) for _, (t_ms, vs) in sorted(buckets.items())]
    return points, _raw_gaps(rows, span)


def _raw_gaps(rows: list[Row], span: Span) -> list[Gap]:
    """Spans without any value, and spans whose values are not good."""
    gaps: list[Gap] = []
    bad_from: tuple[int, str] | None = None
    before = span.from_ms
    for row in rows:
        usable = row[4] == GOOD and row[3] is not None
        apart = row[0] - before > span.gap_ms
        if bad_from is not None and (usable or apart):
            gaps.append((bad_from[0], before if apart else row[0], bad_from[1]))
            bad_from = None
        if apart:
            gaps.append((before, row[0], "no data"))
        if not usable and bad_from is None:
            bad_from = row[0], row[5] or QUALITY_NAMES.get(row[4], "bad")
        before = row[0]
    end = min(span.to_ms, max(now_ms(), span.from_ms))
    if bad_from is not None:
        gaps.append((bad_from[0], min(max(before, bad_from[0]), end), bad_from[1]))
    if end - before > span.gap_ms or not rows:
        gaps.append((before, end, "no data"))
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


class RawValue(NamedTuple):
    """A reading as it is exported."""

    t_ms: int
    v: float | None
    quality: int
    why: str | None


def raw_values(engine: Engine, channel: Channel, *, from_ms: int, to_ms: int) -> Iterator[RawValue]:
    """Every raw value within [from, to), read day by day, so that no long-lasting view of the database is held."""
    at = from_ms
    while at < to_ms:
        with reading(engine) as connection:
            found = day_from(connection, channel.id, from_ms=at, to_ms=to_ms)
        if found is None:
            return
        at = found[0]
        yield from (RawValue(row[0], row[3], row[4], row[5]) for row in found[1])
