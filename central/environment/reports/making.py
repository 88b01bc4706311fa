"""Makes a report: the month's figures, how the ledger stood, the PDF; and files it: bytes first, then the act that names their SHA-256."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from central.config import CentralConfig
from central.environment.reports.document import Document, Evidence
from central.environment.reports.fonts import fonts
from central.environment.reports.month import month_report
from central.ledger import acts
from central.ledger import queries as ledger
from central.objects import ObjectStore
from central.store.engine import reading, writing

FONTS = "fonts"  # folder below the centre's data


@dataclass(frozen=True, kw_only=True)
class Made:
    """A PDF, whether its month is over, and the size of the ledger's tree when it was made."""

    pdf: bytes
    whole: bool
    tree_size: int


def make(engine: Engine, config: CentralConfig, *, room: str, month: str, lang: str, by: str, now_ms: int) -> Made:
    """The report of a room's month; ValueError for a month that there is not, NoFont where the console's assets are missing."""
    files = fonts(Path(config.data) / FONTS)
    with reading(engine) as connection:
        report = month_report(connection, room, month, zone=config.zone, now_ms=now_ms)
        tree = ledger.checkpoint(connection)
    size, root = (0, "") if tree is None else (tree.size, tree.root)
    evidence = Evidence(site=config.site, made_ms=now_ms, made_by=by, tree_size=size, root=root)
    return Made(pdf=Document(report, evidence, lang=lang, fonts=files).bytes(), whole=report.whole, tree_size=size)


def file(engine: Engine, objects: ObjectStore, made: Made, *, room: str, month: str, lang: str, by: str) -> tuple[str, int]:
    """Keep the PDF and record that it was filed: (the report's id, the act's id)."""
    sha256 = objects.put(made.pdf)
    body = {"report": str(uuid.uuid4()), "room": room, "month": month, "lang": lang}
    body |= {"sha256": sha256}
    with writing(engine) as connection:
        act = acts.record(connection, kind="report.file", actor=by, body=body | {"bytes": len(made.pdf), "tree_size": made.tree_size})
    return body["report"], act
