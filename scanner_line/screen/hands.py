"""What a hand at the screen asks of the station: presses, pages, batches, the feeder; each checked, each answered with done or why not."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from scanner_line.errors import BatchError, SpoolError
from scanner_line.orders import obey
from scanner_line.pages import END, INSERT
from scanner_line.presses import RETAKE, Aim
from scanner_line.scanners.collating import BOTH
from scanner_line.screen.asking import COUNT_MAX, asked, declared_in, number_in, page_in, text_in, volume_in
from scanner_line.screen.pictures import page_named
from scanner_line.screen.view import failing_of, page_view
from scanner_line.states import CAPTURE
from scanner_line.station import Station

SCREEN = "screen"  # the pedal's name in press records
PAGES_MAX = 1_000_000
FEEDER_ORDERS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "stop": ("feeder.stop", {}),
    "front": ("feeder.turn", {"side": "front"}),
    "back": ("feeder.turn", {"side": "back"}),
    "collate": ("feeder.collate", {}),
}


class Hands:
    """The handlers; `station()` gives the station of this moment, which is the practice one while somebody trains."""

    def __init__(self, station: Callable[[], Station]) -> None:
        """Nothing is kept here."""
        self._station = station

    async def press(self, request: web.Request) -> web.Response:
        """{wish: capture|retake|insert, page?, after?}: `page` is taken again, an insert comes after a page (null: at the front)."""
        given = await asked(request)
        wish, page = given.get("wish", CAPTURE), page_in(given)
        if wish not in (CAPTURE, RETAKE, INSERT):
            raise web.HTTPBadRequest(text="wish is capture, retake or insert")
        after = page_in(given, "after") if "after" in given else END
        return web.json_response({"outcome": await self._station().take_page(wish, pedal=SCREEN, page=page, after=after)})

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

    async def pages(self, request: web.Request) -> web.Response:
        """{do: delete|move|place|undo|aim, …}: `after_number` counts the pages as an operator does, 0 is the front."""
        given = await asked(request)
        doing = {"delete": self._delete, "move": self._move, "place": self._place, "undo": self._undo, "aim": self._aim}
        do = given.get("do")
        if not isinstance(do, str) or do not in doing:
            raise web.HTTPBadRequest(text=f"do is one of {', '.join(doing)}")
        try:
            return web.json_response({"done": True, **await doing[do](given)})
        except (BatchError, SpoolError) as error:
            return refused(error)

    async def _delete(self, given: Mapping[str, Any]) -> dict[str, Any]:
        await self._station().pages.delete([needed(page_in(given), "page")], reason=needed(text_in(given, "reason"), "reason"))
        return {}

    async def _move(self, given: Mapping[str, Any]) -> dict[str, Any]:
        page, reason = needed(page_in(given), "page"), needed(text_in(given, "reason"), "reason")
        volume, number = volume_in(given), number_in(given, "after_number", low=0, high=PAGES_MAX)
        if (volume is None) == (number is None):
            raise web.HTTPBadRequest(text="either volume or after_number says where to")
        after = END if number is None else await self._numbered(number, but=page)
        await self._station().pages.move([page], after=after, volume=volume, reason=reason)
        return {}

    async def _numbered(self, number: int, *, but: str) -> str | None:
        """The page with this number in the open batch; None for 0, the front. One that is asked to stand after itself stays where it is."""
        station = self._station()
        batch = station.facts.batch
        total = 0 if batch is None else await asyncio.to_thread(station.presses.count, batch.batch)
        if number > total:
            raise BatchError(f"there are {total} pages")
        if batch is None or number == 0:
            return None
        first = max(1, number - 1)
        pages = await asyncio.to_thread(station.presses.window, batch.batch, first=first, count=number - first + 1)
        if pages[-1].page != but:
            return pages[-1].page
        return pages[0].page if number > 1 else None

    async def _place(self, given: Mapping[str, Any]) -> dict[str, Any]:
        kind, note = text_in(given, "kind", most=20) or "missing", text_in(given, "reason")
        after = page_in(given, "after") if "after" in given else END
        page = await self._station().pages.place(kind, after=after, note=note, pedal=SCREEN)
        return {"page": page.page}

    async def _undo(self, _given: Mapping[str, Any]) -> dict[str, Any]:
        station = self._station()
        did = station.facts.undoable
        pages = await station.pages.undo()
        return {"did": did, "pages": len(pages)}

    async def _aim(self, given: Mapping[str, Any]) -> dict[str, Any]:
        page = page_in(given)
        self._station().aim_at(None if page is None else Aim(RETAKE, page))
        return {}

    async def feeder(self, request: web.Request) -> web.Response:
        """{do: stop}: the sheet on its way still comes. {do: front} or {do: back}: which side the next run brings; {do: collate}: put
        fronts and backs together."""
        do = (await asked(request)).get("do")
        if not isinstance(do, str) or do not in FEEDER_ORDERS:
            raise web.HTTPBadRequest(text=f"do is one of {', '.join(FEEDER_ORDERS)}")
        name, args = FEEDER_ORDERS[do]
        done, why = await obey(self._station(), name, args)
        if not done:
            english, _, chinese = (why or "").partition(BOTH)
            return web.json_response({"done": False, "why": english, "why_zh": chinese or english}, status=409)
        return web.json_response({"done": True})

    async def window(self, request: web.Request) -> web.Response:
        """A window of the open batch's pages: from a number on (else the last ones), so many."""
        station = self._station()
        first = number_in(request.query, "from", low=1, high=PAGES_MAX)
        count = number_in(request.query, "count", low=1, high=COUNT_MAX) or COUNT_MAX
        batch = station.facts.batch
        total = 0 if batch is None else await asyncio.to_thread(station.presses.count, batch.batch)
        start = max(0, total - count) if first is None else min(first - 1, total)
        pages = [] if batch is None else await asyncio.to_thread(station.presses.window, batch.batch, first=start + 1, count=count)
        window = [page_view(page, number=start + at) for at, page in enumerate(pages, 1)]
        return web.json_response({"total": total, "from": start + 1, "pages": window})

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


def needed(value: str | None, name: str) -> str:
    """The value; 400 where there is none."""
    if value is None:
        raise web.HTTPBadRequest(text=f"{name} is needed")
    return value


def refused(error: Exception) -> web.Response:
    """409 with words for the operator."""
    return web.json_response({"done": False, "why": str(error)}, status=409)
