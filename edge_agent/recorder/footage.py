"""The recorder's rows: which segments are on disk, and which clips are wanted, made or waiting for the core.

File first, then the row: a row always has its file; a file without a row is repaired or removed at start. SQLite with
``synchronous=FULL``. All times are wall milliseconds since 1970 UTC unless a name says otherwise.
"""

import json
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS segments (
  id INTEGER PRIMARY KEY AUTOINCREMENT, camera TEXT NOT NULL, session TEXT NOT NULL, start_ms INTEGER NOT NULL, start_m INTEGER NOT NULL,
  offset_s REAL NOT NULL, duration_s REAL NOT NULL, path TEXT NOT NULL UNIQUE, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS segments_by_time ON segments (camera, start_ms);
CREATE TABLE IF NOT EXISTS clips (
  clip TEXT PRIMARY KEY, camera TEXT NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, because TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'wanted', path TEXT, sha256 TEXT);
CREATE INDEX IF NOT EXISTS clips_by_state ON clips (state, camera);
"""


@dataclass(frozen=True)
class Segment:
    """A closed file of encoded video. offset_s: where it starts in its session's own clock; duration_s: to the end of its last frame."""

    id: int
    camera: str
    session: str
    start_ms: int
    start_m: int
    offset_s: float
    duration_s: float
    path: Path
    bytes: int
    sha256: str

    @property
    def end_ms(self) -> int:
        """When its last frame ends."""
        return self.start_ms + round(self.duration_s * 1000)


def _segment(row: tuple[Any, ...]) -> Segment:
    ident, camera, session, start_ms, start_m, offset_s, duration_s, path, size, sha256 = row
    return Segment(ident, camera, session, start_ms, start_m, offset_s, duration_s, Path(path), size, sha256)


@dataclass(frozen=True)
class WantedClip:
    """A span of one camera's video that some events ask for."""

    clip: str
    camera: str
    from_ms: int
    to_ms: int
    because: tuple[str, ...]


class Footage:
    """The store; one connection, used from every camera's thread under one lock."""

    def __init__(self, path: Path) -> None:
        """Open or make the database at path."""
        self._lock = threading.RLock()
        self.connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=FULL")
        self.connection.executescript(SCHEMA)

    def close(self) -> None:
        """Close the database; may be called twice."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: all of it or nothing."""
        with self._lock:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
            except BaseException:
                self.connection.execute("ROLLBACK")
                raise
            self.connection.execute("COMMIT")

    def add_segment(self, segment: Segment) -> None:
        """Record a segment whose file is durable; its id is chosen here."""
        row = (
            *(segment.camera, segment.session, segment.start_ms, segment.start_m, segment.offset_s, segment.duration_s),
            *(str(segment.path), segment.bytes, segment.sha256),
        )
        with self.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO segments (camera, session, start_ms, start_m, offset_s, duration_s, path, bytes, sha256)"
                " VALUES (?,?,?,?,?,?,?,?,?)",
                row,
            )

    def shift_session(self, session: str, *, start_ms: int) -> None:
        """Put right when a session's segments began, now that its start is known better."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE segments SET start_m = start_m + (?1 + CAST(offset_s*1000 AS INTEGER)) - start_ms,"
                " start_ms = ?1 + CAST(offset_s*1000 AS INTEGER) WHERE session = ?2",
                (start_ms, session),
            )

    def segments(self, camera: str, *, from_ms: int, to_ms: int) -> list[Segment]:
        """The camera's segments that touch the span, in order of time."""
        with self._lock:
            rows = self.connection.execute(
                "SELECT * FROM segments WHERE camera=? AND start_ms<? AND start_ms + CAST(duration_s*1000 AS INTEGER) > ?"
                " ORDER BY start_ms, id",
                (camera, to_ms, from_ms),
            ).fetchall()
        return [_segment(row) for row in rows]

    def known_paths(self) -> set[str]:
        """The paths of all segments that have a row."""
        with self._lock:
            return {row[0] for row in self.connection.execute("SELECT path FROM segments")}

    def newest_end(self, camera: str) -> int:
        """When the camera's newest footage ends; 0 where there is none."""
        with self._lock:
            row = self.connection.execute(
                "SELECT MAX(start_ms + CAST(duration_s*1000 AS INTEGER)) FROM segments WHERE camera=?", (camera,)
            ).fetchone()
        return int(row[0] or 0)

    def want(self, camera: str, *, from_ms: int, to_ms: int, event: str, longest_ms: int) -> str:
        """Ask for a span because of an event: joins a waiting clip that it touches unless that grew over longest_ms; the clip's id.

        The same event may be told twice (it is durable at the sender until answered): the second time changes nothing.
        """
        with self.transaction() as connection:
            rows = connection.execute(
                "SELECT clip, from_ms, to_ms, because FROM clips WHERE camera=? AND state='wanted' ORDER BY from_ms", (camera,)
            ).fetchall()
            told = connection.execute(
                "SELECT clip FROM clips, json_each(clips.because) WHERE camera=? AND json_each.value=?", (camera, event)
            ).fetchone()
            if told is not None:
                return str(told[0])
            for clip, start, end, because in rows:
                joined = (min(start, from_ms), max(end, to_ms))
                if from_ms <= end and to_ms >= start and joined[1] - joined[0] <= longest_ms:
                    events = json.dumps([*json.loads(because), event])
                    connection.execute("UPDATE clips SET from_ms=?, to_ms=?, because=? WHERE clip=?", (*joined, events, clip))
                    return str(clip)
            made = str(uuid.uuid4())
            connection.execute(
                "INSERT INTO clips VALUES (?,?,?,?,?,'wanted',NULL,NULL)", (made, camera, from_ms, to_ms, json.dumps([event]))
            )
            return made

    def extend(self, camera: str, *, at_ms: int, to_ms: int, longest_ms: int) -> None:
        """Let a waiting clip that covers the moment at_ms go on until to_ms, within longest_ms (the door was closed again)."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE clips SET to_ms=MAX(to_ms, MIN(?, from_ms + ?)) WHERE camera=? AND state='wanted' AND from_ms<=? AND to_ms>=?",
                (to_ms, longest_ms, camera, at_ms, at_ms),
            )

    def wanted(self) -> list[WantedClip]:
        """The clips that are not made yet, oldest first."""
        with self._lock:
            rows = self.connection.execute(
                "SELECT clip, camera, from_ms, to_ms, because FROM clips WHERE state='wanted' ORDER BY from_ms, clip"
            ).fetchall()
        return [WantedClip(row[0], row[1], row[2], row[3], tuple(json.loads(row[4]))) for row in rows]

    def forget_made(self, *, before_ms: int) -> int:
        """Drop the rows of clips that were made and ended before a moment; how many. Their files are the core's since they were made."""
        with self.transaction() as connection:
            return connection.execute("DELETE FROM clips WHERE state='made' AND to_ms < ?", (before_ms,)).rowcount

    def oldest_unpinned(self, limit: int) -> list[Segment]:
        """The oldest segments that no wanted clip needs."""
        with self._lock:
            rows = self.connection.execute(
                "SELECT * FROM segments s WHERE NOT EXISTS (SELECT 1 FROM clips c WHERE c.camera=s.camera AND c.state='wanted'"
                " AND c.from_ms < s.start_ms + s.duration_s*1000 AND c.to_ms > s.start_ms) ORDER BY start_ms, id LIMIT ?",
                (limit,),
            ).fetchall()
        return [_segment(row) for row in rows]

    def total_bytes(self) -> int:
        """Bytes of all segments."""
        with self._lock:
            return int(self.connection.execute("SELECT COALESCE(SUM(bytes), 0) FROM segments").fetchone()[0])

    def forget(self, segment: Segment) -> None:
        """Remove a segment: its row first, then its file; a crash between the two leaves a file that the next start removes."""
        with self.transaction() as connection:
            connection.execute("DELETE FROM segments WHERE id=?", (segment.id,))
        segment.path.unlink(missing_ok=True)
