"""What the journal's file remembers beside its records: notes, errands, how far each child has handed over, ids of commands."""

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from edge_agent.journal_db import transaction, translated

COMMANDS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Errand:
    """Something a child has yet to do, kept until it says it is done."""

    id: str
    child: str
    name: str
    args: dict[str, Any]


class Memory:
    """The tables beside the records. The journal calls `write` inside its transaction; every other method that writes is one of its own."""

    def __init__(self, db: sqlite3.Connection, lock: "threading.RLock") -> None:
        """`db` and `lock` are the journal's."""
        self._db = db
        self._lock = lock

    def write(self, *, errands: Iterable[Errand], source: tuple[str, int] | None, notes: Mapping[str, str] | None, t_ms: int) -> None:
        """Add errands, the number a source has come to, and notes by name, in the caller's transaction."""
        self._db.executemany(
            "INSERT OR IGNORE INTO errands VALUES (?, ?, ?, ?, ?)", [(e.id, e.child, e.name, json.dumps(e.args), t_ms) for e in errands]
        )
        if source is not None:
            self._db.execute("INSERT OR REPLACE INTO sources VALUES (?, ?, ?)", (*source, t_ms))
        self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", [(f"note:{name}", text) for name, text in (notes or {}).items()])

    def remember(self, notes: Mapping[str, str]) -> None:
        """Keep texts by name, durably: the state of the alarm rules for one."""
        with self._lock, transaction(self._db):
            self.write(errands=(), source=None, notes=notes, t_ms=0)

    def note(self, name: str) -> str | None:
        """A text kept with records or by `remember`, None for one never kept."""
        with self._lock, translated():
            row = self._db.execute("SELECT value FROM meta WHERE name = ?", (f"note:{name}",)).fetchone()
        return str(row[0]) if row else None

    def source_n(self, source: str) -> int:
        """The highest n stored for a source; 0 for one never heard of."""
        with self._lock, translated():
            row = self._db.execute("SELECT n FROM sources WHERE source = ?", (source,)).fetchone()
        return int(row[0]) if row else 0

    def errands(self, child: str) -> list[Errand]:
        """What a child has yet to do, oldest first."""
        with self._lock, translated():
            rows = self._db.execute("SELECT id, child, name, args FROM errands WHERE child = ? ORDER BY at_ms, id", (child,)).fetchall()
        return [Errand(id=row[0], child=row[1], name=row[2], args=json.loads(row[3])) for row in rows]

    def errand_done(self, ident: str) -> None:
        """Forget an errand; unknown ones are no error, since a child may say it twice."""
        with self._lock, transaction(self._db):
            self._db.execute("DELETE FROM errands WHERE id = ?", (ident,))

    def remember_command(self, ident: str, *, expires_ms: int, now_ms: int) -> bool:
        """Durably remember a command's id until it expires; False if it was known, or too many are remembered."""
        with self._lock, transaction(self._db):
            self._db.execute("DELETE FROM commands WHERE expires_ms < ?", (now_ms,))
            if self._db.execute("SELECT count(*) FROM commands").fetchone()[0] >= COMMANDS_MAX:
                return False
            done = self._db.execute("INSERT OR IGNORE INTO commands VALUES (?, ?)", (ident, expires_ms))
            return done.rowcount == 1
