"""A journal with its keys in a folder, a clock that is set by hand, and a small centre that knows the keys."""

import sqlite3
from pathlib import Path
from typing import Any

from edge_agent.journal import AckOutcome, Journal
from edge_agent.keys import AgentKey, CentreKey
from tests.edge_agent.centre import Centre
from wire import codec
from wire.records import record

T = 1_790_000_000_000
HOUR_MS = 3_600_000


class Clock:
    """(wall ms, boot ms) that move only when told."""

    def __init__(self, t_ms: int = T) -> None:
        self.t_ms, self.m_ms = t_ms, 1_000

    def __call__(self) -> tuple[int, int]:
        return self.t_ms, self.m_ms

    def forward(self, ms: int) -> None:
        self.t_ms += ms
        self.m_ms += ms


class Room:
    """One agent's data folder with its centre."""

    def __init__(self, folder: Path, *, agent: str = "room-101") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.agent, self.clock = folder, agent, Clock()
        self.key = AgentKey.load_or_create(folder / "key")
        self.centre = Centre(AgentKey.load_or_create(folder / "centre-key"), site="demo", agent=agent)
        self.journal = self.open()

    def open(self) -> Journal:
        centre = CentreKey(self.centre.key.public_base64)
        return Journal.open(self.folder / "journal.db", site="demo", agent=self.agent, key=self.key, centre=centre, now=self.clock)

    def reopen(self) -> Journal:
        self.journal.close()
        self.journal = self.open()
        return self.journal

    def image(self) -> bytes:
        """The journal's file as a disk image would hold it."""
        source, target = sqlite3.connect(self.folder / "journal.db"), sqlite3.connect(":memory:")
        source.backup(target)
        data = target.serialize()
        source.close()
        target.close()
        return data

    def put_back(self, image: bytes) -> None:
        """Put the disk back to an older image."""
        self.journal.close()
        for suffix in ("-wal", "-shm"):
            Path(f"{self.folder / 'journal.db'}{suffix}").unlink(missing_ok=True)
        (self.folder / "journal.db").write_bytes(image)
        self.journal = self.open()

    def send(self, lane: str, *, after: int | None = None, max_records: int = 1000) -> AckOutcome | None:
        """One batch to the centre and its acknowledgement back; None when there is nothing to send."""
        start = self.journal.lane(lane).acked_seq if after is None else after
        batch = self.journal.batch(lane, start, max_records=max_records)
        if batch is None:
            return None
        ack = self.centre.receive(lane, batch.payload)
        return self.journal.acknowledge(lane, codec.decode_ack(codec.encode_message(ack)))

    def drain(self, lane: str) -> list[AckOutcome]:
        """Send until all is acknowledged; the outcomes."""
        outcomes: list[AckOutcome] = []
        for _ in range(200):
            outcome = self.send(lane)
            if outcome is None:
                return outcomes
            outcomes.append(outcome)
            if outcome is AckOutcome.WAITING:
                self.clock.forward(HOUR_MS)
        raise AssertionError(f"lane {lane} never comes to rest: {outcomes[-10:]}")

    def kept(self, lane: str) -> list[Any]:
        """The records of the current epoch that the journal holds."""
        found: list[Any] = []
        after = 0
        while batch := self.journal.batch(lane, after):
            header, records = codec.decode_batch(batch.payload, lane)
            found += records
            after = header["first"] + header["n"] - 1
        return found


def reading(n: int, i: int = 1) -> dict[str, Any]:
    return record("reading", T + n, n, i=i, v=float(n))


def contact(n: int, state: str = "open") -> dict[str, Any]:
    return record("contact", T + n, n, contact="room-101/door", state=state)


def channel(i: int, sensor: str = "climate") -> dict[str, Any]:
    return record("channel", T, 0, i=i, sensor=sensor, q="temperature", u="Cel")
