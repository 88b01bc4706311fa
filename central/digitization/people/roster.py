"""Changes to who may work at a bench: each with its act, none of which holds a name or a PIN; the PIN itself is kept nowhere."""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid
from collections.abc import Sequence
from itertools import pairwise

from sqlalchemy import Connection, delete, func, insert, select, update

from central.digitization.people.tables import bench_people, bench_people_at
from central.ledger import acts
from central.times import now_ms
from wire.operators import NAME_CHARS_MAX, OPERATORS_MAX

PIN = re.compile(r"[0-9]{6,12}")
PIN_DIGITS = 6  # of one that is made here
PERIOD_MAX = 3  # digits of a row that repeats
LOG2_N = 15  # RFC 7914: 32 MiB and a tenth of a second a try, on a Pi three times that
MEMORY_MAX = 96 * 2**20
PEOPLE_MAX = 2000
NOT_FOUND = "there is no such person"


class RosterError(ValueError):
    """A person of the benches cannot be added or changed as asked; the text says why."""


def hash_of(pin: str) -> str:
    """A PIN as benches verify it: scrypt$LOG2N$R$P$SALT$HASH, salt and hash in hex. Blocks for about a tenth of a second."""
    salt = secrets.token_bytes(16)
    made = hashlib.scrypt(pin.encode(), salt=salt, n=2**LOG2_N, r=8, p=1, maxmem=MEMORY_MAX, dklen=32)
    return f"scrypt${LOG2_N}$8$1${salt.hex()}${made.hex()}"


def checked_pin(pin: str) -> str:
    """The PIN, if it will do; RosterError otherwise."""
    if not PIN.fullmatch(pin):
        raise RosterError("a PIN has 6 to 12 digits")
    if is_weak(pin):
        raise RosterError("this PIN is too easy to guess: no row of equal, rising or repeated digits")
    return pin


def is_weak(pin: str) -> bool:
    """Whether a PIN is a row of equal, evenly rising or falling, or repeated digits."""
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    return len(steps) == 1 or any(pin == (pin[:period] * len(pin))[: len(pin)] for period in range(1, PERIOD_MAX + 1))


def made_pin() -> str:
    """A PIN that nobody chose; shown once to whoever asked for it."""
    while True:
        pin = f"{secrets.randbelow(10**PIN_DIGITS):0{PIN_DIGITS}}"
        if not is_weak(pin):
            return pin


def add(connection: Connection, *, name: str, stations: Sequence[str], pin_hash: str | None, by: str) -> str:
    """A new person in the caller's write transaction; the opaque id. RosterError where the name is taken or benches are full."""
    if connection.scalar(select(func.count()).select_from(bench_people)) >= PEOPLE_MAX:  # type: ignore[operator]
        raise RosterError(f"there are {PEOPLE_MAX} people already")
    ident, now = str(uuid.uuid4()), now_ms()
    _check_name(connection, ident, name)
    row = {"id": ident, "name": name, "pin_hash": pin_hash, "enabled": True, "created_ms": now, "changed_ms": now, "changed_by": by}
    connection.execute(insert(bench_people).values(**row))
    _place(connection, ident, stations)
    acts.record(
        connection,
        kind="bench.people.add",
        actor=by,
        body={"person": ident, "stations": sorted(set(stations)), "pin": pin_hash is not None},
    )
    return ident


def change(
    connection: Connection,
    person: str,
    *,
    by: str,
    name: str | None = None,
    stations: Sequence[str] | None = None,
    enabled: bool | None = None,
) -> None:
    """Rename a person, move them to other benches, keep them out or let them in again. RosterError where there is none."""
    _known(connection, person)
    values: dict[str, object] = {"changed_ms": now_ms(), "changed_by": by}
    if name is not None:
        _check_name(connection, person, name)
        values["name"] = name
    if enabled is not None:
        values["enabled"] = enabled
    connection.execute(update(bench_people).where(bench_people.c.id == person).values(**values))
    if stations is not None:
        _place(connection, person, stations)
    body: dict[str, object] = {"person": person, "renamed": name is not None}
    body |= {} if stations is None else {"stations": sorted(set(stations))}
    body |= {} if enabled is None else {"enabled": enabled}
    acts.record(connection, kind="bench.people.set", actor=by, body=body)


def set_pin(connection: Connection, person: str, *, pin_hash: str, by: str) -> None:
    """Give a person another PIN; whoever is signed in with the old one is signed out when the bench hears of it."""
    _known(connection, person)
    values = {"pin_hash": pin_hash, "changed_ms": now_ms(), "changed_by": by}
    connection.execute(update(bench_people).where(bench_people.c.id == person).values(**values))
    acts.record(connection, kind="bench.people.pin", actor=by, body={"person": person})


def _known(connection: Connection, person: str) -> None:
    if connection.scalar(select(bench_people.c.id).where(bench_people.c.id == person)) is None:
        raise RosterError(NOT_FOUND)


def _check_name(connection: Connection, person: str, name: str) -> None:
    if not 1 <= len(name.strip()) <= len(name) <= NAME_CHARS_MAX or not name.isprintable():
        raise RosterError(f"a name has 1-{NAME_CHARS_MAX} characters")
    if connection.scalar(select(bench_people.c.id).where(bench_people.c.name == name, bench_people.c.id != person)) is not None:
        raise RosterError("another person has this name: the bench's screen must tell them apart")


def _place(connection: Connection, person: str, stations: Sequence[str]) -> None:
    for station in set(stations):
        there = select(func.count()).where(bench_people_at.c.station == station, bench_people_at.c.person != person)
        if (connection.scalar(there) or 0) >= OPERATORS_MAX:
            raise RosterError(f"{station} has {OPERATORS_MAX} people already")
    connection.execute(delete(bench_people_at).where(bench_people_at.c.person == person))
    if stations:
        connection.execute(insert(bench_people_at), [{"person": person, "station": station} for station in sorted(set(stations))])
