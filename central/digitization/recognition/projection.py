"""Projects which batches changed, what the sequence of page numbers says of pages, and what people made of suggestions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite import insert

from central.digitization.recognition.tables import batch_changes, descriptions, sequence_checks
from central.store.projecting import ActEntry, BatchEntry, Context, as_json

LANE = "capture"
KINDS = ("page", "batch")
STATES = ("confirmed", "edited", "dismissed")


def _text(value: Any, most: int) -> str | None:
    return value[:most] if isinstance(value, str) and value else None


class RecognitionProjector:
    """Nothing is kept in memory."""

    def load(self, connection: Connection) -> None:
        """Nothing is kept in memory."""

    def batch(self, context: Context, entry: BatchEntry) -> None:
        """Note which batches a bench changed."""
        if entry.lane != LANE:
            return
        changed = {record.get("batch") for _, record in entry.records if record["k"] in KINDS}
        rows = [{"batch_id": ident, "leaf_idx": entry.leaf_idx} for ident in sorted(one for one in changed if isinstance(one, str))]
        if rows:
            statement = insert(batch_changes)
            late = statement.on_conflict_do_update(index_elements=["batch_id"], set_={"leaf_idx": statement.excluded.leaf_idx})
            context.connection.execute(late, rows)

    def act(self, context: Context, entry: ActEntry) -> None:
        """What was said of a page's number, or of a suggestion; an act whose body was erased changes nothing."""
        if entry.kind == "page.sequence" and entry.body:
            self._sequence(context, entry.body, entry.t_ms)
        elif entry.kind == "volume.describe" and entry.body:
            self._describe(context, entry)

    def flush(self, context: Context) -> None:
        """Nothing is gathered."""

    @staticmethod
    def _sequence(context: Context, body: Mapping[str, Any], t_ms: int) -> None:
        row: dict[str, Any] = {"ok": body["ok"] is True, "read": _text(body.get("read"), 40), "words": _text(body.get("words"), 400)}
        row |= {"words_zh": _text(body.get("words_zh"), 400), "t_ms": t_ms}
        done = insert(sequence_checks).values(page=str(body["page"])[:100], **row)
        context.connection.execute(done.on_conflict_do_update(index_elements=["page"], set_=row))
        context.tell("page", agent=None, room=None, data={"page": body["page"], "batch": body.get("batch"), "sequence": row["ok"]})

    @staticmethod
    def _describe(context: Context, entry: ActEntry) -> None:
        body = entry.body
        if body["state"] not in STATES:
            raise ValueError(f"no state of a suggestion: {body['state']!r}")
        row: dict[str, Any] = {"volume": _text(body.get("volume"), 200), "state": body["state"], "title": _text(body.get("title"), 400)}
        row |= {
            "number": _text(body.get("number"), 200),
            "suggested": as_json(body.get("suggested", {})),
            "by": entry.actor,
            "t_ms": entry.t_ms,
        }
        done = insert(descriptions).values(batch_id=str(body["batch"])[:100], **row)
        context.connection.execute(done.on_conflict_do_update(index_elements=["batch_id"], set_=row))
