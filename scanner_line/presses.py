"""The presses of a bench and the pages they leave: a row at the press, one outcome when it is known, their records exactly once."""

import json
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scanner_line.batches import LANE, now
from scanner_line.errors import SpoolError
from scanner_line.roles import Outbox
from scanner_line.spool import Kept, Spool
from wire.records import record

RANK = {"bad": 0, "look": 1, "good": 2}  # a verdict may go down later, never up
OUTCOMES = ("captured", "rejected", "failed", "ignored", "control")
RETAKE = "retake"


@dataclass(frozen=True, slots=True)
class Taken:
    """One image of a press before it is a page: the file, its size in pixels, which side of the bench took it."""

    kept: Kept
    width: int
    height: int
    side: str
    dpi: float | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a page at the checks: its verdict, the checks as a page record carries them, facts for judging later pages."""

    verdict: str
    checks: Sequence[Mapping[str, Any]] = ()
    facts: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page as the bench knows it. `verdict` is None until it was judged; `seq` is its place in the batch, from 1 and rising, with
    gaps where a side was not delivered; `spread` is common
    to the sides of one opening of the book and to their retakes (the id of its first press)."""

    page: str
    press: str
    spread: str
    batch: str
    seq: int
    after: str | None
    side: str
    sha256: str
    bytes: int
    width: int
    height: int
    dpi: float | None
    t_ms: int
    m_ms: int
    checks: tuple[dict[str, Any], ...]
    verdict: str | None
    operator: str | None
    replaces: str | None
    reason: str | None
    replaced_by: str | None
    deleted: bool

    @property
    def live(self) -> bool:
        """Whether it counts: neither replaced nor deleted."""
        return self.replaced_by is None and not self.deleted


@dataclass(frozen=True, slots=True)
class Press:
    """One press: times in ms, who sent it (`pedal`), what it wished (capture or retake), how it ended (None: not yet)."""

    press: str
    t_ms: int
    m_ms: int
    pedal: str
    wish: str
    batch: str | None
    outcome: str | None
    why: str | None


class PressBook:
    """Rows and records of presses and pages. Each method is one transaction."""

    def __init__(self, spool: Spool, outbox: Outbox, *, station: str, operator: str | None = None) -> None:
        """`station` is the full identity `{agent}/{name}`; `operator` the opaque id of who works, never a name."""
        self.operator = operator
        self._spool = spool
        self._outbox = outbox
        self._station = station

    def begin(self, *, pedal: str, wish: str, t_ms: int, m_ms: int) -> str:
        """Note a press before anything is exposed, so that a crash leaves a trace of it. Returns its id."""
        press = str(uuid.uuid4())
        with self._spool.transaction() as connection:
            self._begin(connection, press, pedal=pedal, wish=wish, t_ms=t_ms, m_ms=m_ms)
        return press

    def turn_away(self, outcome: str, why: str, *, pedal: str, wish: str, t_ms: int, m_ms: int) -> str:
        """Note a press that ends at once (rejected, ignored, control) with its record. Returns its id."""
        press = str(uuid.uuid4())
        with self._spool.transaction() as connection:
            self._begin(connection, press, pedal=pedal, wish=wish, t_ms=t_ms, m_ms=m_ms)
            self._end(connection, press, outcome, why)
        return press

    def store(
        self, press: str, batch: str, taken: Sequence[Taken], *, sides: Sequence[str], reason: str | None = None, why: str | None = None
    ) -> list[Page]:
        """Make pages of the images of a press, not judged yet. `sides` are all sides of the bench in reading order: a spread takes a
        place in the batch for each, also for one that was not delivered. A retake replaces the last spread's pages side by side, for
        the `reason`; `why` is kept with the press where not every camera delivered."""
        t_ms, m_ms = now()
        with self._spool.transaction() as connection:
            wish, operator = connection.execute(
                "SELECT wish, (SELECT operator FROM batches WHERE batch = ?) FROM presses WHERE press = ? AND outcome IS NULL",
                (batch, press),
            ).fetchone()
            operator = self.operator or operator
            last = {page.side: page for page in self._last(connection, batch)}
            old = last if wish == RETAKE else {}
            highest = max((page.seq for page in last.values()), default=0)
            of_last = min((page.seq - sides.index(side) for side, page in last.items() if side in sides), default=highest + 1 - len(sides))
            first = of_last if old else of_last + len(sides)
            spread = next((page.spread for page in old.values()), press)
            made = []
            for image in taken:
                page, seq, replaced = str(uuid.uuid4()), first + sides.index(image.side), old.get(image.side)
                if replaced:
                    connection.execute("UPDATE pages SET replaced_by = ? WHERE page = ?", (page, replaced.page))
                after = connection.execute(
                    "SELECT page FROM pages WHERE batch = ? AND replaced_by IS NULL AND NOT deleted AND seq < ? ORDER BY seq DESC LIMIT 1",
                    (batch, seq),
                ).fetchone()
                connection.execute(
                    "INSERT INTO pages(page, press, spread, batch, seq, after, side, sha256, bytes, width, height, dpi, t_ms, m_ms,"
                    " operator, replaces, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (page, press, spread, batch, seq, after and after[0], image.side, image.kept.sha256, image.kept.bytes, image.width,
                     image.height, image.dpi, t_ms, m_ms, operator, replaced and replaced.page, reason if replaced else None),
                )  # fmt: skip
                made.append(page)
            connection.execute("UPDATE presses SET batch = ?, why = ? WHERE press = ?", (batch, why, press))
            return [self._page(connection, page) for page in made]

    def finish(self, press: str, outcome: str, *, why: str | None = None, judged: Mapping[str, Judged]) -> list[Page]:
        """End a press, once: its outcome, what the checks made of each of its pages, the press record and the page records."""
        with self._spool.transaction() as connection:
            for page, result in judged.items():
                self._judged(connection, page, result)
            pages = self._pages(connection, "press = ?", press)
            self._end(connection, press, outcome, why, pages=[page.page for page in pages])
            for page_made in pages:
                self._note(connection, page_made)
            return pages

    def discard(self, press: str, outcome: str, why: str) -> None:
        """End a press whose images are no pages (a held pedal, a separator sheet): nothing of them is kept or replaced."""
        with self._spool.transaction() as connection:
            pages = self._pages(connection, "press = ?", press)
            for page in pages:
                connection.execute("UPDATE pages SET replaced_by = NULL WHERE replaced_by = ?", (page.page,))
            connection.execute("DELETE FROM pages WHERE press = ?", (press,))
            self._end(connection, press, outcome, why)
        for page in pages:
            self._spool.drop(page.sha256)

    def lower(self, page: str, result: Judged) -> Page | None:
        """Lower a page's verdict after the fact, with a further page record of the same page; None if it would not go down."""
        with self._spool.transaction() as connection:
            before = self._page(connection, page)
            if before.verdict is None or RANK[result.verdict] >= RANK[before.verdict]:
                return None
            self._judged(connection, page, result)
            lowered = self._page(connection, page)
            self._note(connection, lowered)
            return lowered

    def undo(self, batch: str, *, reason: str) -> list[Page]:
        """Take the pages of the last press out of the batch; images and rows stay, a further record of each says `deleted`."""
        with self._spool.transaction() as connection:
            pages = self._last(connection, batch)
            for page in pages:
                connection.execute("UPDATE pages SET deleted = 1, reason = ? WHERE page = ?", (reason, page.page))
            gone = [self._page(connection, page.page) for page in pages]
            for page in gone:
                self._note(connection, page)
            return gone

    def unfinished(self) -> list[tuple[Press, list[Page]]]:
        """Presses whose outcome is not known, oldest first, with the pages stored for them: what a restart has to end."""
        with self._spool.reading() as connection:
            rows = connection.execute("SELECT * FROM presses WHERE outcome IS NULL ORDER BY t_ms, rowid").fetchall()
            return [(Press(**row), self._pages(connection, "press = ?", row["press"])) for row in rows]

    def last_pages(self, batch: str) -> list[Page]:
        """The counting pages of the batch's last spread."""
        with self._spool.reading() as connection:
            return self._last(connection, batch)

    def live_pages(self, batch: str) -> list[Page]:
        """All counting pages of a batch in order."""
        with self._spool.reading() as connection:
            return self._pages(connection, "replaced_by IS NULL AND NOT deleted AND batch = ?", batch)

    def number(self, page: Page) -> int:
        """A page's place among the counting pages of its batch, from 1."""
        with self._spool.reading() as connection:
            counted = connection.execute(
                "SELECT count(*) FROM pages WHERE batch = ? AND replaced_by IS NULL AND NOT deleted AND seq <= ?", (page.batch, page.seq)
            ).fetchone()
            return int(counted[0])

    def page(self, page: str) -> Page | None:
        """A page by its id."""
        with self._spool.reading() as connection:
            found = self._pages(connection, "page = ?", page)
            return found[0] if found else None

    def outcomes(self, *, since_ms: int = 0) -> dict[str, int]:
        """How many presses ended how, from a wall time on."""
        with self._spool.reading() as connection:
            rows = connection.execute(
                "SELECT outcome, count(*) FROM presses WHERE t_ms >= ? AND outcome IS NOT NULL GROUP BY outcome", (since_ms,)
            ).fetchall()
            return dict.fromkeys(OUTCOMES, 0) | {row[0]: row[1] for row in rows}

    def captured_since(self, since_ms: int) -> list[int]:
        """Wall times of the pages taken since a moment, oldest first: what the pace is made of."""
        with self._spool.reading() as connection:
            rows = connection.execute("SELECT t_ms FROM pages WHERE t_ms >= ? AND replaces IS NULL ORDER BY t_ms", (since_ms,)).fetchall()
            return [row[0] for row in rows]

    def facts(self, batch: str) -> list[tuple[str, dict[str, Any]]]:
        """(page id, facts of the checks) of all counting pages of a batch that have some, in order."""
        with self._spool.reading() as connection:
            rows = connection.execute(
                "SELECT page, facts FROM pages WHERE batch = ? AND facts IS NOT NULL AND replaced_by IS NULL AND NOT deleted ORDER BY seq",
                (batch,),
            ).fetchall()
            return [(row["page"], json.loads(row["facts"])) for row in rows]

    @staticmethod
    def _judged(connection: sqlite3.Connection, page: str, result: Judged) -> None:
        facts = None if result.facts is None else json.dumps(dict(result.facts))
        connection.execute(
            "UPDATE pages SET verdict = ?, checks = ?, facts = ? WHERE page = ?",
            (result.verdict, json.dumps(list(result.checks), ensure_ascii=False), facts, page),
        )

    @staticmethod
    def _begin(connection: sqlite3.Connection, press: str, *, pedal: str, wish: str, t_ms: int, m_ms: int) -> None:
        connection.execute("INSERT INTO presses(press, t_ms, m_ms, pedal, wish) VALUES (?, ?, ?, ?, ?)", (press, t_ms, m_ms, pedal, wish))

    def _end(self, connection: sqlite3.Connection, press: str, outcome: str, why: str | None, pages: Sequence[str] = ()) -> None:
        ended = connection.execute(
            "UPDATE presses SET outcome = ?, why = ? WHERE press = ? AND outcome IS NULL RETURNING t_ms, m_ms, pedal",
            (outcome, why, press),
        ).fetchone()
        if ended is None:
            raise SpoolError(f"press {press} has ended before")
        made = record(
            "press", ended[0], ended[1], press=press, station=self._station, pedal=ended[2], outcome=outcome, pages=list(pages), why=why
        )
        self._outbox.add(LANE, made)

    def _note(self, connection: sqlite3.Connection, page: Page) -> None:
        made = record(
            "page",
            page.t_ms,
            page.m_ms,
            page=page.page,
            press=page.press,
            batch=page.batch,
            after=page.after,
            sha256=page.sha256,
            bytes=page.bytes,
            width=page.width,
            height=page.height,
            dpi=page.dpi,
            checks=list(page.checks),
            verdict=page.verdict,
            station=self._station,
            operator=page.operator,
            replaces=page.replaces,
            reason=page.reason,
            side=page.side,
            deleted=True if page.deleted else None,
        )
        self._outbox.add(
            LANE, made, [{"sha256": page.sha256, "path": str(self._spool.path_of(page.sha256).absolute()), "bytes": page.bytes}]
        )

    def _last(self, connection: sqlite3.Connection, batch: str) -> list[Page]:
        last = connection.execute(
            "SELECT spread FROM pages WHERE batch = ? AND replaced_by IS NULL AND NOT deleted ORDER BY seq DESC LIMIT 1", (batch,)
        ).fetchone()
        return self._pages(connection, "replaced_by IS NULL AND NOT deleted AND spread = ?", last[0]) if last else []

    def _page(self, connection: sqlite3.Connection, page: str) -> Page:
        return self._pages(connection, "page = ?", page)[0]

    @staticmethod
    def _pages(connection: sqlite3.Connection, where: str, value: str) -> list[Page]:
        rows = connection.execute(f"SELECT * FROM pages WHERE {where} ORDER BY seq, rowid", (value,)).fetchall()  # noqa: S608 (our own words)
        made = []
        for row in rows:
            fields = dict(row)
            checks = tuple(json.loads(fields.pop("checks") or "[]"))
            deleted = bool(fields.pop("deleted"))
            del fields["facts"]
            made.append(Page(**fields, checks=checks, deleted=deleted))
        return made
