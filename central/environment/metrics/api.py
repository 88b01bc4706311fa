"""`/api/v1/rooms/{room}/metrics`: the preservation metrics of a room's sensors."""

from __future__ import annotations

from typing import Annotated

import msgspec
from flask import Blueprint

from central.environment.metrics import queries
from central.environment.metrics.cells import DAY_MS
from central.environment.queries import room_exists
from central.store.engine import reading
from central.times import now_ms, rfc3339
from central.web.fields import IDENT, Time, time_ms
from central.web.operation import Operation, operation
from central.web.problems import bad_field, not_found
from central.web.state import engine

SPAN_MS = 30 * DAY_MS  # where none is asked for


class MetricsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which span, in whole UTC days, and which sensor."""

    from_: Time | None = msgspec.field(default=None, name="from")
    to: Time | None = None
    sensor: Annotated[str, msgspec.Meta(min_length=3, max_length=160, description="only this one, {agent}/{name}")] | None = None


class RoomMetrics(msgspec.Struct, frozen=True):
    """A room's metrics by sensor; never averaged over sensors, which stand at different temperatures."""

    room: str
    from_: str = msgspec.field(name="from")
    to: str
    sensors: list[queries.SensorMetrics]


def blueprint() -> Blueprint:
    """The routes."""
    made = Blueprint("preservation", __name__, url_prefix="/api/v1")

    @made.get(f"/rooms/<{IDENT}:room>/metrics")
    @operation(
        Operation(
            right="environment.read",
            summary="Preservation metrics of a room's sensors over a span, each with coverage, bounds and words, and month by month.",
            query=MetricsQuery,
            result=RoomMetrics,
        )
    )
    def room_metrics(room: str, query: MetricsQuery) -> RoomMetrics:
        now = now_ms()
        to_ms = time_ms("to", query.to) if query.to else now
        from_ms = time_ms("from", query.from_) if query.from_ else to_ms - SPAN_MS
        if not 0 <= to_ms - from_ms <= queries.SPAN_DAYS_MAX * DAY_MS:
            raise bad_field("from", "is before `to`, by at most three years")
        begin, end = queries.whole_days(max(from_ms, 0), to_ms, now_ms=now)
        with reading(engine()) as connection:
            if not room_exists(connection, room):
                raise not_found("There is no such room.")
            sensors = [one for one in queries.sensors_of_room(connection, room) if query.sensor in (None, one.sensor)]
            if query.sensor is not None and not sensors:
                raise not_found("This room has no such sensor of temperature and humidity.")
            found = [queries.metrics_of_sensor(connection, room, one, from_ms=begin, to_ms=end) for one in sensors]
        return RoomMetrics(room=room, from_=rfc3339(begin), to=rfc3339(end), sensors=found)

    return made
