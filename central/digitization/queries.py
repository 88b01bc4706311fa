"""What may be read about batches and their pages."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from sqlalchemy import Connection, case, func, select, tuple_

from central.digitization.order import ordered
from central.digitization.recognition.checks import merged, with_numbers
from central.digitization.tables import batches, objects, pages
from central.times import rfc3339, rfc3339_or_none

PAGES_MAX = 20_000  # of one batch


class Check(msgspec.Struct, frozen=True):
    """One page check: measure, limit, whether it passed, words."""

    name: str
    value: Any
    limit: Any
    ok: bool
    words: Any
    words_zh: Any


class Page(msgspec.Struct, frozen=True):
    """A page; `seq` is its place in the batch from 1, null once it was taken out; `pending` until its image has arrived."""

    id: str
    seq: int | None
    verdict: str
    checks: list[Check]
    sha256: str | None
    bytes: int
    replaced: bool
    batch: str
    t: str
    station: str
    operator: str | None
    width: int
    height: int
    dpi: float | None
    replaces: str | None
    replaced_by: str | None
    deleted: bool
    reason: str | None
    rejected_by: str | None
    rejected_reason: str | None
    pending: bool
    image: str
    press: str
    agent: str
    t_ms: int
    leaf_idx: int
    lane_seq: int
    placeholder: str | None
    moved_from: str | None
    inserted: bool


class Decision(msgspec.Struct, frozen=True):
    """What was decided about a batch once: accepted or rejected, by whom, when, why."""

    state: str
    by: str
    t: str
    reason: str | None


class Batch(msgspec.Struct, frozen=True):
    """A batch; captured = pages neither replaced nor taken out, `placeholders` of them without an image; rejected = by a person at
    acceptance; `rework` is why the bench opened it again, while it has; `decisions` are all that were made, the oldest first."""

    id: str
    station: str
    state: str
    declared: int | None
    captured: int
    replaced: int
    accepted: int
    rejected: int
    pending: int
    volume: str | None
    operator: str | None
    agent: str
    opened: str
    closed: str | None
    decided_by: str | None
    decided: str | None
    decided_reason: str | None
    counts: dict[str, Any]
    opened_ms: int
    placeholders: int
    rework: str | None
    decisions: list[Decision]


_STORED = select(objects.c.sha256).where(objects.c.state == "stored", objects.c.sha256 == pages.c.sha256).exists()


def _counted(connection: Connection, ids: list[str]) -> dict[str, Any]:
    counts = (pages.c.replaced_by.is_(None)) & ~pages.c.deleted

    def total(what: Any) -> Any:
        return func.coalesce(func.sum(case((what, 1), else_=0)), 0)

    query = (
        select(
            pages.c.batch_id,
            total(counts).label("captured"),
            total(pages.c.replaced_by.is_not(None)).label("replaced"),
            total(counts & pages.c.rejected_by.is_not(None)).label("rejected"),
            total(counts & pages.c.sha256.is_not(None) & ~_STORED).label("pending"),
            total(counts & pages.c.placeholder.is_not(None)).label("placeholders"),
        )
        .where(pages.c.batch_id.in_(ids))
        .group_by(pages.c.batch_id)
    )
    return {row.batch_id: row for row in connection.execute(query)}


def _batches(connection: Connection, rows: Any) -> list[Batch]:
    found = list(rows)
    counted = _counted(connection, [row.id for row in found])
    made = []
    for row in found:
        tally = counted.get(row.id)
        captured = tally.captured if tally else 0
        rejected = tally.rejected if tally else 0
        if row.state == "rejected" and not rejected:
            rejected = captured  # the batch as a whole
        made.append(
            Batch(
                id=row.id,
                station=row.station,
                state=row.state,
                declared=row.declared,
                captured=captured,
                replaced=tally.replaced if tally else 0,
                accepted=captured - rejected if row.state == "accepted" else 0,
                rejected=rejected,
                pending=tally.pending if tally else 0,
                volume=row.volume,
                operator=row.operator,
                agent=row.agent,
                opened=rfc3339(row.opened_ms),
                closed=rfc3339_or_none(row.closed_ms),
                decided_by=row.decided_by,
                decided=rfc3339_or_none(row.decided_ms),
                decided_reason=row.decided_reason,
                counts=json.loads(row.counts),
                opened_ms=row.opened_ms,
                placeholders=tally.placeholders if tally else 0,
                rework=(row.reason or row.decided_reason or "") if row.state == "rework" else None,
                decisions=[_decision(made) for made in json.loads(row.decisions)],
            )
        )
    return made


def _decision(made: dict[str, Any]) -> Decision:
    return Decision(state=made["state"], by=made["by"], t=rfc3339(made["t_ms"]), reason=made["reason"])


def batches_before(
    connection: Connection, *, before: tuple[int, str] | None, limit: int, state: str | None = None, station: str | None = None
) -> list[Batch]:
    """Batches, the newest first, after the cursor (opened_ms, id)."""
    query = select(batches).order_by(batches.c.opened_ms.desc(), batches.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(batches.c.state == state)
    if station is not None:
        query = query.where(batches.c.station == station)
    if before is not None:
        query = query.where(tuple_(batches.c.opened_ms, batches.c.id) < before)
    return _batches(connection, connection.execute(query).all())


def batch_named(connection: Connection, ident: str) -> Batch | None:
    """One batch, None if there is no such one."""
    found = _batches(connection, connection.execute(select(batches).where(batches.c.id == ident)).all())
    return found[0] if found else None


def _check(given: Any) -> Check:
    said = given if isinstance(given, dict) else {}
    return Check(
        name=str(said.get("name", "")),
        value=said.get("value"),
        limit=said.get("limit"),
        ok=said.get("ok") is not False,
        words=said.get("words"),
        words_zh=said.get("words_zh"),
    )


def page_of(row: Any, seq: int | None) -> Page:
    """A page's shape from its row (with `stored` and what was read of its number) and its place."""
    checks, verdict = merged(row, json.loads(row.checks), row.verdict)
    return Page(
        id=row.id,
        seq=seq,
        verdict=verdict,
        checks=[_check(given) for given in checks],
        sha256=row.sha256,
        bytes=row.bytes,
        replaced=row.replaced_by is not None,
        batch=row.batch_id,
        t=rfc3339(row.t_ms),
        station=row.station,
        operator=row.operator,
        width=row.width,
        height=row.height,
        dpi=row.dpi,
        replaces=row.replaces,
        replaced_by=row.replaced_by,
        deleted=row.deleted,
        reason=row.reason,
        rejected_by=row.rejected_by,
        rejected_reason=row.rejected_reason,
        pending=row.sha256 is not None and not row.stored,
        image=f"/api/v1/pages/{row.id}/image",
        press=row.press,
        agent=row.agent,
        t_ms=row.t_ms,
        leaf_idx=row.leaf_idx,
        lane_seq=row.seq,
        placeholder=row.placeholder,
        moved_from=row.moved_from,
        inserted=row.inserted,
    )


SELECT_PAGES = with_numbers(select(pages, _STORED.label("stored")), pages.c.id)


def places_of(connection: Connection, batch: str) -> dict[str, int]:
    """The place of each page of a batch."""
    query = select(pages.c.id, pages.c.after, pages.c.replaces, pages.c.deleted).where(pages.c.batch_id == batch)
    return ordered(connection.execute(query.order_by(pages.c.arrival).limit(PAGES_MAX)).all())


def pages_of(connection: Connection, batch: str) -> list[Page]:
    """A batch's pages in order, a replaced one before what replaced it, those taken out at the end."""
    places = places_of(connection, batch)
    rows = connection.execute(SELECT_PAGES.where(pages.c.batch_id == batch).order_by(pages.c.arrival).limit(PAGES_MAX)).all()
    last = len(rows) + 1
    return [page_of(row, places.get(row.id)) for row in sorted(rows, key=lambda row: (places.get(row.id, last), row.arrival))]


def page_named(connection: Connection, ident: str) -> Page | None:
    """One page, None if there is no such one."""
    row = connection.execute(SELECT_PAGES.where(pages.c.id == ident)).first()
    return None if row is None else page_of(row, places_of(connection, row.batch_id).get(row.id))


def image_of(connection: Connection, ident: str) -> tuple[str | None, bool] | None:
    """(digest, whether its bytes are here) of a page, None if there is no such one."""
    row = connection.execute(select(pages.c.sha256, _STORED.label("stored")).where(pages.c.id == ident)).first()
    return None if row is None else (row.sha256, row.stored)


def told_last(connection: Connection, batch: str) -> int:
    """The newest ledger entry that told of a page of a batch; -1 for none."""
    found = connection.scalar(select(func.max(pages.c.leaf_idx)).where(pages.c.batch_id == batch))
    return -1 if found is None else int(found)
