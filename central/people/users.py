"""People and their secrets: passwords as argon2id, sessions and tokens as hashes, roles read afresh at every request."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Iterable
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Engine, delete, insert, select, update

from central.ledger import acts
from central.ledger.tables import agents
from central.people import rights
from central.people.principal import Principal
from central.people.tables import user_roles, user_sessions, user_tokens, users
from central.store.engine import reading, writing
from central.times import now_ms

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")
PASSWORD_MIN, PASSWORD_MAX = 10, 200  # NIST SP 800-63B asks for 8; the upper bound keeps hashing cheap to refuse
SESSION_IDLE_MS = 8 * 3600 * 1000
SESSION_MAX_MS = 24 * 3600 * 1000
SEEN_STEP_MS = 60_000  # how often a session's last use is written
SESSIONS_MAX = 20  # of one person; the oldest goes
TOKENS_MAX = 20
LANGS = ("en", "zh")


class PeopleError(ValueError):
    """A user cannot be made or changed as asked; the text says why."""


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    """What an unknown name's password is compared with, so that it takes as long."""
    return _hasher().hash(secrets.token_hex(16))


def digest(secret: str) -> str:
    """How a session's secret or a token is kept: hex SHA-256; both are 256 random bits, so no slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise PeopleError("a name has 1-60 of a-z, 0-9, dot, - and _, and starts with a letter or digit")


def _check_password(password: str) -> None:
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise PeopleError(f"a password has {PASSWORD_MIN}-{PASSWORD_MAX} characters")


def _check_roles(roles: Iterable[str]) -> frozenset[str]:
    wanted = frozenset(roles)
    if unknown := wanted - set(rights.ROLES):
        raise PeopleError(f"unknown role {', '.join(sorted(unknown))}; known: {', '.join(rights.ROLES)}")
    return wanted


def add_user(connection: Connection, *, name: str, password: str, roles: Iterable[str], by: str, lang: str | None = None) -> int:
    """Make a person in the caller's write transaction, with an act; PeopleError if name, password or a role will not do."""
    _check_name(name)
    _check_password(password)
    wanted = _check_roles(roles)
    if connection.scalar(select(users.c.id).where(users.c.name == name)) is not None:
        raise PeopleError(f"there is already a user {name}")
    connection.execute(insert(users).values(name=name, password_hash=_hasher().hash(password), lang=lang, created_ms=now_ms()))
    user_id = _id_of(connection, name)
    for role in sorted(wanted):
        connection.execute(insert(user_roles).values(user_id=user_id, role=role))
    acts.record(connection, kind="user.add", actor=by, body={"user": user_id, "roles": sorted(wanted)})
    return user_id


def set_roles(connection: Connection, *, name: str, roles: Iterable[str], by: str) -> None:
    """Give a person these roles and no others; in force at their next request."""
    wanted = _check_roles(roles)
    user_id = _id_of(connection, name)
    connection.execute(delete(user_roles).where(user_roles.c.user_id == user_id))
    for role in sorted(wanted):
        connection.execute(insert(user_roles).values(user_id=user_id, role=role))
    acts.record(connection, kind="user.roles", actor=by, body={"user": user_id, "roles": sorted(wanted)})


def set_enabled(connection: Connection, *, name: str, enabled: bool, by: str) -> None:
    """Let a person in or keep them out; keeping out ends every session at once."""
    user_id = _id_of(connection, name)
    connection.execute(update(users).where(users.c.id == user_id).values(enabled=enabled))
    if not enabled:
        connection.execute(delete(user_sessions).where(user_sessions.c.user_id == user_id))
    acts.record(connection, kind="user.enable" if enabled else "user.disable", actor=by, body={"user": user_id})


def set_password(connection: Connection, *, name: str, password: str, by: str) -> None:
    """Set a password; all sessions of the person end."""
    _check_password(password)
    user_id = _id_of(connection, name)
    connection.execute(update(users).where(users.c.id == user_id).values(password_hash=_hasher().hash(password)))
    connection.execute(delete(user_sessions).where(user_sessions.c.user_id == user_id))
    acts.record(connection, kind="user.password", actor=by, body={"user": user_id})


def set_lang(connection: Connection, *, user_id: int, lang: str | None) -> None:
    """Keep a person's language; None = as the browser asks. Not an act."""
    if lang is not None and lang not in LANGS:
        raise PeopleError(f"unknown language; known: {', '.join(LANGS)}")
    connection.execute(update(users).where(users.c.id == user_id).values(lang=lang))


def _id_of(connection: Connection, name: str) -> int:
    found = connection.scalar(select(users.c.id).where(users.c.name == name))
    if found is None:
        raise PeopleError(f"there is no user {name[:60]}")
    return int(found)


def _roles_of(connection: Connection, user_id: int) -> frozenset[str]:
    return frozenset(connection.scalars(select(user_roles.c.role).where(user_roles.c.user_id == user_id)))


def verify_password(engine: Engine, name: str, password: str, *, run: Callable[[Callable[[], None]], None]) -> int | None:
    """The id of the enabled user with this password, None otherwise; takes as long for a name that is not there.

    `run` does the hashing, a tenth of a second of work, where it keeps nobody waiting.
    """
    with reading(engine) as connection:
        row = connection.execute(select(users.c.id, users.c.password_hash, users.c.enabled).where(users.c.name == name[:60])).first()
    known = row.password_hash if row else _nobodys_hash()

    def verify() -> None:
        _hasher().verify(known, password[:PASSWORD_MAX])

    try:
        run(verify)
    except (VerificationError, InvalidHashError):
        return None
    return int(row.id) if row and row.enabled else None


def open_session(connection: Connection, user_id: int) -> Principal:
    """A new session of a person, and who they are with it; the oldest goes when there are too many."""
    now = now_ms()
    secret = secrets.token_urlsafe(32)
    mine = select(user_sessions.c.hash).where(user_sessions.c.user_id == user_id).order_by(user_sessions.c.seen_ms.desc())
    surplus = list(connection.scalars(mine.offset(SESSIONS_MAX - 1)))
    stale = user_sessions.c.seen_ms < now - SESSION_IDLE_MS
    connection.execute(delete(user_sessions).where(stale | user_sessions.c.hash.in_(surplus)))
    connection.execute(insert(user_sessions).values(hash=digest(secret), user_id=user_id, created_ms=now, seen_ms=now))
    row = connection.execute(select(users.c.name, users.c.lang).where(users.c.id == user_id)).one()
    return Principal(kind="person", id=user_id, name=row.name, roles=_roles_of(connection, user_id), lang=row.lang, session=secret)


def close_session(connection: Connection, secret: str) -> None:
    """End a session; its cookie is worth nothing from now on."""
    connection.execute(delete(user_sessions).where(user_sessions.c.hash == digest(secret)))


def of_session(engine: Engine, secret: str) -> Principal | None:
    """Who has this session, with the roles of this moment; None when it is over, revoked or never was."""
    now = now_ms()
    hashed = digest(secret)
    query = (
        select(users.c.id, users.c.name, users.c.lang, user_sessions.c.created_ms, user_sessions.c.seen_ms)
        .join(user_sessions, user_sessions.c.user_id == users.c.id)
        .where(user_sessions.c.hash == hashed, users.c.enabled)
    )
    with reading(engine) as connection:
        row = connection.execute(query).first()
        if row is None or now - row.seen_ms > SESSION_IDLE_MS or now - row.created_ms > SESSION_MAX_MS:
            return None
        roles = _roles_of(connection, row.id)
    if now - row.seen_ms > SEEN_STEP_MS:
        with writing(engine) as connection:
            connection.execute(update(user_sessions).where(user_sessions.c.hash == hashed).values(seen_ms=now))
    return Principal(kind="person", id=row.id, name=row.name, roles=roles, lang=row.lang, session=secret)


def add_token(connection: Connection, *, name: str, label: str, by: str, expires_ms: int | None = None) -> str:
    """A new bearer token of a person, shown this once; PeopleError when there are too many."""
    user_id = _id_of(connection, name)
    if len(list(connection.scalars(select(user_tokens.c.hash).where(user_tokens.c.user_id == user_id)))) >= TOKENS_MAX:
        raise PeopleError(f"a person has at most {TOKENS_MAX} tokens; revoke one first")
    token = "mun_" + secrets.token_urlsafe(32)
    values = {"hash": digest(token), "user_id": user_id, "label": label[:100], "created_ms": now_ms(), "expires_ms": expires_ms}
    connection.execute(insert(user_tokens).values(**values))
    acts.record(connection, kind="token.add", actor=by, body={"user": user_id, "token": digest(token)[:16]})
    return token


def of_token(engine: Engine, token: str) -> Principal | None:
    """The person or the agent that this token belongs to, with the roles of this moment."""
    hashed = digest(token)
    with reading(engine) as connection:
        row = connection.execute(
            select(users.c.id, users.c.name, users.c.lang, user_tokens.c.expires_ms)
            .join(user_tokens, user_tokens.c.user_id == users.c.id)
            .where(user_tokens.c.hash == hashed, users.c.enabled)
        ).first()
        if row is not None:
            if row.expires_ms is not None and row.expires_ms < now_ms():
                return None
            return Principal(kind="person", id=row.id, name=row.name, roles=_roles_of(connection, row.id), lang=row.lang)
        agent = connection.execute(select(agents.c.id, agents.c.name).where(agents.c.token_hash == hashed)).first()
    return None if agent is None else Principal(kind="agent", id=agent.id, name=agent.name, roles=frozenset((rights.AGENT,)))


def known_or_unknown(connection: Connection, name: str) -> str:
    """The name if there is such a user, else "unknown": what people type by mistake (passwords) stays out of the ledger."""
    return name if connection.scalar(select(users.c.id).where(users.c.name == name)) is not None else "unknown"


def revoke_tokens(connection: Connection, *, user_id: int, by: str) -> None:
    """Make every token of a person worthless."""
    connection.execute(delete(user_tokens).where(user_tokens.c.user_id == user_id))
    acts.record(connection, kind="token.revoke", actor=by, body={"user": user_id})
