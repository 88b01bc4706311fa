"""`/api/v1/line/people`: who may work at which bench, and their PINs, each shown once or never."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from flask import Blueprint
from flask_login import current_user
from sqlalchemy import Connection

from central.digitization.people import queries, roster, sending
from central.store.engine import reading, writing
from central.web.blocking import blocking
from central.web.fields import IDENT
from central.web.operation import Operation, operation
from central.web.problems import Problem, bad_field, not_found
from central.web.state import engine
from wire.operators import NAME_CHARS_MAX

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_CHARS_MAX)]
Pin = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{6,12}$")]
Stations = Annotated[list[Annotated[str, msgspec.Meta(min_length=3, max_length=200)]], msgspec.Meta(max_length=500)]


class People(msgspec.Struct, frozen=True):
    """Everybody, by name; `benches`: every bench that there is."""

    items: list[queries.Person]
    next: str | None
    benches: list[str]


class NewPerson(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person; without a PIN one is made and told once."""

    name: Name
    stations: Stations
    pin: Pin | None = None


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to change; what is left out stays."""

    name: Name | None = None
    stations: Stations | None = None
    enabled: bool | None = None


class NewPin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A PIN that the person typed; left out, one is made and told once."""

    pin: Pin | None = None


class Done(msgspec.Struct, frozen=True):
    """The person as they are now; `pin` is there once, where it was made here."""

    person: queries.Person
    pin: str | None


def _hashed(pin: str | None) -> tuple[str, str | None]:
    """(hash, the PIN to tell): hashing is done where it keeps nobody waiting."""
    try:
        used = roster.made_pin() if pin is None else roster.checked_pin(pin)
    except roster.RosterError as error:
        raise bad_field("pin", str(error)) from error
    made: list[str] = []
    blocking(lambda: made.append(roster.hash_of(used)))
    return made[0], used if pin is None else None


def _person(connection: Connection, ident: str) -> queries.Person:
    found = queries.person_named(connection, ident)
    if found is None:
        raise not_found("There is no such person.")
    return found


def _check_stations(connection: Connection, stations: Sequence[str], *, own: Sequence[str] = ()) -> None:
    unknown = set(stations) - set(queries.benches(connection)) - set(own)
    if unknown:
        raise bad_field("stations", f"{sorted(unknown)[0][:100]} is no bench that an agent has told of")


def _send(connection: Connection, stations: set[str]) -> None:
    for station in sorted(stations):
        sending.send(connection, station, actor=current_user.name)


def _refusal(error: roster.RosterError) -> Problem:
    return not_found("There is no such person.") if str(error) == roster.NOT_FOUND else bad_field("name", str(error))


def blueprint() -> Blueprint:
    """The routes."""
    made = Blueprint("bench_people", __name__, url_prefix="/api/v1/line/people")

    @made.get("")
    @operation(Operation(right="operators.read", summary="Who may work at which bench.", result=People))
    def people_list() -> People:
        with reading(engine()) as connection:
            return People(items=queries.people(connection), next=None, benches=queries.benches(connection))

    @made.post("")
    @operation(
        Operation(
            right="operators.manage",
            summary="Let a person work at benches; a PIN made here is told once.",
            body=NewPerson,
            result=Done,
            status=201,
        )
    )
    def people_add(body: NewPerson) -> Done:
        hashed, told = _hashed(body.pin)
        with writing(engine()) as connection:
            _check_stations(connection, body.stations)
            try:
                ident = roster.add(connection, name=body.name.strip(), stations=body.stations, pin_hash=hashed, by=current_user.name)
            except roster.RosterError as error:
                raise _refusal(error) from error
            _send(connection, set(body.stations))
            return Done(person=_person(connection, ident), pin=told)

    @made.patch(f"/<{IDENT}:person>")
    @operation(
        Operation(right="operators.manage", summary="Rename a person, move them to other benches, keep them out.", body=Change, result=Done)
    )
    def people_change(person: str, body: Change) -> Done:
        with writing(engine()) as connection:
            before = _person(connection, person)
            _check_stations(connection, body.stations or (), own=before.stations)
            name = None if body.name is None else body.name.strip()
            try:
                roster.change(connection, person, by=current_user.name, name=name, stations=body.stations, enabled=body.enabled)
            except roster.RosterError as error:
                raise _refusal(error) from error
            _send(connection, {*before.stations, *(body.stations or ())})
            return Done(person=_person(connection, person), pin=None)

    @made.post(f"/<{IDENT}:person>/pin")
    @operation(
        Operation(
            right="operators.manage", summary="Give a person another PIN; one that is made here is told once.", body=NewPin, result=Done
        )
    )
    def people_pin(person: str, body: NewPin) -> Done:
        with reading(engine()) as connection:
            _person(connection, person)
        hashed, told = _hashed(body.pin)
        with writing(engine()) as connection:
            stations = set(_person(connection, person).stations)
            roster.set_pin(connection, person, pin_hash=hashed, by=current_user.name)
            _send(connection, stations)
            return Done(person=_person(connection, person), pin=told)

    return made
