"""One bench put together from its options: spool, books, cameras, checks, lamp, pedals, screen, and a simulated operator where asked."""

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scanner_line.batches import BatchBook
from scanner_line.cameras.base import Camera
from scanner_line.cameras.registry import book_from, camera_from
from scanner_line.drift import LAB_LIMIT, Patch
from scanner_line.errors import SpoolError
from scanner_line.judging import PageJudge
from scanner_line.operators import Operator, Rules, SignInDesk, shift_ends_of
from scanner_line.pedals.foot import FootPedal
from scanner_line.pedals.registry import pedal_from, pedals_of
from scanner_line.presses import PressBook
from scanner_line.profile import Profile
from scanner_line.roles import Outbox
from scanner_line.scanners.registry import FACTORIES, PressesItself
from scanner_line.screen.app import Screen
from scanner_line.session import Session, SessionSettings
from scanner_line.session_book import SessionBook
from scanner_line.shutter import Shutter
from scanner_line.signals import Signals
from scanner_line.sim.operator import Shift, SimulatedOperator
from scanner_line.sources import CAMERAS, Factory, Source, SourceOptions, source_from
from scanner_line.spool import Spool
from scanner_line.states import Settings
from scanner_line.station import Station
from scanner_line.training import NoOutbox, PracticeJudge, PracticeStation, Training
from sensors.drivers.outputs import Sounder, TowerLamp
from sensors.drivers.switch import SETTLE_MS
from sensors.transports.gpio import Pins

RESERVE_MB = 256  # left free on the disk: a bench that fills it would stop the agent's journal too
FEEDER_WORKERS = 2  # processes that measure pages, where a source brings them faster than one core judges them
SERVE_AGAIN_S = 5.0
LOOK_S = 1.0  # how often it is seen whether somebody is to be signed out
log = logging.getLogger(__name__)


def cameras_of(given: SourceOptions) -> Source:
    """The cameras of a bench's tables `[bench.NAME.camera.SIDE]`."""
    tables = given.options.get("camera", {})
    cameras = {side: camera_from(table, name=side, place=place, book=given.book) for place, (side, table) in enumerate(tables.items())}
    return Shutter(cameras, timeout_s=given.settings.camera_s)


SOURCES: Mapping[str, Factory] = {CAMERAS: cameras_of, **FACTORIES}


class Bench:
    """Everything of one bench. `start`, then `run` until cancelled, then `close`."""

    def __init__(
        self,
        name: str,
        options: Mapping[str, Any],
        *,
        agent: str,
        folder: Path,
        outbox: Callable[[sqlite3.Connection], Outbox],
        pins: Pins = None,
        on_commit: Callable[[], None] = lambda: None,
        refuse: Callable[[], str | None] = lambda: None,
        operator: bool = False,
        operators: Sequence[Operator] = (),
        shift: Shift | None = None,
        seed: int = 1,
        factories: Mapping[str, Factory] | None = None,
    ) -> None:
        """`options` is the table `[bench.NAME]`; `folder` is the spool's; `outbox` makes the outbox on the spool's connection;
        `on_commit` wakes whoever hands its records on; `refuse` says why the agent wants no captures now; `factories` are the
        sources by driver, else the shipped ones. Call it in the event loop."""
        self.identity = f"{agent}/{name}"
        self._options = options
        self._pins = pins
        self._want_operator, self._shift = operator, shift
        self._started = False
        cameras = {side: dict(table) for side, table in options.get("camera", {}).items()}
        simulated = [table for table in cameras.values() if table.get("transport") == "sim"]
        self.book = book_from(simulated[0], places=len(cameras), seed=seed) if simulated else None
        shipped = Settings()
        self.settings = Settings(
            verdict_s=float(options.get("verdict_s") or shipped.verdict_s),
            camera_s=float(options.get("camera_s") or shipped.camera_s),
            hold_s=float(options.get("hold_s") or shipped.hold_s),
            pages_expected=options.get("pages_expected"),
            dpi=options.get("dpi"),
        )
        self.spool = Spool(folder, on_commit=on_commit)
        records = outbox(self.spool.connection)
        self._reserve = int(options.get("reserve_mb") or RESERVE_MB) * 2**20
        self._refuse_too = refuse
        self._lamp = self._make_lamp()
        self._buzzer = None if options.get("buzzer_pin") is None else Sounder(options["buzzer_pin"], pins=pins)
        self._pedals: list[FootPedal] = []
        self._batches = BatchBook(self.spool, records, station=self.identity)
        self._presses = PressBook(self.spool, records, station=self.identity)
        source = source_from(
            SourceOptions(options=options, settings=self.settings, book=self.book, spool=self.spool), factories=factories or SOURCES
        )
        workers = FEEDER_WORKERS if source.many and (os.cpu_count() or 1) > 1 else 1
        self._judge = PageJudge(Profile.from_table(options.get("profile") or {}), workers=workers)
        self.station = Station(
            name=self.identity,
            spool=self.spool,
            batches=self._batches,
            presses=self._presses,
            source=source,
            judge=self._judge,
            signals=Signals(self._lamp, self._buzzer),
            settings=self.settings,
            refuse=self._refuse,
        )
        self.desk = SignInDesk(self.spool, rules=rules_of(options), operators=operators, changed=self._signed)
        self.training = Training(self.station, folder=folder / "training", practice=self._practice, changed=self._signed)
        self.station.admit = self._admit
        host, port = str(options.get("screen") or "127.0.0.1:8081").rsplit(":", 1)
        self._pedal_faults: dict[str, str] = {}
        self.session = self._make_session(records)
        self.station.watch = self.session
        self.screen = Screen(
            self.station,
            host=host.strip("[]"),
            port=int(port),
            desk=self.desk,
            training=self.training,
            extra={"goal_per_h": options.get("goal_per_h"), "pedals": self._pedal_faults},
        )
        self._signed()

    async def start(self) -> None:
        """Serve the screen first, so that it shows what the start is waiting for; then the station; pedals last."""
        await self._serve()
        await self.station.start()
        if self.session is not None:
            await asyncio.to_thread(self.session.sign_in, self.desk.ident)
        for name, table in pedals_of(self._options).items():
            pedal = FootPedal(
                pedal_from(table, pins=self._pins),
                table["switch"],
                station=self.training,
                name=name,
                debounce_ms=float(SETTLE_MS if table.get("debounce_ms") is None else table["debounce_ms"]),
                changed=self._pedals_changed,
            )
            self._pedals.append(pedal)
            self.station.holders |= {switch for switch in pedal.names() if pedal.holds(switch)}
            pedal.start()
        self._started = True
        self.screen.tell()

    @property
    def pedal_faults(self) -> Mapping[str, str]:
        """Pedal -> what is wrong with it, as the screen shows it."""
        return self._pedal_faults

    def _pedals_changed(self) -> None:
        """A pedal went or came back: the screen says so."""
        self._pedal_faults.clear()
        self._pedal_faults.update({pedal.name: pedal.fault for pedal in self._pedals if pedal.fault})
        self.screen.tell()

    def _make_session(self, records: Outbox) -> Session | None:
        """The working session of a bench with cameras; scanners and folders have nothing to prove."""
        source = self.station.source
        if not isinstance(source, Shutter):
            return None
        kind = str(self._options.get("target") or "auto")

        def measure(image: bytes) -> Any:
            from scanner_line.targets import measure_target  # loads OpenCV: only where a target has to be proven

            return measure_target(image, kind=kind)

        tables = self._options.get("camera", {})
        patches = {side: Patch.from_table(table.get("patch")) for side, table in tables.items()}
        return Session(
            SessionBook(self.spool, records, station=self.identity),
            serials=lambda: {side: camera.serial for side, camera in source.cameras.items()},
            settings=SessionSettings(
                required=str(self._options.get("session_required") or "off"),
                patches={side: patch for side, patch in patches.items() if patch is not None},
                lab_limit=float(self._options.get("drift_delta_e") or LAB_LIMIT),
                level_min=str(self._options.get("target_level") or "-"),
            ),
            measure=measure,
        )

    async def _serve(self) -> bool:
        """Start the screen; without it pedal and lamp work all the same."""
        try:
            await self.screen.start()
        except OSError as error:
            log.error("%s: the screen cannot be served: %s", self.identity, error)
            return False
        return True

    async def _keep_serving(self) -> None:
        while not self.screen.url:
            await asyncio.sleep(SERVE_AGAIN_S)
            await self._serve()

    async def run(self) -> None:
        """Keep house, and work as the simulated operator where there is one; until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_serving(), name=f"{self.identity}: screen")
            group.create_task(self.station.run(), name=f"{self.identity}: housekeeping")
            group.create_task(self._look_at_clock(), name=f"{self.identity}: sign-out")
            if isinstance(self.station.source, PressesItself):
                group.create_task(self.station.source.work(self.station), name=f"{self.identity}: folder")
            if self._want_operator and self.book is not None and self._options.get("pedal_pin") is not None:
                operator = SimulatedOperator(
                    self.station,
                    turn=self.book.turn_page,
                    pins=self._pins,
                    pedal_pin=self._options["pedal_pin"],
                    hold_s=self.settings.hold_s,
                    shift=self._shift,
                )
                group.create_task(operator.run(), name=f"{self.identity}: simulated operator")

    async def close(self) -> None:
        """Pedals first, so that nothing new begins; may be called twice."""
        for pedal in self._pedals:
            pedal.close()
        await self.screen.close()
        await self.training.close()
        await self.station.close()
        for device in (self._lamp, self._buzzer):
            if device is not None:
                device.close()
        self.spool.close()

    async def _look_at_clock(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.desk.look()
            except SpoolError as error:
                log.warning("%s: who is signed in could not be written down: %s", self.identity, error)

    def _admit(self) -> tuple[str, str] | None:
        """Why no press counts now, as far as people are concerned: (code, words); a press that counts keeps its operator signed in."""
        refusal = self.training.refusal() or self.desk.refusal()
        if refusal is None:
            self.desk.touch()
        return refusal

    def _signed(self) -> None:
        """Somebody signed in or out: records carry their opaque id from now on."""
        for book in (self._batches, self._presses):
            book.operator = self.desk.ident
        if self.session is not None and self._started:
            self.session.sign_in(self.desk.ident)
        self.screen.tell()

    def _practice(self, folder: Path, cameras: Mapping[str, Camera]) -> PracticeStation:
        """A station for training: the bench's own judge, lamp and buzzer, other cameras, books that nobody reads."""
        spool, outbox = Spool(folder), NoOutbox()
        station = PracticeStation(
            name=self.identity,
            spool=spool,
            batches=BatchBook(spool, outbox, station=self.identity),
            presses=PressBook(spool, outbox, station=self.identity),
            source=Shutter(cameras, timeout_s=self.settings.camera_s),
            judge=PracticeJudge(self._judge),
            signals=Signals(self._lamp, self._buzzer),
            settings=self.settings,
            refuse=self._refuse,
        )
        station.holders = self.station.holders
        return station

    def _make_lamp(self) -> TowerLamp | None:
        pins = self._options.get("lamp") or {}
        if not any(pins.get(colour) is not None for colour in ("red", "yellow", "green")):
            return None
        return TowerLamp(red=pins.get("red"), yellow=pins.get("yellow"), green=pins.get("green"), pins=self._pins)

    def _refuse(self) -> str | None:
        free = self.spool.free_bytes()
        if free < self._reserve:
            return f"the disk is nearly full: {free // 2**20} MB left of {self._reserve // 2**20} MB kept free"
        return self._refuse_too()


def rules_of(options: Mapping[str, Any]) -> Rules:
    """How people sign in and out, from the bench's options."""
    idle_min = options.get("sign_out_idle_min")
    return Rules(
        required=bool(options.get("sign_in")),
        idle_s=None if idle_min == 0 else float(idle_min or 30) * 60,
        shift_ends=shift_ends_of(options.get("shift_ends") or ()),
    )
