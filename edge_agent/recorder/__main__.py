"""The recorder's process: ``python -m edge_agent.recorder --config FILE``, started by the core and ended with it."""

import argparse
import asyncio
import logging
import os
import signal
import sqlite3
import sys
import threading
from pathlib import Path
from typing import Any

from edge_agent import clock
from edge_agent.config import Config, Device, load_config
from edge_agent.errors import ConfigError
from edge_agent.handoff import Done
from edge_agent.handoff_client import HandoffClient
from edge_agent.outbox import Outbox
from edge_agent.recorder.errors import ClipError, StreamError
from edge_agent.recorder.footage import Footage
from edge_agent.recorder.pins import Pins, purge
from edge_agent.recorder.segments import repair
from edge_agent.recorder.source import CameraPlan, CameraSource
from wire.records import record

log = logging.getLogger("edge_agent.recorder")
LOOK_S = 0.25
PURGE_S = 10.0
STOP_S = 10.0
VIDEO_SHARE = 0.5  # of the agent's quota; clips and everything else share the rest
CHILD = "recorder"


def sim_url_file(data: Path, camera: str) -> Path:
    """Where a simulated camera leaves its address."""
    return data / "sim" / f"{camera}.url"


def plan_of(camera: Device, data: Path) -> CameraPlan:
    """What to record of one `[camera.NAME]`."""

    def url() -> str:
        if not camera.sim:
            return str(camera["url"])
        try:
            return sim_url_file(data, camera.name).read_text().strip()
        except OSError as error:
            raise StreamError("the simulated camera is not running yet") from error

    return CameraPlan(
        name=camera.name,
        url=url,
        contacts=tuple(camera["contacts"]),
        pre_roll_s=camera["pre_roll_s"],
        post_roll_s=camera["post_roll_s"],
        segment_s=camera["segment_s"],
        keep_hours=camera["keep_hours"],
        picamera_serial=(camera["serial"] or "") if camera.driver == "picamera2" and not camera.sim else None,
    )


class Recorder:
    """All cameras of one agent, and what the core asks about them."""

    def __init__(self, config: Config) -> None:
        """Open the store, mend what the last run left."""
        self._config = config
        folder = config.data / "video"
        folder.mkdir(parents=True, exist_ok=True)
        self._plans = tuple(plan_of(camera, config.data) for camera in config.cameras.values())
        self._footage = Footage(folder / "recorder.db")
        self._outbox = Outbox(self._footage.connection)
        handoff_rows = sqlite3.connect(folder / "recorder.db", isolation_level=None, timeout=10)
        handoff_rows.execute("PRAGMA synchronous=FULL")
        self._client = HandoffClient(config.data / "core.sock", child=CHILD, outbox=Outbox(handoff_rows), do=self._do)
        self._pins = Pins(self._footage, self._outbox, agent=config.name, cameras=self._plans, folder=folder / "clips")
        self._stop = threading.Event()
        self._sources = {}
        for plan in self._plans:
            kept = folder / "segments" / plan.name
            repaired, removed = repair(self._footage, kept, camera=plan.name)
            if repaired or removed:
                log.warning("camera %s: %d torn segments repaired, %d unreadable removed", plan.name, repaired, removed)
            self._sources[plan.name] = CameraSource(plan, self._footage, kept, stop=self._stop, on_state=self._state)

    async def run(self, stop: asyncio.Event, *, core: int) -> None:
        """Record until stop is set or the core, the process that started this one, is gone."""
        threads = [threading.Thread(target=source.run, name=f"camera {name}") for name, source in self._sources.items()]
        for thread in threads:
            thread.start()
        handing = asyncio.create_task(self._client.run(), name="handoff")
        bytes_max = round(self._config.agent["quota_mb"] * VIDEO_SHARE * 1024 * 1024)
        purge_at = 0.0
        try:
            while not stop.is_set() and os.getppid() == core and not handing.done() and all(thread.is_alive() for thread in threads):
                if await asyncio.to_thread(self._pins.make_ready):
                    self._client.notify()
                if asyncio.get_running_loop().time() >= purge_at:
                    purge_at = asyncio.get_running_loop().time() + PURGE_S
                    await asyncio.to_thread(purge, self._footage, self._plans, bytes_max=bytes_max)
                await asyncio.sleep(LOOK_S)
        finally:
            self._stop.set()
            handing.cancel()
            (ended,) = await asyncio.gather(handing, return_exceptions=True)
            for thread in threads:
                await asyncio.to_thread(thread.join, STOP_S)
            self._footage.close()
        if isinstance(ended, Exception):
            raise ended

    def _state(self, camera: str, state: str, why: str) -> None:
        t_ms, m_ms = clock.now()
        facts = {"camera": f"{self._config.name}/{camera}", "state": state, "why": why}
        with self._footage.transaction():
            self._outbox.add("events", record("health", t_ms, m_ms, facts=facts))
        self._client.notify()

    async def _do(self, name: str, args: dict[str, Any]) -> Done:
        try:
            if name == "clip.pin":
                what = {"contact": str(args["contact"]), "event": str(args["event"]), "state": str(args["state"])}
                await asyncio.to_thread(self._pins.contact, t_ms=int(args["t"]), **what)
            elif name == "clip.request":
                span = {"from_ms": int(args["from"]), "to_ms": int(args["to"])}
                because = str(args.get("because") or args.get("id") or "asked for")
                await asyncio.to_thread(self._pins.request, camera=str(args["camera"]), because=because, **span)
            elif name == "disk.level":
                self._pause(bool(args.get("no_video")), clips=bool(args.get("events_only")))
            else:
                return Done(False, f"the recorder does not know {name}")
        except (KeyError, TypeError, ValueError) as error:
            return Done(False, f"{name}: an argument is missing or wrong: {error}")
        except ClipError as error:
            return Done(False, str(error))
        return Done(True, "")

    def _pause(self, paused: bool, *, clips: bool) -> None:
        if clips:
            self._pins.held.set()
        else:
            self._pins.held.clear()
        for source in self._sources.values():
            if paused:
                source.paused.set()
            else:
                source.paused.clear()


async def serve(config: Config, *, core: int) -> None:
    """Run the recorder until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    await Recorder(config).run(stop, core=core)


def main(argv: list[str] | None = None) -> int:
    """Command line; 0 when stopped, 2 for a wrong configuration."""
    parser = argparse.ArgumentParser(prog="python -m edge_agent.recorder", description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--core", type=int, default=os.getppid(), help="process id of the core; ends when that is not its parent any more")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s recorder %(levelname)s %(message)s")
    try:
        config = load_config(args.config)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    if os.getppid() != args.core:
        log.info("the core that started this recorder is gone")
        return 0
    asyncio.run(serve(config, core=args.core))
    return 0


if __name__ == "__main__":
    sys.exit(main())
