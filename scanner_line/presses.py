"""The presses of a bench and the pages they leave: a row at the press, one outcome when it is known, their records exactly once."""

import json
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scanner_line.batches import LANE, now
from scanner_line.errors import BatchError, SpoolError
from scanner_line.pages import BY_UNDO, END, INSERT, LIVE, RANK, RETAKE, Judged, Page, PageRows
from scanner_line.roles import Outbox
from scanner_line.spool import Kept, Spool
from wire.records import record

__all__ = ["OUTCOMES", "RANK", "RETAKE", "Aim", "Judged", "Page", "Picture", "Press", "PressBook"]
FACTS_MAX = 5000  # as many pages as a judge holds of a batch (checks.baseline.PAGES_MAX)
OUTCOMES = ("captured", "rejected", "failed", "ignored", "control")


@dataclass(frozen=True, slots=True)
class Picture:
    """One image of a press before it is a page: the file, its size in pixels, which side of the bench took it."""

    kept: Kept
    width: int
    height: int
    side: str
    dpi: float | None = None


@dataclass(frozen=True, slots=True)
class Aim:
    """What a press is to do: capture at the end, retake the spread of `page` (None: the one captured last), insert after `after`
    (a page's id, None for the front, END)."""

    wish: str = "capture"
    page: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Press:
    """One press: times in ms, who sent it (`pedal`), what it wished (capture, retake, insert, …), how it ended (None: not yet)."""

    press: str
    t_ms: int
    m_ms: int
    pedal: str
    wish: str
    batch: str | None
    outcome: str | None
    why: str | None
    operator: str | None


class PressBook:
    """Rows and records of presses and pages. Each method is one transaction."""

    def __init__(self, spool: Spool, outbox: Outbox, *, station: str, operator: str | None = None) -> None:
        """`station` is the full identity `{agent}/{name}`; `operator` the opaque id of who works, never a name."""
        self.operator = operator
        self._spool = spool
        self._outbox = outbox
        self._station = station
        self.rows = PageRows(spool, outbox, station=station)

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
            self.end(connection, press, outcome, why)
        return press

    def store(
        self,
        press: str,
        batch: str,
        pictures: Sequence[Picture],
        *,
        sides: Sequence[str],
        aim: Aim | None = None,
        reason: str | None = None,
        why: str | None = None,
        sheet: int = 1,
    ) -> list[Page]:
        """Make pages of the images of one sheet of a press, not judged yet; nothing is told of them. `sides` are all sides of the bench
        in reading order. A retake takes the place of its spread's pages side by side, for the `reason`, and completes a side that was
        never delivered; a side that was taken out or moved away stays so, its image is no page. `why` is kept with the press where not
        every camera delivered; `sheet` counts the sheets of a press. BatchError if the page aimed at does not count any more."""
        t_ms, m_ms = now()
        with self._spool.transaction() as connection:
            wish, operator = connection.execute(
                "SELECT wish, (SELECT operator FROM batches WHERE batch = ?) FROM presses WHERE press = ? AND outcome IS NULL",
                (batch, press),
            ).fetchone()
            aim = aim or Aim(wish)
            target = self._target(connection, batch, aim)
            ever = set() if target is None else self._ever(connection, target.spread)
            after, made = aim.after if aim.wish == INSERT else END, list[str]()
            for picture in pictures:
                page, old, spread = str(uuid.uuid4()), None, press if sheet == 1 else f"{press}.{sheet}"
                if target is None or (target.placeholder and made):
                    seq = self.rows.room_after(connection, batch, made[-1] if made and after != END else after, count=1)
                elif target.placeholder:
                    seq, old, after = target.seq, target.page, None
                else:
                    spread = target.spread
                    live = {one.side: one for one in self.rows.spread(connection, batch, spread)}
                    if picture.side not in live and picture.side in ever:
                        continue
                    old = live[picture.side].page if picture.side in live else None
                    seq = live[picture.side].seq if old else self._beside(connection, batch, live, side=picture.side, sides=sides)
                connection.execute(
                    "INSERT INTO pages(page, press, spread, batch, seq, side, sha256, bytes, width, height, dpi, t_ms, m_ms,"
                    " operator, replaces, reason, inserted) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (page, press, spread, batch, seq, picture.side, picture.kept.sha256, picture.kept.bytes, picture.width,
                     picture.height, picture.dpi, t_ms, m_ms, self.operator or operator, old, reason if old else None,
                     int(aim.wish == INSERT)),
                )  # fmt: skip
                if old:
                    connection.execute("UPDATE pages SET replaced_by = ? WHERE page = ?", (page, old))
                made.append(page)
            connection.execute("UPDATE presses SET batch = ?, why = ? WHERE press = ?", (batch, why, press))
            return [self.rows.page(connection, page) for page in made]

    def _target(self, connection: sqlite3.Connection, batch: str, aim: Aim) -> Page | None:
        """The page whose spread is taken again; None where none is."""
        if aim.wish != RETAKE:
            return None
        if aim.page is not None:
            return self.rows.live_page(connection, aim.page, batch=batch)
        last = self.rows.last(connection, batch)
        if not last:
            raise BatchError("there is no page to retake")
        return last[-1]

    @staticmethod
    def _ever(connection: sqlite3.Connection, spread: str) -> set[str]:
        """The sides of a spread that were delivered at some time, but for those undone."""
        return {row[0] for row in connection.execute("SELECT side FROM pages WHERE spread = ? AND deleted < ?", (spread, BY_UNDO))}

    def _beside(self, connection: sqlite3.Connection, batch: str, live: Mapping[str, Page], *, side: str, sides: Sequence[str]) -> int:
        """Room for a side that its spread lacks: behind the sides before it, else before the others."""
        before = [live[other] for other in sides[: sides.index(side)] if other in live]
        if before:
            return self.rows.room_after(connection, batch, max(before, key=lambda page: page.seq).page, count=1)
        seq = min(page.seq for page in live.values())
        connection.execute("UPDATE pages SET seq = seq + 1 WHERE batch = ? AND seq >= ?", (batch, seq))
        return seq

    def tell(self, press: str, judged: Mapping[str, Judged]) -> list[Page]:
        """What the checks made of one sheet of a press that is not at its end yet; its page records."""
        with self._spool.transaction() as connection:
            return self._tell(connection, press, judged)

    def finish(self, press: str, outcome: str, *, why: str | None = None, judged: Mapping[str, Judged]) -> list[Page]:
        """End a press, once: its outcome, what the checks made of its last pages, the press record and the records of pages not told."""
        with self._spool.transaction() as connection:
            pages = [row[0] for row in connection.execute("SELECT page FROM pages WHERE press = ? ORDER BY rowid", (press,))]
            self.end(connection, press, outcome, why, pages=pages)
            self._tell(connection, press, judged)
            return self.rows.where(connection, "press = ?", press)

    def _tell(self, connection: sqlite3.Connection, press: str, judged: Mapping[str, Judged]) -> list[Page]:
        for page, result in judged.items():
            self.rows.judged(connection, page, result)
        new = self.rows.where(connection, "press = ? AND NOT told", press)
        if not new:
            return []
        batch = new[0].batch
        moved = self.rows.relink(connection, batch, new=new)
        made = self.rows.tell(connection, [page.page for page in new])
        self.rows.tell(connection, moved)
        kind = INSERT if made[0].inserted else RETAKE if any(page.replaces for page in made) else "capture"
        self.rows.did(connection, batch, kind, {"pages": [page.page for page in made]})
        return made

    def pages_of(self, press: str) -> int:
        """How many pages a press has made so far."""
        with self._spool.reading() as connection:
            return int(connection.execute("SELECT count(*) FROM pages WHERE press = ?", (press,)).fetchone()[0])

    def drop(self, pages: Sequence[Page]) -> None:
        """Forget pages of which nothing was told (a separator sheet): nothing of them is kept or replaced."""
        with self._spool.transaction() as connection:
            self._drop(connection, pages)
        self._drop_files(pages)

    def discard(self, press: str, outcome: str, why: str) -> None:
        """End a press whose images are no pages (a held pedal, a separator sheet): nothing of them is kept or replaced."""
        with self._spool.transaction() as connection:
            pages = self.rows.where(connection, "press = ? AND NOT told", press)
            self._drop(connection, pages)
            kept = [row[0] for row in connection.execute("SELECT page FROM pages WHERE press = ? ORDER BY rowid", (press,))]
            self.end(connection, press, outcome, why, pages=kept)
        self._drop_files(pages)

    @staticmethod
    def _drop(connection: sqlite3.Connection, pages: Sequence[Page]) -> None:
        for page in pages:
            connection.execute("UPDATE pages SET replaced_by = NULL WHERE replaced_by = ?", (page.page,))
            connection.execute("DELETE FROM pages WHERE page = ?", (page.page,))

    def _drop_files(self, pages: Sequence[Page]) -> None:
        for page in pages:
            if page.sha256 is not None:
                self._spool.drop(page.sha256)

    def lower(self, page: str, result: Judged) -> Page | None:
        """Lower a page's verdict after the fact, with a further page record of the same page; None if it would not go down."""
        with self._spool.transaction() as connection:
            before = self.rows.page(connection, page)
            if before.verdict is None or RANK[result.verdict] >= RANK[before.verdict]:
                return None
            self.rows.judged(connection, page, result)
            return self.rows.tell(connection, [page])[0]

    def unfinished(self) -> list[tuple[Press, list[Page]]]:
        """Presses whose outcome is not known, oldest first, with the pages stored for them: what a restart has to end."""
        with self._spool.reading() as connection:
            rows = connection.execute("SELECT * FROM presses WHERE outcome IS NULL ORDER BY t_ms, rowid").fetchall()
            return [(Press(**row), self.rows.where(connection, "press = ?", row["press"])) for row in rows]

    def last_pages(self, batch: str) -> list[Page]:
        """The counting pages of the batch's spread that was captured last."""
        with self._spool.reading() as connection:
            return self.rows.last(connection, batch)

    def live_pages(self, batch: str) -> list[Page]:
        """All counting pages of a batch in order."""
        with self._spool.reading() as connection:
            return self.rows.live(connection, batch)

    def window(self, batch: str, *, first: int, count: int) -> list[Page]:
        """So many counting pages of a batch from a place on, counted from 1."""
        with self._spool.reading() as connection:
            return self.rows.window(connection, batch, first=first, count=count)

    def spread(self, batch: str, spread: str) -> list[Page]:
        """The counting pages of one spread of a batch in order."""
        with self._spool.reading() as connection:
            return self.rows.spread(connection, batch, spread)

    def count(self, batch: str) -> int:
        """How many pages of a batch count."""
        with self._spool.reading() as connection:
            counted = f"SELECT count(*) FROM pages INDEXED BY pages_live WHERE {LIVE} AND batch = ?"  # noqa: S608
            return int(connection.execute(counted, (batch,)).fetchone()[0])

    def number(self, page: Page) -> int:
        """A page's place among the counting pages of its batch, from 1."""
        with self._spool.reading() as connection:
            counted = connection.execute(
                f"SELECT count(*) FROM pages INDEXED BY pages_live WHERE batch = ? AND {LIVE} AND seq <= ?",  # noqa: S608
                (page.batch, page.seq),
            ).fetchone()
            return int(counted[0])

    def page(self, page: str) -> Page | None:
        """A page by its id."""
        with self._spool.reading() as connection:
            found = self.rows.where(connection, "page = ?", page)
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
            rows = connection.execute(
                "SELECT t_ms FROM pages WHERE t_ms >= ? AND replaces IS NULL AND placeholder IS NULL ORDER BY t_ms", (since_ms,)
            ).fetchall()
            return [row[0] for row in rows]

    def facts(self, batch: str) -> list[tuple[str, dict[str, Any]]]:
        """(page id, facts of the checks) of the batch's counting pages that have some, in order: the last FACTS_MAX."""
        with self._spool.reading() as connection:
            rows = connection.execute(
                f"SELECT page, facts FROM pages WHERE batch = ? AND facts IS NOT NULL AND {LIVE} ORDER BY seq DESC LIMIT ?",  # noqa: S608
                (batch, FACTS_MAX),
            ).fetchall()
            return [(row["page"], json.loads(row["facts"])) for row in reversed(rows)]

    def _begin(self, connection: sqlite3.Connection, press: str, *, pedal: str, wish: str, t_ms: int, m_ms: int) -> None:
        connection.execute(
            "INSERT INTO presses(press, t_ms, m_ms, pedal, wish, operator) VALUES (?, ?, ?, ?, ?, ?)",
            (press, t_ms, m_ms, pedal, wish, self.operator),
        )

    def end(self, connection: sqlite3.Connection, press: str, outcome: str, why: str | None, pages: Sequence[str] = ()) -> None:
        """End a press with its record, inside the caller's transaction; SpoolError if it has ended before."""
        ended = connection.execute(
            "UPDATE presses SET outcome = ?, why = ? WHERE press = ? AND outcome IS NULL RETURNING t_ms, m_ms, pedal,"
            " coalesce(operator, (SELECT operator FROM batches WHERE batches.batch = presses.batch))",
            (outcome, why, press),
        ).fetchone()
        if ended is None:
            raise SpoolError(f"press {press} has ended before")
        t_ms, m_ms, pedal, operator = ended
        made = record(
            "press",
            t_ms,
            m_ms,
            press=press,
            station=self._station,
            pedal=pedal,
            outcome=outcome,
            pages=list(pages),
            why=why,
            operator=operator,
        )
        self._outbox.add(LANE, made)
