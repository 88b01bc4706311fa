"""The files that records speak of (images, clips): which are still to be uploaded, and which may leave the disk."""

import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_agent.journal_db import transaction, translated
from wire.chain import raw_of
from wire.errors import WireError
from wire.records import T_MIN

FILE_BYTES_MAX = 4 * 1024**3
PATH_MAX = 4096

# A file's record is acknowledged when its epoch has been left (what was not acknowledged then moved to the new one) or its sequence passed.
_ACKED_MS = """
  (SELECT min(a.at_ms) FROM acks a WHERE a.lane = f.lane AND a.epoch = f.epoch AND a.seq >= f.seq)"""
_LEFT = "f.epoch < (SELECT max(epoch) FROM epochs)"
_PRUNED = "f.seq <= (SELECT base_seq FROM lanes l WHERE l.lane = f.lane AND l.epoch = f.epoch)"


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file on the agent's disk by its SHA-256 (lower-case hex), absolute path and size in bytes."""

    sha256: str
    path: str
    bytes: int

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "FileRef":
        """From {sha256, path, bytes}; WireError unless these are a hex digest, an absolute path and a size."""
        sha256, path, size = given.get("sha256"), given.get("path"), given.get("bytes")
        try:
            raw_of(sha256)
        except ValueError as error:
            raise WireError(f"file: sha256: {error}") from error
        if not isinstance(path, str) or not path.startswith("/") or len(path) > PATH_MAX or "\0" in path:
            raise WireError("file: path is an absolute path")
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= FILE_BYTES_MAX:
            raise WireError(f"file: bytes is a size up to {FILE_BYTES_MAX}")
        return cls(sha256=str(sha256), path=path, bytes=size)


class FileQueue:
    """States of a file: queued, sent (the centre has all bytes), refused (the centre will not have it), lost (gone from disk)."""

    def __init__(self, db: sqlite3.Connection, lock: "threading.RLock") -> None:
        self._db, self._lock = db, lock

    # -- inside the journal's own transactions

    def add(self, files: Sequence[FileRef], *, lane: int, epoch: int, seq: int, t_ms: int) -> None:
        """Queue files for the record at `seq`; one that is known already belongs to the newest record that names it."""
        self._db.executemany(
            "INSERT INTO files (sha256, path, bytes, lane, epoch, seq, state, at_ms) VALUES (?, ?, ?, ?, ?, ?, 'queued', ?) "
            "ON CONFLICT (sha256, path) DO UPDATE SET lane = excluded.lane, epoch = excluded.epoch, seq = excluded.seq, "
            "state = CASE state WHEN 'sent' THEN 'sent' ELSE 'queued' END",
            [(f.sha256, f.path, f.bytes, lane, epoch, seq, t_ms) for f in files],
        )

    def requeue(self, *, lane: int, epoch: int, after_seq: int) -> None:
        """The centre may have lost these files: offer them again (a digest it knows costs one request)."""
        self._db.execute(
            "UPDATE files SET state = 'queued' WHERE state = 'sent' AND lane = ? AND epoch = ? AND seq > ?", (lane, epoch, after_seq)
        )

    def shift(self, *, lane: int, epoch: int, after_seq: int, by: int) -> None:
        """The records after `after_seq` were journalled again in the next epoch, `by` sequences further on."""
        self._db.execute(
            "UPDATE files SET epoch = epoch + 1, seq = seq + ?, state = CASE state WHEN 'sent' THEN 'queued' ELSE state END "
            "WHERE lane = ? AND epoch = ? AND seq > ?",
            (by, lane, epoch, after_seq),
        )

    def move(self, *, lane: int, epoch: int, seq: int, to_epoch: int, to_seq: int) -> None:
        """One record was journalled again elsewhere."""
        self._db.execute(
            "UPDATE files SET epoch = ?, seq = ?, state = CASE state WHEN 'sent' THEN 'queued' ELSE state END "
            "WHERE lane = ? AND epoch = ? AND seq = ?",
            (to_epoch, to_seq, lane, epoch, seq),
        )

    # -- for the uploader

    def due(self, limit: int, *, without: Iterable[str] = ()) -> list[FileRef]:
        """Queued files whose records the centre has, most urgent first: clips from the newest, then images from the oldest.

        `without` are digests to leave out: those being sent, those waiting after a failure.
        """
        leave_out = set(without)
        with self._lock, translated():
            rows = self._db.execute(
                f"SELECT sha256, path, bytes FROM files f WHERE state = 'queued' AND ({_LEFT} OR {_PRUNED} OR {_ACKED_MS} IS NOT NULL) "  # noqa: S608 - constants
                "ORDER BY lane, CASE lane WHEN 0 THEN -epoch ELSE epoch END, CASE lane WHEN 0 THEN -seq ELSE seq END LIMIT ?",
                (limit + len(leave_out) * 4,),
            ).fetchall()
        return [FileRef(*row) for row in rows if row[0] not in leave_out][:limit]

    def mark_sent(self, sha256: str) -> None:
        """The centre has all bytes of this digest."""
        self._mark("sent", sha256, None)

    def mark_refused(self, sha256: str, why: str) -> None:
        """The centre will not take this digest."""
        self._mark("refused", sha256, why)

    def mark_lost(self, sha256: str, path: str, why: str) -> None:
        """This copy is not on the disk any more, or is not what it was."""
        with self._lock, transaction(self._db):
            self._db.execute("UPDATE files SET state = 'lost', why = ? WHERE sha256 = ? AND path = ?", (why, sha256, path))

    def _mark(self, state: str, sha256: str, why: str | None) -> None:
        with self._lock, transaction(self._db):
            self._db.execute("UPDATE files SET state = ?, why = ? WHERE sha256 = ? AND state != 'lost'", (state, why, sha256))

    def counts(self) -> dict[str, tuple[int, int]]:
        """state -> (files, bytes)."""
        with self._lock, translated():
            rows = self._db.execute("SELECT state, count(*), sum(bytes) FROM files GROUP BY state").fetchall()
        return {row[0]: (row[1], row[2]) for row in rows}

    def state_of(self, sha256: str) -> str | None:
        """The state of a digest's first copy; None if it was never queued or is forgotten."""
        with self._lock, translated():
            row = self._db.execute("SELECT state FROM files WHERE sha256 = ? ORDER BY id LIMIT 1", (sha256,)).fetchone()
        return str(row[0]) if row else None

    # -- keeping house

    def delete_kept(self, *, root: Path, keep_days: float, now_ms: int, limit: int = 200) -> int:
        """Delete files (below `root` only) that were uploaded and whose record was acknowledged more than `keep_days` ago; how many.

        The row goes after the file, so that a power cut between the two leaves a row to try again. Rows of refused and lost files go
        when their time is over; a refused file itself stays on the disk.
        """
        cutoff = now_ms - keep_days * 86_400_000
        with self._lock, translated():
            rows = self._db.execute(
                f"SELECT id, path, state FROM files f WHERE state != 'queued' AND at_ms <= ? AND "  # noqa: S608 - constants
                f"coalesce({_ACKED_MS} BETWEEN ? AND ?, {_LEFT} OR {_PRUNED}) ORDER BY id LIMIT ?",
                (cutoff, T_MIN, cutoff, limit),  # what was acknowledged before the clock was set waits for `Journal.prune` to date it
            ).fetchall()
        done = []
        for ident, name, state in rows:
            path = Path(name)
            if state == "sent" and path.resolve().is_relative_to(root.resolve()):
                try:
                    path.unlink(missing_ok=True)
                except OSError:
                    continue  # tried again at the next call; the row still says where the file is
            done.append((ident,))
        with self._lock, transaction(self._db):
            self._db.executemany("DELETE FROM files WHERE id = ?", done)
        return len(done)
