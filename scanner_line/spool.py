"""The spool of a bench: page images as content-addressed files, and the SQLite database that stands beside them.

File first (temporary name, fsync, rename, fsync of the folder), then its row. The database runs with synchronous=FULL in WAL mode.
Other modules keep their rows in it through `transaction()`; the outbox of the agent shares the connection, so that a page's row and
the record about it become durable in one commit.
"""

import contextlib
import hashlib
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scanner_line.errors import SpoolError

BUSY_TIMEOUT_S = 5.0
IMAGE_BYTES_MAX = 64 * 1024 * 1024
SCHEMA_VERSION = 2
SUFFIXES = {b"\xff\xd8": ".jpg", b"\x89PNG": ".png", b"II*\x00": ".tif", b"MM\x00*": ".tif"}  # by the first bytes of the file
BARE = ".jpg"  # of what begins like none of them
PAGES = """pages(
  page TEXT PRIMARY KEY, press TEXT NOT NULL, spread TEXT NOT NULL, batch TEXT NOT NULL, seq INTEGER NOT NULL, after TEXT,
  side TEXT NOT NULL, sha256 TEXT, bytes INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, dpi REAL,
  t_ms INTEGER NOT NULL, m_ms INTEGER NOT NULL, checks TEXT, verdict TEXT, facts TEXT, operator TEXT,
  replaces TEXT, reason TEXT, replaced_by TEXT, deleted INTEGER NOT NULL DEFAULT 0,
  placeholder TEXT, moved_from TEXT, inserted INTEGER NOT NULL DEFAULT 0, told INTEGER NOT NULL DEFAULT 0) STRICT"""
SCHEMA = (
    """CREATE TABLE IF NOT EXISTS batches(
  batch TEXT PRIMARY KEY, state TEXT NOT NULL, declared INTEGER, volume TEXT, operator TEXT,
  opened_ms INTEGER NOT NULL, closed_ms INTEGER, opened_by TEXT, reason TEXT) STRICT""",
    "CREATE UNIQUE INDEX IF NOT EXISTS one_open_batch ON batches(state) WHERE state = 'open'",
    """CREATE TABLE IF NOT EXISTS presses(
  press TEXT PRIMARY KEY, t_ms INTEGER NOT NULL, m_ms INTEGER NOT NULL, pedal TEXT NOT NULL, wish TEXT NOT NULL,
  batch TEXT, outcome TEXT, why TEXT, operator TEXT) STRICT""",
    "DROP INDEX IF EXISTS presses_by_time",
    "CREATE INDEX IF NOT EXISTS presses_by_time_outcome ON presses(t_ms, outcome)",
    "CREATE INDEX IF NOT EXISTS presses_unfinished ON presses(press) WHERE outcome IS NULL",
    f"CREATE TABLE IF NOT EXISTS {PAGES}",
    "CREATE INDEX IF NOT EXISTS pages_by_batch ON pages(batch, seq)",
    "CREATE INDEX IF NOT EXISTS pages_live ON pages(batch, seq, page, after, told) WHERE replaced_by IS NULL AND NOT deleted",
    "CREATE INDEX IF NOT EXISTS pages_counted ON pages(batch, replaced_by, deleted, verdict, placeholder)",
    "CREATE INDEX IF NOT EXISTS pages_out ON pages(batch) WHERE deleted > 0",
    """CREATE INDEX IF NOT EXISTS pages_last ON pages(batch, t_ms)
  WHERE replaced_by IS NULL AND NOT deleted AND placeholder IS NULL""",
    "CREATE INDEX IF NOT EXISTS pages_pace ON pages(t_ms) WHERE replaces IS NULL AND placeholder IS NULL",
    "CREATE INDEX IF NOT EXISTS pages_by_press ON pages(press)",
    "CREATE INDEX IF NOT EXISTS pages_by_spread ON pages(spread)",
    "CREATE INDEX IF NOT EXISTS pages_by_digest ON pages(sha256)",
    "CREATE INDEX IF NOT EXISTS pages_replaced ON pages(replaced_by) WHERE replaced_by IS NOT NULL",
    """CREATE TABLE IF NOT EXISTS operations(
  n INTEGER PRIMARY KEY AUTOINCREMENT, batch TEXT NOT NULL, kind TEXT NOT NULL, t_ms INTEGER NOT NULL, detail TEXT NOT NULL,
  undone INTEGER NOT NULL DEFAULT 0) STRICT""",
    "CREATE INDEX IF NOT EXISTS operations_by_batch ON operations(batch, n)",
    "CREATE TABLE IF NOT EXISTS rework(batch TEXT NOT NULL, page TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY(batch, page)) STRICT",
)
FROM_1 = (  # what a spool of version 1 lacks: pages without an image, and what was told of each page
    f"CREATE TABLE {PAGES.replace('pages(', 'pages_2(', 1)}",
    """INSERT INTO pages_2(page, press, spread, batch, seq, after, side, sha256, bytes, width, height, dpi, t_ms, m_ms, checks, verdict,
  facts, operator, replaces, reason, replaced_by, deleted, told)
  SELECT page, press, spread, batch, seq, after, side, sha256, bytes, width, height, dpi, t_ms, m_ms, checks, verdict, facts, operator,
  replaces, reason, replaced_by, deleted,
  coalesce((SELECT outcome IS NOT NULL FROM presses WHERE presses.press = pages.press), 1) FROM pages ORDER BY rowid""",
    "DROP TABLE pages",
    "ALTER TABLE pages_2 RENAME TO pages",
    "ALTER TABLE batches ADD COLUMN reason TEXT",
)


@dataclass(frozen=True, slots=True)
class Kept:
    """An image on disk: SHA-256 in hex, size in bytes, its path."""

    sha256: str
    bytes: int
    path: Path


def suffix_of(image: bytes) -> str:
    """The file name's ending for an image, by its first bytes."""
    return next((suffix for magic, suffix in SUFFIXES.items() if image.startswith(magic)), BARE)


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Spool:
    """Files and database under one folder. Safe to use from several threads: every transaction is serialised."""

    def __init__(self, folder: Path, *, on_commit: Callable[[], None] = lambda: None) -> None:
        """Open or make the spool. `on_commit` is called after every transaction (from the thread that made it), so that whoever hands
        records on can wake up. SpoolError if the folder cannot be used or was written by a newer version."""
        self.folder = folder
        self.database = folder / "spool.db"
        self._objects = folder / "objects"
        self._on_commit = on_commit
        self._lock = threading.RLock()
        try:
            self._objects.mkdir(parents=True, exist_ok=True)
            self.connection = sqlite3.connect(self.database, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
            self.connection.row_factory = sqlite3.Row
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise SpoolError(f"the spool {folder} cannot be opened: {error}") from error

    def _prepare(self) -> None:
        version = self.connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise SpoolError(f"the spool {self.folder} was written by a newer version ({version} > {SCHEMA_VERSION})")
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=FULL")
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            columns = {row["name"] for row in self.connection.execute("PRAGMA table_info(pages)")}
            of_presses = {row["name"] for row in self.connection.execute("PRAGMA table_info(presses)")}
            if of_presses and "operator" not in of_presses:
                self.connection.execute("ALTER TABLE presses ADD COLUMN operator TEXT")
            for statement in (*(FROM_1 if columns and "told" not in columns else ()), *SCHEMA, f"PRAGMA user_version={SCHEMA_VERSION}"):
                self.connection.execute(statement)
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One durable transaction; rolled back when the body raises. SpoolError for what SQLite or the disk refuses."""
        with self._lock:
            try:
                self.connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self.connection
                except BaseException:
                    self.connection.execute("ROLLBACK")
                    raise
                self.connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise SpoolError(f"the spool's database refused: {error}") from error
        self._on_commit()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection for reading, kept from other threads meanwhile; SpoolError for what SQLite refuses."""
        with self._lock:
            try:
                yield self.connection
            except sqlite3.Error as error:
                raise SpoolError(f"the spool's database refused: {error}") from error

    def keep(self, image: bytes) -> Kept:
        """Write one image durably under its digest; keeping the same bytes twice keeps one file. SpoolError if the disk refuses."""
        if not 0 < len(image) <= IMAGE_BYTES_MAX:
            raise SpoolError(f"an image of {len(image)} bytes is not within 1..{IMAGE_BYTES_MAX}")
        digest = hashlib.sha256(image).hexdigest()
        final = self._folder_of(digest) / f"{digest}{suffix_of(image)}"
        temporary = final.with_name(f".{digest}.{os.getpid()}.{threading.get_ident()}.part")
        try:
            if not (final.exists() and final.stat().st_size == len(image)):
                new_folder = not final.parent.is_dir()
                final.parent.mkdir(exist_ok=True)
                with temporary.open("wb") as file:
                    file.write(image)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.rename(final)
                _fsync_folder(final.parent)
                if new_folder:
                    _fsync_folder(self._objects)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise SpoolError(f"the image could not be stored: {error.strerror or error}") from error
        return Kept(digest, len(image), final)

    def path_of(self, sha256: str) -> Path:
        """Where an image with this digest lies, or would lie if it were a JPEG."""
        folder = self._folder_of(sha256)
        for suffix in dict.fromkeys(SUFFIXES.values()):
            path = folder / f"{sha256}{suffix}"
            if path.exists():
                return path
        return folder / f"{sha256}{BARE}"

    def _folder_of(self, sha256: str) -> Path:
        return self._objects / sha256[:2]

    def drop(self, sha256: str) -> None:
        """Remove an image that no page row names any more; others stay."""
        with self.reading() as connection:
            named = connection.execute("SELECT 1 FROM pages WHERE sha256 = ? LIMIT 1", (sha256,)).fetchone()
            if named is None:
                self.path_of(sha256).unlink(missing_ok=True)

    def sweep(self) -> int:
        """Remove what a crash left: temporary files, and images without a row. Returns how many; called before the station starts."""
        with self.reading() as connection:
            named = {row[0] for row in connection.execute("SELECT DISTINCT sha256 FROM pages WHERE sha256 IS NOT NULL")}
        removed = 0
        for path in self._objects.glob("*/*"):
            if path.name.endswith(".part") or (path.suffix in SUFFIXES.values() and path.stem not in named):
                path.unlink(missing_ok=True)
                removed += 1
        return removed

    def forget(self, *, before_ms: int) -> int:
        """Drop the rows of batches closed before a moment whose files the uploader has pruned already, and of presses as old that
        left no page. Returns the number of page rows dropped."""
        with self.transaction() as connection:
            dropped = 0
            old = connection.execute("SELECT batch FROM batches WHERE state = 'closed' AND closed_ms < ?", (before_ms,)).fetchall()
            for (batch,) in old:
                digests = connection.execute("SELECT sha256 FROM pages WHERE batch = ? AND sha256 IS NOT NULL", (batch,)).fetchall()
                if any(self.path_of(row[0]).exists() for row in digests):
                    continue
                dropped += connection.execute("DELETE FROM pages WHERE batch = ?", (batch,)).rowcount
                for table in ("operations", "rework", "batches"):
                    connection.execute(f"DELETE FROM {table} WHERE batch = ?", (batch,))  # noqa: S608 (our own words)
            connection.execute(
                "DELETE FROM presses WHERE t_ms < ? AND outcome IS NOT NULL AND press NOT IN (SELECT press FROM pages)", (before_ms,)
            )
            return dropped

    def free_bytes(self) -> int:
        """Bytes left on the disk under the spool."""
        return shutil.disk_usage(self.folder).free

    def close(self) -> None:
        """Close the database; may be called twice."""
        with self._lock:
            self.connection.close()
