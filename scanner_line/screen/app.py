"""The bench's own screen over HTTP, served by the station's process, so that an operator works on with the centre gone."""

import asyncio
import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from scanner_line.errors import BatchError, SignInRefused, SpoolError, TrainingError
from scanner_line.operators import Rules, SignInDesk
from scanner_line.screen.asking import asked, text_in
from scanner_line.screen.guards import BODY_MAX, add_headers, guard, own_names
from scanner_line.screen.hands import Hands
from scanner_line.screen.pictures import Pictures
from scanner_line.screen.view import view_of
from scanner_line.station import Station
from scanner_line.training import Training

STATIC = Path(__file__).parent / "static"
SCREENS_MAX = 16
BEAT_S = 2.0  # the page takes five seconds of silence for a cut
SEND_TIMEOUT_S = 10.0
SHUTDOWN_S = 2.0
KEEPALIVE_S = 15.0
COOKIE_S = 16 * 3600
WITHOUT_SIGN_IN = ("/", "/api/state", "/api/events", "/api/sign-in")  # and /static: what shows no page and does nothing at the bench
log = logging.getLogger(__name__)


class Screen:
    """An HTTP server with one page, a stream of views, and what a hand can ask of the bench."""

    def __init__(
        self,
        station: Station,
        *,
        host: str,
        port: int,
        desk: SignInDesk | None = None,
        training: Training | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Where to listen; port 0 takes a free one. `desk` says who works here; `extra` has the view's settings, such as `goal_per_h`."""
        self._real = station
        self._host = host
        self._port = port
        self._desk = desk or SignInDesk(station.spool, rules=Rules())
        self._training = training
        self._extra = dict(extra or {})
        self._hands = Hands(self._station)
        self._pictures = {False: Pictures(station.spool.folder / "thumbs"), True: Pictures(station.spool.folder / "training" / "thumbs")}
        self._cookie = "muniment-" + re.sub(r"[^A-Za-z0-9-]", "-", station.name)[:60]
        self._streams: set[asyncio.Event] = set()
        self._stop = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The address of the page, once started."""
        if self._runner is None or not self._runner.addresses:
            return ""
        host, port = self._runner.addresses[0][:2]
        return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"

    def tell(self) -> None:
        """Something changed that the station does not tell: who is signed in, the training."""
        for event in self._streams:
            event.set()

    async def start(self) -> None:
        """Begin to serve; OSError if the address is taken."""
        names = own_names() | {self._host.lower()}
        app = web.Application(client_max_size=BODY_MAX, middlewares=[guard(names), self._signed])
        app.on_response_prepare.append(add_headers)
        app.router.add_get("/", self._page)
        app.router.add_get("/api/state", self._state)
        app.router.add_get("/api/events", self._events)
        app.router.add_get("/api/pages", self._hands.window)
        app.router.add_get("/api/pages/{page}", self._hands.page)
        app.router.add_get("/api/pages/{page}/image", self._image)
        app.router.add_get("/api/pages/{page}/thumb", self._image)
        app.router.add_post("/api/press", self._hands.press)
        app.router.add_post("/api/pages", self._hands.pages)
        app.router.add_post("/api/batch", self._hands.batch)
        app.router.add_post("/api/feeder", self._hands.feeder)
        app.router.add_post("/api/sign-in", self._sign_in)
        app.router.add_post("/api/sign-out", self._sign_out)
        app.router.add_post("/api/training", self._train)
        app.router.add_static("/static", STATIC)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S, keepalive_timeout=KEEPALIVE_S)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError:
            await self._runner.cleanup()
            self._runner = None
            raise
        log.info("%s: screen at %s", self._real.name, self.url)

    async def close(self) -> None:
        """Stop serving; may be called twice."""
        self._stop.set()
        self.tell()
        if self._runner is not None:
            await self._runner.cleanup()

    # who asks

    def _station(self) -> Station:
        """The station that the screen shows: the practice one while somebody trains."""
        return self._real if self._training is None else self._training.station

    def _here(self, request: web.Request) -> bool:
        """Whether this very screen is where the operator signed in."""
        return self._desk.is_session(request.cookies.get(self._cookie))

    @web.middleware
    async def _signed(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Where signing in is required, let nobody else see a page or do anything."""
        open_to_all = request.path in WITHOUT_SIGN_IN or request.path.startswith("/static/")
        if not open_to_all and self._desk.rules.required and not self._here(request):
            return web.json_response({"done": False, "code": "sign-in", "why": "sign in at this screen first"}, status=401)
        if request.method == "POST" and self._here(request):
            self._desk.touch()
        return await handler(request)

    # what is shown

    async def _page(self, _request: web.Request) -> web.StreamResponse:
        return web.FileResponse(STATIC / "index.html")

    def _view(self, request: web.Request) -> dict[str, Any]:
        return view_of(self._station(), desk=self._desk, here=self._here(request), training=self._training, extra=self._extra)

    async def _state(self, request: web.Request) -> web.Response:
        return web.json_response(self._view(request))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if len(self._streams) >= SCREENS_MAX:
            raise web.HTTPServiceUnavailable(text="too many screens are open at this bench")
        changed = asyncio.Event()
        changed.set()
        self._streams.add(changed)
        heard: set[Station] = set()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        try:
            await response.prepare(request)
            while not self._stop.is_set():
                for station in {self._real, self._station()} - heard:
                    station.listen(changed)
                    heard.add(station)
                try:
                    await asyncio.wait_for(changed.wait(), BEAT_S)
                    changed.clear()
                    message = f"data: {json.dumps(self._view(request), ensure_ascii=False)}\n\n"
                except TimeoutError:
                    message = "event: beat\ndata: {}\n\n"
                await asyncio.wait_for(response.write(message.encode()), SEND_TIMEOUT_S)
        except (ConnectionError, TimeoutError):
            log.debug("%s: a screen went away", self._real.name)
        finally:
            for station in heard:
                station.unlisten(changed)
            self._streams.discard(changed)
        return response

    async def _image(self, request: web.Request) -> web.StreamResponse:
        station, pictures = self._station(), self._pictures[self._training is not None and self._training.on]
        serve = pictures.thumb if request.path.endswith("/thumb") else pictures.image
        return await serve(station, request.match_info["page"])

    # signing in and training

    async def _sign_in(self, request: web.Request) -> web.Response:
        given = await asked(request)
        operator, pin = text_in(given, "operator", most=64), text_in(given, "pin", most=12)
        try:
            token = await self._desk.sign_in(operator or "", pin or "")
        except SignInRefused as error:
            return web.json_response({"done": False, "code": error.code, "wait_s": round(error.wait_s, 1)}, status=403)
        answer = web.json_response({"done": True})
        answer.set_cookie(self._cookie, token, max_age=COOKIE_S, httponly=True, samesite="Strict", path="/")
        return answer

    async def _sign_out(self, request: web.Request) -> web.Response:
        await asked(request)
        await self._desk.sign_out()
        answer = web.json_response({"done": True})
        answer.del_cookie(self._cookie, path="/", httponly=True, samesite="Strict")
        return answer

    async def _train(self, request: web.Request) -> web.Response:
        given = await asked(request)
        do, material = given.get("do"), given.get("material", "book")
        if do not in ("start", "stop") or material not in ("book", "cameras"):
            raise web.HTTPBadRequest(text="do is start or stop, material is book or cameras")
        if self._training is None:
            return web.json_response({"done": False, "why": "this bench has no training mode"}, status=409)
        try:
            await (self._training.start(material=material) if do == "start" else self._training.stop())
        except (TrainingError, BatchError, SpoolError) as error:
            return web.json_response({"done": False, "why": str(error)}, status=409)
        self.tell()
        return web.json_response({"done": True})
