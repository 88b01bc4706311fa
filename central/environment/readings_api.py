"""`/api/v1/readings`: courses of channels, and their raw values as files; what happened in a room meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from flask import Blueprint, Response
from sqlalchemy import Connection

from central.environment.derived import dew_point_series, pair_of
from central.environment.exports import csv_lines, parquet_parts
from central.environment.marks import Marks, marks_of
from central.environment.overview import Hours, hours_of
from central.environment.series import Channel, Series, Span, channel_named, series
from central.store.engine import reading
from central.times import now_ms
from central.web import acting
from central.web.fields import IDENT, Time, time_ms
from central.web.operation import Operation, operation
from central.web.problems import Problem, bad_field, not_found
from central.web.state import config, engine

DAY_MS = 24 * 3_600_000
SPAN_MAX_MS = 20 * 366 * DAY_MS
POINTS_MAX = 5000
CHANNELS_MAX = 64  # of one file
PARQUET = "application/vnd.apache.parquet"


class SpanQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which span; a day up to now if nothing is said."""

    from_: Time | None = msgspec.field(default=None, name="from")
    to: Time | None = None


class HoursQuery(SpanQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The hours of which channel, within which span."""

    sensor: Annotated[str, msgspec.Meta(min_length=1, max_length=160)]


class SeriesQuery(SpanQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which channel, which span, how fine."""

    sensor: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            max_length=8000,
            description="channel id, e.g. room-101.climate.temperature, or {agent}.{sensor}.dew_point where that is derived; "
            "for files several, with commas between",
        ),
    ]
    points: Annotated[int, msgspec.Meta(ge=1, le=POINTS_MAX, description="at most so many buckets")] = 500
    format: Annotated[Literal["json", "csv", "parquet"], msgspec.Meta(description="csv, parquet: every raw value")] = "json"


def span_of(query: SpanQuery) -> tuple[int, int]:
    """(from_ms, to_ms) of a query; a Problem where they are not in order or too far apart."""
    to_ms = now_ms() if query.to is None else time_ms("to", query.to)
    from_ms = to_ms - DAY_MS if query.from_ is None else time_ms("from", query.from_)
    if not from_ms < to_ms or to_ms - from_ms > SPAN_MAX_MS:
        raise bad_field("from", "is before `to`, by at most 20 years")
    return max(from_ms, 0), to_ms


def _no_channel(name: str) -> Problem:
    return Problem(404, "not-found", f"sensor: there is no channel {name[:160]}", field="sensor")


def _course(connection: Connection, name: str, span: Span) -> Series:
    channel = channel_named(connection, name)
    if channel is not None:
        return series(connection, channel, span)
    pair = pair_of(connection, name)
    if pair is None:
        raise _no_channel(name)
    return dew_point_series(connection, pair, span)


def _channels(names: list[str]) -> list[Channel]:
    if len(names) > CHANNELS_MAX:
        raise bad_field("sensor", f"at most {CHANNELS_MAX} channels in one file")
    made = []
    with reading(engine()) as connection:
        for name in dict.fromkeys(names):
            channel = channel_named(connection, name)
            if channel is None:
                raise _no_channel(name)
            made.append(channel)
    return made


def _file(channels: list[Channel], kind: str, from_ms: int, to_ms: int) -> Response:
    names = [channel.name for channel in channels]
    acting.record_export("readings", sensor=",".join(names), format=kind, from_ms=from_ms, to_ms=to_ms)
    parts: Iterable[str | bytes]
    if kind == "csv":
        parts, media = csv_lines(engine(), channels, from_ms=from_ms, to_ms=to_ms), "text/csv; charset=utf-8"
    else:
        parts, media = parquet_parts(engine(), channels, site=config().site, from_ms=from_ms, to_ms=to_ms), PARQUET
    answer = Response(parts, content_type=media)
    stem = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in names[0])
    more = f"-and-{len(names) - 1}-more" if len(names) > 1 else ""
    answer.headers["Content-Disposition"] = f'attachment; filename="{stem}{more}.{kind}"'
    return answer


def routes(made: Blueprint) -> None:
    """Add the routes."""

    @made.get("/readings")
    @operation(
        Operation(
            right="environment.read",
            summary="The course of one channel, thinned, with gaps marked; or all raw values of some channels as CSV or Parquet.",
            query=SeriesQuery,
            result=Series,
            media=("text/csv", PARQUET),
        )
    )
    def readings_show(query: SeriesQuery) -> Series | Response:
        from_ms, to_ms = span_of(query)
        if query.format != "json":
            return _file(_channels(query.sensor.split(",")), query.format, from_ms, to_ms)
        with reading(engine()) as connection:
            span = Span(from_ms=from_ms, to_ms=to_ms, points=query.points, gap_ms=config().limits.silence_s * 1000)
            return _course(connection, query.sensor, span)

    @made.get("/readings/hours")
    @operation(Operation(right="environment.read", summary="A channel's hours: lowest, mean, highest.", query=HoursQuery, result=Hours))
    def readings_hours(query: HoursQuery) -> Hours:
        from_ms, to_ms = span_of(query)
        with reading(engine()) as connection:
            channel = channel_named(connection, query.sensor)
            if channel is None:
                raise _no_channel(query.sensor)
            return hours_of(connection, channel, from_ms=from_ms, to_ms=to_ms)

    @made.get(f"/rooms/<{IDENT}:room>/marks")
    @operation(
        Operation(right="environment.read", summary="Door openings and alarms of a room within a span.", query=SpanQuery, result=Marks)
    )
    def room_marks(room: str, query: SpanQuery) -> Marks:
        from_ms, to_ms = span_of(query)
        with reading(engine()) as connection:
            found = marks_of(connection, room, from_ms=from_ms, to_ms=to_ms)
        if found is None:
            raise not_found("There is no such room.")
        return found
