"""A channel's course: thinned to so many points, gaps marked as gaps; or every raw value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, Engine, select

from central.environment.chunks import Row
from central.environment.queries import QUALITY_NAMES
from central.environment.tables import SUM_SCALE, channels
from central.environment.windows import day_from, rows_between
from central.store.engine import reading
from central.times import now_ms

HOUR_MS = 3_600_000
RAW_MAX = 45_000  # a month of minutes; more raw values than this are shown from the hourly rollups
GAPS_MAX = 1000
THINNED = "thinned"  # why there are no single readings any more; the hours may still be there
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
    rollups = _Rollups(connection, channel, span)
    query = "SELECT from_ms, to_ms FROM reading_thinned WHERE channel_id = ? AND from_ms < ? AND to_ms > ? ORDER BY from_ms"
    thinned = [(row[0], row[1]) for row in connection.exec_driver_sql(query, (channel.id, span.to_ms, span.from_ms))]
    if rollups.count <= RAW_MAX and not thinned:
        points, gaps = _raw(connection, channel, span)
    else:
        points, gaps = rollups.points(), _named(rollups.gaps(connection), thinned)
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


_GROUPED = """SELECT (hour_ms - ?) / ?, min(CASE WHEN sum_n > 0 THEN hour_ms END), min(min), max(max), sum(sum), sum(sum_n), sum(n),
sum(n + other), count(*), sum(n = 0) FROM rollup_hour WHERE channel_id = ? AND hour_ms >= ? AND hour_ms < ? GROUP BY 1 ORDER BY 1"""
_HOURS = "SELECT hour_ms, n FROM rollup_hour WHERE channel_id = ? AND hour_ms >= ? AND hour_ms < ? ORDER BY hour_ms"


class _Rollups:
    """The hours of a span, added up in buckets by the database; single hours are read only where a bucket has holes."""

    def __init__(self, connection: Connection, channel: Channel, span: Span) -> None:
        self._span, self._channel = span, channel
        self._first = span.from_ms - span.from_ms % HOUR_MS
        hours = -(-(span.to_ms - self._first) // HOUR_MS)
        self._width = -(-hours // span.points) * HOUR_MS
        where = (self._first, self._width, channel.id, self._first, span.to_ms)
        self._rows = connection.exec_driver_sql(_GROUPED, where).all()
        self.count = sum(row[7] for row in self._rows)

    def points(self) -> list[Point]:
        """A point a bucket."""
        return [(row[1], row[2], row[4] / SUM_SCALE / row[5], row[3], row[6]) for row in self._rows if row[5]]

    def gaps(self, connection: Connection) -> list[Gap]:
        """Hours without any value, and hours without a good one."""
        span, width = self._span, self._width
        end = min(span.to_ms, max(now_ms(), span.from_ms + 1))
        gaps: list[Gap] = []
        at, full = self._first, width // HOUR_MS

        def missing(until_ms: int) -> None:
            if until_ms > at:
                gaps.append((max(at, span.from_ms), until_ms, "no data"))

        for place, *rest in self._rows:
            low = self._first + place * width
            if rest[7] == full and not rest[8]:
                missing(low)
                at = low + width
                continue
            for hour_ms, n in connection.exec_driver_sql(_HOURS, (self._channel.id, low, min(low + width, span.to_ms))):
                missing(hour_ms)
                if n == 0:
                    gaps.append((max(hour_ms, span.from_ms), hour_ms + HOUR_MS, "bad"))
                at = hour_ms + HOUR_MS
        missing(end)
        return gaps[:GAPS_MAX]


def _named(gaps: list[Gap], thinned: list[tuple[int, int]]) -> list[Gap]:
    """The gaps, those parts of them called THINNED that lie within a span whose readings were let go."""
    made: list[Gap] = []
    for low, high, why in gaps:
        at = low
        for start, end in thinned if why == "no data" else ():
            if start < high and end > at:
                if start > at:
                    made.append((at, start, why))
                made.append((max(at, start), min(high, end), THINNED))
                at = min(high, end)
        if at < high:
            made.append((at, high, why))
    return made[:GAPS_MAX]


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
