"""The bench's own screen over HTTP, served by the station's process, so that an operator works on with the centre gone."""

import asyncio
import json
import logging
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from scanner_line.errors import BatchError, SpoolError
from scanner_line.presses import RETAKE
from scanner_line.screen.guards import BODY_MAX, add_headers, guard, own_names
from scanner_line.screen.view import view_of
from scanner_line.states import CAPTURE
from scanner_line.station import Station
from wire.separators import DECLARED_MAX, VOLUME_CHARS_MAX

STATIC = Path(__file__).parent / "static"
SCREENS_MAX = 16
HEARTBEAT_S = 10.0
SEND_TIMEOUT_S = 10.0
SHUTDOWN_S = 2.0
log = logging.getLogger(__name__)


class Screen:
    """An HTTP server with one page, a stream of views, and the few things a hand can ask of the bench."""

    def __init__(self, station: Station, *, host: str, port: int) -> None:
        """Where to listen; port 0 takes a free one."""
        self._station = station
        self._host = host
        self._port = port
        self._streams = 0
        self._stop = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The address of the page, once started."""
        if self._runner is None or not self._runner.addresses:
            return ""
        host, port = self._runner.addresses[0][:2]
        return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"

    async def start(self) -> None:
        """Begin to serve; OSError if the address is taken."""
        app = web.Application(client_max_size=BODY_MAX, middlewares=[guard(own_names() | {self._host.lower()})])
        app.on_response_prepare.append(add_headers)
        app.router.add_get("/", self._page)
        app.router.add_get("/api/state", self._state)
        app.router.add_get("/api/events", self._events)
        app.router.add_get("/api/pages/{page}/image", self._image)
        app.router.add_post("/api/press", self._press)
        app.router.add_post("/api/batch", self._batch)
        app.router.add_post("/api/undo", self._undo)
        app.router.add_static("/static", STATIC)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError:
            await self._runner.cleanup()
            self._runner = None
            raise
        log.info("%s: screen at %s", self._station.name, self.url)

    async def close(self) -> None:
        """Stop serving; may be called twice."""
        self._stop.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _page(self, _request: web.Request) -> web.StreamResponse:
        return web.FileResponse(STATIC / "index.html")

    async def _state(self, _request: web.Request) -> web.Response:
        return web.json_response(view_of(self._station))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if self._streams >= SCREENS_MAX:
            raise web.HTTPServiceUnavailable(text="too many screens are open at this bench")
        self._streams += 1
        changed = self._station.listen()
        changed.set()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await response.prepare(request)
            while not self._stop.is_set():
                waiting = asyncio.ensure_future(changed.wait())
                await asyncio.wait({waiting, stopping}, timeout=HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED)
                told = waiting.done()
                waiting.cancel()
                changed.clear()
                message = f"data: {json.dumps(view_of(self._station), ensure_ascii=False)}\n\n" if told else ": still here\n\n"
                await asyncio.wait_for(response.write(message.encode()), SEND_TIMEOUT_S)
        except (ConnectionError, TimeoutError):
            log.debug("%s: a screen went away", self._station.name)
        finally:
            stopping.cancel()
            self._station.unlisten(changed)
            self._streams -= 1
        return response

    async def _image(self, request: web.Request) -> web.StreamResponse:
        try:
            page = str(uuid.UUID(request.match_info["page"]))
        except ValueError:
            raise web.HTTPNotFound(text="no such page") from None
        found = await asyncio.to_thread(self._station.presses.page, page)
        path = None if found is None else self._station.spool.path_of(found.sha256)
        if path is None or not await asyncio.to_thread(path.is_file):
            raise web.HTTPNotFound(text="no such page, or its image has left the bench")
        return web.FileResponse(path, headers={"Content-Type": "image/jpeg", "Cache-Control": "private, max-age=3600, immutable"})

    async def _press(self, request: web.Request) -> web.Response:
        wish = (await _asked(request)).get("wish", CAPTURE)
        if wish not in (CAPTURE, RETAKE):
            raise web.HTTPBadRequest(text="wish is capture or retake")
        return web.json_response({"outcome": await self._station.press("screen", wish)})

    async def _batch(self, request: web.Request) -> web.Response:
        asked = await _asked(request)
        do = asked.get("do")
        try:
            if do == "open":
                await self._station.open_batch(declared=_declared(asked), volume=_volume(asked))
            elif do == "declare":
                await self._station.declare(declared=_declared(asked), volume=_volume(asked))
            elif do == "close":
                await self._station.close_batch(confirmed=asked.get("confirm") is True)
            elif do == "keep":
                await self._station.keep_open()
            else:
                raise web.HTTPBadRequest(text="do is open, declare, close or keep")
        except (BatchError, SpoolError) as error:
            return web.json_response({"done": False, "why": str(error)}, status=409)
        return web.json_response({"done": True})

    async def _undo(self, request: web.Request) -> web.Response:
        await _asked(request)
        try:
            return web.json_response({"pages": await self._station.undo()})
        except (BatchError, SpoolError) as error:
            return web.json_response({"done": False, "why": str(error)}, status=409)


async def _asked(request: web.Request) -> Mapping[str, Any]:
    try:
        asked = await request.json()
    except (ValueError, RecursionError, LookupError):  # the last one for a charset that nobody knows
        raise web.HTTPBadRequest(text="the request is not JSON") from None
    if not isinstance(asked, dict):
        raise web.HTTPBadRequest(text="the request is not a JSON object")
    return asked


def _declared(asked: Mapping[str, Any]) -> int | None:
    declared = asked.get("declared")
    if declared is not None and (type(declared) is not int or not 1 <= declared <= DECLARED_MAX):
        raise web.HTTPBadRequest(text=f"declared is a whole number from 1 to {DECLARED_MAX}")
    return declared


def _volume(asked: Mapping[str, Any]) -> str | None:
    volume = asked.get("volume")
    if volume in (None, ""):
        return None
    if not isinstance(volume, str) or len(volume) > VOLUME_CHARS_MAX or not volume.isprintable():
        raise web.HTTPBadRequest(text=f"volume is a text of at most {VOLUME_CHARS_MAX} characters")
    return volume
