"""Page operations as a station does them: never while a press runs, told to the operator, known to the judge."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from scanner_line.batches import Batch, now
from scanner_line.desk import BatchDesk
from scanner_line.disk import Disk
from scanner_line.errors import BatchError
from scanner_line.pagebook import PageBook
from scanner_line.pages import END
from scanner_line.presses import Page
from scanner_line.states import Edge, Last

SCREEN = "screen"  # the pedal of a placeholder's press where none is named


class PageWork:
    """Deletes, moves, stands in for and undoes pages of a bench. A press on its way is waited for, a feeder's run is not."""

    def __init__(
        self,
        *,
        book: PageBook,
        desk: BatchDesk,
        disk: Disk,
        turn: asyncio.Lock,
        running: Callable[[], bool],
        notice: Callable[[Last], None],
        look_up: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        """`turn` is held by whoever changes pages; `running` says whether a run of many sheets is on its way."""
        self.book = book
        self._desk = desk
        self._disk = disk
        self._turn = turn
        self._running = running
        self._notice = notice
        self._look_up = look_up

    async def delete(self, pages: Sequence[str], *, reason: str) -> list[Page]:
        """Take pages out of the open batch; BatchError if one does not count there or the reason is none."""
        self._refuse_running()
        async with self._turn:
            gone = await self._disk(self.book.delete, pages, reason=reason)
            await self._done("deleted", gone)
            return gone

    async def move(
        self, pages: Sequence[str], *, after: str | None = END, batch: str | None = None, volume: str | None = None, reason: str
    ) -> list[Page]:
        """Move pages within their batch or to another; BatchError in words for what cannot be."""
        self._refuse_running()
        async with self._turn:
            moved = await self._disk(self.book.move, pages, after=after, batch=batch, volume=volume, reason=reason)
            await self._done("moved", moved)
            return moved

    async def place(self, kind: str, *, after: str | None = END, note: str | None = None, pedal: str = SCREEN) -> Page:
        """Let a placeholder stand for a page that cannot be taken; BatchError if no batch is open or the kind is none."""
        self._refuse_running()
        edge = Edge.now()
        async with self._turn:
            page = await self._disk(self.book.place, kind, after=after, note=note, pedal=pedal, t_ms=edge.t_ms, m_ms=edge.m_ms)
            await self._done("placed", [page])
            return page

    async def undo(self) -> list[Page]:
        """Take back what was done last in the open batch; BatchError if there is nothing."""
        self._refuse_running()
        async with self._turn:
            return await self.undo_now()

    async def undo_now(self) -> list[Page]:
        """As `undo`, for whoever holds the turn."""
        kind, pages = await self._disk(self.book.undo)
        await self._done("undone", pages, why=kind)
        return pages

    async def reopen(self, batch: str, pages: Sequence[tuple[str, str]], *, reason: str) -> Batch:
        """Open a closed batch again with the pages to take again; BatchError if another is open or it is not here any more."""
        self._refuse_running()
        async with self._turn:
            opened = await self._disk(self.book.reopen, batch, pages, reason=reason)
            await self._desk.reopened(opened)
            await self._look_up()
            return opened

    def _refuse_running(self) -> None:
        if self._running():
            raise BatchError("the feeder is running: stop it first")

    async def _done(self, code: str, pages: Sequence[Page], *, why: str | None = None) -> None:
        self._desk.question = None
        await self._desk.prime()
        self._notice(Last("control", code, why=why, t_ms=now()[0]))
        await self._look_up()
