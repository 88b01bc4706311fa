"""Commands to agents: kept here, signed and sent by ingest, answered by `command.done` records."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from sqlalchemy import Connection, insert, select, update

from central.ledger import acts
from central.ledger.tables import commands
from central.times import now_ms
from wire.codec import dumps

LIFETIME_S = 60
ARGS_BYTES_MAX = 4096
OWN_WAY = ("operators.set",)  # commands that hold secrets: their own routes give them, so that no act holds the secret
Lifetime = Annotated[int, msgspec.Meta(ge=1, le=3600, description="seconds after which it is not carried out any more")]


class Given(msgspec.Struct, frozen=True):
    """The id of a command that was given; its result comes on `live` as `command`, and at /commands/{id}."""

    id: str


def give(
    connection: Connection,
    *,
    agent: str,
    name: str,
    args: Mapping[str, Any],
    actor: str,
    lifetime_s: int,
    told: Mapping[str, Any] | None = None,
) -> str:
    """Record a command for an agent, with an act, in the caller's write transaction; its id. `told` stands in the act in place of
    arguments that hold secrets."""
    ident, now = str(uuid.uuid4()), now_ms()
    row = {"id": ident, "agent": agent, "name": name, "args": dumps(dict(args)), "actor": actor}
    connection.execute(insert(commands).values(**row, created_ms=now, expires_ms=now + lifetime_s * 1000))
    shown = dict(args if told is None else told)
    acts.record(connection, kind="command", actor=actor, body={"command": ident, "agent": agent, "name": name, "args": shown})
    return ident


def forget_arguments(connection: Connection, *, name: str) -> None:
    """Empty the arguments of commands of this name that are over: they held secrets."""
    over = (commands.c.name == name) & (commands.c.expires_ms < now_ms()) & (commands.c.args != "{}")
    connection.execute(update(commands).where(over).values(args="{}"))


def given(connection: Connection, ident: str) -> Any:
    """A command's row, None if there is no such one."""
    return connection.execute(select(commands).where(commands.c.id == ident)).first()


def last_given(connection: Connection, *, agent: str, name: str) -> Any:
    """The row of the newest command of this name to an agent, None before the first."""
    mine = (commands.c.agent == agent) & (commands.c.name == name)
    return connection.execute(select(commands).where(mine).order_by(commands.c.created_ms.desc()).limit(1)).first()


def state_of(row: Any) -> str:
    """How an unanswered command stands: waiting (for ingest), sent, or expired."""
    if row.expires_ms < now_ms():
        return "expired"
    return "waiting" if row.sent_ms is None else "sent"
