"""What may be read about packages."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from sqlalchemy import Connection, select, tuple_

from central.digitization.packages.tables import packages
from central.times import rfc3339, rfc3339_or_none

SUFFIXES = {"bagit": "tar", "mets": "xml", "iiif": "tar", "pdf": "pdf", "eep": "xml"}


class Package(msgspec.Struct, frozen=True):
    """A package of a batch; `state` is asked, made or failed; `file` is its name once it is made."""

    id: str
    batch: str
    kind: str
    state: str
    recipients: list[str]
    asked: str
    asked_by: str
    done: str | None
    sha256: str | None
    bytes: int | None
    files: int | None
    tree_size: int | None
    words: str | None
    words_zh: str | None
    asked_ms: int

    @property
    def file(self) -> str:
        """The name of its file in the centre's folder of packages."""
        return f"{self.id}.{SUFFIXES[self.kind]}" + (".age" if self.recipients else "")


def _package(row: Any) -> Package:
    return Package(
        id=row.id,
        batch=row.batch_id,
        kind=row.kind,
        state=row.state,
        recipients=json.loads(row.recipients),
        asked=rfc3339(row.asked_ms),
        asked_by=row.asked_by,
        done=rfc3339_or_none(row.done_ms),
        sha256=row.sha256,
        bytes=row.bytes,
        files=row.files,
        tree_size=row.tree_size,
        words=row.words,
        words_zh=row.words_zh,
        asked_ms=row.asked_ms,
    )


def packages_before(connection: Connection, *, batch: str | None, before: tuple[int, str] | None, limit: int) -> list[Package]:
    """Packages, the one asked for last first, after the cursor (asked_ms, id)."""
    query = select(packages).order_by(packages.c.asked_ms.desc(), packages.c.id.desc()).limit(limit)
    if batch is not None:
        query = query.where(packages.c.batch_id == batch)
    if before is not None:
        query = query.where(tuple_(packages.c.asked_ms, packages.c.id) < before)
    return [_package(row) for row in connection.execute(query)]


def package_named(connection: Connection, ident: str) -> Package | None:
    """One package, None if there is no such one."""
    row = connection.execute(select(packages).where(packages.c.id == ident)).first()
    return None if row is None else _package(row)


def asked(connection: Connection, *, limit: int = 1) -> list[Package]:
    """Packages that wait to be made, the oldest first."""
    query = select(packages).where(packages.c.state == "asked").order_by(packages.c.asked_ms, packages.c.id).limit(limit)
    return [_package(row) for row in connection.execute(query)]


def waiting(connection: Connection) -> int:
    """How many packages wait to be made."""
    return len(connection.execute(select(packages.c.id).where(packages.c.state == "asked").limit(1000)).all())
