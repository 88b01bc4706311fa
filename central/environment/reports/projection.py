"""Reports from the acts of those who file them, and their schedule."""

from __future__ import annotations

import re

from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite import insert

from central.environment.reports.tables import report_schedules, reports
from central.store.projecting import ActEntry, BatchEntry, Context
from wire.topics import valid_name

MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
LANGS = ("zh", "en")
BOTH = "*"
DAY_MAX = 28
DIGEST = re.compile(r"[0-9a-f]{64}")


class ReportProjector:
    """Filed reports and schedules; agents send nothing about them."""

    def load(self, connection: Connection) -> None:
        """Nothing is kept in memory."""

    def batch(self, context: Context, entry: BatchEntry) -> None:
        """Agents send nothing about reports."""

    def flush(self, context: Context) -> None:
        """Nothing is gathered."""

    def act(self, context: Context, entry: ActEntry) -> None:
        """Project an act; those of an erased body change nothing."""
        done = {"report.file": self._file, "report.schedule": self._schedule}.get(entry.kind)
        if done is not None and entry.body:
            done(context.connection, entry)

    def _file(self, connection: Connection, entry: ActEntry) -> None:
        body = entry.body
        if (
            not valid_name(body["room"])
            or not MONTH.fullmatch(body["month"])
            or body["lang"] not in LANGS
            or not DIGEST.fullmatch(body["sha256"])
        ):
            raise ValueError("a report has a room, a month, a language and a digest")
        row = {name: body[name] for name in ("room", "month", "lang", "sha256")}
        row |= {"id": str(body["report"])[:36], "bytes": int(body["bytes"]), "tree_size": int(body["tree_size"])}
        connection.execute(insert(reports).values(**row, made_ms=entry.t_ms, made_by=entry.actor).on_conflict_do_nothing())

    def _schedule(self, connection: Connection, entry: ActEntry) -> None:
        body = entry.body
        if not valid_name(body["room"]) or body["lang"] not in (*LANGS, BOTH) or not 1 <= int(body["day"]) <= DAY_MAX:
            raise ValueError("a schedule has a room, a language and a day from 1 to 28")
        if not MONTH.fullmatch(body["from_month"]):
            raise ValueError("a schedule begins with a month")
        row = {name: body[name] for name in ("room", "lang", "from_month")} | {"on": bool(body["on"]), "day": int(body["day"])}
        row |= {"set_ms": entry.t_ms, "set_by": entry.actor}
        connection.execute(insert(report_schedules).values(row).on_conflict_do_update(index_elements=["room"], set_=row))
