"""What benches tell of their batches: kept by volume, and which volumes have to follow."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, case, func, select, update
from sqlalchemy.dialects.sqlite import insert

from central.digitization.process.tables import volume_batches, volumes
from central.digitization.process.way import Moment
from central.digitization.tables import batches, pages
from central.store.projecting import ActEntry, BatchEntry, Context

DECIDING = ("batch.accept", "batch.reject")


def _pages(connection: Connection, batch: str) -> Row[Any]:
    """captured, placeholders, bad: of the pages of a batch that count."""
    counts = pages.c.replaced_by.is_(None) & ~pages.c.deleted

    def total(what: Any) -> Any:
        return func.coalesce(func.sum(case((what, 1), else_=0)), 0)

    query = select(
        total(counts).label("captured"),
        total(counts & pages.c.placeholder.is_not(None)).label("placeholders"),
        total(counts & (pages.c.verdict == "bad")).label("bad"),
    )
    return connection.execute(query.where(pages.c.batch_id == batch)).one()


class Benches:
    """Keeps `volume_batches` true to the batches and pages that the digitisation's projection has just written."""

    def batch(self, context: Context, entry: BatchEntry) -> Iterator[tuple[Moment, str, bool]]:
        """(moment, volume, whether a batch itself changed) of each volume that must follow."""
        changed: dict[str, tuple[int, bool]] = {}  # batch -> when, whether the batch itself was told
        for seq, record in entry.records:
            ident = record.get("batch")
            if record["k"] in ("batch", "page") and isinstance(ident, str):
                _, told = changed.get(ident, (0, False))
                t_ms = context.clock.stamp(entry, seq, record["t"], record["m"]).t_ms
                changed[ident] = (t_ms, told or record["k"] == "batch")
                left = record.get("moved_from")
                if isinstance(left, str):
                    changed.setdefault(left, (t_ms, False))
        for ident, (t_ms, told) in changed.items():
            for volume, operator, fresh in self._refresh(context, ident, entry.leaf_idx, t_ms):
                yield Moment(t_ms, operator or f"agent:{entry.agent}", entry.leaf_idx), volume, fresh and told

    def act(self, context: Context, entry: ActEntry) -> Iterator[tuple[Moment, str]]:
        """(moment, volume) of each volume whose batch or page an act is about."""
        batch, page = entry.body.get("batch"), entry.body.get("page")
        if batch is None and isinstance(page, str):
            batch = context.connection.scalar(select(pages.c.batch_id).where(pages.c.id == page))
        if not isinstance(batch, str):
            return
        if entry.kind in DECIDING:
            decided = update(volume_batches).where(volume_batches.c.batch == batch).values(decided_leaf=entry.leaf_idx)
            context.connection.execute(decided)
        elif page is None:
            return
        for volume, _, _ in self._refresh(context, batch, entry.leaf_idx, entry.t_ms):
            yield Moment(entry.t_ms, entry.actor, entry.leaf_idx), volume

    @staticmethod
    def _refresh(context: Context, ident: str, leaf_idx: int, t_ms: int) -> Iterator[tuple[str, str | None, bool]]:
        """Write down a batch as it is now; (volume, operator, whether its state changed) of those it belongs or belonged to."""
        run = context.connection.execute
        row = run(select(batches).where(batches.c.id == ident)).one_or_none()
        if row is None:
            return
        old = run(select(volume_batches).where(volume_batches.c.batch == ident)).one_or_none()
        number = unicodedata.normalize("NFC", row.volume or "").strip()
        if old is not None and old.linked:
            volume = old.volume
        else:
            volume = context.connection.scalar(select(volumes.c.id).where(volumes.c.number == number)) if number else None
        counted = _pages(context.connection, ident)
        values = {"number": number, "volume": volume, "agent": row.agent, "state": row.state, **counted._mapping}
        if old is None:
            run(insert(volume_batches).values(batch=ident, linked=False, t_ms=t_ms, first_leaf=leaf_idx, **values))
        else:
            run(update(volume_batches).where(volume_batches.c.batch == ident).values(values))
        fresh = old is None or old.state != row.state
        for one in dict.fromkeys((volume, None if old is None else old.volume)):
            if one is not None:
                yield one, row.operator, fresh
