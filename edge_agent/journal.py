"""The agent's durable, ordered, hash-chained outbox in three lanes, and what the centre's acknowledgements do to it."""

import secrets
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from edge_agent import clock, journal_db, retention
from edge_agent.errors import JournalDamaged
from edge_agent.file_queue import FileQueue, FileRef
from edge_agent.journal_db import transaction, translated
from edge_agent.keys import AgentKey, CentreKey
from edge_agent.lane_state import Lane, digest_of, head_at, lane_states, load_lane
from edge_agent.memory import Errand, Memory
from edge_agent.rejournal import rejournal
from edge_agent.retention import Thinned
from wire import chain
from wire.codec import BATCH_BYTES_MAX, RECORDS_MAX, encode_batch, encode_record
from wire.records import check
from wire.topics import LANES

Record = dict[str, Any]
RecordSource = Record | Callable[[str, int], Record]
"""A record, or a function of (epoch, sequence) that makes it: an alarm's id holds the sequence it gets."""

HEADER_ROOM_BYTES = 1024  # a header has about 450 bytes; a batch's lines get what is left of the 256 KiB
ACK_GRAIN_MS = 3_600_000  # acknowledgements of one hour share a row, which keeps disk writes down
RENEW_FIRST_MS = 60_000  # a new epoch that was never acknowledged is not followed by another sooner than this, doubling
RENEW_MAX_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Batch:
    """One signed batch ready to be published: lane, epoch, first and last sequence, and its bytes."""

    lane: str
    epoch: str
    first: int
    last: int
    payload: bytes = field(repr=False)


Errands = Sequence[Errand] | Callable[[str, int], Sequence[Errand]]
"""Errands, or a function of (epoch, first sequence) that makes them: a clip names the event that asks for it."""


class AckOutcome(Enum):
    """What an acknowledgement meant."""

    ADVANCED = "advanced"  # the centre has committed more than we knew
    REPEATED = "repeated"  # nothing new
    REWOUND = "rewound"  # the centre has less than it once had: send again from there
    NEW_EPOCH = "new epoch"  # the two sides disagree: everything unacknowledged was journalled again in a new epoch
    WAITING = "waiting"  # the two sides disagree again right after a new epoch: wait before making another
    OTHER_EPOCH = "other epoch"  # ignored
    BAD_SIGNATURE = "bad signature"  # ignored


class Journal:
    """The journal of one agent. Safe to call from several threads; every method that writes is one durable transaction.

    Errors: JournalFull when the disk takes no more (nothing was stored), JournalDamaged when the file broke, JournalError otherwise.
    """

    def __init__(
        self,
        path: Path,
        *,
        site: str,
        agent: str,
        key: AgentKey,
        centre: CentreKey | None,
        now: Callable[[], tuple[int, int]] = clock.now,
    ) -> None:
        self.site, self.agent, self.path = site, agent, path
        self._key, self._centre, self._now = key, centre, now
        self._lock = threading.RLock()
        self._current: tuple[str, dict[str, Lane]]  # replaced as one, so that readers need no lock
        self._listeners: list[Callable[[str], None]] = []
        self._refusals, self._renewed_m = 0, 0
        self._closed = False
        self.damaged: Path | None = None
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connect()
        except JournalDamaged as error:
            self.damaged = journal_db.set_aside(path)
            self._connect()
            self._renew({}, previous="", why=f"{error}; set aside as {self.damaged.name}"[:500])

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        site: str,
        agent: str,
        key: AgentKey,
        centre: CentreKey | None = None,
        now: Callable[[], tuple[int, int]] = clock.now,
    ) -> "Journal":
        """Open or make the journal in `path`. A damaged file is set aside (`damaged` names it) and a new epoch says so.

        `now` gives (wall ms, boot ms). Without the centre's key no acknowledgement is believed.
        """
        return cls(path, site=site, agent=agent, key=key, centre=centre, now=now)

    def close(self) -> None:
        """Close the file; may be called again."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._db.close()

    def _connect(self) -> None:
        self._db = journal_db.connect(self.path)
        self.files = FileQueue(self._db, self._lock)
        self.memory = Memory(self._db, self._lock)
        with translated():
            row = self._db.execute("SELECT epoch, name FROM epochs ORDER BY epoch DESC LIMIT 1").fetchone()
            if row is None:
                with transaction(self._db):
                    self._make_epoch(1, why="new journal")
                row = self._db.execute("SELECT epoch, name FROM epochs ORDER BY epoch DESC LIMIT 1").fetchone()
            self._epoch = int(row[0])
            self._current = str(row[1]), lane_states(self._db, self._epoch)
            seen = self._db.execute("SELECT value FROM meta WHERE name = 'seen'").fetchone()
            self.seen = int(seen[0]) if seen else 0

    def _make_epoch(self, number: int, *, why: str) -> str:
        name = secrets.token_hex(16)
        self._db.execute("INSERT INTO epochs VALUES (?, ?, ?, ?)", (number, name, self._now()[0], why))
        for index, lane in enumerate(LANES):
            start = chain.start(self.site, self.agent, lane, name)
            self._db.execute("INSERT INTO lanes VALUES (?, ?, 0, ?)", (index, number, start))
        return name

    @property
    def epoch(self) -> str:
        """The random name of the current epoch."""
        return self._current[0]

    @property
    def _lanes(self) -> dict[str, Lane]:
        return self._current[1]

    # -- writing

    def on_append(self, listener: Callable[[str], None]) -> None:
        """Call `listener(lane)` after each durable append, in the thread that appended."""
        self._listeners.append(listener)

    def append(
        self,
        lane: str,
        records: Iterable[RecordSource],
        *,
        files: Sequence[FileRef] = (),
        source: tuple[str, int] | None = None,
        errands: Errands = (),
        notes: Callable[[], Mapping[str, str]] | None = None,
    ) -> list[int]:
        """Store records at the end of a lane, durably, with the files they speak of and errands that follow; their sequences.

        `source` = (who, n) makes the append happen once: with an n not above the highest stored for `who`, nothing is stored and the
        list is empty. `notes` is called once the records are made; what it gives is kept in the same transaction (`Memory.note`). Raises
        WireError for a record that breaks the contract (nothing is stored).
        """
        with self._lock:
            index, state = LANES.index(lane), self._lanes[lane]
            if source is not None and source[1] <= self.memory.source_n(source[0]):
                return []
            t_ms = self._now()[0]
            seq, h, rows = state.last_seq, state.head, []
            for made in records:
                seq += 1
                line = encode_record(check(made(self.epoch, seq) if callable(made) else made, lane))
                h = chain.extend(h, chain.line_digest(line))
                rows.append((index, self._epoch, seq, line, h))
            due = errands(self.epoch, state.last_seq + 1) if callable(errands) else errands
            with transaction(self._db):
                self._db.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", rows)
                self.files.add(files, lane=index, epoch=self._epoch, seq=seq, t_ms=t_ms)
                self.memory.write(errands=due, source=source, notes=notes() if notes is not None else None, t_ms=t_ms)
            first, state.last_seq, state.head = state.last_seq + 1, seq, h
        for listener in self._listeners:
            listener(lane)
        return list(range(first, seq + 1))

    # -- sending

    def lane(self, lane: str) -> Lane:
        """A copy of a lane's state: base, acknowledged and last sequence. Never waits for a write."""
        return self._lanes[lane].copy()

    def snapshot(self) -> tuple[str, dict[str, Lane]]:
        """The epoch's name and copies of its lanes' states, of one moment as far as the epoch goes. Never waits for a write."""
        epoch, lanes = self._current
        return epoch, {name: lane.copy() for name, lane in lanes.items()}

    def batch(self, lane: str, after_seq: int, *, max_records: int = RECORDS_MAX, max_bytes: int = BATCH_BYTES_MAX) -> Batch | None:
        """The signed batch that follows `after_seq` (or the oldest record held, if that is later); None when there is nothing."""
        with self._lock, translated():
            index, state = LANES.index(lane), self._lanes[lane]
            after = max(after_seq, state.base_seq)
            room, stored = max_bytes - HEADER_ROOM_BYTES, None
            lines: list[bytes] = []
            rows = self._db.execute(
                "SELECT line, h FROM records WHERE lane = ? AND epoch = ? AND seq > ? ORDER BY seq LIMIT ?",
                (index, self._epoch, after, min(max_records, RECORDS_MAX)),
            )
            for raw, h in rows:
                line = b"#" + chain.hex_of(raw[1:]).encode() if raw[:1] == b"#" else raw
                room -= len(line) + 1
                if room < 0 and lines:
                    break
                lines.append(line)
                stored = h
            if not lines:
                return None
            prev = head_at(self._db, index, self._epoch, after)
            if prev is None:
                raise JournalDamaged(f"lane {lane} has no chain at {after}")
            head = stored if stored is not None else chain.head_of(prev, lines)
            last, epoch = after + len(lines), self.epoch
            text = chain.batch_text(self.site, self.agent, lane, epoch, last, chain.hex_of(head))
            header = {
                "v": 1, "epoch": epoch, "first": after + 1, "n": len(lines), "oldest": state.base_seq + 1, "prev": chain.hex_of(prev),
                "head": chain.hex_of(head), "key": self._key.ident, "seen": self.seen, "sig": self._key.sign(text),
            }  # fmt: skip
            return Batch(lane=lane, epoch=epoch, first=after + 1, last=last, payload=encode_batch(header, lines))

    # -- acknowledgements

    def acknowledge(self, lane: str, ack: dict[str, Any]) -> AckOutcome:
        """Do what an acknowledgement (as `wire.codec.decode_ack` gives it) asks for."""
        refused = ack.get("refused")
        why, agreed = (refused["why"], refused["agreed_seq"]) if refused else ("", -1)
        text = chain.ack_text(self.site, self.agent, lane, ack["epoch"], ack["seq"], ack["head"], why, agreed)
        if self._centre is None or not self._centre.verify(text, ack["sig"]):
            return AckOutcome.BAD_SIGNATURE
        with self._lock:
            if ack["epoch"] != self.epoch:
                return AckOutcome.OTHER_EPOCH
            state, seq = self._lanes[lane], ack["seq"]
            if refused:
                return self._disagree(lane, agreed, f"refused: {why}")
            if seq > state.last_seq:
                return self._disagree(lane, state.acked_seq, f"the centre has {seq}, this journal ends at {state.last_seq}")
            with translated():
                own = head_at(self._db, LANES.index(lane), self._epoch, seq)
            if own is not None and chain.hex_of(own) != ack["head"]:
                known = state.acked_seq if state.acked_seq < seq else 0
                return self._disagree(lane, known, f"the chain at {seq} is not the centre's")
            if seq == state.acked_seq:
                return AckOutcome.REPEATED
            if seq < state.acked_seq:
                self._rewind(lane, seq)
                return AckOutcome.REWOUND
            self._mark(lane, seq)
            self._refusals = 0
            return AckOutcome.ADVANCED

    def _mark(self, lane: str, seq: int) -> None:
        index, state, t_ms = LANES.index(lane), self._lanes[lane], self._now()[0]
        with transaction(self._db):
            # one row an hour, at the time of its last acknowledgement: its records are kept longer than they must, never shorter
            self._db.execute(
                "DELETE FROM acks WHERE lane = ? AND epoch = ? AND seq = ? AND at_ms / ? = ?",
                (index, self._epoch, state.acked_seq, ACK_GRAIN_MS, t_ms // ACK_GRAIN_MS),
            )
            self._db.execute("INSERT OR REPLACE INTO acks VALUES (?, ?, ?, ?)", (index, self._epoch, seq, t_ms))
        state.acked_seq = seq

    def _rewind(self, lane: str, seq: int) -> None:
        """The centre was put back to an older state: records after `seq` are unacknowledged again, their files unsent again."""
        index = LANES.index(lane)
        with transaction(self._db):
            self._db.execute("DELETE FROM acks WHERE lane = ? AND epoch = ? AND seq > ?", (index, self._epoch, seq))
            self._db.execute("INSERT OR REPLACE INTO acks VALUES (?, ?, ?, ?)", (index, self._epoch, seq, self._now()[0]))
            self.files.requeue(lane=index, epoch=self._epoch, after_seq=seq)
            if seq == 0:
                self._bring_back(index)
        self._lanes[lane] = load_lane(self._db, index, self._epoch)

    def _bring_back(self, index: int) -> None:
        """A centre that never heard of this epoch may lack the end of the one before: what is kept of it is journalled once more."""
        state = load_lane(self._db, index, self._epoch)
        seq, h = state.last_seq, state.head
        kept = self._db.execute(
            "SELECT epoch, seq, line FROM records WHERE lane = ? AND epoch < ? ORDER BY epoch, seq", (index, self._epoch)
        ).fetchall()
        for epoch, old_seq, raw in kept:
            seq += 1
            h = chain.extend(h, digest_of(raw))
            self._db.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?)", (index, self._epoch, seq, raw, h))
            self.files.move(lane=index, epoch=epoch, seq=old_seq, to_epoch=self._epoch, to_seq=seq)
        self._db.execute("DELETE FROM records WHERE lane = ? AND epoch < ?", (index, self._epoch))

    def _disagree(self, lane: str, agreed_seq: int, why: str) -> AckOutcome:
        m_ms = self._now()[1]
        if self._refusals:
            wait = min(RENEW_MAX_MS, RENEW_FIRST_MS * 2 ** min(self._refusals - 1, 10))
            if m_ms - self._renewed_m < wait:
                return AckOutcome.WAITING
        self._renew({lane: agreed_seq}, previous=self.epoch, why=why)
        self._refusals, self._renewed_m = self._refusals + 1, m_ms
        return AckOutcome.NEW_EPOCH

    def new_epoch(self, why: str) -> str:
        """Start a new epoch by hand: everything unacknowledged is journalled again in it; its name."""
        with self._lock:
            self._renew({}, previous=self.epoch, why=why)
            return self.epoch

    def _renew(self, agreed: dict[str, int], *, previous: str, why: str) -> None:
        with transaction(self._db):
            name = self._make_epoch(self._epoch + 1, why=why)
            for index, lane in enumerate(LANES):
                state = self._lanes[lane]
                rejournal(
                    self._db, self.files, lane=index, epoch=self._epoch, agreed_seq=min(agreed.get(lane, state.acked_seq), state.last_seq),
                    previous=previous, why=why, now=self._now(),
                )  # fmt: skip
            lanes = lane_states(self._db, self._epoch + 1)
        self._epoch += 1
        self._current = name, lanes
        for listener in self._listeners:
            for lane in LANES:
                listener(lane)

    # -- keeping house

    def prune(self, keep_days: float, lanes: Collection[str] = LANES) -> int:
        """Delete records acknowledged more than `keep_days` ago (a few thousand a call); how many. Waits for a clock that was set."""
        with self._lock:
            with transaction(self._db):
                deleted = retention.delete_acknowledged(
                    self._db, epoch=self._epoch, keep_days=keep_days, now_ms=self._now()[0], lanes=lanes
                )
            self._current = self.epoch, lane_states(self._db, self._epoch)
        return deleted

    def thin(self, limit: int) -> Thinned | None:
        """Replace the oldest unacknowledged readings, at most `limit`, by their digests, so that their space is free; None without any.

        Channels, clocks, health and gaps stay. The chain stays whole; what was thinned cannot be had back.
        """
        with self._lock, transaction(self._db):
            return retention.thin_readings(self._db, epoch=self._epoch, state=self._lanes["readings"], limit=limit)

    def free_bytes(self) -> int:
        """Bytes inside the file that are free for new records before it grows."""
        with self._lock:
            return journal_db.free_bytes(self._db)
