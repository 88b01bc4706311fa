"""A child's own durable outbox: what it has filed and not yet handed to the core."""

import json
import sqlite3
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from edge_agent.file_queue import FileRef
from wire.codec import encode_record
from wire.records import check

# AUTOINCREMENT: a number is never given twice, since the core takes each number of a source once
_TABLES = (
    "CREATE TABLE IF NOT EXISTS outbox (n INTEGER PRIMARY KEY AUTOINCREMENT, lane TEXT NOT NULL, line TEXT NOT NULL, files TEXT NOT NULL,"
    " refused TEXT)",
    "CREATE TABLE IF NOT EXISTS outbox_source (source TEXT NOT NULL)",
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One record that waits to be handed over: its number, lane, line and files."""

    n: int
    lane: str
    line: str
    files: tuple[FileRef, ...]


class Outbox:
    """Two tables in the child's own SQLite database; `add` takes part in whatever transaction the caller has open.

    The connection is the caller's (WAL, synchronous=FULL). A connection stays in its thread: give the HandoffClient an Outbox over a
    connection of its own to the same file.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        for table in _TABLES:
            connection.execute(table)
        if connection.execute("SELECT count(*) FROM outbox_source").fetchone()[0] == 0:
            connection.execute("INSERT INTO outbox_source VALUES (?)", (str(uuid.uuid4()),))
        if connection.in_transaction and connection.isolation_level is not None:
            connection.commit()

    @property
    def source(self) -> str:
        """The random name under which the core remembers what it has of this outbox."""
        return str(self._db.execute("SELECT source FROM outbox_source").fetchone()[0])

    def add(self, lane: str, record: Mapping[str, Any], files: Iterable[Mapping[str, Any]] = ()) -> int:
        """Put a record and its files ({sha256, path, bytes}, the path absolute) at the end; its number. Does not commit.

        WireError if the record or a file breaks the contract.
        """
        line = encode_record(check(dict(record), lane)).decode()
        texts = json.dumps([asdict(FileRef.of(file)) for file in files])
        cursor = self._db.execute("INSERT INTO outbox (lane, line, files) VALUES (?, ?, ?)", (lane, line, texts))
        return int(cursor.lastrowid or 0)

    def pending(self, limit: int = 100) -> list[Waiting]:
        """The oldest records that wait, in order."""
        rows = self._db.execute("SELECT n, lane, line, files FROM outbox WHERE refused IS NULL ORDER BY n LIMIT ?", (limit,)).fetchall()
        return [Waiting(n=row[0], lane=row[1], line=row[2], files=tuple(FileRef(**f) for f in json.loads(row[3]))) for row in rows]

    def done(self, n: int) -> None:
        """The core has it durably. Commits."""
        self._write("DELETE FROM outbox WHERE n = ?", (n,))

    def refuse(self, n: int, why: str) -> None:
        """The core will never take it (it breaks the contract): keep it apart, so that the rest goes on. Commits."""
        self._write("UPDATE outbox SET refused = ? WHERE n = ?", (why[:500], n))

    def count(self) -> int:
        """How many records wait."""
        return int(self._db.execute("SELECT count(*) FROM outbox WHERE refused IS NULL").fetchone()[0])

    def last_n(self) -> int:
        """The highest number ever given."""
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
        return int(row[0]) if row else 0

    def rename_source(self) -> str:
        """Take a new source name: this database is an older copy, and the core knows numbers of it that will be given again."""
        self._write("UPDATE outbox_source SET source = ?", (str(uuid.uuid4()),))
        return self.source

    def _write(self, sql: str, values: tuple[Any, ...]) -> None:
        self._db.execute(sql, values)
        if self._db.isolation_level is not None:
            self._db.commit()
