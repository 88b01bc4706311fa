"""Sends what was rejected back to its bench, and asks again until the bench has taken it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from central.digitization.acceptance.tables import acceptance_lots
from central.digitization.tables import batches
from central.health.queries import command_result
from central.ledger import commands
from central.ledger.queries import agents_online
from central.ledger.tables import commands as given
from central.times import rfc3339
from wire.codec import dumps

NAME = "batch.rework"
LIFETIME_S = 600
RETRY_MS = 2 * 60_000  # after a refusal, then twice as long each time
RETRY_MAX_MS = 60 * 60_000
TRIES_MAX = 200  # of one rework that are looked at
KEEP_MS = 90 * 86_400_000  # what no bench took for so long is not asked again
WAITING_MAX = 200
PAGES_MAX = 1000  # as many as a bench takes at once
ARGS_BYTES = 40_000  # of the pages in one command: a message has at most 64 KiB
REASON_MAX = 100
SYSTEM = "system"


class Rework(msgspec.Struct, frozen=True, kw_only=True):
    """How a rework stands: away (the bench is not there), waiting, sent, refused (asked again later), taken, done (closed again)."""

    state: str
    why: str | None
    pages: list[dict[str, Any]]
    tries: int
    asked: str | None


def args_of(batch: str, pages: Sequence[dict[str, Any]], reason: str | None) -> dict[str, Any]:
    """The arguments of the command, small enough for a message: where not all pages fit, the reason says how many more there are."""
    short: list[dict[str, str]] = []
    room = ARGS_BYTES
    for one in pages[:PAGES_MAX]:
        why = str(one.get("reason") or one.get("code") or reason or "")[:REASON_MAX]
        room -= len(dumps({"page": one["page"], "reason": why}).encode()) + 1
        if room < 0:
            break
        short.append({"page": one["page"], "reason": why})
    words = (reason or "")[: REASON_MAX * 5]
    return {"batch": batch, "pages": short, "reason": words if len(short) == len(pages) else f"{words} (+{len(pages) - len(short)})"}


def _tries(connection: Connection, lot: Row[Any], agent: str) -> list[Row[Any]]:
    """The commands given for a lot, the newest first."""
    mine = (given.c.name == NAME) & (given.c.agent == agent) & (given.c.created_ms >= lot.decided_ms)
    rows = connection.execute(select(given).where(mine).order_by(given.c.created_ms.desc()).limit(TRIES_MAX))
    return [row for row in rows if json.loads(row.args).get("batch") == lot.batch_id]


def give(connection: Connection, lot: Row[Any], *, agent: str, actor: str) -> str:
    """Ask the bench to take a batch up again; the command's id."""
    args = args_of(lot.batch_id, json.loads(lot.rework), lot.decided_reason) | {"station": lot.station}
    return commands.give(connection, agent=agent, name=NAME, args=args, actor=actor, lifetime_s=LIFETIME_S)


def state_of(connection: Connection, lot: Row[Any], batch: Any) -> Rework | None:
    """How the rework of a rejected lot stands, None where nothing goes back."""
    if lot.state != "rejected" or lot.rework is None:
        return None
    tries = _tries(connection, lot, batch.agent)
    state, why = ("waiting" if agents_online(connection).get(batch.agent) else "away"), None
    if batch.state != "rejected":
        state = "done" if batch.state in ("closed", "accepted") else "taken"
    elif tries:
        result = command_result(connection, tries[0].id)
        if result is not None:
            state, why = ("taken" if result.ok else "refused"), result.why
        elif commands.state_of(tries[0]) == "sent":
            state = "sent"
    return Rework(
        state=state, why=why, pages=json.loads(lot.rework), tries=len(tries), asked=rfc3339(tries[0].created_ms) if tries else None
    )


def _due(connection: Connection, tries: Sequence[Row[Any]], now_ms: int) -> bool:
    if not tries:
        return True
    last = tries[0]
    result = command_result(connection, last.id)
    if result is None:
        return bool(last.expires_ms <= now_ms)
    wait_ms = min(RETRY_MS * 2 ** min(len(tries) - 1, 10), RETRY_MAX_MS)
    return not result.ok and bool(last.created_ms + wait_ms <= now_ms)


def run(connection: Connection, now_ms: int) -> int:
    """For the rules by clock: ask the benches that are there and have not taken what was rejected; how many were asked."""
    query = select(acceptance_lots, batches.c.agent).join(batches, batches.c.id == acceptance_lots.c.batch_id)
    query = query.where(acceptance_lots.c.state == "rejected", acceptance_lots.c.decided_ms > now_ms - KEEP_MS)
    query = query.where(acceptance_lots.c.rework.is_not(None), batches.c.state == "rejected").limit(WAITING_MAX)
    rows = connection.execute(query).all()
    online = agents_online(connection) if rows else {}
    count = 0
    for row in rows:
        if online.get(row.agent) and _due(connection, _tries(connection, row, row.agent), now_ms):
            give(connection, row, agent=row.agent, actor=SYSTEM)
            count += 1
    return count
