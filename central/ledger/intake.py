"""Decides what becomes of a batch: stored, known already, too far ahead, or refused; and keeps every lane's tip."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, delete, func, insert, select, update

from central.ledger import acts
from central.ledger.batches import batches_within
from central.ledger.leaves import BatchFacts
from central.ledger.tables import agent_keys, agents, epochs, ledger_batches, ledger_gaps, quarantine, tips
from wire import chain

QUARANTINE_ROWS = 1000
ZLIB_LEVEL = 1
_BATCH = """INSERT INTO ledger_batches (id, epoch_id, lane, first, n, prev, head, key, sig, received_ms, flags, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_TIP = "INSERT INTO tips (epoch_id, lane, seq, head) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq, head = excluded.head"


class Header(Protocol):
    """What intake reads of a header."""

    epoch: str
    first: int
    n: int
    oldest: int
    prev: str
    head: str
    key: str
    sig: str


class Incoming(Protocol):
    """A batch whose bytes are sound."""

    site: str
    agent: str
    lane: str
    lines: list[bytes]
    digests: list[bytes]
    wrong: str

    @property
    def header(self) -> Header:
        """The header line."""

    @property
    def last(self) -> int:
        """The last record's sequence."""


@dataclass(slots=True)
class Agent:
    """An enrolled agent, its keys by id, and the epoch of its last stored batch."""

    id: int
    name: str
    epoch_id: int | None
    keys: Mapping[str, Ed25519PublicKey]


@dataclass(slots=True)
class Stored:
    """A batch, or what was new of it, as it goes into the ledger."""

    id: int
    facts: BatchFacts
    epoch_id: int
    lines: list[bytes]


@dataclass(slots=True)
class Outcome:
    """What the acknowledgement says, what was stored, and what somebody should be told."""

    epoch: str
    seq: int
    head: bytes
    stored: Stored | None = None
    refused: str = ""
    agreed_seq: int = -1
    alarm: str = ""  # refused-batch, lost-records, two-epochs: the rule of the alarm to raise
    words: str = ""


class Intake:
    """The lanes' state, read at start and kept; `load` again after a rollback."""

    def __init__(self, site: str) -> None:
        """Empty; `load` fills it."""
        self._site = site
        self._agents: dict[str, Agent] = {}
        self._epochs: dict[tuple[int, str], int] = {}
        self._tips: dict[tuple[int, str], tuple[int, bytes]] = {}
        self._changed: set[tuple[int, str]] = set()
        self._rows: list[tuple[object, ...]] = []
        self._next_id = 1

    def load(self, connection: Connection) -> None:
        """Read agents, epochs and tips."""
        self._rows, self._changed = [], set()
        self.load_agents(connection)
        self._epochs = {(row.agent_id, row.epoch): row.id for row in connection.execute(select(epochs))}
        self._tips = {(row.epoch_id, row.lane): (row.seq, row.head) for row in connection.execute(select(tips))}
        self._next_id = int(connection.scalar(select(func.max(ledger_batches.c.id))) or 0) + 1

    def load_agents(self, connection: Connection) -> None:
        """Read the agents and their keys again: one may have been enrolled since."""
        keys: dict[int, dict[str, Ed25519PublicKey]] = {}
        for row in connection.execute(select(agent_keys).where(agent_keys.c.retired_ms.is_(None))):
            keys.setdefault(row.agent_id, {})[row.key_id] = Ed25519PublicKey.from_public_bytes(row.public_key)
        found = connection.execute(select(agents.c.id, agents.c.name, agents.c.epoch_id))
        self._agents = {row.name: Agent(row.id, row.name, row.epoch_id, keys.get(row.id, {})) for row in found}

    def agent(self, name: str) -> Agent | None:
        """An enrolled agent."""
        return self._agents.get(name)

    def take(self, connection: Connection, batch: Incoming, now_ms: int) -> Outcome:
        """Decide about a batch of an enrolled agent; rows are written by `flush`."""
        header, agent = batch.header, self._agents[batch.agent]
        epoch_id = self._epochs.get((agent.id, header.epoch))
        seq, head = self._tip(batch, epoch_id)
        if batch.wrong:
            return self._refuse(connection, batch, now_ms, Outcome(header.epoch, seq, head), why=batch.wrong, agreed_seq=seq)
        if header.first > seq + 1:
            if header.first != header.oldest:
                return Outcome(header.epoch, seq, head)  # the agent still holds what is missing: it goes back to the tip
            return self._store(connection, batch, now_ms, skip=0, gap_from=seq + 1)
        if epoch_id is None:
            fits = header.prev == head.hex()
            return self._store(connection, batch, now_ms, skip=0) if fits else self._fork(connection, batch, now_ms, seq, head, agreed=0)
        if header.first == seq + 1 and header.prev == head.hex():
            return self._store(connection, batch, now_ms, skip=0)
        return self._overlap(connection, batch, now_ms, epoch_id, seq, head)

    def _tip(self, batch: Incoming, epoch_id: int | None) -> tuple[int, bytes]:
        known = None if epoch_id is None else self._tips.get((epoch_id, batch.lane))
        return known or (0, chain.start(self._site, batch.agent, batch.lane, batch.header.epoch))

    def _overlap(self, connection: Connection, batch: Incoming, now_ms: int, epoch_id: int, seq: int, head: bytes) -> Outcome:
        """The batch begins at or below the tip: what both have must be equal, the rest is stored."""
        header = batch.header
        before = self._hash_at(connection, batch, epoch_id, header.first - 1, seq, head)
        if before is None:  # inside a gap: the agent had said that it no longer holds this
            return Outcome(header.epoch, seq, head)
        if before.hex() != header.prev:
            return self._fork(connection, batch, now_ms, seq, head, agreed=0)
        shared = min(batch.last, seq) - header.first + 1
        mine = self._digests(connection, epoch_id, batch.lane, header.first, shared)
        for place, digest in enumerate(batch.digests[:shared]):
            if mine.get(header.first + place) != digest:
                return self._fork(connection, batch, now_ms, seq, head, agreed=header.first + place - 1)
        if batch.last <= seq:
            return Outcome(header.epoch, seq, head)
        return self._store(connection, batch, now_ms, skip=shared)

    def _fork(self, connection: Connection, batch: Incoming, now_ms: int, seq: int, head: bytes, *, agreed: int) -> Outcome:
        why = "other records were committed under these numbers"
        return self._refuse(connection, batch, now_ms, Outcome(batch.header.epoch, seq, head), why=why, agreed_seq=agreed)

    def _refuse(self, connection: Connection, batch: Incoming, now_ms: int, outcome: Outcome, *, why: str, agreed_seq: int) -> Outcome:
        """Keep the batch in quarantine, within bounds, and say no."""
        payload = zlib.compress(b"\n".join([repr(batch.header).encode(), *batch.lines]), ZLIB_LEVEL)
        row = {"agent": batch.agent, "lane": batch.lane, "received_ms": now_ms, "why": why, "payload": payload}
        ident = connection.execute(insert(quarantine).values(row).returning(quarantine.c.id)).scalar_one()
        connection.execute(delete(quarantine).where(quarantine.c.id <= ident - QUARANTINE_ROWS))
        outcome.refused, outcome.agreed_seq, outcome.alarm, outcome.words = why, agreed_seq, "refused-batch", why
        return outcome

    def _store(self, connection: Connection, batch: Incoming, now_ms: int, *, skip: int, gap_from: int = 0) -> Outcome:
        header, agent = batch.header, self._agents[batch.agent]
        first, n = header.first + skip, header.n - skip
        epoch_id = self._epochs.get((agent.id, header.epoch))
        seq, head = self._tip(batch, epoch_id)
        outcome = Outcome(header.epoch, seq, head)
        if n == 0:
            return outcome
        epoch_id = self._enter_epoch(connection, agent, header.epoch, now_ms, outcome)
        prev = bytes.fromhex(header.prev) if gap_from else head
        if gap_from:
            self._gap(connection, batch, epoch_id, gap_from, outcome)
        facts = BatchFacts(self._site, batch.agent, batch.lane, header.epoch, first, n, prev.hex(), header.head, header.key, header.sig)
        stored = Stored(self._next_id, facts, epoch_id, batch.lines[skip:])
        self._next_id += 1
        outcome.seq, outcome.head, outcome.stored = batch.last, bytes.fromhex(header.head), stored
        self._tips[epoch_id, batch.lane] = (outcome.seq, outcome.head)
        self._changed.add((epoch_id, batch.lane))
        return outcome

    def _enter_epoch(self, connection: Connection, agent: Agent, epoch: str, now_ms: int, outcome: Outcome) -> int:
        """The epoch's id, made where it is new; two that take turns are an alarm."""
        epoch_id = self._epochs.get((agent.id, epoch))
        if epoch_id == agent.epoch_id and epoch_id is not None:
            return epoch_id
        if epoch_id is None:
            row = {"agent_id": agent.id, "epoch": epoch, "first_ms": now_ms}
            epoch_id = int(connection.execute(insert(epochs).values(row).returning(epochs.c.id)).scalar_one())
            self._epochs[agent.id, epoch] = epoch_id
        else:
            outcome.alarm, outcome.words = "two-epochs", f"epoch {epoch} writes again after another had taken its place"
        connection.execute(update(epochs).where(epochs.c.id == agent.epoch_id).values(left_ms=now_ms))
        connection.execute(update(epochs).where(epochs.c.id == epoch_id).values(left_ms=None))
        connection.execute(update(agents).where(agents.c.id == agent.id).values(epoch_id=epoch_id))
        agent.epoch_id = epoch_id
        return epoch_id

    def _gap(self, connection: Connection, batch: Incoming, epoch_id: int, low: int, outcome: Outcome) -> None:
        """The `gap` entry before a batch whose predecessors the agent no longer has."""
        high = batch.header.first - 1
        body = {"agent": batch.agent, "lane": batch.lane, "epoch": batch.header.epoch, "from": low, "to": high}
        act_id = acts.record(connection, kind="gap", actor="system", body=body)
        row = {"epoch_id": epoch_id, "lane": batch.lane, "from_seq": low, "to_seq": high, "act_id": act_id}
        connection.execute(insert(ledger_gaps).values(row))
        outcome.alarm, outcome.words = "lost-records", f"records {low} to {high} of lane {batch.lane} no longer exist at the agent"

    def keep(self, stored: Stored, *, received_ms: int, flags: str | None) -> None:
        """Gather the ledger row of what `take` stored; flags = JSON list of records that could not be understood."""
        facts = stored.facts
        body = zlib.compress(b"\n".join(stored.lines) + b"\n", ZLIB_LEVEL)
        hashes = bytes.fromhex(facts.prev), bytes.fromhex(facts.head)
        row = (stored.id, stored.epoch_id, facts.lane, facts.first, facts.n, *hashes, facts.key, facts.sig, received_ms, flags, body)
        self._rows.append(row)

    def flush(self, connection: Connection) -> None:
        """Write the gathered rows and tips."""
        if self._rows:
            connection.exec_driver_sql(_BATCH, self._rows)
            self._rows = []
        if self._changed:
            connection.exec_driver_sql(_TIP, [(*key, *self._tips[key]) for key in sorted(self._changed)])
            self._changed = set()

    def _hash_at(self, connection: Connection, batch: Incoming, epoch_id: int, at: int, seq: int, head: bytes) -> bytes | None:
        """The chain's hash after record `at`; None where that lies in a gap."""
        if at == seq:
            return head
        if at == 0:
            return bytes(chain.start(self._site, batch.agent, batch.lane, batch.header.epoch))
        self.flush(connection)
        for row in batches_within(connection, epoch_id, batch.lane, first=at, last=at + 1):
            if row.first - 1 <= at < row.first + row.n:
                h = row.prev
                for line in row.lines[: at - row.first + 1]:
                    h = chain.extend(h, chain.line_digest(line))
                return h
        return None

    def _digests(self, connection: Connection, epoch_id: int, lane: str, first: int, n: int) -> dict[int, bytes]:
        """The digests of stored records first..first+n-1."""
        self.flush(connection)
        found: dict[int, bytes] = {}
        for row in batches_within(connection, epoch_id, lane, first=first, last=first + n - 1):
            for seq, line in enumerate(row.lines, row.first):
                if first <= seq < first + n:
                    found[seq] = chain.line_digest(line)
        return found
