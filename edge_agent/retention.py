"""What leaves the journal: acknowledged records whose keep time is over, and the text of old readings when the disk is full."""

import json
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

from edge_agent.errors import JournalDamaged
from edge_agent.lane_state import ANCHOR_EVERY, Lane, head_at
from edge_agent.rejournal import declare
from wire import chain
from wire.records import T_MIN
from wire.topics import LANES

DELETE_AT_ONCE = 1_000  # records a lane and call: an event must not wait long behind it
DAY_MS = 86_400_000
_READINGS = LANES.index("readings")
_READING = b'{"k":"reading",'


@dataclass(frozen=True, slots=True)
class Thinned:
    """How many readings became digests; sequences and wall times (ms) of the first and the last of them."""

    count: int
    from_seq: int
    to_seq: int
    from_ms: int
    to_ms: int


def delete_acknowledged(db: sqlite3.Connection, *, epoch: int, keep_days: float, now_ms: int, lanes: Collection[str] = LANES) -> int:
    """Delete records of these lanes acknowledged more than `keep_days` ago, oldest first, a few thousand a lane; how many.

    Nothing happens while the clock is not set; what was acknowledged before it was starts its keep time now.
    """
    if now_ms < T_MIN:
        return 0
    db.execute("UPDATE acks SET at_ms = ? WHERE at_ms < ?", (now_ms, T_MIN))
    over = db.execute(
        "SELECT lane, epoch, max(seq) FROM acks WHERE at_ms <= ? GROUP BY lane, epoch", (now_ms - int(keep_days * DAY_MS),)
    ).fetchall()
    deleted = sum(_delete(db, *row) for row in over if LANES[row[0]] in lanes)
    _forget_epochs(db, epoch)
    return deleted


def _delete(db: sqlite3.Connection, lane: int, epoch: int, up_to: int) -> int:
    rows = db.execute(
        "SELECT seq, line FROM records WHERE lane = ? AND epoch = ? AND seq <= ? ORDER BY seq LIMIT ?", (lane, epoch, up_to, DELETE_AT_ONCE)
    ).fetchall()
    if not rows:
        return 0
    last = rows[-1][0]
    head = head_at(db, lane, epoch, last)
    if head is None:
        raise JournalDamaged(f"lane {LANES[lane]} has no chain at {last}")
    for _, line in rows:
        declare(db, lane, line)
    db.execute("DELETE FROM records WHERE lane = ? AND epoch = ? AND seq <= ?", (lane, epoch, last))
    db.execute("UPDATE lanes SET base_seq = ?, base_h = ? WHERE lane = ? AND epoch = ?", (last, head, lane, epoch))
    db.execute(
        "DELETE FROM acks WHERE lane = ? AND epoch = ? AND seq < ? "
        "AND seq < (SELECT max(a.seq) FROM acks a WHERE a.lane = ? AND a.epoch = ?)",
        (lane, epoch, last, lane, epoch),
    )
    return len(rows)


def _forget_epochs(db: sqlite3.Connection, epoch: int) -> None:
    """Drop earlier epochs of which nothing is held any more."""
    db.execute(
        "DELETE FROM acks WHERE epoch < ? AND NOT EXISTS (SELECT 1 FROM records r WHERE r.lane = acks.lane AND r.epoch = acks.epoch)",
        (epoch,),
    )
    for table in ("lanes", "epochs"):
        db.execute(
            f"DELETE FROM {table} WHERE epoch < ? AND NOT EXISTS "  # noqa: S608 - constants
            f"(SELECT 1 FROM records r WHERE r.lane IN (0, 1, 2) AND r.epoch = {table}.epoch)",  # so that the key's index serves
            (epoch,),
        )


def thin_readings(db: sqlite3.Connection, *, epoch: int, state: Lane, limit: int) -> Thinned | None:
    """Replace the oldest unacknowledged readings, at most `limit`, by their digests; None if there are none."""
    rows = db.execute(
        "SELECT seq, line, h FROM records WHERE lane = ? AND epoch = ? AND seq > ? AND substr(line, 1, ?) = ? ORDER BY seq LIMIT ?",
        (_READINGS, epoch, max(state.acked_seq, state.base_seq), len(_READING), _READING, limit),
    ).fetchall()
    if not rows:
        return None
    # deleted and put in anew: an update in place would leave the pages half empty
    db.executemany("DELETE FROM records WHERE lane = ? AND epoch = ? AND seq = ?", [(_READINGS, epoch, seq) for seq, _, _ in rows])
    thinned = []
    for seq, line, h in rows:
        kept = h if seq % ANCHOR_EVERY == 0 or seq == state.last_seq else None
        thinned.append((_READINGS, epoch, seq, b"#" + chain.line_digest(line), kept))
    db.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", thinned)
    times = [json.loads(rows[which][1])["t"] for which in (0, -1)]
    return Thinned(count=len(rows), from_seq=rows[0][0], to_seq=rows[-1][0], from_ms=times[0], to_ms=times[1])
