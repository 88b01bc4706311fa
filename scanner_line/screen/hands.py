"""What a hand at the screen asks of the station: presses, pages, batches, the feeder; each checked, each answered with done or why not."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

from scanner_line.errors import BatchError, SpoolError
from scanner_line.presses import RETAKE
from scanner_line.screen.asking import COUNT_MAX, asked, declared_in, number_in, page_in, text_in, volume_in
from scanner_line.screen.pictures import page_named
from scanner_line.screen.view import failing_of, page_view
from scanner_line.states import CAPTURE
from scanner_line.station import Station

SCREEN = "screen"  # the pedal's name in press records
PAGES_MAX = 1_000_000


class Hands:
    """The handlers; `station()` gives the station of this moment, which is the practice one while somebody trains."""

    def __init__(self, station: Callable[[], Station]) -> None:
        """Nothing is kept here."""
        self._station = station

    async def press(self, request: web.Request) -> web.Response:
        """{wish: capture|retake}."""
        given = await asked(request)
        wish = given.get("wish", CAPTURE)
        if wish not in (CAPTURE, RETAKE):
            raise web.HTTPBadRequest(text="wish is capture or retake")
        return web.json_response({"outcome": await self._station().press(SCREEN, wish)})

    async def batch(self, request: web.Request) -> web.Response:
        """{do: open|declare|close|keep, …}."""
        given, station = await asked(request), self._station()
        do = given.get("do")
        try:
            if do == "open":
                await station.open_batch(declared=declared_in(given), volume=volume_in(given))
            elif do == "declare":
                await station.declare(declared=declared_in(given), volume=volume_in(given))
            elif do == "close":
                await station.close_batch(confirmed=given.get("confirm") is True)
            elif do == "keep":
                await station.keep_open()
            else:
                raise web.HTTPBadRequest(text="do is open, declare, close or keep")
        except (BatchError, SpoolError) as error:
            return refused(error)
        return web.json_response({"done": True})

    async def undo(self, request: web.Request) -> web.Response:
        """Take back the last thing done."""
        await asked(request)
        try:
            return web.json_response({"done": True, "pages": await self._station().undo()})
        except (BatchError, SpoolError) as error:
            return refused(error)

    async def pages(self, request: web.Request) -> web.Response:
        """{do: delete|move|place|undo, …}."""
        given, station = await asked(request), self._station()
        do, page, reason = given.get("do"), page_in(given), text_in(given, "reason")
        if do not in ("delete", "move", "place", "undo"):
            raise web.HTTPBadRequest(text="do is delete, move, place or undo")
        if do in ("delete", "move") and (page is None or reason is None):
            raise web.HTTPBadRequest(text="page and reason are needed")
        try:
            if do == "undo":
                await station.undo()
                return web.json_response({"done": True, "did": "capture"})
            raise BatchError("this bench cannot do that yet")
        except (BatchError, SpoolError) as error:
            return refused(error)

    async def feeder(self, request: web.Request) -> web.Response:
        """{do: stop}."""
        if (await asked(request)).get("do") != "stop":
            raise web.HTTPBadRequest(text="do is stop")
        return web.json_response({"done": True})

    async def window(self, request: web.Request) -> web.Response:
        """A window of the open batch's pages: from a number on (else the last ones), so many."""
        station = self._station()
        first = number_in(request.query, "from", low=1, high=PAGES_MAX)
        count = number_in(request.query, "count", low=1, high=COUNT_MAX) or COUNT_MAX
        batch = station.facts.batch
        pages = [] if batch is None else await asyncio.to_thread(station.presses.live_pages, batch.batch)
        start = max(0, len(pages) - count) if first is None else min(first - 1, len(pages))
        window = [page_view(page, number=start + at) for at, page in enumerate(pages[start : start + count], 1)]
        return web.json_response({"total": len(pages), "from": start + 1, "pages": window})

    async def page(self, request: web.Request) -> web.Response:
        """One page with its failing checks and the reason it carries."""
        station = self._station()
        page = await page_named(station, request.match_info["page"])
        number = await asyncio.to_thread(station.presses.number, page) if page.live else None
        answer: dict[str, Any] = page_view(page, number=number) | {
            "failing": failing_of(page.checks, side=page.side),
            "reason": page.reason,
        }
        return web.json_response(answer)


def refused(error: Exception) -> web.Response:
    """409 with words for the operator."""
    return web.json_response({"done": False, "why": str(error)}, status=409)
