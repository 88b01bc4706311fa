"""`/api/v1/process/yields`, `/times`, `/forecast`, `/units`: figures for planning, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from flask import Blueprint, Response
from flask_login import current_user
from sqlalchemy import Connection

from central.digitization.process import planning, yields
from central.store.engine import reading
from central.times import now_ms
from central.web import acting
from central.web.operation import Operation, operation
from central.web.problems import bad_field
from central.web.state import config, engine

DAYS = 14
CSV = "text/csv; charset=utf-8"
FILES = ("text/csv",)
Day = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class SpanQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From the first to the last day, both included, as days are at the centre (the last 14)."""

    first: Day | None = None
    last: Day | None = None
    format: Literal["json", "csv"] = "json"


class YieldsQuery(SpanQuery, frozen=True, forbid_unknown_fields=True):
    """By station or by person, by day or by week. Others' figures need the right yields.people."""

    by: Literal["station", "person"] = "station"
    span: Literal["day", "week"] = "day"


class Yields(msgspec.Struct, frozen=True):
    """Yields, the newest first; `own`: only those of the one who asks."""

    items: list[yields.Yield]
    own: bool
    next: str | None = None


class Times(msgspec.Struct, frozen=True):
    """Where time went, by step."""

    items: list[planning.StepTime]
    next: str | None = None


class Forecasts(msgspec.Struct, frozen=True):
    """Queues and their ends, by step."""

    items: list[planning.Forecast]
    next: str | None = None


class Units(msgspec.Struct, frozen=True):
    """Units side by side, the most late first."""

    items: list[planning.Unit]
    next: str | None = None


def zone() -> ZoneInfo:
    """The centre's time zone, in which its days are."""
    return ZoneInfo(config().timezone)


def span_of(first: str | None, last: str | None) -> tuple[date, date]:
    """The days of a query; a Problem that names what is wrong."""
    ends: list[date] = []
    for name, given, default in (("last", last, None), ("first", first, DAYS - 1)):
        try:
            today = datetime.now(zone()).date() if not ends else ends[0] - timedelta(days=default or 0)
            ends.append(date.fromisoformat(given) if given else today)
        except ValueError as error:
            raise bad_field(name, "is no day, as 2026-11-02") from error
    if not 0 <= (ends[0] - ends[1]).days < yields.DAYS_MAX or ends[1].year < 1971 or ends[0].year > 9000:
        raise bad_field("first", f"1 to {yields.DAYS_MAX} days, the first before the last / 起止日期须为 1 至 {yields.DAYS_MAX} 天")
    return ends[1], ends[0]


def ms_of(first: date, last: date) -> tuple[int, int]:
    """The first millisecond of the first day and the one after the last."""
    days = list(yields.days_of(first, last, zone()))
    return days[0][1], days[-1][2]


def whose(by: str) -> str | None:
    """Whose figures the one who asks may see: None for everybody's."""
    return current_user.name if by == "person" and not current_user.may("yields.people") else None


def yields_of(connection: Connection, query: YieldsQuery) -> Yields:
    """The yields that the one who asks may see."""
    first, last = span_of(query.first, query.last)
    person = whose(query.by)
    found = yields.yields(connection, first=first, last=last, zone=zone(), by=query.by, span=query.span, person=person)
    return Yields(items=found, own=person is not None)


def _safe(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula."""
    return "'" + value if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _csv(items: Sequence[msgspec.Struct], kind: type[msgspec.Struct], name: str, **facts: Any) -> Response:
    acting.record_export(f"process.{name}", **facts)
    out = io.StringIO()
    out.write("\ufeff")  # spreadsheets know by it that this is UTF-8
    written = csv.writer(out)
    fields = kind.__struct_fields__
    written.writerow(fields)
    written.writerows([_safe(getattr(item, one)) for one in fields] for item in items)
    answer = Response(out.getvalue(), content_type=CSV)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def routes(made: Blueprint) -> None:
    """Add the routes."""

    @made.get("/yields")
    @operation(Operation(right="process.read", summary="What stations and people got done.", query=YieldsQuery, result=Yields, media=FILES))
    def yields_show(query: YieldsQuery) -> Yields | Response:
        with reading(engine()) as connection:
            found = yields_of(connection, query)
        if query.format == "json":
            return found
        first, last = span_of(query.first, query.last)
        return _csv(found.items, yields.Yield, "yields", by=query.by, first=first.isoformat(), last=last.isoformat(), rows=len(found.items))

    @made.get("/times")
    @operation(Operation(right="process.read", summary="Time spent at each step.", query=SpanQuery, result=Times, media=FILES))
    def times_show(query: SpanQuery) -> Times | Response:
        first, last = span_of(query.first, query.last)
        begin, end = ms_of(first, last)
        with reading(engine()) as connection:
            found = planning.step_times(connection, from_ms=begin, to_ms=end)
        if query.format == "csv":
            return _csv(found, planning.StepTime, "times", first=first.isoformat(), last=last.isoformat())
        return Times(found)

    @made.get("/forecast")
    @operation(Operation(right="process.read", summary="Queues, and when they end at the present pace.", result=Forecasts))
    def forecast_show() -> Forecasts:
        with reading(engine()) as connection:
            return Forecasts(planning.forecasts(connection, now_ms=now_ms()))

    @made.get("/units")
    @operation(Operation(right="process.read", summary="Units side by side.", query=SpanQuery, result=Units, media=FILES))
    def units_show(query: SpanQuery) -> Units | Response:
        first, last = span_of(query.first, query.last)
        begin, end = ms_of(first, last)
        with reading(engine()) as connection:
            found = planning.units(connection, from_ms=begin, to_ms=end, now_ms=now_ms())
        if query.format == "csv":
            return _csv(found, planning.Unit, "units", first=first.isoformat(), last=last.isoformat())
        return Units(found)
