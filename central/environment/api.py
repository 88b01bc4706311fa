"""`/api/v1/rooms`; `/alarms` by alarms_api, `/readings` by readings_api."""

from __future__ import annotations

from typing import Literal

import msgspec
from flask import Blueprint, request
from flask_login import current_user
from sqlalchemy import Connection

from central.digitization.stations import bench_agents
from central.environment import alarms_api, queries, readings_api
from central.environment.limits.queries import RoomLimits
from central.ledger.queries import agents_of_room
from central.security import queries as security
from central.store.engine import reading
from central.web import paging
from central.web.fields import IDENT
from central.web.operation import Operation, operation
from central.web.problems import not_found
from central.web.state import config, engine

ROOM_SHOW_MAX = 200


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
    climate: RoomLimits
    dew_points: list[queries.DewPoint]
    outdoor: bool


class Rooms(msgspec.Struct, frozen=True):
    """A page of rooms, by id."""

    items: list[Room]
    next: str | None


def _lang() -> str:
    return current_user.lang or request.accept_languages.best_match(("en", "zh"), "en") or "en"


def _room(facts: queries.RoomFacts, contacts: list[security.Contact], lang: str) -> Room:
    return Room(
        id=facts.id,
        name=facts.names[lang],
        light=facts.light,  # type: ignore[arg-type]
        why=facts.why[lang],
        readings=facts.readings,
        limits=facts.limits,
        contacts=contacts,
        alarms=facts.alarms,
        climate=facts.climate,
        dew_points=facts.dew_points,
        outdoor=facts.outdoor,
    )


def _is_watched(connection: Connection, room: Room, benches: frozenset[str]) -> bool:
    """Whether a room is more than the name under which a bench was enrolled."""
    if room.readings or room.contacts:
        return True
    agents = agents_of_room(connection, room.id)
    return not agents or not benches.issuperset(agents)


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
            contacts = security.contacts_by_room(connection)
            facts = queries.rooms_facts(connection, ids, silence_s=config().limits.silence_s)
            rooms = [_room(one, contacts.get(one.id, []), lang) for one in facts]
            return Rooms(items=[room for room in rooms if _is_watched(connection, room, benches)], next=after)

    @made.get(f"/rooms/<{IDENT}:room>")
    @operation(Operation(right="environment.read", summary="One room.", result=Room))
    def room_show(room: str) -> Room:
        with reading(engine()) as connection:
            facts = queries.room_facts(connection, room, silence_s=config().limits.silence_s)
            if facts is None:
                raise not_found("There is no such room.")
            return _room(facts, security.contacts_of(connection, room), _lang())


def blueprint() -> Blueprint:
    """The routes."""
    made = Blueprint("environment", __name__, url_prefix="/api/v1")
    _rooms_routes(made)
    readings_api.routes(made)
    alarms_api.routes(made)
    return made
