"""What may be read about volumes: where they stand, their way so far, their batches, what is open."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select, tuple_

from central.digitization import queries as digitization
from central.digitization.process.lights import Limits, light_of, limits_of
from central.digitization.process.tables import consignments, discrepancies, visits, volume_batches, volume_history, volumes
from central.times import rfc3339, rfc3339_or_none

BATCHES_MAX = 200  # of one volume
HISTORY_MAX = 2000
DISCREPANCIES_MAX = 200
CONSIGNMENTS_MAX = 500
LOOSE_MAX = 50
UNDO_MS = 10 * 60_000  # how long whoever did something can take it back


class Volume(msgspec.Struct, frozen=True):
    """A volume: `step` where it stands (or "done"), `count` the pages last counted or agreed on, `light` by its time at the step."""

    id: str
    number: str
    unit: str
    consignment: str
    title: str | None
    kind: str | None
    declared: int
    count: int
    step: str
    state: str
    light: str
    since: str
    held: bool
    held_reason: str | None
    findings: list[dict[str, Any]]
    captured: int
    placeholders: int
    bad: int
    open_discrepancies: int
    rework: int
    registered: str
    registered_by: str
    filed: str | None
    since_ms: int
    registered_ms: int


class Visit(msgspec.Struct, frozen=True):
    """A stay of a volume at a step: how long it waited, how long it was worked on, with which counts it came and went."""

    visit: int
    step: str
    entered: str
    begun: str | None
    begun_by: str | None
    ended: str | None
    ended_by: str | None
    how: str | None
    count_in: int
    count_out: int | None
    placeholders: int | None
    first_count: int | None
    first_by: str | None
    note: str | None
    reason: str | None
    entered_ms: int
    begun_ms: int | None
    ended_ms: int | None


class Discrepancy(msgspec.Struct, frozen=True):
    """A count that differs from the one before; open until `resolved`."""

    id: str
    volume: str
    step: str
    kind: str
    expected: int
    found: int
    note: str | None
    opened: str
    opened_by: str
    resolved: str | None
    resolved_by: str | None
    resolution: str | None


class Line(msgspec.Struct, frozen=True):
    """One line of a volume's history; `leaf` is its entry in the ledger."""

    t: str
    actor: str
    kind: str
    step: str
    facts: dict[str, Any]
    leaf: int
    place: int
    t_ms: int


class Loose(msgspec.Struct, frozen=True):
    """A batch whose number is of no volume, or that has none."""

    batch: str
    number: str
    agent: str
    state: str
    captured: int
    t: str
    t_ms: int


class Consignment(msgspec.Struct, frozen=True):
    """What a unit hands over at once; `witness`: its volumes are counted by two people."""

    name: str
    witness: bool
    changed_by: str


def volume_of(row: Row[Any], limits: Limits, now_ms: int) -> Volume:
    """A volume's shape from its row."""
    return Volume(
        light=light_of(row, limits, now_ms),
        since=rfc3339(row.since_ms),
        findings=json.loads(row.findings),
        registered=rfc3339(row.registered_ms),
        filed=rfc3339_or_none(row.filed_ms),
        **{
            name: getattr(row, name)
            for name in ("id", "number", "unit", "consignment", "title", "kind", "declared", "count", "step", "state", "since_ms", "held")
        },
        **{name: getattr(row, name) for name in ("held_reason", "captured", "placeholders", "bad", "open_discrepancies", "rework")},
        **{name: getattr(row, name) for name in ("registered_by", "registered_ms")},
    )


def _one(connection: Connection, where: Any, now_ms: int) -> Volume | None:
    row = connection.execute(select(volumes).where(where)).one_or_none()
    return None if row is None else volume_of(row, limits_of(connection), now_ms)


def volume_by_id(connection: Connection, ident: str, *, now_ms: int = 0) -> Volume | None:
    """One volume, None if there is no such one; its light is as of `now_ms` (0: green)."""
    return _one(connection, volumes.c.id == ident, now_ms)


def volume_named(connection: Connection, number: str, *, now_ms: int = 0) -> Volume | None:
    """The volume of this number, None if none is registered."""
    return _one(connection, volumes.c.number == number, now_ms)


def volume_of_batch(connection: Connection, batch: str) -> Volume | None:
    """The volume that a batch of a bench belongs to, None if its number is not registered."""
    ident = connection.scalar(select(volume_batches.c.volume).where(volume_batches.c.batch == batch))
    return None if ident is None else volume_by_id(connection, ident)


def batches_of(connection: Connection, volume: str) -> list[digitization.Batch]:
    """The batches of a volume (by its id), the oldest first."""
    query = select(volume_batches.c.batch).where(volume_batches.c.volume == volume).order_by(volume_batches.c.t_ms, volume_batches.c.batch)
    found = (digitization.batch_named(connection, ident) for ident in connection.scalars(query.limit(BATCHES_MAX)).all())
    return [batch for batch in found if batch is not None]


def volumes_before(
    connection: Connection,
    *,
    before: tuple[int, str] | None,
    limit: int,
    now_ms: int,
    step: str | None = None,
    unit: str | None = None,
    consignment: str | None = None,
    late: bool = False,
    text: str | None = None,
) -> list[Volume]:
    """Volumes, the newest first, after the cursor (registered_ms, id); `late`: those whose light is red."""
    limits = limits_of(connection)
    query = select(volumes).order_by(volumes.c.registered_ms.desc(), volumes.c.id.desc()).limit(limit)
    for column, value in ((volumes.c.step, step), (volumes.c.unit, unit), (volumes.c.consignment, consignment)):
        if value is not None:
            query = query.where(column == value)
    if late:
        query = query.where(limits.late(now_ms))
    if text:
        like = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        query = query.where(volumes.c.number.like(f"%{like}%", escape="\\") | volumes.c.title.like(f"%{like}%", escape="\\"))
    if before is not None:
        query = query.where(tuple_(volumes.c.registered_ms, volumes.c.id) < before)
    return [volume_of(row, limits, now_ms) for row in connection.execute(query)]


def visits_of(connection: Connection, volume: str) -> list[Visit]:
    """The stays of a volume, in order."""
    rows = connection.execute(select(visits).where(visits.c.volume == volume).order_by(visits.c.visit).limit(HISTORY_MAX))
    names = ("visit", "step", "begun_by", "ended_by", "how", "count_in", "count_out", "placeholders", "first_count", "first_by")
    return [
        Visit(
            entered=rfc3339(row.entered_ms),
            begun=rfc3339_or_none(row.begun_ms),
            ended=rfc3339_or_none(row.ended_ms),
            **{name: getattr(row, name) for name in (*names, "note", "reason", "entered_ms", "begun_ms", "ended_ms")},
        )
        for row in rows
    ]


def discrepancies_of(connection: Connection, volume: str) -> list[Discrepancy]:
    """The discrepancies of a volume, the newest first."""
    query = select(discrepancies).where(discrepancies.c.volume == volume).order_by(discrepancies.c.opened_ms.desc(), discrepancies.c.id)
    return [_discrepancy(row) for row in connection.execute(query.limit(DISCREPANCIES_MAX))]


def discrepancy_named(connection: Connection, ident: str) -> Discrepancy | None:
    """One discrepancy, None if there is no such one."""
    row = connection.execute(select(discrepancies).where(discrepancies.c.id == ident)).one_or_none()
    return None if row is None else _discrepancy(row)


def _discrepancy(row: Row[Any]) -> Discrepancy:
    names = ("id", "volume", "step", "kind", "expected", "found", "note", "opened_by", "resolved_by", "resolution")
    facts: dict[str, Any] = {name: getattr(row, name) for name in names}
    return Discrepancy(opened=rfc3339(row.opened_ms), resolved=rfc3339_or_none(row.resolved_ms), **facts)


def history_of(connection: Connection, volume: str, *, after: tuple[int, int] | None = None, limit: int = HISTORY_MAX) -> list[Line]:
    """What happened to a volume, line by line, after the cursor (leaf, place)."""
    query = select(volume_history).where(volume_history.c.volume == volume)
    if after is not None:
        query = query.where(tuple_(volume_history.c.leaf_idx, volume_history.c.place) > after)
    rows = connection.execute(query.order_by(volume_history.c.leaf_idx, volume_history.c.place).limit(limit))
    return [
        Line(
            t=rfc3339(row.t_ms),
            actor=row.actor,
            kind=row.kind,
            step=row.step,
            facts=json.loads(row.facts),
            leaf=row.leaf_idx,
            place=row.place,
            t_ms=row.t_ms,
        )
        for row in rows
    ]


def changed_by_leaf(connection: Connection, leaves: list[int]) -> set[tuple[str, int]]:
    """(volume, leaf) of those of these ledger entries that changed a volume."""
    query = select(volume_history.c.volume, volume_history.c.leaf_idx).where(volume_history.c.leaf_idx.in_(leaves))
    return {(row.volume, row.leaf_idx) for row in connection.execute(query)}


def loose_batches(connection: Connection, *, limit: int = LOOSE_MAX) -> list[Loose]:
    """Batches of no volume that nobody has accepted yet, the newest first."""
    loose = volume_batches.c.volume.is_(None) & (volume_batches.c.state != "accepted")
    query = select(volume_batches).where(loose).order_by(volume_batches.c.t_ms.desc(), volume_batches.c.batch.desc()).limit(limit)
    names = ("batch", "number", "agent", "state", "captured", "t_ms")
    return [Loose(t=rfc3339(row.t_ms), **{name: getattr(row, name) for name in names}) for row in connection.execute(query)]


def is_loose(connection: Connection, batch: str) -> bool:
    """Whether a batch is known and belongs to no volume."""
    loose = (volume_batches.c.batch == batch) & volume_batches.c.volume.is_(None)
    return connection.scalar(select(volume_batches.c.batch).where(loose)) is not None


def counts_in(connection: Connection, idents: list[str]) -> dict[str, int]:
    """{volume: pages with which it came to its present step}."""
    here = (visits.c.volume == volumes.c.id) & (visits.c.visit == volumes.c.visit)
    query = select(volumes.c.id, visits.c.count_in).select_from(volumes.join(visits, here)).where(volumes.c.id.in_(idents))
    return {row.id: row.count_in for row in connection.execute(query)}


def consignment_named(connection: Connection, name: str) -> Consignment | None:
    """One consignment, None if there is no such one."""
    row = connection.execute(select(consignments).where(consignments.c.name == name)).one_or_none()
    return None if row is None else Consignment(name=row.name, witness=row.witness, changed_by=row.changed_by)


def consignments_of(connection: Connection) -> list[Consignment]:
    """Consignments, the newest first."""
    rows = connection.execute(select(consignments).order_by(consignments.c.changed_ms.desc(), consignments.c.name).limit(CONSIGNMENTS_MAX))
    return [Consignment(name=row.name, witness=row.witness, changed_by=row.changed_by) for row in rows]


def may_undo(connection: Connection, volume: str, *, actor: str, now_ms: int) -> str | None:
    """The kind of this person's last act on a volume, while it can be undone."""
    kept = connection.scalar(select(volumes.c.undo).where(volumes.c.id == volume))
    facts = json.loads(kept) if kept else None
    return str(facts["kind"]) if facts and facts["actor"] == actor and now_ms - facts["t_ms"] <= UNDO_MS else None


def units_of(connection: Connection) -> list[str]:
    """Every unit that handed volumes over, by name."""
    return list(connection.scalars(select(volumes.c.unit).distinct().order_by(volumes.c.unit).limit(CONSIGNMENTS_MAX)))


def taken_numbers(connection: Connection, numbers: list[str]) -> set[str]:
    """Those of these numbers that are registered already."""
    found: set[str] = set()
    for begin in range(0, len(numbers), 500):
        found.update(connection.scalars(select(volumes.c.number).where(volumes.c.number.in_(numbers[begin : begin + 500]))))
    return found
