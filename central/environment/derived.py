"""Quantities that no sensor measures: the dew point of a sensor's temperature and humidity, as a course of its own."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from central.environment.metrics.formulas import dew_point
from central.environment.series import Channel, Gap, Point, Series, Span, channel_named, series
from central.times import now_ms

DEW_POINT = "dew_point"
FINE = 5000  # buckets in which temperature and humidity are paired, before so many points are made of them


def pair_of(connection: Connection, name: str) -> tuple[Channel, Channel] | None:
    """The channels of temperature and humidity of which `{agent}.{sensor}.dew_point` is derived; None where it is not, or they are not."""
    sensor, _, quantity = name.rpartition(".")
    if quantity != DEW_POINT:
        return None
    pair = [channel_named(connection, f"{sensor}.{q}") for q in ("temperature", "relative_humidity")]
    return (pair[0], pair[1]) if pair[0] is not None and pair[1] is not None else None


def _joined(gaps: Iterable[Gap]) -> list[Gap]:
    """The gaps of both, those that overlap as one."""
    made: list[Gap] = []
    for start, end, why in sorted(gaps):
        if made and start <= made[-1][1]:
            made[-1] = (made[-1][0], max(end, made[-1][1]), made[-1][2])
        else:
            made.append((start, end, why))
    return made


def dew_point_series(connection: Connection, pair: tuple[Channel, Channel], span: Span) -> Series:
    """The dew point's course: of each fine bucket's mean temperature and humidity, which is each value's own where buckets hold one."""
    fine = Span(from_ms=span.from_ms, to_ms=span.to_ms, points=max(FINE, span.points), gap_ms=span.gap_ms)
    warm, damp = (series(connection, channel, fine) for channel in pair)
    width = -(-(fine.to_ms - fine.from_ms) // fine.points)
    humidity = {(point[0] - span.from_ms) // width: point[2] for point in damp.points}
    wide = -(-(span.to_ms - span.from_ms) // span.points)
    buckets: dict[int, list[tuple[int, float, int]]] = {}
    for t_ms, _low, mean, _high, count in warm.points:
        value = dew_point(mean, humidity.get((t_ms - span.from_ms) // width))
        if value is not None:
            buckets.setdefault((t_ms - span.from_ms) // wide, []).append((t_ms, value, count))
    points: list[Point] = []
    for _, found in sorted(buckets.items()):
        values = [value for _, value, _ in found]
        weight = sum(count for _, _, count in found)
        mean = sum(value * count for _, value, count in found) / weight
        points.append((found[0][0], min(values), mean, max(values), weight))
    gaps = _joined([*warm.gaps, *damp.gaps])
    end = min(span.to_ms, max(now_ms(), span.from_ms + 1))
    missing = sum(min(gap[1], end) - gap[0] for gap in gaps if gap[0] < end)
    name = f"{pair[0].name.rpartition('.')[0]}.{DEW_POINT}"
    coverage = round(max(0.0, 1 - missing / (end - span.from_ms)), 6)
    return Series(sensor=name, q=DEW_POINT, u=pair[0].u, points=points, gaps=gaps, coverage=coverage)
