"""The whole chain of one page: press, batch, station, climate, clips, ledger entry, bytes, and who looked."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from central.digitization.queries import Batch, Page, batch_named, page_named
from central.digitization.tables import objects, page_changes, pages, presses
from central.environment.queries import ValueAt, values_at
from central.ledger.queries import Entry, agents_of_room, entry_at, room_of
from central.security.queries import clips_at
from central.times import rfc3339, rfc3339_or_none

CHAIN_MAX = 50
CHANGES_MAX = 500


class Press(msgspec.Struct, frozen=True):
    """The pedal's press that made the page."""

    id: str
    station: str
    pedal: str
    outcome: str
    pages: list[str]
    why: str | None
    operator: str | None
    t: str


class Stored(msgspec.Struct, frozen=True):
    """The image's bytes as the centre holds them."""

    sha256: str
    bytes: int
    stored: str | None
    by: str


class Moment(msgspec.Struct, frozen=True):
    """A clip that shows the moment of capture."""

    id: str
    camera: str
    from_: str = msgspec.field(name="from")
    to: str
    sha256: str | None


class Change(msgspec.Struct, frozen=True):
    """What happened to a page after it was taken: deleted, restored, moved (to another batch), placed (after another page), lowered."""

    kind: str
    t: str
    reason: str | None
    batch: str
    after: str | None
    from_batch: str
    from_after: str | None
    leaf_idx: int


class Provenance(msgspec.Struct, frozen=True):
    """Everything that is known of how a page came to be."""

    page: Page
    press: Press | None
    batch: Batch | None
    room: str | None
    climate: list[ValueAt]
    clips: list[Moment]
    ledger: Entry | None
    object: Stored | None
    history: list[Page]
    changes: list[Change]


def _press(connection: Connection, ident: str) -> Press | None:
    row = connection.execute(select(presses).where(presses.c.id == ident)).first()
    if row is None:
        return None
    return Press(
        id=row.id,
        station=row.station,
        pedal=row.pedal,
        outcome=row.outcome,
        pages=json.loads(row.pages),
        why=row.why,
        operator=row.operator,
        t=rfc3339(row.t_ms),
    )


def _stored(connection: Connection, sha256: str | None) -> Stored | None:
    row = connection.execute(select(objects).where(objects.c.sha256 == sha256, objects.c.state == "stored")).first()
    return None if row is None else Stored(sha256=row.sha256, bytes=row.bytes, stored=rfc3339_or_none(row.stored_ms), by=row.agent)


def _history(connection: Connection, page: Page) -> list[Page]:
    """The pages that this one was retaken for, the nearest first."""
    made: list[Page] = []
    ident: Any = page.replaces
    while ident is not None and len(made) < CHAIN_MAX and ident not in {found.id for found in made}:
        if connection.scalar(select(pages.c.batch_id).where(pages.c.id == ident)) != page.batch:
            break
        older = page_named(connection, ident)
        if older is None:
            break
        made.append(older)
        ident = older.replaces
    return made


def _changes(connection: Connection, page: str) -> list[Change]:
    """What its bench told of a page after its first record, the earliest first."""
    query = select(page_changes).where(page_changes.c.page == page).order_by(page_changes.c.leaf_idx, page_changes.c.seq).limit(CHANGES_MAX)
    return [
        Change(
            kind=row.kind,
            t=rfc3339(row.t_ms),
            reason=row.reason,
            batch=row.batch_id,
            after=row.after,
            from_batch=row.from_batch,
            from_after=row.from_after,
            leaf_idx=row.leaf_idx,
        )
        for row in connection.execute(query)
    ]


def provenance_of(connection: Connection, ident: str, *, silence_s: int) -> Provenance | None:
    """The chain of one page, None if there is no such page."""
    page = page_named(connection, ident)
    if page is None:
        return None
    room = room_of(connection, page.agent)
    agents = agents_of_room(connection, room) if room else []
    clips = clips_at(connection, [page.agent, *agents], page.t_ms)
    return Provenance(
        page=page,
        press=_press(connection, page.press),
        batch=batch_named(connection, page.batch),
        room=room,
        climate=values_at(connection, room, t_ms=page.t_ms, silence_ms=silence_s * 1000) if room else [],
        clips=[Moment(id=clip.id, camera=clip.camera, from_=clip.from_, to=clip.to, sha256=clip.sha256) for clip in clips],
        ledger=entry_at(connection, page.leaf_idx),
        object=_stored(connection, page.sha256),
        history=_history(connection, page),
        changes=_changes(connection, page.id),
    )
