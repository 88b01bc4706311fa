"""Packages from the acts of those who ask for them and of the worker that makes them."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection, update
from sqlalchemy.dialects.sqlite import insert

from central.digitization.packages.tables import packages
from central.store.projecting import ActEntry, BatchEntry, Context, as_json

KINDS = ("bagit", "mets", "iiif", "pdf", "eep")
RECIPIENTS_MAX = 10
RECIPIENT = re.compile(r"age1[0-9a-z]{58}")  # the Bech32 form of an X25519 recipient, https://age-encryption.org/v1
DIGEST = re.compile(r"[0-9a-f]{64}")
WORDS_MAX = 1000


class PackageProjector:
    """Packages asked for, made, failed; agents send nothing about them."""

    def load(self, connection: Connection) -> None:
        """Nothing is kept in memory."""

    def batch(self, context: Context, entry: BatchEntry) -> None:
        """Agents send nothing about packages."""

    def flush(self, context: Context) -> None:
        """Nothing is gathered."""

    def act(self, context: Context, entry: ActEntry) -> None:
        """Project an act; those of an erased body change nothing."""
        done = {"package.ask": self._ask, "package.made": self._made, "package.failed": self._failed}.get(entry.kind)
        if done is not None and entry.body:
            done(context, entry)

    def _ask(self, context: Context, entry: ActEntry) -> None:
        body = entry.body
        recipients = [str(one) for one in body.get("recipients", [])]
        if body["kind"] not in KINDS or len(recipients) > RECIPIENTS_MAX or not all(map(RECIPIENT.fullmatch, recipients)):
            raise ValueError("a package has a kind, and age recipients at most")
        row = {"id": str(body["package"])[:36], "batch_id": str(body["batch"])[:100], "kind": body["kind"], "state": "asked"}
        row |= {"recipients": as_json(recipients), "asked_ms": entry.t_ms, "asked_by": entry.actor}
        context.connection.execute(insert(packages).values(row).on_conflict_do_nothing())
        self._tell(context, row["batch_id"])

    def _made(self, context: Context, entry: ActEntry) -> None:
        body = entry.body
        if not DIGEST.fullmatch(body["sha256"]):
            raise ValueError("a package that was made has a digest")
        values = {"state": "made", "sha256": body["sha256"], "bytes": int(body["bytes"]), "files": int(body["files"])}
        self._done(context, entry, values | {"tree_size": int(body["tree_size"]), "words": None, "words_zh": None})

    def _failed(self, context: Context, entry: ActEntry) -> None:
        words = {name: str(entry.body[name])[:WORDS_MAX] for name in ("words", "words_zh")}
        self._done(context, entry, {"state": "failed"} | words)

    def _done(self, context: Context, entry: ActEntry, values: dict[str, Any]) -> None:
        asked = (packages.c.id == entry.body["package"]) & (packages.c.state == "asked")
        statement = update(packages).where(asked).values(done_ms=entry.t_ms, **values).returning(packages.c.batch_id)
        batch = context.connection.execute(statement).scalar_one_or_none()
        if batch is None:
            raise ValueError(f"package {entry.body['package']!r} was not asked for")
        self._tell(context, batch)

    @staticmethod
    def _tell(context: Context, batch: str) -> None:
        context.tell("batch", agent=None, room=None, data={"batch": batch, "packages": True})
