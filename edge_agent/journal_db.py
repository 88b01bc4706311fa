"""The journal's SQLite file: its tables, how it is opened and checked, and what SQLite's errors mean here."""

import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from edge_agent.errors import JournalDamaged, JournalError, JournalFull
from edge_agent.keys import sync_folder

SCHEMA_VERSION = 1
BUSY_MS = 10_000
WAL_KEPT_BYTES = 4 * 1024 * 1024
_SET_ASIDE_MAX = 3
_LATER = (  # nothing was stored, and the same may be stored later: a full, failing or read-only disk, or another program's lock
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
)

# lane: its index in wire.topics.LANES. epoch: a counter of this file's epochs, whose random names stand in `epochs`. records.h: the chain's
# hash after the record, NULL for most thinned ones. records.line: the line, or '#' and the raw digest of a withheld one. A lane's base is
# what came before the oldest record still held. acks: up to which sequence the centre had acknowledged at what time.
_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE epochs (epoch INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, made_ms INTEGER NOT NULL, why TEXT NOT NULL);
CREATE TABLE lanes (
  lane INTEGER NOT NULL, epoch INTEGER NOT NULL, base_seq INTEGER NOT NULL, base_h BLOB NOT NULL, PRIMARY KEY (lane, epoch)
) WITHOUT ROWID;
CREATE TABLE records (
  lane INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, line BLOB NOT NULL, h BLOB, PRIMARY KEY (lane, epoch, seq)
) WITHOUT ROWID;
CREATE TABLE acks (
  lane INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (lane, epoch, seq)
) WITHOUT ROWID;
CREATE TABLE declared (lane INTEGER NOT NULL, what TEXT NOT NULL, line BLOB NOT NULL, PRIMARY KEY (lane, what)) WITHOUT ROWID;
CREATE TABLE sources (source TEXT PRIMARY KEY, n INTEGER NOT NULL, at_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE errands (
  id TEXT PRIMARY KEY, child TEXT NOT NULL, name TEXT NOT NULL, args TEXT NOT NULL, at_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE commands (id TEXT PRIMARY KEY, expires_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE files (
  id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL, path TEXT NOT NULL, bytes INTEGER NOT NULL, lane INTEGER NOT NULL, epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL, state TEXT NOT NULL, at_ms INTEGER NOT NULL, why TEXT, UNIQUE (sha256, path)
);
CREATE INDEX files_by_state ON files (state, lane, seq);
CREATE INDEX files_by_record ON files (lane, epoch, seq);
"""


@contextmanager
def translated() -> Iterator[None]:
    """Turn SQLite's errors into the journal's: a full or failing disk, a damaged file, anything else."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _LATER:
            raise JournalFull(f"the journal cannot be written: {error}") from error
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise JournalDamaged(f"the journal is damaged: {error}") from error
        raise JournalError(f"the journal failed: {error}") from error


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """One durable transaction; whatever goes wrong inside rolls it back and is translated."""
    with translated():
        db.execute("BEGIN IMMEDIATE")
        try:
            yield
            db.execute("COMMIT")
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")


def connect(path: Path) -> sqlite3.Connection:
    """A connection to the journal's file with its pragmas set and its tables made; JournalDamaged if it is not sound."""
    fresh = not path.exists()
    with translated(), ExitStack() as on_failure:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000)
        on_failure.callback(db.close)
        if not fresh and [row[0] for row in db.execute("PRAGMA quick_check(1)")] != ["ok"]:
            raise JournalDamaged(f"{path}: fails SQLite's check")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            # one script, one transaction: a power cut leaves either no table or all of them
            db.executescript(f"BEGIN IMMEDIATE;{_TABLES}PRAGMA user_version = {SCHEMA_VERSION};COMMIT;")
        elif version != SCHEMA_VERSION:
            raise JournalError(f"{path}: written by another version of the agent (layout {version}, this one knows {SCHEMA_VERSION})")
        on_failure.pop_all()
    path.chmod(0o600)
    if fresh:
        sync_folder(path.parent)
    return db


def set_aside(path: Path) -> Path:
    """Rename a damaged journal and its companions so that a new one can be made; the oldest of more than three is removed."""
    kept = sorted(path.parent.glob(f"{path.name}.damaged-*"))
    kept = [name for name in kept if not name.name.endswith(("-wal", "-shm"))]
    for old in kept[: max(0, len(kept) - _SET_ASIDE_MAX + 1)]:
        for name in (old, Path(f"{old}-wal"), Path(f"{old}-shm")):
            name.unlink(missing_ok=True)
    target = path.with_name(f"{path.name}.damaged-{time.time_ns() // 1_000_000:015d}-{secrets.token_hex(2)}")
    for suffix in ("", "-wal", "-shm"):
        source = Path(f"{path}{suffix}")
        if source.exists():
            source.rename(f"{target}{suffix}")
    sync_folder(path.parent)
    return target


def free_bytes(db: sqlite3.Connection) -> int:
    """Bytes inside the file that hold nothing and are used before it grows."""
    with translated():
        pages = db.execute("PRAGMA freelist_count").fetchone()[0]
        size = db.execute("PRAGMA page_size").fetchone()[0]
    return int(pages) * int(size)
