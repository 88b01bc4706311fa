"""What an agent says about itself: its clock, its health in every lane, and the configuration in force."""

import asyncio
import logging
import os
import platform
import resource
import shutil
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from edge_agent import clock
from edge_agent.async_journal import AsyncJournal
from edge_agent.config import Config, Device
from wire.records import record
from wire.topics import LANES

LOOK_S = 5.0
_PAGE = os.sysconf("SC_PAGE_SIZE")
log = logging.getLogger(__name__)


def config_facts(config: Config, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What is in force: what may be set (`Settings.facts`), devices with their options, versions. Nothing of it is secret."""
    return {
        "sensors": {name: _sensor_facts(device) for name, device in config.sensors.items()},
        "contacts": {name: {"driver": device.driver, **device.driver_options} for name, device in config.contacts.items()},
        "outputs": {name: {"driver": device.driver, **device.driver_options} for name, device in config.outputs.items()},
        "controls": {
            name: {key: value for key, value in control.items() if value is not None} for name, control in config.controls.items()
        },
        "cameras": {name: {"driver": device.driver, "contacts": list(device["contacts"])} for name, device in config.cameras.items()},
        "benches": {name: {"screen": bench.options["screen"]} for name, bench in sorted(config.benches.items())},
        "sample_s": config.agent["sample_s"],
        "report_s": config.agent["report_s"],
        **settings,
        "versions": {"muniment": version("muniment"), "python": platform.python_version(), "kernel": platform.release()},
    }


def _sensor_facts(device: Device) -> dict[str, Any]:
    """A sensor's driver and its options, and how often it is journalled where that differs from the agent's `report_s`."""
    own = {} if device["report_s"] is None else {"report_s": device["report_s"]}
    return {"driver": device.driver, **device.driver_options, **own}


def process_facts(data: str | os.PathLike[str]) -> dict[str, Any]:
    """Memory, processor time and disk of this process and its data folder."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - not a file of ours, read every few minutes
        resident = int(file.read().split()[1]) * _PAGE
    usage = resource.getrusage(resource.RUSAGE_SELF)
    disk = shutil.disk_usage(data)
    return {
        "rss_mb": round(resident / 2**20, 1),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "disk_free_mb": disk.free >> 20,
        "disk_mb": disk.total >> 20,
    }


class Reports:
    """Journals clock, health and config records when they are due."""

    def __init__(
        self,
        config: Config,
        *,
        journal: AsyncJournal,
        facts: Callable[[], dict[str, Any]],
        settings: Callable[[], Mapping[str, Any]],
    ) -> None:
        """`facts()` is what else a health record says, `settings()` what a config record says beside the file's devices."""
        self._config = config
        self._journal = journal
        self._facts = facts
        self._settings = settings
        self._boot = clock.boot_id()
        self._watch = clock.ClockWatch(self._boot)
        self._health_m: int | None = None
        self._changed = asyncio.Event()

    async def begin(self) -> None:
        """The first records of this start, in every lane: the clock, then health and what is in force."""
        await self._clock()
        await self._health()
        await self.tell_config()

    async def run(self) -> None:
        """Watch the clock, report health every health_s, and changes of the configuration at once."""
        while True:
            try:
                await asyncio.wait_for(self._changed.wait(), LOOK_S)
            except TimeoutError:
                pass
            else:
                self._changed.clear()
                await self.tell_config()
            await self._clock()
            if self._health_m is None or clock.boot_ms() - self._health_m >= self._config.agent["health_s"] * 1000:
                await self._health()
            for lane in LANES:
                if self._journal.held(lane):
                    await self._journal.retry(lane)

    def config_changed(self) -> None:
        """Calibration or a profile has changed: journal what is in force now."""
        self._changed.set()

    async def tell_config(self) -> None:
        """Journal what is in force."""
        t, m = clock.now()
        await self._journal.keep("events", [record("config", t, m, facts=config_facts(self._config, self._settings()))])

    async def _clock(self) -> None:
        t, m = clock.now()
        made = self._watch.look(t_ms=t, m_ms=m, ok=clock.disciplined())
        if made is not None:
            if "step_ms" in made:
                log.warning("the clock has changed: by %d ms, %s", made["step_ms"], "disciplined" if made["ok"] else "not disciplined")
            for lane in LANES:
                await self._journal.keep(lane, [made])

    async def _health(self) -> None:
        t, m = clock.now()
        self._health_m = m
        facts = {**process_facts(self._config.data), "uptime_s": m // 1000, "clock_ok": clock.disciplined(), **self._facts()}
        for lane in LANES:
            await self._journal.keep(lane, [record("health", t, m, boot=self._boot, facts=facts)])
