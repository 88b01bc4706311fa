"""The page rows of a bench's spool: read, placed, linked and told, always inside a transaction that the caller holds.

`seq` is the order inside the bench and moves as pages come and go; nothing outside ever sees it. What the centre is told is `after`, the
counting page before a page: whoever's predecessor changed gets a further record. Ids and files never change.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scanner_line.batches import LANE, now
from scanner_line.errors import BatchError
from scanner_line.roles import Outbox
from scanner_line.spool import Spool
from wire.records import record

RANK = {"bad": 0, "look": 1, "good": 2}  # a verdict may go down later, never up
RETAKE = "retake"
INSERT = "insert"
END = "end"  # as `after`: at the end of the batch; None is its front, anything else a page's id
LIVE = "replaced_by IS NULL AND NOT deleted"
BY_HAND, BY_UNDO = 1, 2  # how a page was deleted


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a page at the checks: its verdict, the checks as a page record carries them, facts for judging later pages."""

    verdict: str
    checks: Sequence[Mapping[str, Any]] = ()
    facts: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page as the bench knows it. `verdict` is None until it was judged; `seq` is its place in the batch, rising, with gaps; `spread`
    is common to the sides of one opening of the book and to their retakes. A placeholder has its kind and no image: sha256 is None."""

    page: str
    press: str
    spread: str
    batch: str
    seq: int
    after: str | None
    side: str
    sha256: str | None
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
    placeholder: str | None = None
    moved_from: str | None = None
    inserted: bool = False
    told: bool = False

    @property
    def live(self) -> bool:
        """Whether it counts: neither replaced nor deleted."""
        return self.replaced_by is None and not self.deleted


class PageRows:
    """Statements on the pages' rows and their records. No method opens a transaction of its own."""

    def __init__(self, spool: Spool, outbox: Outbox, *, station: str) -> None:
        """`station` is the full identity `{agent}/{name}`."""
        self._spool = spool
        self._outbox = outbox
        self._station = station

    @staticmethod
    def where(connection: sqlite3.Connection, condition: str, *values: Any) -> list[Page]:
        """Pages by a condition of our own words, in order."""
        rows = connection.execute(f"SELECT * FROM pages WHERE {condition} ORDER BY seq, rowid", values).fetchall()  # noqa: S608
        made = []
        for row in rows:
            fields: dict[str, Any] = dict(row)
            checks = tuple(json.loads(fields.pop("checks") or "[]"))
            flags: dict[str, Any] = {name: bool(fields.pop(name)) for name in ("deleted", "inserted", "told")}
            del fields["facts"]
            made.append(Page(**fields, checks=checks, **flags))
        return made

    def page(self, connection: sqlite3.Connection, page: str) -> Page:
        """One page; BatchError if the bench does not know it."""
        found = self.where(connection, "page = ?", page)
        if not found:
            raise BatchError("the bench does not know this page")
        return found[0]

    def live_page(self, connection: sqlite3.Connection, page: str, *, batch: str | None = None) -> Page:
        """A page that counts, in that batch if one is named; BatchError in words otherwise."""
        found = self.page(connection, page)
        if not found.live:
            raise BatchError("this page was replaced or deleted already")
        if batch is not None and found.batch != batch:
            raise BatchError("this page is not in the open batch")
        return found

    def live(self, connection: sqlite3.Connection, batch: str) -> list[Page]:
        """All counting pages of a batch in order."""
        return self.where(connection, f"{LIVE} AND batch = ?", batch)

    def window(self, connection: sqlite3.Connection, batch: str, *, first: int, count: int) -> list[Page]:
        """So many counting pages of a batch from a place on, counted from 1."""
        places = connection.execute(
            f"SELECT page FROM pages INDEXED BY pages_live WHERE {LIVE} AND batch = ? ORDER BY seq LIMIT ? OFFSET ?",  # noqa: S608
            (batch, count, first - 1),
        ).fetchall()
        return [page for row in places for page in self.where(connection, "page = ?", row[0])]

    def spread(self, connection: sqlite3.Connection, batch: str, spread: str) -> list[Page]:
        """The counting pages of one spread in order."""
        return self.where(connection, f"{LIVE} AND +batch = ? AND spread = ?", batch, spread)  # a spread's pages are few

    def last(self, connection: sqlite3.Connection, batch: str) -> list[Page]:
        """The counting pages of the spread captured last, wherever in the batch it stands."""
        found = connection.execute(
            f"SELECT spread FROM pages INDEXED BY pages_last WHERE batch = ? AND {LIVE} AND placeholder IS NULL"  # noqa: S608
            " ORDER BY t_ms DESC, rowid DESC LIMIT 1",
            (batch,),
        ).fetchone()
        return self.spread(connection, batch, found[0]) if found else []

    def room_after(self, connection: sqlite3.Connection, batch: str, after: str | None, *, count: int) -> int:
        """Make room for so many pages after a page (None: at the front, END: at the end); the first of their places."""
        if after == END:
            highest = connection.execute("SELECT coalesce(max(seq), 0) FROM pages WHERE batch = ?", (batch,)).fetchone()[0]
            return int(highest) + 1
        seq = 0 if after is None else self.live_page(connection, after, batch=batch).seq
        connection.execute("UPDATE pages SET seq = seq + ? WHERE batch = ? AND seq > ?", (count, batch, seq))
        return seq + 1

    def relink(self, connection: sqlite3.Connection, batch: str, *, new: Sequence[Page] = ()) -> list[str]:
        """Let every counting page name the counting page before it; the ids of those that had been told otherwise. What the first page
        was retaken for follows none either: a retake that names none is taken to follow what the page it replaces followed. Where nothing
        but `new` pages came, only what is around them is looked at."""
        around = (batch,) if not new else (batch, *self._around(connection, batch, [page.seq for page in new]))
        stale = connection.execute(
            "SELECT page, told, before FROM (SELECT page, told, after, lag(page) OVER (ORDER BY seq) AS before, seq"  # noqa: S608
            f" FROM pages INDEXED BY pages_live WHERE batch = ? AND {LIVE}{' AND seq BETWEEN ? AND ?' if new else ''})"
            f" WHERE after IS NOT before{' AND (before IS NOT NULL OR seq >= ?)' if new else ''}",
            (*around, min(page.seq for page in new)) if new else around,
        ).fetchall()
        connection.executemany("UPDATE pages SET after = ? WHERE page = ?", [(row["before"], row["page"]) for row in stale])
        first = connection.execute(
            f"SELECT page FROM pages INDEXED BY pages_live WHERE batch = ? AND {LIVE} ORDER BY seq LIMIT 1",  # noqa: S608
            (batch,),
        ).fetchone()
        for older in () if first is None else self.older(connection, first[0]):
            stale += connection.execute("UPDATE pages SET after = NULL WHERE page = ? AND after IS NOT NULL RETURNING page, told", (older,))
        return [row["page"] for row in stale if row["told"]]

    @staticmethod
    def _around(connection: sqlite3.Connection, batch: str, seqs: Sequence[int]) -> tuple[int, int]:
        """The place of the counting page before the lowest of the places, and of the one after the highest; these where there is none."""
        low, high = min(seqs), max(seqs)
        one = f"FROM pages INDEXED BY pages_live WHERE {LIVE} AND batch = ?"
        before = connection.execute(f"SELECT max(seq) {one} AND seq < ?", (batch, low)).fetchone()[0]
        after = connection.execute(f"SELECT min(seq) {one} AND seq > ?", (batch, high)).fetchone()[0]
        return low if before is None else before, high if after is None else after

    @staticmethod
    def older(connection: sqlite3.Connection, page: str) -> list[str]:
        """The ids of all pages that a page was retaken for, the oldest first."""
        rows = connection.execute(
            "WITH RECURSIVE older(page, n) AS (SELECT page, 1 FROM pages WHERE replaced_by = ?"
            " UNION SELECT pages.page, n + 1 FROM pages JOIN older ON pages.replaced_by = older.page)"
            " SELECT page FROM older ORDER BY n DESC",
            (page,),
        ).fetchall()
        return [row[0] for row in rows]

    def tell(self, connection: sqlite3.Connection, pages: Iterable[str]) -> list[Page]:
        """Write the records of pages as they are now, each once, in the order given."""
        told = [self.page(connection, ident) for ident in dict.fromkeys(pages)]
        for page in told:
            self._note(page)
        connection.executemany("UPDATE pages SET told = 1 WHERE page = ?", [(page.page,) for page in told])
        return told

    def judged(self, connection: sqlite3.Connection, page: str, result: Judged) -> None:
        """Set what the checks made of a page."""
        facts = None if result.facts is None else json.dumps(dict(result.facts))
        connection.execute(
            "UPDATE pages SET verdict = ?, checks = ?, facts = ? WHERE page = ?",
            (result.verdict, json.dumps(list(result.checks), ensure_ascii=False), facts, page),
        )

    @staticmethod
    def did(connection: sqlite3.Connection, batch: str, kind: str, detail: Mapping[str, Any]) -> None:
        """Remember an operation, so that it can be undone."""
        connection.execute(
            "INSERT INTO operations(batch, kind, t_ms, detail) VALUES (?, ?, ?, ?)", (batch, kind, now()[0], json.dumps(dict(detail)))
        )

    def _note(self, page: Page) -> None:
        """A page's first record bears the time of its capture and names its file; a further one bears the time of the change."""
        t_ms, m_ms = now() if page.told else (page.t_ms, page.m_ms)
        made = record(
            "page",
            t_ms,
            m_ms,
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
            placeholder=page.placeholder,
            moved_from=page.moved_from,
            insert=True if page.inserted else None,
        )
        files = []
        if page.sha256 is not None and not page.told:
            path = self._spool.path_of(page.sha256).absolute()
            files.append({"sha256": page.sha256, "path": str(path), "bytes": page.bytes})
        self._outbox.add(LANE, made, files)
