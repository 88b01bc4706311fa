"""What may be read about the people of the benches: names and benches, for pages; hashes only for the agents of their benches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from sqlalchemy import Connection, select

from central.digitization.people.tables import bench_people, bench_people_at
from central.health.queries import agents_with_benches, config_of
from central.times import rfc3339
from wire.operators import fingerprint


class Person(msgspec.Struct, frozen=True):
    """One who may work at benches; `waiting`: the benches that have not taken the last change yet."""

    id: str
    name: str
    enabled: bool
    has_pin: bool
    stations: list[str]
    waiting: list[str]
    created: str
    changed: str
    changed_by: str


def people(connection: Connection) -> list[Person]:
    """Everybody, by name."""
    rows = connection.execute(select(bench_people).order_by(bench_people.c.name)).all()
    places: dict[str, list[str]] = {}
    for row in connection.execute(select(bench_people_at).order_by(bench_people_at.c.station)):
        places.setdefault(row.person, []).append(row.station)
    behind = {station for station in {one for many in places.values() for one in many} if not has_taken(connection, station)}
    return [
        Person(
            id=row.id,
            name=row.name,
            enabled=row.enabled,
            has_pin=row.pin_hash is not None,
            stations=places.get(row.id, []),
            waiting=[station for station in places.get(row.id, []) if station in behind],
            created=rfc3339(row.created_ms),
            changed=rfc3339(row.changed_ms),
            changed_by=row.changed_by,
        )
        for row in rows
    ]


def person_named(connection: Connection, ident: str) -> Person | None:
    """One of them."""
    return next((one for one in people(connection) if one.id == ident), None)


def names(connection: Connection, idents: Iterable[str]) -> Mapping[str, str]:
    """id -> name of those that are known; what a page of yields shows."""
    wanted = list(set(idents))
    return {
        row.id: row.name for row in connection.execute(select(bench_people.c.id, bench_people.c.name).where(bench_people.c.id.in_(wanted)))
    }


def operators_at(connection: Connection, station: str) -> list[dict[str, str]]:
    """Who may sign in at a bench, as its agent keeps it: id, name, the PIN's hash."""
    query = (
        select(bench_people.c.id, bench_people.c.name, bench_people.c.pin_hash)
        .join(bench_people_at, bench_people_at.c.person == bench_people.c.id)
        .where(bench_people_at.c.station == station, bench_people.c.enabled, bench_people.c.pin_hash.is_not(None))
        .order_by(bench_people.c.id)
    )
    return [{"id": row.id, "name": row.name, "pin": row.pin_hash} for row in connection.execute(query)]


def benches(connection: Connection) -> list[str]:
    """Every bench that an agent's configuration names: {agent}/{bench}."""
    found = []
    for agent in agents_with_benches(connection):
        told = config_of(connection, agent).get("benches")
        found += [f"{agent}/{bench}" for bench in told] if isinstance(told, dict) else []
    return sorted(found)


def operators_of_agent(connection: Connection, agent: str) -> dict[str, list[dict[str, str]]]:
    """bench -> who may sign in there, of every bench of an agent that has somebody."""
    prefix = f"{agent}/"
    stations = connection.scalars(
        select(bench_people_at.c.station).where(bench_people_at.c.station.startswith(prefix, autoescape=True)).distinct()
    )
    return {station.removeprefix(prefix): operators_at(connection, station) for station in stations}


def has_taken(connection: Connection, station: str) -> bool:
    """Whether a bench's agent tells that it has the operators of now; an agent that tells of none has none."""
    agent, _, bench = station.partition("/")
    told = config_of(connection, agent).get("operators")
    given = told.get(bench) if isinstance(told, dict) else None
    wanted = operators_at(connection, station)
    return given == fingerprint(wanted) or (not wanted and given is None)


def stations_with_people(connection: Connection) -> list[str]:
    """Benches that somebody was ever placed at, or that tell of operators."""
    placed = set(connection.scalars(select(bench_people_at.c.station).distinct()))
    for station in benches(connection):
        agent, _, bench = station.partition("/")
        told = config_of(connection, agent).get("operators")
        if isinstance(told, dict) and bench in told:
            placed.add(station)
    return sorted(placed)
