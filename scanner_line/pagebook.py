"""What is done to pages after they were taken: deleted, moved, stood in for, undone, and a closed batch opened again.

Each operation is one transaction with all its records. Nothing is lost by any: images, rows and reasons stay.
"""

import json
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from scanner_line.batches import Batch, BatchBook
from scanner_line.errors import BatchError
from scanner_line.pages import BY_HAND, BY_UNDO, END, Judged, Page
from scanner_line.presses import PressBook
from scanner_line.spool import Spool

PLACEHOLDERS = {
    "missing": ("the page is missing", "此页缺失"),
    "oversize": ("the page is too large for this bench", "此页超出本工位幅面"),
    "other": ("the page was not taken", "此页未拍摄"),
}
REASON_CHARS_MAX = 200
PAGES_MAX = 1000  # of one operation
UNDO = "undo"


class PageBook:
    """Operations on pages. Only the open batch is changed, but for a move, whose other end may be a closed one."""

    def __init__(self, spool: Spool, *, presses: PressBook, batches: BatchBook) -> None:
        """The bench's books."""
        self._spool = spool
        self._presses = presses
        self._batches = batches
        self._rows = presses.rows

    def delete(self, pages: Sequence[str], *, reason: str) -> list[Page]:
        """Take pages out of the open batch; the images stay. BatchError if one does not count there or the reason is none."""
        reason = words(reason)
        if not 1 <= len(set(pages)) <= PAGES_MAX:
            raise BatchError(f"1 to {PAGES_MAX} pages can be deleted at once")
        with self._spool.transaction() as connection:
            batch = _open(connection)
            reasons = {page: self._rows.live_page(connection, page, batch=batch).reason for page in pages}
            connection.executemany("UPDATE pages SET deleted = ?, reason = ? WHERE page = ?", [(BY_HAND, reason, page) for page in reasons])
            self._rows.did(connection, batch, "delete", {"pages": list(reasons), "reasons": reasons})
            return self._told(connection, list(reasons), batch)

    def move(
        self, pages: Sequence[str], *, after: str | None = END, batch: str | None = None, volume: str | None = None, reason: str
    ) -> list[Page]:
        """Move pages, in the order they stand, after a page (None: to the front, END: to the end) of their own batch, or of another one
        named by its id or its volume. One of the two must be the open one. BatchError in words for what cannot be."""
        reason = words(reason)
        if not 1 <= len(set(pages)) <= PAGES_MAX:
            raise BatchError(f"1 to {PAGES_MAX} pages can be moved at once")
        with self._spool.transaction() as connection:
            found = sorted((self._rows.live_page(connection, one) for one in set(pages)), key=lambda page: page.seq)
            source = found[0].batch
            if any(page.batch != source for page in found):
                raise BatchError("the pages to move are not of one batch")
            target = batch if batch is not None else self._of_volume(connection, volume, source) if volume is not None else source
            self._may_move(connection, source, target)
            if after is not None and after in {page.page for page in found}:
                raise BatchError("a page cannot stand after itself")
            was = [{"page": page.page, "batch": source, "after": page.after, "reason": page.reason} for page in found]
            self._put(connection, found, target=target, after=after)
            connection.executemany("UPDATE pages SET reason = ? WHERE page = ?", [(reason, page.page) for page in found])
            self._rows.did(connection, _open(connection), "move", {"was": was})
            return self._told(connection, self._with_older(connection, found, source != target), source, target)

    def place(self, kind: str, *, after: str | None = END, note: str | None = None, pedal: str, t_ms: int, m_ms: int) -> Page:
        """Let a placeholder stand for a page that cannot be taken (missing, oversize, other). It comes of a press of its own, whose
        outcome is control. BatchError if no batch is open or the kind is none."""
        if kind not in PLACEHOLDERS:
            raise BatchError(f"a placeholder is one of {', '.join(PLACEHOLDERS)}")
        said = None if note is None else words(note)
        en, zh = PLACEHOLDERS[kind]
        press, page = str(uuid.uuid4()), str(uuid.uuid4())
        with self._spool.transaction() as connection:
            batch = _open(connection)
            seq = self._rows.room_after(connection, batch, after, count=1)
            connection.execute(
                "INSERT INTO presses(press, t_ms, m_ms, pedal, wish, batch, operator) VALUES (?, ?, ?, ?, 'place', ?, ?)",
                (press, t_ms, m_ms, pedal, batch, self._presses.operator),
            )
            connection.execute(
                "INSERT INTO pages(page, press, spread, batch, seq, side, bytes, width, height, t_ms, m_ms, operator, reason, placeholder)"
                " VALUES (?, ?, ?, ?, ?, '', 0, 0, 0, ?, ?, (SELECT operator FROM batches WHERE batch = ?), ?, ?)",
                (page, press, press, batch, seq, t_ms, m_ms, batch, said, kind),
            )
            if self._presses.operator:
                connection.execute("UPDATE pages SET operator = ? WHERE page = ?", (self._presses.operator, page))
            check = {"name": "placeholder", "value": None, "limit": None, "ok": False, "words": en, "words_zh": zh}
            self._rows.judged(connection, page, Judged("look", [check]))
            self._presses.end(connection, press, "control", f"placeholder: {kind}", pages=[page])
            self._rows.did(connection, batch, "place", {"pages": [page]})
            return self._told(connection, [page], batch)[0]

    def undoable(self) -> str | None:
        """What an undo would take back in the open batch: capture, retake, insert, delete, move, place; None if nothing."""
        with self._spool.reading() as connection:
            found = self._last_done(connection)
            return None if found is None else str(found["kind"])

    def undo(self) -> tuple[str, list[Page]]:
        """Take back what was done last in the open batch: (what it was, the pages concerned). BatchError if there is nothing."""
        with self._spool.transaction() as connection:
            found = self._last_done(connection)
            if found is None:
                raise BatchError("there is nothing to take back")
            detail, batch = json.loads(found["detail"]), found["batch"]
            connection.execute("UPDATE operations SET undone = 1 WHERE n = ?", (found["n"],))
            if found["kind"] == "move":
                return "move", self._move_back(connection, detail["was"])
            if found["kind"] == "delete":
                for page, reason in detail["reasons"].items():
                    connection.execute("UPDATE pages SET deleted = 0, reason = ? WHERE page = ?", (reason, page))
                return "delete", self._told(connection, detail["pages"], batch)
            for page in detail["pages"]:
                self._rows.live_page(connection, page, batch=batch)
            for page in detail["pages"]:
                connection.execute("UPDATE pages SET replaced_by = NULL WHERE replaced_by = ?", (page,))
                connection.execute(
                    "UPDATE pages SET deleted = ?, reason = CASE WHEN replaces IS NULL THEN ? ELSE ? || replaces END, replaces = NULL"
                    " WHERE page = ?",
                    (BY_UNDO, UNDO, f"{UNDO}: retake of ", page),
                )
            return str(found["kind"]), self._told(connection, detail["pages"], batch)

    def reopen(self, batch: str, pages: Sequence[tuple[str, str]], *, reason: str) -> Batch:
        """Open a closed batch again, with the pages to take again and why each. BatchError if another one is open, or it is not here."""
        reason = words(reason)
        if len(pages) > PAGES_MAX:
            raise BatchError(f"at most {PAGES_MAX} pages can be taken again in one go")
        with self._spool.transaction() as connection:
            if connection.execute("SELECT 1 FROM batches WHERE state = 'open'").fetchone():
                raise BatchError("another batch is open: close it first")
            changed = connection.execute(
                "UPDATE batches SET state = 'open', closed_ms = NULL, reason = ? WHERE batch = ? AND state = 'closed'", (reason, batch)
            ).rowcount
            if not changed:
                raise BatchError("the bench does not have this batch any more")
            for page, why in pages:
                self._rows.live_page(connection, page, batch=batch)
                connection.execute("INSERT OR REPLACE INTO rework(batch, page, reason) VALUES (?, ?, ?)", (batch, page, words(why)))
            return self._batches.note(connection, batch)

    def to_take_again(self, batch: str) -> list[tuple[Page, str]]:
        """The pages that a reopened batch still has to have taken again, in order, and why each."""
        with self._spool.reading() as connection:
            reasons = dict(connection.execute("SELECT page, reason FROM rework WHERE batch = ?", (batch,)).fetchall())
            return [(page, reasons[page.page]) for page in self._rows.live(connection, batch) if page.page in reasons] if reasons else []

    # inside

    def _told(self, connection: sqlite3.Connection, pages: Sequence[str], *batches: str) -> list[Page]:
        """Link the batches anew and write the records of the pages and of all whose predecessor changed; of two batches also theirs."""
        moved = [page for batch in dict.fromkeys(batches) for page in self._rows.relink(connection, batch)]
        made = self._rows.tell(connection, pages)
        self._rows.tell(connection, [page for page in moved if page not in set(pages)])
        for batch in dict.fromkeys(batches) if len(set(batches)) > 1 else ():
            self._batches.note(connection, batch)
        return made

    def _may_move(self, connection: sqlite3.Connection, source: str, target: str) -> None:
        states = dict(connection.execute("SELECT batch, state FROM batches WHERE batch IN (?, ?)", (source, target)).fetchall())
        if target not in states:
            raise BatchError("the bench does not have this batch")
        if "open" not in states.values():
            raise BatchError("pages move out of or into the open batch")

    @staticmethod
    def _of_volume(connection: sqlite3.Connection, volume: str, source: str) -> str:
        """The batch of a volume: the open one, else the one opened last, never the one the pages are in."""
        found = connection.execute(
            "SELECT batch FROM batches WHERE volume = ? AND batch <> ? ORDER BY state = 'open' DESC, opened_ms DESC, rowid DESC LIMIT 1",
            (volume, source),
        ).fetchone()
        if found is None:
            raise BatchError(f"the bench has no other batch of the volume {volume}: open one, then move the pages")
        return str(found[0])

    def _put(self, connection: sqlite3.Connection, pages: Sequence[Page], *, target: str, after: str | None) -> None:
        """Give pages their places in the target, with all that they were retaken for."""
        for at, page in enumerate(pages):
            connection.execute("UPDATE pages SET seq = ? WHERE page = ?", (at - len(pages), page.page))
        first = self._rows.room_after(connection, target, after, count=len(pages))
        for at, page in enumerate(pages):
            moved = (target, first + at, target, page.batch)
            for ident in [page.page, *self._rows.older(connection, page.page)]:
                connection.execute(
                    "UPDATE pages SET batch = ?, seq = ?, moved_from = CASE WHEN batch = ? THEN moved_from ELSE ? END WHERE page = ?",
                    (*moved, ident),
                )

    def _with_older(self, connection: sqlite3.Connection, pages: Sequence[Page], other_batch: bool) -> list[str]:
        """The pages, and where they went to another batch, before each what it was retaken for."""
        made = []
        for page in pages:
            made += [*(self._rows.older(connection, page.page) if other_batch else ()), page.page]
        return made

    def _move_back(self, connection: sqlite3.Connection, was: Sequence[Mapping[str, Any]]) -> list[Page]:
        pages, touched, across = [], [], False
        for one in was:
            page = self._rows.live_page(connection, one["page"])
            self._may_move(connection, page.batch, one["batch"])
            across = across or page.batch != one["batch"]
            touched += [page.batch, one["batch"]]
            self._put(connection, [page], target=one["batch"], after=one["after"])
            connection.execute("UPDATE pages SET reason = ? WHERE page = ?", (UNDO, page.page))
            pages.append(page)
        return self._told(connection, self._with_older(connection, pages, across), *touched)

    @staticmethod
    def _last_done(connection: sqlite3.Connection) -> sqlite3.Row | None:
        found: sqlite3.Row | None = connection.execute(
            "SELECT * FROM operations WHERE batch = (SELECT batch FROM batches WHERE state = 'open') AND NOT undone ORDER BY n DESC LIMIT 1"
        ).fetchone()
        return found


def words(text: str) -> str:
    """A reason or note without blanks around it; BatchError if it is empty, too long, or holds what cannot be shown."""
    text = text.strip()
    if not 1 <= len(text) <= REASON_CHARS_MAX or not text.isprintable():
        raise BatchError(f"a reason has 1 to {REASON_CHARS_MAX} characters")
    return text


def _open(connection: sqlite3.Connection) -> str:
    found = connection.execute("SELECT batch FROM batches WHERE state = 'open'").fetchone()
    if found is None:
        raise BatchError("no batch is open")
    return str(found[0])
