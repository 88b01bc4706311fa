"""Acts of the signed-in person on volumes: asked first, recorded together, and told one by one what took effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from flask_login import current_user
from sqlalchemy import Connection, select

from central.digitization.process import queries
from central.digitization.process.checking import STEP_ACTS, Body, checked
from central.digitization.process.machine import DONE, Refused
from central.digitization.process.queries import UNDO_MS
from central.digitization.process.refusals import WORDS
from central.digitization.process.tables import consignments, visits, volumes
from central.digitization.process.way import here_of
from central.ledger import acts
from central.ledger.tables import acts as acts_table
from central.store.engine import reading, writing
from central.times import now_ms
from central.web.state import engine

WAIT_S = 2.0
EACH_S = 0.02  # more for each act: ingest takes many in several commits


class Failed(msgspec.Struct, frozen=True):
    """A volume to which an act was not done, and why."""

    volume: str
    number: str | None
    code: str
    words: str
    words_zh: str


def failed(volume: str, number: str | None, code: str) -> Failed:
    """The same with its words."""
    english, chinese = WORDS[code]
    return Failed(volume=volume, number=number, code=code, words=english, words_zh=chinese)


def refusal(connection: Connection, kind: str, ident: str, body: Body) -> tuple[str | None, str | None]:
    """(number, code of the refusal) of an act on a volume as it stands now; no code where it may be done."""
    row = connection.execute(select(volumes).where(volumes.c.id == ident)).one_or_none()
    if row is None:
        return None, "no-such-volume"
    skips = kind == "step.skip" or (kind == "step.back" and row.step == DONE)
    if skips and not current_user.may("process.skip"):
        return row.number, "not-allowed"
    try:
        if kind in STEP_ACTS:
            visit = connection.execute(select(visits).where(visits.c.volume == ident, visits.c.visit == row.visit)).one_or_none()
            witness = connection.scalar(select(consignments.c.witness).where(consignments.c.name == row.consignment))
            checked(kind, body, current_user.name, here_of(dict(row._mapping), visit, witness=bool(witness)))
        elif kind == "step.undo":
            _may_undo(row.undo)
    except Refused as error:
        return row.number, error.code
    return row.number, None


def _may_undo(kept: str | None) -> None:
    facts = msgspec.json.decode(kept) if kept else None
    if facts is None:
        raise Refused("nothing-to-undo")
    if facts["actor"] != current_user.name:
        raise Refused("not-yours")
    if now_ms() - facts["t_ms"] > UNDO_MS:
        raise Refused("too-late")


def record_all(kind: str, bodies: Sequence[Mapping[str, Any]]) -> tuple[bool, set[str]]:
    """Record acts on volumes in one transaction: (whether ingest has taken them, the volumes that they changed)."""
    if not bodies:
        return True, set()
    with writing(engine()) as connection:
        made = [acts.record(connection, kind=kind, actor=current_user.name, body=body) for body in bodies]
    done = acts.wait_projected(engine(), made[-1], WAIT_S + EACH_S * len(made))
    changed: set[str] = set()
    with reading(engine()) as connection:
        for begin in range(0, len(made), 500):
            part = made[begin : begin + 500]
            leaves = connection.scalars(select(acts_table.c.leaf_idx).where(acts_table.c.id.in_(part), acts_table.c.leaf_idx.is_not(None)))
            changed |= {volume for volume, _ in queries.changed_by_leaf(connection, list(leaves))}
    return done, changed
