"""The rule of the clock about volumes: a check ends when nothing is to be looked at and every image has arrived."""

from __future__ import annotations

from sqlalchemy import Connection, select

from central.digitization.process.tables import volume_batches, volumes
from central.digitization.tables import objects, pages
from central.ledger import acts

AT_ONCE = 50  # volumes whose images are looked for at one go


def run(connection: Connection, now_ms: int) -> int:
    """Record the acts that are due; how many."""
    ready = (volumes.c.step == "check") & (volumes.c.state == "working") & (volumes.c.findings == "[]") & ~volumes.c.held
    query = select(volumes.c.id, volumes.c.captured).where(ready).order_by(volumes.c.since_ms, volumes.c.id)
    count = 0
    for row in connection.execute(query).all():
        if not _pending(connection, row.id):
            acts.record(connection, kind="step.checked", actor="system", body={"volume": row.id, "count": row.captured}, t_ms=now_ms)
            count += 1
            if count >= AT_ONCE:
                break
    return count


def _pending(connection: Connection, volume: str) -> bool:
    """Whether the image of a page that counts is still on its way."""
    stored = select(objects.c.sha256).where(objects.c.state == "stored", objects.c.sha256 == pages.c.sha256).exists()
    mine = pages.c.batch_id.in_(select(volume_batches.c.batch).where(volume_batches.c.volume == volume))
    counts = pages.c.replaced_by.is_(None) & ~pages.c.deleted & pages.c.sha256.is_not(None)
    return connection.scalar(select(pages.c.id).where(mine & counts & ~stored).limit(1)) is not None
