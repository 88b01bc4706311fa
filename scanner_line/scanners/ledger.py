"""What became of each file of a watched folder, in the spool: so that a restart at any moment takes none twice and loses none."""

from collections.abc import Iterable
from dataclasses import dataclass

from scanner_line.batches import now
from scanner_line.spool import Spool

SCHEMA = """
CREATE TABLE IF NOT EXISTS folder_files(
  folder TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sha256 TEXT NOT NULL, state TEXT NOT NULL,
  pages_before INTEGER NOT NULL, t_ms INTEGER NOT NULL, PRIMARY KEY(folder, name, size, mtime_ns)) STRICT
"""
OLD, TAKING, TAKEN, REFUSED = "old", "taking", "taken", "refused"
FIRST = ""  # the name of the row that says that a folder was looked at before


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as the folder lists it: its name, bytes, and when it was written last (ns)."""

    name: str
    size: int
    mtime_ns: int

    @property
    def key(self) -> str:
        """The name as the ledger keeps it; bytes that are no UTF-8 are spelt out."""
        return self.name.encode(errors="backslashreplace").decode()


class FolderLedger:
    """The rows of one folder. Each method is one transaction."""

    def __init__(self, spool: Spool, folder: str) -> None:
        """Make the table where there is none."""
        self._spool = spool
        self._folder = folder
        with spool.transaction() as connection:
            connection.execute(SCHEMA)

    def begin(self, present: Iterable[Seen]) -> int | None:
        """At the very first start: what lies there already is old and is no page; how many. None at every later start."""
        with self._spool.transaction() as connection:
            row = (self._folder, FIRST, 0, 0, "", OLD, 0, now()[0])
            if connection.execute("INSERT OR IGNORE INTO folder_files VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row).rowcount == 0:
                return None
            rows = [(self._folder, one.key, one.size, one.mtime_ns, "", OLD, 0, now()[0]) for one in present]
            connection.executemany("INSERT OR IGNORE INTO folder_files VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            return len(rows)

    def known(self) -> dict[tuple[str, int, int], str]:
        """State of every file that is done with, by name, size and time."""
        with self._spool.reading() as connection:
            rows = connection.execute(
                "SELECT name, size, mtime_ns, state FROM folder_files WHERE folder = ? AND state != ?", (self._folder, TAKING)
            ).fetchall()
            return {(row[0], row[1], row[2]): row[3] for row in rows}

    def settle(self) -> int:
        """After a restart: files that were being taken are taken if a page of theirs was stored since, else they are taken anew. How many
        were taken."""
        with self._spool.transaction() as connection:
            stored = "EXISTS (SELECT 1 FROM pages WHERE pages.sha256 = folder_files.sha256 AND pages.rowid > folder_files.pages_before)"
            taken = connection.execute(
                f"UPDATE folder_files SET state = ? WHERE folder = ? AND state = ? AND {stored}",  # noqa: S608 (our own words)
                (TAKEN, self._folder, TAKING),
            ).rowcount
            connection.execute("DELETE FROM folder_files WHERE folder = ? AND state = ?", (self._folder, TAKING))
            return int(taken)

    def stored_since(self, seen: Seen) -> bool:
        """Whether a page of a file that is being taken was stored since."""
        with self._spool.reading() as connection:
            found = connection.execute(
                "SELECT 1 FROM folder_files JOIN pages USING (sha256) WHERE folder = ? AND name = ? AND size = ? AND mtime_ns = ?"
                " AND pages.rowid > pages_before",
                (self._folder, seen.key, seen.size, seen.mtime_ns),
            ).fetchone()
            return found is not None

    def taken_before(self, seen: Seen, sha256: str) -> bool:
        """Whether the same bytes under the same name are a page already: written again, not scanned again. Noted as such."""
        with self._spool.transaction() as connection:
            found = connection.execute(
                "SELECT 1 FROM folder_files WHERE folder = ? AND name = ? AND sha256 = ? AND state = ?",
                (self._folder, seen.key, sha256, TAKEN),
            ).fetchone()
            if found:
                row = (self._folder, seen.key, seen.size, seen.mtime_ns, sha256, TAKEN, 0, now()[0])
                connection.execute("INSERT OR REPLACE INTO folder_files VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
            return found is not None

    def take(self, seen: Seen, sha256: str) -> None:
        """Note, before its press, that a file is being taken."""
        with self._spool.transaction() as connection:
            (before,) = connection.execute("SELECT coalesce(max(rowid), 0) FROM pages").fetchone()
            row = (self._folder, seen.key, seen.size, seen.mtime_ns, sha256, TAKING, before, now()[0])
            connection.execute("INSERT OR REPLACE INTO folder_files VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def end(self, seen: Seen, state: str) -> None:
        """Note what became of it."""
        with self._spool.transaction() as connection:
            connection.execute(
                "UPDATE folder_files SET state = ? WHERE folder = ? AND name = ? AND size = ? AND mtime_ns = ?",
                (state, self._folder, seen.key, seen.size, seen.mtime_ns),
            )
