"""Journalling again in a new epoch what the centre and the agent do not agree on, and what must be declared before it."""

import json
import sqlite3

from edge_agent.file_queue import FileQueue
from edge_agent.lane_state import digest_of
from wire import chain
from wire.codec import encode_record
from wire.records import record

_CHANNEL = b'{"k":"channel",'
_CLOCK = b'{"k":"clock",'
_CHUNK = 1_000


def declare(db: sqlite3.Connection, lane: int, line: bytes) -> None:
    """Remember a channel or clock record that leaves the journal, since later readings still lean on it."""
    what = _declares(line)
    if what is not None:
        db.execute("INSERT OR REPLACE INTO declared VALUES (?, ?, ?)", (lane, what, line))


def _declares(line: bytes) -> str | None:
    if line.startswith(_CHANNEL):
        return f"channel {json.loads(line)['i']}"
    return "clock" if line.startswith(_CLOCK) else None


def _declarations(db: sqlite3.Connection, lane: int, epoch: int, agreed_seq: int) -> list[bytes]:
    """The channel and clock lines in force after `agreed_seq` of an epoch, clock first."""
    found: dict[str, bytes] = dict(db.execute("SELECT what, line FROM declared WHERE lane = ?", (lane,)).fetchall())
    for (line,) in db.execute(
        "SELECT line FROM records WHERE lane = ? AND (epoch < ? OR epoch = ? AND seq <= ?) "
        "AND (substr(line, 1, ?) = ? OR substr(line, 1, ?) = ?) ORDER BY epoch, seq",
        (lane, epoch, epoch, agreed_seq, len(_CHANNEL), _CHANNEL, len(_CLOCK), _CLOCK),
    ):
        what = _declares(line)
        if what is not None:
            found[what] = line
    return [found[what] for what in sorted(found, key=lambda what: (what != "clock", what))]


def rejournal(
    db: sqlite3.Connection,
    files: FileQueue,
    *,
    lane: int,
    epoch: int,
    agreed_seq: int,
    previous: str,
    why: str,
    now: tuple[int, int],
) -> None:
    """Move the records of a lane after `agreed_seq` from `epoch` to the next one, behind an `epoch` record and the declarations.

    Runs inside the caller's transaction; the next epoch's row in `lanes` is there already. What was agreed stays where it is, as
    acknowledged. If the journal no longer holds all that follows `agreed_seq`, a `gap` record says which part is missing.
    """
    base = db.execute("SELECT base_seq FROM lanes WHERE lane = ? AND epoch = ?", (lane, epoch)).fetchone()[0]
    t_ms, m_ms = now
    prelude = [encode_record(record("epoch", t_ms, m_ms, previous=previous, agreed_seq=agreed_seq, why=why[:500]))]
    if agreed_seq < base:
        gap = {"from": agreed_seq + 1, "to": base, "why": "acknowledged once and no longer held"}
        prelude.append(encode_record(record("gap", t_ms, m_ms, **gap)))
    prelude += _declarations(db, lane, epoch, agreed_seq)
    h = db.execute("SELECT base_h FROM lanes WHERE lane = ? AND epoch = ?", (lane, epoch + 1)).fetchone()[0]
    for seq, line in enumerate(prelude, 1):
        h = chain.extend(h, chain.line_digest(line))
        db.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?)", (lane, epoch + 1, seq, line, h))
    start = max(agreed_seq, base)
    by = len(prelude) - start
    seq = start
    while rows := db.execute(
        "SELECT seq, line FROM records WHERE lane = ? AND epoch = ? AND seq > ? ORDER BY seq LIMIT ?", (lane, epoch, seq, _CHUNK)
    ).fetchall():
        moved = []
        for seq, line in rows:
            h = chain.extend(h, digest_of(line))
            moved.append((lane, epoch + 1, seq + by, line, h))
        db.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", moved)
        db.execute("DELETE FROM records WHERE lane = ? AND epoch = ? AND seq > ? AND seq <= ?", (lane, epoch, start, seq))
    files.shift(lane=lane, epoch=epoch, after_seq=start, by=by)
    db.execute("DELETE FROM acks WHERE lane = ? AND epoch = ? AND seq > ?", (lane, epoch, agreed_seq))
    if agreed_seq > 0:
        db.execute("INSERT OR IGNORE INTO acks VALUES (?, ?, ?, ?)", (lane, epoch, agreed_seq, t_ms))
