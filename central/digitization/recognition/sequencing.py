"""Judges the page numbers of closed batches whose pages were read: what is odd becomes an act of the system, once a page and change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from central.digitization import queries
from central.digitization.recognition.jobs import given_up
from central.digitization.recognition.lines import unpack
from central.digitization.recognition.page_numbers import Candidate, candidates, settle
from central.digitization.recognition.tables import batch_changes, batch_numbers, page_numbers, sequence_checks, text_jobs, texts
from central.digitization.tables import batches
from central.ledger import acts
from central.times import now_ms
from wire.sequence import check

SYSTEM = "system"
READY_MAX = 50  # batches looked at in one turn
ODD_SHARE = 0.25  # of the numbered pages: more that are wrong say that the reading is
ODD_MIN = 8
DIGESTS_AT_ONCE = 500


def due(connection: Connection) -> list[tuple[str, int]]:
    """(batch, ledger entry that changed it last) of closed batches that changed since they were judged."""
    query = (
        select(batch_changes.c.batch_id, batch_changes.c.leaf_idx)
        .join(batches, batches.c.id == batch_changes.c.batch_id)
        .join(batch_numbers, batch_numbers.c.batch_id == batch_changes.c.batch_id, isouter=True)
        .where(batches.c.closed_ms.is_not(None), batches.c.state != "open")
        .where(~select(text_jobs.c.sha256).where(text_jobs.c.batch_id == batches.c.id, text_jobs.c.state != "failed").exists())
        .where(batch_numbers.c.upto.is_(None) | (batch_numbers.c.upto < batch_changes.c.leaf_idx))
        .order_by(batch_changes.c.leaf_idx)
        .limit(READY_MAX)
    )
    return [(row.batch_id, row.leaf_idx) for row in connection.execute(query)]


def _read(connection: Connection, digests: list[str]) -> dict[str, list[Candidate]] | None:
    """What could be the number on each image; None while one is still to be read."""
    found: dict[str, list[Candidate]] = {}
    for begin in range(0, len(digests), DIGESTS_AT_ONCE):
        some = digests[begin : begin + DIGESTS_AT_ONCE]
        for row in connection.execute(select(texts.c.sha256, texts.c.lines).where(texts.c.sha256.in_(some))):
            found[row.sha256] = candidates(unpack(row.lines))
        if set(some) - found.keys() - given_up(connection, some):
            return None
    return found


@dataclass(frozen=True)
class Judged:
    """What was found of one batch, up to a ledger entry; a row a page."""

    batch: str
    upto: int
    rows: list[dict[str, Any]]
    trusted: bool

    @property
    def numbered(self) -> int:
        """Pages on which a number was read."""
        return sum(row["read"] is not None for row in self.rows)


def judge(connection: Connection, batch: str, upto: int) -> Judged | None:
    """Judge one batch; None while its pages are not all here and read."""
    pages = [page for page in queries.pages_of(connection, batch) if not page.replaced and not page.deleted]
    if any(page.pending and page.sha256 for page in pages):
        return None
    read = _read(connection, sorted({page.sha256 for page in pages if page.sha256}))
    if read is None:
        return None
    chosen = settle([read.get(page.sha256 or "", []) for page in pages])
    findings = {finding.page: finding for finding in check([one.label if one else None for one in chosen])}
    wrong = sum(not finding.ok for finding in findings.values())
    trusted = wrong <= max(ODD_MIN, ODD_SHARE * sum(one is not None for one in chosen))
    return Judged(batch, upto, [_row(batch, at, page.id, chosen[at], findings.get(at)) for at, page in enumerate(pages)], trusted)


def keep(connection: Connection, judged: Judged) -> int:
    """Keep what was found and record, in the caller's write transaction, what changed of single pages; how many acts."""
    connection.execute(delete(page_numbers).where(page_numbers.c.batch_id == judged.batch))
    if judged.rows:
        connection.execute(insert(page_numbers).prefix_with("OR REPLACE"), judged.rows)  # a page may come from another batch
    state = {"upto": judged.upto, "judged_ms": now_ms(), "pages": len(judged.rows)}
    state |= {"numbered": judged.numbered, "trusted": judged.trusted}
    kept = upsert(batch_numbers).values(batch_id=judged.batch, **state)
    connection.execute(kept.on_conflict_do_update(index_elements=["batch_id"], set_=state))
    return _tell(connection, judged.batch, judged.rows if judged.trusted else [row | {"kind": None} for row in judged.rows])


def _row(batch: str, at: int, page: str, found: Candidate | None, finding: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"page": page, "batch_id": batch, "seq": at + 1, "read": None, "label": None, "x": None, "y": None, "w": None}
    row |= {"h": None, "kind": None, "first": None, "last": None, "words": None, "words_zh": None}
    if found is not None:
        line = found.line
        row |= {"read": found.read[:40], "label": str(found.label), "x": line.x, "y": line.y, "w": line.w, "h": line.h}
    if finding is not None:
        row |= {"kind": finding.kind, "words": finding.words, "words_zh": finding.words_zh}
        row |= {"first": finding.missing[0], "last": finding.missing[1]} if finding.missing else {}
    return row


def _tell(connection: Connection, batch: str, rows: list[dict[str, Any]]) -> int:
    """Record what changed: pages that are wrong, otherwise wrong than was said, or right again."""
    said: dict[str, Any] = {}
    for begin in range(0, len(rows), DIGESTS_AT_ONCE):
        ids = [row["page"] for row in rows[begin : begin + DIGESTS_AT_ONCE]]
        said |= {row.page: row for row in connection.execute(select(sequence_checks).where(sequence_checks.c.page.in_(ids)))}
    count = 0
    for row in rows:
        ok, before = row["kind"] not in ("gap", "double", "back"), said.get(row["page"])
        new = (ok, None if ok else row["words"])
        if new == ((True, None) if before is None else (before.ok, None if before.ok else before.words)):
            continue
        body = {
            "page": row["page"],
            "batch": batch,
            "ok": ok,
            "read": row["read"],
            "words": new[1],
            "words_zh": None if ok else row["words_zh"],
        }
        acts.record(connection, kind="page.sequence", actor=SYSTEM, body=body)
        count += 1
    return count
