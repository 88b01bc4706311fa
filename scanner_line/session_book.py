"""The sessions of a bench on disk: the row of each, the photographs that proved it, and the records that tell the centre."""

import json
import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scanner_line.batches import LANE, now
from scanner_line.errors import SpoolError
from scanner_line.roles import Outbox
from scanner_line.spool import Spool
from wire.records import record

KEEP = 50  # sessions whose photographs and rows stay on the bench
TABLE = """CREATE TABLE IF NOT EXISTS sessions(
  session TEXT PRIMARY KEY, begun_ms INTEGER NOT NULL, ended_ms INTEGER, why TEXT, operator TEXT, serials TEXT NOT NULL,
  cards TEXT NOT NULL, target TEXT, baseline TEXT NOT NULL) STRICT"""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session as it stands: wall ms; `cards`: side -> proven, waiting or wrong; `target`: results by side; `baseline`: by side."""

    session: str
    begun_ms: int
    operator: str | None
    serials: dict[str, str]
    cards: dict[str, str]
    target: dict[str, Any] | None = None
    baseline: dict[str, dict[str, Any]] = field(default_factory=dict)
    ended_ms: int | None = None
    why: str | None = None


class SessionBook:
    """Rows in the spool's own database; photographs of proofs beside it, never among the pages."""

    def __init__(self, spool: Spool, outbox: Outbox, *, station: str, clock: Callable[[], tuple[int, int]] = now) -> None:
        """`station` is the full identity `{agent}/{name}`; `clock` gives wall ms and CLOCK_BOOTTIME ms."""
        self._spool = spool
        self._outbox = outbox
        self._station = station
        self._clock = clock
        self._proofs = spool.folder / "proofs"
        with spool.transaction() as connection:
            connection.execute(TABLE)

    def begin(self, *, serials: Mapping[str, str], operator: str | None) -> SessionRow:
        """Begin a session with nothing proven; the one before, if it is still open, ends."""
        made = SessionRow(str(uuid.uuid4()), self._clock()[0], operator, dict(serials), dict.fromkeys(serials, "waiting"))
        with self._spool.transaction() as connection:
            connection.execute("UPDATE sessions SET ended_ms = ?, why = 'replaced' WHERE ended_ms IS NULL", (made.begun_ms,))
            connection.execute(
                "INSERT INTO sessions(session, begun_ms, operator, serials, cards, baseline) VALUES (?, ?, ?, ?, ?, '{}')",
                (made.session, made.begun_ms, operator, json.dumps(made.serials), json.dumps(made.cards)),
            )
        self._forget()
        return made

    def current(self) -> SessionRow | None:
        """The session that has not ended."""
        with self._spool.reading() as connection:
            row = connection.execute("SELECT * FROM sessions WHERE ended_ms IS NULL ORDER BY begun_ms DESC LIMIT 1").fetchone()
        if row is None:
            return None
        fields = dict(row)
        for name in ("serials", "cards", "baseline", "target"):
            fields[name] = None if fields[name] is None else json.loads(fields[name])
        return SessionRow(**fields)

    def keep(self, row: SessionRow, *, told: Mapping[str, Any] | None = None) -> SessionRow:
        """Write a session as it now stands; with `told`, a record of it goes out in the same transaction."""
        with self._spool.transaction() as connection:
            connection.execute(
                "UPDATE sessions SET ended_ms = ?, why = ?, operator = ?, cards = ?, target = ?, baseline = ? WHERE session = ?",
                (row.ended_ms, row.why, row.operator, json.dumps(row.cards), None if row.target is None else json.dumps(row.target),
                 json.dumps(row.baseline), row.session),
            )  # fmt: skip
            if told is not None:
                facts = {
                    "station": self._station,
                    "session": {"id": row.session, "begun": row.begun_ms, "operator": row.operator, "serials": row.serials,
                                "cards": row.cards, "target": row.target, "baseline": row.baseline, **told},
                }  # fmt: skip
                self._outbox.add(LANE, record("health", *self._clock(), facts=facts))
        return row

    def end(self, row: SessionRow, why: str) -> None:
        """End a session, with its record."""
        self.keep(replace(row, ended_ms=self._clock()[0], why=why), told={"event": "ended", "why": why})

    def keep_proof(self, row: SessionRow, step: str, images: Mapping[str, bytes]) -> None:
        """Keep the photographs of a proof, by side, over those of an earlier try of the same step. SpoolError if the disk refuses."""
        folder = self._proofs / row.session
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for side, image in images.items():
                part = folder / f".{step}-{side}.part"
                part.write_bytes(image)
                part.replace(folder / f"{step}-{side}.jpg")
        except OSError as error:
            raise SpoolError(f"the proof could not be stored: {error.strerror or error}") from error

    def proofs(self, session: str) -> list[Path]:
        """The photographs that are kept of a session."""
        return sorted((self._proofs / session).glob("*.jpg"))

    def _forget(self) -> None:
        with self._spool.transaction() as connection:
            old = connection.execute("SELECT session FROM sessions ORDER BY begun_ms DESC LIMIT -1 OFFSET ?", (KEEP,)).fetchall()
            for (session,) in old:
                connection.execute("DELETE FROM sessions WHERE session = ?", (session,))
                shutil.rmtree(self._proofs / session, ignore_errors=True)
