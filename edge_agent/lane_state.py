"""Where one lane of the journal stands: what is held, what is acknowledged, and the chain's hash at any held sequence."""

import sqlite3
from dataclasses import dataclass, replace

from wire import chain
from wire.topics import LANES

ANCHOR_EVERY = 100  # a thinned record keeps its stored hash at these sequences, so that no walk is longer


@dataclass(slots=True)
class Lane:
    """`base_seq`: the last sequence no longer held (0 at first). `acked_seq`: what the centre has committed. `head`: h at last_seq."""

    base_seq: int
    acked_seq: int
    last_seq: int
    head: bytes

    def copy(self) -> "Lane":
        """A copy that later appends do not change."""
        return replace(self)


def digest_of(raw: bytes) -> bytes:
    """The digest of a line as the journal stores it: '#' and 32 raw bytes for a withheld one."""
    return raw[1:] if raw[:1] == b"#" else chain.line_digest(raw)


def head_at(db: sqlite3.Connection, lane: int, epoch: int, seq: int) -> bytes | None:
    """The chain's hash after `seq`; None if that is before what is held or beyond the end."""
    row = db.execute("SELECT h FROM records WHERE lane = ? AND epoch = ? AND seq = ?", (lane, epoch, seq)).fetchone()
    if row is not None and row[0] is not None:
        return bytes(row[0])
    anchor, h = db.execute("SELECT base_seq, base_h FROM lanes WHERE lane = ? AND epoch = ?", (lane, epoch)).fetchone()
    if seq == anchor:
        return bytes(h)
    if row is None:
        return None
    nearest = db.execute(
        "SELECT seq, h FROM records WHERE lane = ? AND epoch = ? AND seq < ? AND h IS NOT NULL ORDER BY seq DESC LIMIT 1",
        (lane, epoch, seq),
    ).fetchone()
    if nearest is not None:
        anchor, h = nearest
    for (raw,) in db.execute(
        "SELECT line FROM records WHERE lane = ? AND epoch = ? AND seq > ? AND seq <= ? ORDER BY seq", (lane, epoch, anchor, seq)
    ):
        h = chain.extend(h, digest_of(raw))
    return bytes(h)


def load_lane(db: sqlite3.Connection, lane: int, epoch: int) -> Lane:
    """A lane's state as the database has it."""
    base_seq, base_h = db.execute("SELECT base_seq, base_h FROM lanes WHERE lane = ? AND epoch = ?", (lane, epoch)).fetchone()
    last = db.execute("SELECT max(seq) FROM records WHERE lane = ? AND epoch = ?", (lane, epoch)).fetchone()[0]
    acked = db.execute("SELECT max(seq) FROM acks WHERE lane = ? AND epoch = ?", (lane, epoch)).fetchone()[0]
    head = base_h if last is None else head_at(db, lane, epoch, last)
    return Lane(base_seq=base_seq, acked_seq=acked or 0, last_seq=base_seq if last is None else last, head=bytes(head or b""))


def lane_states(db: sqlite3.Connection, epoch: int) -> dict[str, Lane]:
    """All lanes of an epoch by name."""
    return {name: load_lane(db, index, epoch) for index, name in enumerate(LANES)}
