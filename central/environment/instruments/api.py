"""`/api/v1/sensors`: every channel as an instrument, its calibrations, which one it is, and the light that fell on it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any

import msgspec
from flask import Blueprint, Response
from flask_login import current_user

from central.environment.instruments import care, queries
from central.environment.instruments.correction import CalibrationRefused, Correction, check, from_points
from central.environment.instruments.light import Dose, dose
from central.ledger import commands
from central.store.engine import reading, writing
from central.times import now_ms
from central.web import acting
from central.web.fields import IDENT, Text, Time, time_ms
from central.web.operation import Operation, operation
from central.web.problems import Problem, bad_field, not_found
from central.web.state import config, engine
from wire.units import QUANTITIES

LATE = {202: "recorded; takes effect when ingest is back"}
IDENTIFY_S = 60
YEARS_MAX = 10 * 366  # days until a calibration's next one

Day = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}$", description="YYYY-MM-DD")]
Figure = Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]


class SensorsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one room, or of all."""

    room: Annotated[str, msgspec.Meta(min_length=1, max_length=40)] | None = None


class Sensors(msgspec.Struct, frozen=True):
    """Channels as instruments."""

    items: list[queries.Sensor]
    next: str | None


class Calibrations(msgspec.Struct, frozen=True):
    """A channel's calibrations, newest first."""

    items: list[queries.Calibration]
    next: str | None


class NewCalibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A calibration: `points` [[raw, reference]], one or two, or else offset and gain (corrected = raw * gain + offset)."""

    points: Annotated[list[tuple[Figure, Figure]], msgspec.Meta(min_length=1, max_length=2)] | None = None
    offset: Figure | None = None
    gain: Figure | None = None
    date: Day
    due: Day | None = None
    person: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    certificate: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    note: Text | None = None


class DoseQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Over which span, in whole UTC hours."""

    from_: Time
    to: Time


def _sensor(channel: str) -> queries.Sensor:
    with reading(engine()) as connection:
        found = queries.sensors(connection, channel=channel, silence_s=config().limits.silence_s)
    if not found:
        raise not_found("There is no such channel.")
    return found[0]


def _day(field: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise bad_field(field, "Write a date, YYYY-MM-DD. / 请填写日期，如 2026-11-24。") from error


def _dates(body: NewCalibration) -> None:
    made = _day("date", body.date)
    today = date.fromisoformat(queries.today_of(now_ms()))
    if made > today + timedelta(days=1):  # the one who asks may live further east
        raise bad_field("date", "A calibration lies in the past. / 校准日期不能在将来。")
    if body.due is not None and not timedelta() < _day("due", body.due) - made <= timedelta(days=YEARS_MAX):
        raise bad_field("due", "The next calibration follows within ten years. / 下次校准应在本次之后十年以内。")


def _facts(sensor: queries.Sensor, body: NewCalibration) -> dict[str, Any]:
    """The correction, once it is one that a sensor in order may need; a Problem otherwise."""
    _dates(body)
    points = list(body.points or [])
    if bool(points) == (body.offset is not None or body.gain is not None):
        raise bad_field("points", "Give one or two points, or else offset and gain. / 请填写一个或两个校准点，或偏移与增益。")
    _unit, lowest, highest = QUANTITIES[sensor.q]
    try:
        made = from_points(points) if points else Correction(body.offset or 0.0, 1.0 if body.gain is None else body.gain)
        check(sensor.q, made, points, lowest=lowest, highest=highest)
    except CalibrationRefused as error:
        raise Problem(422, "calibration-refused", str(error), field="points" if points else "offset") from error
    return {"points": [list(point) for point in points]} if points else {"offset": made.offset, "gain": made.gain}


def _read_routes(made: Blueprint) -> None:
    @made.get("/sensors")
    @operation(
        Operation(
            right="environment.read", summary="Every channel: value, coverage, calibration, swaps.", query=SensorsQuery, result=Sensors
        )
    )
    def sensors_list(query: SensorsQuery) -> Sensors:
        with reading(engine()) as connection:
            return Sensors(items=queries.sensors(connection, room=query.room, silence_s=config().limits.silence_s), next=None)

    @made.get(f"/sensors/<{IDENT}:channel>/calibrations")
    @operation(Operation(right="environment.read", summary="A channel's calibrations, newest first.", result=Calibrations))
    def calibrations_list(channel: str) -> Calibrations:
        _sensor(channel)
        with reading(engine()) as connection:
            return Calibrations(items=queries.calibrations_of(connection, channel), next=None)

    @made.get(f"/sensors/<{IDENT}:channel>/dose")
    @operation(Operation(right="environment.read", summary="What light or ultraviolet adds up to.", query=DoseQuery, result=Dose))
    def dose_show(channel: str, query: DoseQuery) -> Dose:
        start, end = time_ms("from", query.from_), time_ms("to", query.to)
        if end <= start:
            raise bad_field("from", "before `to`")
        with reading(engine()) as connection:
            found = dose(connection, channel, start, end)
        if found is None:
            raise not_found("There is no such channel, or it measures no light.")
        return found


def _write_routes(made: Blueprint) -> None:
    @made.post(f"/sensors/<{IDENT}:channel>/calibrations")
    @operation(
        Operation(
            right="sensors.calibrate",
            summary="Record a calibration; the agent is told.",
            body=NewCalibration,
            result=queries.Sensor,
            also=LATE,
        )
    )
    def calibration_record(channel: str, body: NewCalibration) -> Response:
        sensor = _sensor(channel)
        facts = {"channel": channel, "date": body.date, "person": body.person, **_facts(sensor, body)}
        told = {"serial": sensor.serial, "due": body.due, "certificate": body.certificate, "note": body.note}
        done = acting.perform("calibration.record", facts | {name: value for name, value in told.items() if value})
        if done:
            with writing(engine()) as connection:
                newest = queries.calibrations_of(connection, channel)[0]
                care.send(connection, sensor.agent, newest, actor=current_user.name)
        return acting.answer(done, _sensor(channel))

    @made.post(f"/sensors/<{IDENT}:channel>/identify")
    @operation(Operation(right="agents.command", summary="Let the sensor's own lamp blink.", result=commands.Given, status=202))
    def sensor_identify(channel: str) -> commands.Given:
        sensor = _sensor(channel)
        args = {"target": f"{sensor.agent}/{sensor.sensor}"}
        with writing(engine()) as connection:
            given = commands.give(
                connection, agent=sensor.agent, name="identify", args=args, actor=current_user.name, lifetime_s=IDENTIFY_S
            )
        return commands.Given(id=given)


def blueprint() -> Blueprint:
    """The routes."""
    made = Blueprint("instruments", __name__, url_prefix="/api/v1")
    _read_routes(made)
    _write_routes(made)
    return made
