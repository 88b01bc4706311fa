"""What may be read about people: names and roles, never secrets."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, Row, Select, select

from central.people.tables import user_roles, users
from central.times import rfc3339


class User(msgspec.Struct, frozen=True):
    """A person."""

    name: str
    roles: list[str]
    enabled: bool
    lang: str | None
    created: str


class Users(msgspec.Struct, frozen=True):
    """A page of people, by name."""

    items: list[User]
    next: str | None


_SELECT: Select[tuple[int, str, bool, str | None, int]] = select(
    users.c.id, users.c.name, users.c.enabled, users.c.lang, users.c.created_ms
)


def _shown(connection: Connection, row: Row[tuple[int, str, bool, str | None, int]]) -> User:
    roles = connection.scalars(select(user_roles.c.role).where(user_roles.c.user_id == row.id).order_by(user_roles.c.role))
    return User(name=row.name, roles=list(roles), enabled=row.enabled, lang=row.lang, created=rfc3339(row.created_ms))


def users_after(connection: Connection, name: str, limit: int) -> list[User]:
    """People whose names come after this one, by name."""
    rows = connection.execute(_SELECT.where(users.c.name > name).order_by(users.c.name).limit(limit)).all()
    return [_shown(connection, row) for row in rows]


def exists(connection: Connection, name: str) -> bool:
    """Whether there is such a user."""
    return connection.scalar(select(users.c.id).where(users.c.name == name)) is not None


def user_named(connection: Connection, name: str) -> User:
    """One person; the caller knows that they exist."""
    return _shown(connection, connection.execute(_SELECT.where(users.c.name == name)).one())
