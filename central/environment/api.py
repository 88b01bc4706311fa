"""`/api/v1/rooms`, `/alarms`; `/readings` by readings_api."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from flask import Blueprint, Response, request
from flask_login import current_user
from sqlalchemy import Connection

from central.digitization.stations import bench_agents
from central.environment import alarms, queries, readings_api
from central.ledger import commands
from central.ledger.queries import agents_of_room
from central.security import queries as security
from central.store.engine import reading, writing
from central.times import now_ms
from central.web import acting, paging
from central.web.fields import IDENT, Text
from central.web.operation import Operation, operation
from central.web.problems import not_found
from central.web.state import config, engine

SHELVE_MINUTES_MAX = 7 * 24 * 60
ROOM_SHOW_MAX = 200
TOLD = ("alarm.acknowledge", "alarm.shelve")  # acts that the agent of the alarm hears of, as commands of the same name
TOLD_S = 600


class Room(msgspec.Struct, frozen=True):
    """A room: latest readings, limits, contacts, open alarms, light and why."""

    id: str
    name: str
    light: Literal["green", "yellow", "red", "grey"]
    why: str
    readings: list[queries.LastReading]
    limits: list[queries.RoomLimit]
    contacts: list[security.Contact]
    alarms: list[queries.Alarm]


class Rooms(msgspec.Struct, frozen=True):
    """A page of rooms, by id."""

    items: list[Room]
    next: str | None


class AlarmsQuery(paging.Paged, frozen=True, forbid_unknown_fields=True):
    """Which alarms."""

    show: Literal["all", "open", "shelved"] = "all"
    room: Annotated[str, msgspec.Meta(min_length=1, max_length=40)] | None = None


class Alarms(msgspec.Struct, frozen=True):
    """A page of alarms, newest first."""

    items: list[queries.Alarm]
    next: str | None


class Acknowledge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An acknowledgement, with a note where one is due."""

    text: Text | None = None


class Shelve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how long the alarm stays silent, and why."""

    minutes: Annotated[int, msgspec.Meta(ge=1, le=SHELVE_MINUTES_MAX)]
    reason: Text


class NewNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was seen or done."""

    text: Text


def _lang() -> str:
    return current_user.lang or request.accept_languages.best_match(("en", "zh"), "en") or "en"


def _room(connection: Connection, ident: str, lang: str) -> Room:
    facts = queries.room_facts(connection, ident, silence_s=config().limits.silence_s)
    if facts is None:
        raise not_found("There is no such room.")
    return Room(
        id=facts.id,
        name=facts.name,
        light=facts.light,  # type: ignore[arg-type]
        why=facts.why[lang],
        readings=facts.readings,
        limits=facts.limits,
        contacts=security.contacts_of(connection, ident),
        alarms=facts.alarms,
    )


def _is_watched(connection: Connection, room: Room, benches: frozenset[str]) -> bool:
    """Whether a room is more than the name under which a bench was enrolled."""
    agents = agents_of_room(connection, room.id)
    return bool(room.readings or room.contacts) or not agents or not benches.issuperset(agents)


def _alarm(ident: str) -> queries.Alarm:
    with reading(engine()) as connection:
        found = alarms.alarm_named(connection, ident)
    if found is None:
        raise not_found("There is no such alarm.")
    return found


def _act_on_alarm(alarm: queries.Alarm, kind: str, **body: Any) -> Response:
    """Record the act; the agent that raised the alarm is told, so that its buzzer and lamp follow."""
    done = acting.perform(kind, {"alarm": alarm.id, **body})
    if kind in TOLD and alarm.active and alarm.id.startswith(f"{alarm.agent}:"):
        args = {"alarm": alarm.id} | ({"until": body["until_ms"]} if "until_ms" in body else {})
        with writing(engine()) as connection:
            commands.give(connection, agent=alarm.agent, name=kind, args=args, actor=current_user.name, lifetime_s=TOLD_S)
    return acting.answer(done, _alarm(alarm.id))


def _rooms_routes(made: Blueprint) -> None:
    @made.get("/rooms")
    @operation(
        Operation(right="environment.read", summary="Rooms with their latest readings, light and why.", query=paging.Paged, result=Rooms)
    )
    def rooms_list(query: paging.Paged) -> Rooms:
        key = paging.decode(query.cursor, str)
        limit, lang = min(query.limit, ROOM_SHOW_MAX), _lang()
        with reading(engine()) as connection:
            ids, after = paging.cut(
                queries.room_ids(connection, after=str(key[0]) if key else "", limit=limit + 1), limit, lambda ident: (ident,)
            )
            benches = bench_agents(connection)
            rooms = [_room(connection, ident, lang) for ident in ids]
            return Rooms(items=[room for room in rooms if _is_watched(connection, room, benches)], next=after)

    @made.get(f"/rooms/<{IDENT}:room>")
    @operation(Operation(right="environment.read", summary="One room.", result=Room))
    def room_show(room: str) -> Room:
        with reading(engine()) as connection:
            return _room(connection, room, _lang())


def _alarm_routes(made: Blueprint) -> None:
    late = {202: "recorded; takes effect when ingest is back"}

    @made.get("/alarms")
    @operation(Operation(right="alarms.read", summary="Alarms in their ISA-18.2 states.", query=AlarmsQuery, result=Alarms))
    def alarms_list(query: AlarmsQuery) -> Alarms:
        key = paging.decode(query.cursor, int, str)
        before = (int(key[0]), str(key[1])) if key else None
        with reading(engine()) as connection:
            rows = alarms.alarms_before(connection, before=before, limit=query.limit + 1, show=query.show, room=query.room)
        page, after = paging.cut(rows, query.limit, lambda row: (row[0], row[1].id))
        return Alarms(items=[row[1] for row in page], next=after)

    @made.get(f"/alarms/<{IDENT}:alarm>")
    @operation(Operation(right="alarms.read", summary="One alarm, and what was said and done about it.", result=alarms.AlarmHistory))
    def alarm_show(alarm: str) -> alarms.AlarmHistory:
        found = _alarm(alarm)
        with reading(engine()) as connection:
            return alarms.AlarmHistory(alarm=found, notes=alarms.notes_of(connection, alarm))

    @made.post(f"/alarms/<{IDENT}:alarm>/acknowledge")
    @operation(Operation(right="alarms.act", summary="Know of an alarm.", body=Acknowledge, result=queries.Alarm, also=late))
    def alarm_acknowledge(alarm: str, body: Acknowledge) -> queries.Alarm | Response:
        found = _alarm(alarm)
        if found.acknowledged_by is not None and body.text is None:
            return found  # twice is once
        return _act_on_alarm(found, "alarm.acknowledge", **({} if body.text is None else {"text": body.text}))

    @made.post(f"/alarms/<{IDENT}:alarm>/shelve")
    @operation(Operation(right="alarms.act", summary="Keep an alarm silent for a while.", body=Shelve, result=queries.Alarm, also=late))
    def alarm_shelve(alarm: str, body: Shelve) -> Response:
        return _act_on_alarm(_alarm(alarm), "alarm.shelve", until_ms=now_ms() + body.minutes * 60_000, reason=body.reason)

    @made.post(f"/alarms/<{IDENT}:alarm>/note")
    @operation(Operation(right="alarms.act", summary="Note what was seen or done.", body=NewNote, result=queries.Alarm, also=late))
    def alarm_note(alarm: str, body: NewNote) -> Response:
        return _act_on_alarm(_alarm(alarm), "alarm.note", text=body.text)


def blueprint() -> Blueprint:
    """The routes."""
    made = Blueprint("environment", __name__, url_prefix="/api/v1")
    _rooms_routes(made)
    readings_api.routes(made)
    _alarm_routes(made)
    return made
