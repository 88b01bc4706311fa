"""The composition root of a bench's process: `python -m edge_agent.station --bench NAME --config FILE`, started by the core.

It builds the bench from its table, gives it an outbox that the core drains, and does what the core passes on. It ends with the core.
"""

import argparse
import asyncio
import logging
import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

from edge_agent.bench_tables import ScanLineTables
from edge_agent.config import Bench as BenchTable
from edge_agent.config import Config, load_config
from edge_agent.documents import stored
from edge_agent.errors import ConfigError
from edge_agent.handoff import Done
from edge_agent.handoff_client import HandoffClient
from edge_agent.outbox import Outbox
from scanner_line.bench import Bench
from scanner_line.errors import OperatorsError, ProfileError, ScannerLineError
from scanner_line.operators import Operator, operators_of
from scanner_line.orders import obey
from scanner_line.profile import Profile
from sensors.transports.gpio import Pins, device_pins, simulated_pins

PROFILE, OPERATORS = "profile", "operators"
LOOK_S = 0.5
START_S = 20.0  # a command that comes while cameras and checks are starting waits so long
NO_CAPTURE = "the agent's disk is too full for captures"
log = logging.getLogger("edge_agent.station")


def options_of(bench: BenchTable, *, profile: dict[str, Any]) -> dict[str, Any]:
    """The bench's table as the scan line takes it, with thresholds that were set since laid over those of the file."""
    cameras = {name: {"driver": camera.driver, **camera.options} for name, camera in bench.cameras.items()}
    pedals = {name: {"driver": pedal.driver, **pedal.options} for name, pedal in bench.pedals.items()}
    return {**bench.options, PROFILE: {**(bench.options[PROFILE] or {}), **profile}, "camera": cameras, "pedal": pedals}


def uses_pins(bench: BenchTable) -> bool:
    """Whether anything of the bench hangs on a GPIO pin; one with USB or network devices alone runs on a machine that has none."""
    lamp = bench.options.get("lamp") or {}
    own = [bench.options.get(name) for name in ("pedal_pin", "retake_pin", "buzzer_pin")]
    return any(pin is not None for pin in (*own, *lamp.values())) or any(pedal.driver == "gpio" for pedal in bench.pedals.values())


class StationProcess:
    """One bench, its outbox, and the way to the core."""

    def __init__(self, config: Config, bench: BenchTable) -> None:
        """Open the spool and the outbox; ScannerLineError when the bench cannot be built."""
        self.name = bench.name
        self._file_profile = dict(bench.options[PROFILE] or {})
        self._full = False
        self._client: HandoffClient | None = None  # the spool commits before there is one
        self._documents = config.data / "documents.json"
        self._again = asyncio.Event()
        self._ready = asyncio.Event()
        self._pins: Pins = simulated_pins() if bench.sim else device_pins() if uses_pins(bench) else None
        folder = (config.data / "bench" / bench.name).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        kept = stored(config.data / "documents.json", PROFILE).get(bench.name) or {}
        try:
            options = options_of(bench, profile=kept)
            Profile.from_table(options[PROFILE])
        except ProfileError as error:
            log.error("the thresholds that were set for %s do not fit any more, those of the file are used: %s", bench.name, error)
            options = options_of(bench, profile={})
        self.bench = Bench(
            bench.name,
            options,
            agent=config.name,
            folder=folder,
            outbox=Outbox,
            pins=self._pins,
            on_commit=self._committed,
            refuse=lambda: NO_CAPTURE if self._full else None,
            operator=bench.sim and bool(config.sim["operator"]),
            operators=self._operators(config.data / "documents.json"),
            seed=config.sim["seed"],
        )
        self._rows = sqlite3.connect(self.bench.spool.database, isolation_level=None, timeout=10)
        self._rows.execute("PRAGMA synchronous=FULL")
        self._client = HandoffClient(config.data / "core.sock", child=f"station:{bench.name}", outbox=Outbox(self._rows), do=self._do)

    def _operators(self, path: Path) -> tuple[Operator, ...]:
        """Who may sign in here, as the core keeps it; nobody where that is damaged, which the centre mends."""
        try:
            return operators_of(stored(path, OPERATORS).get(self.name) or [])
        except OperatorsError as error:
            log.error("the operators kept for %s are none: %s", self.name, error)
            return ()

    async def _hear_operators(self) -> None:
        """Read again who may sign in: the core may have kept others after this process read them and before it could be told."""
        kept = self._operators(self._documents)
        if set(kept) != set(self.bench.desk.operators):
            await self.bench.desk.set_operators(kept)

    def _committed(self) -> None:
        if self._client is not None:
            self._client.notify()

    async def run(self, stop: asyncio.Event, *, core: int) -> None:
        """Work until stop is set, a new profile asks for a new start, or the core, the process that started this one, is gone."""
        client = self._client
        if client is None:
            return
        handing = asyncio.create_task(client.run(), name="handoff")
        working: asyncio.Task[None] | None = None
        try:
            await self.bench.start()
            self._ready.set()
            working = asyncio.create_task(self.bench.run(), name=f"bench {self.name}")
            linked = False
            while not (stop.is_set() or self._again.is_set() or handing.done() or working.done()) and os.getppid() == core:
                if client.connected.is_set() and not linked:
                    await self._hear_operators()
                linked = client.connected.is_set()
                self.bench.station.set_link("core", linked)
                await asyncio.sleep(LOOK_S)
        finally:
            if working is not None:
                working.cancel()
            await self.bench.close()
            handing.cancel()
            results = await asyncio.gather(handing, *([working] if working else []), return_exceptions=True)
            self._rows.close()
            if self._pins is not None:
                self._pins.close()
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _do(self, name: str, args: dict[str, Any]) -> Done:
        if name == "disk.level":
            self._full = bool(args.get("no_capture"))
            return Done(ok=True)
        if name == "link.state":
            self.bench.station.set_link("centre", bool(args.get("centre")))
            return Done(ok=True)
        if name == "profile.check":
            try:
                Profile.from_table({**self._file_profile, **dict(args.get("values") or {})})
            except (ProfileError, TypeError, ValueError) as error:
                return Done(ok=False, why=str(error)[:500])
            return Done(ok=True)
        if name == "profile.apply":
            log.info("%s starts again with a new profile", self.name)
            self._again.set()
            return Done(ok=True)
        if name == "operators.apply":
            try:
                operators = operators_of(args.get(OPERATORS))
            except OperatorsError as error:
                return Done(ok=False, why=str(error)[:500])
            if not args.get("check"):
                await self.bench.desk.set_operators(operators)
            return Done(ok=True)
        if self._again.is_set():
            return Done(ok=False, why="the bench is starting again with a new profile")
        try:
            await asyncio.wait_for(self._ready.wait(), START_S)
        except TimeoutError:
            return Done(ok=False, why="the bench is still starting")
        ok, why = await obey(self.bench.station, name, args)
        return Done(ok=ok, why=why or "")


async def serve(config: Config, bench: BenchTable, *, core: int) -> None:
    """Run one bench until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await StationProcess(config, bench).run(stop, core=core)


def main(argv: list[str] | None = None) -> int:
    """Command line; 0 when stopped, 1 when the bench could not work, 2 for a wrong configuration."""
    parser = argparse.ArgumentParser(prog="python -m edge_agent.station", description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--bench", required=True)
    parser.add_argument("--core", type=int, default=os.getppid(), help="process id of the core; ends when that is not its parent any more")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {arguments.bench} %(levelname)s %(message)s")
    try:
        config = load_config(arguments.config, benches=ScanLineTables())
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    if arguments.bench not in config.benches:
        print(f"{arguments.config}: there is no [bench.{arguments.bench}]", file=sys.stderr)
        return 2
    if os.getppid() != arguments.core:
        log.info("the core that started this bench is gone")
        return 0
    try:
        asyncio.run(serve(config, config.benches[arguments.bench], core=arguments.core))
    except (ScannerLineError, OSError) as error:
        log.error("the bench cannot work: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
