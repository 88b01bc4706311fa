"""The batches of a bench: opened, declared, counted and closed; their rows and their records."""

import sqlite3
import time
import uuid
from dataclasses import asdict, dataclass

from scanner_line.errors import BatchError
from scanner_line.roles import Outbox
from scanner_line.spool import Spool
from wire.records import record
from wire.separators import DECLARED_MAX, VOLUME_CHARS_MAX

LANE = "capture"


def now() -> tuple[int, int]:
    """Wall time and CLOCK_BOOTTIME, both in milliseconds, as records carry them."""
    return time.time_ns() // 1_000_000, time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


@dataclass(frozen=True, slots=True)
class Counts:
    """How a batch stands. `captured` = pages neither replaced nor deleted, `placeholders` of them without an image; good, look and bad
    are their verdicts."""

    captured: int = 0
    replaced: int = 0
    deleted: int = 0
    good: int = 0
    look: int = 0
    bad: int = 0
    placeholders: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch as the bench knows it; times in wall milliseconds; `opened_by` is the press that found no open batch; `reason`
    why it was opened again, `rework` how many pages are still to be taken again."""

    batch: str
    state: str
    declared: int | None
    volume: str | None
    operator: str | None
    opened_ms: int
    closed_ms: int | None
    opened_by: str | None
    counts: Counts
    reason: str | None = None
    rework: int = 0

    @property
    def discrepancies(self) -> tuple[str, ...]:
        """What a person should confirm before the batch closes: `count` (not as declared), `bad` (bad pages not retaken),
        `rework` (pages that were to be taken again and were not)."""
        found = []
        if self.declared is not None and self.counts.captured != self.declared:
            found.append("count")
        if self.counts.bad:
            found.append("bad")
        if self.rework:
            found.append("rework")
        return tuple(found)


class BatchBook:
    """Opens and closes batches; at most one is open at a bench. Every change is one transaction with its record."""

    def __init__(self, spool: Spool, outbox: Outbox, *, station: str, operator: str | None = None) -> None:
        """`station` is the full identity `{agent}/{name}`; `operator` an opaque id, never a name."""
        self._spool = spool
        self._outbox = outbox
        self._station = station
        self.operator = operator

    def current(self) -> Batch | None:
        """The open batch with its counts."""
        with self._spool.reading() as connection:
            row = connection.execute("SELECT * FROM batches WHERE state = 'open'").fetchone()
            return None if row is None else self._batch(connection, row)

    def get(self, batch: str) -> Batch:
        """A batch by its id; BatchError if the bench does not know it."""
        with self._spool.reading() as connection:
            row = connection.execute("SELECT * FROM batches WHERE batch = ?", (batch,)).fetchone()
            if row is None:
                raise BatchError("the bench does not know this batch")
            return self._batch(connection, row)

    def last_closed(self) -> Batch | None:
        """The batch that was closed last."""
        with self._spool.reading() as connection:
            row = connection.execute("SELECT * FROM batches WHERE state = 'closed' ORDER BY closed_ms DESC, rowid DESC LIMIT 1").fetchone()
            return None if row is None else self._batch(connection, row)

    def open(self, *, declared: int | None = None, volume: str | None = None, by_press: str | None = None) -> Batch:
        """Open a batch; BatchError if one is open already or a value is out of bounds."""
        _check(declared, volume)
        batch = str(uuid.uuid4())
        with self._spool.transaction() as connection:
            if connection.execute("SELECT 1 FROM batches WHERE state = 'open'").fetchone():
                raise BatchError("a batch is open already")
            connection.execute(
                "INSERT INTO batches(batch, state, declared, volume, operator, opened_ms, opened_by) VALUES (?, 'open', ?, ?, ?, ?, ?)",
                (batch, declared, volume, self.operator, now()[0], by_press),
            )
            return self.note(connection, batch)

    def declare(self, *, declared: int | None, volume: str | None = None) -> Batch:
        """State how many pages the open batch shall have, and of which volume; None leaves the volume as it is."""
        _check(declared, volume)
        with self._spool.transaction() as connection:
            changed = connection.execute(
                "UPDATE batches SET declared = ?, volume = coalesce(?, volume) WHERE state = 'open' RETURNING batch", (declared, volume)
            ).fetchone()
            if changed is None:
                raise BatchError("no batch is open")
            return self.note(connection, changed[0])

    def close(self) -> Batch:
        """Close the open batch, whatever its counts: to ask about a discrepancy first is the station's part. BatchError if none is open."""
        with self._spool.transaction() as connection:
            changed = connection.execute(
                "UPDATE batches SET state = 'closed', closed_ms = ? WHERE state = 'open' RETURNING batch", (now()[0],)
            ).fetchone()
            if changed is None:
                raise BatchError("no batch is open")
            for table in ("rework", "operations"):  # what is closed is not undone any more
                connection.execute(f"DELETE FROM {table} WHERE batch = ?", (changed[0],))  # noqa: S608 (our own words)
            return self.note(connection, changed[0])

    def note(self, connection: sqlite3.Connection, batch: str) -> Batch:
        """Write the batch's record, inside the caller's transaction."""
        row = connection.execute("SELECT * FROM batches WHERE batch = ?", (batch,)).fetchone()
        made = self._batch(connection, row)
        self._outbox.add(
            LANE,
            record(
                "batch",
                *now(),
                batch=batch,
                state=made.state,
                declared=made.declared,
                counts=asdict(made.counts),
                station=self._station,
                volume=made.volume,
                operator=made.operator,
                reason=made.reason,
            ),
        )
        return made

    @staticmethod
    def _batch(connection: sqlite3.Connection, row: sqlite3.Row) -> Batch:
        rework = connection.execute(
            "SELECT count(*) FROM pages WHERE replaced_by IS NULL AND NOT deleted AND page IN (SELECT page FROM rework WHERE batch = ?)",
            (row["batch"],),
        ).fetchone()[0]
        return Batch(
            row["batch"],
            row["state"],
            row["declared"],
            row["volume"],
            row["operator"],
            row["opened_ms"],
            row["closed_ms"],
            row["opened_by"],
            _counts(connection, row["batch"]),
            row["reason"],
            rework,
        )


def _counts(connection: sqlite3.Connection, batch: str) -> Counts:
    """How a batch stands, from indexes alone: it is asked several times a press, of batches of thousands of pages."""
    verdicts: dict[str | None, int] = {}
    placeholders = 0
    for verdict, pages, without in connection.execute(
        "SELECT verdict, count(*), count(placeholder) FROM pages INDEXED BY pages_counted"
        " WHERE batch = ? AND replaced_by IS NULL AND deleted = 0 GROUP BY verdict",
        (batch,),
    ):
        verdicts[verdict] = pages
        placeholders += without
    replaced, deleted = (
        int(connection.execute(f"SELECT count(*) FROM pages INDEXED BY {index} WHERE batch = ? AND {which}", (batch,)).fetchone()[0])  # noqa: S608
        for index, which in (("pages_counted", "replaced_by IS NOT NULL"), ("pages_out", "deleted > 0"))
    )
    good, look, bad = (verdicts.get(name, 0) for name in ("good", "look", "bad"))
    return Counts(sum(verdicts.values()), replaced, deleted, good, look, bad, placeholders)


def _check(declared: int | None, volume: str | None) -> None:
    if declared is not None and not 1 <= declared <= DECLARED_MAX:
        raise BatchError(f"a batch has 1 to {DECLARED_MAX} pages, not {declared}")
    if volume is not None and not 1 <= len(volume) <= VOLUME_CHARS_MAX:
        raise BatchError(f"a volume's number has 1 to {VOLUME_CHARS_MAX} characters")
