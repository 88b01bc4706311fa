"""One sensor's loop: samples are on the disk before a device forgets them, late ones raise nothing, an exchanged sensor is noticed."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_agent.alarms import AlarmDesk
from edge_agent.async_journal import AsyncJournal
from edge_agent.channels import Channels
from edge_agent.journal import Journal
from edge_agent.keys import AgentKey
from edge_agent.panel import Panel
from edge_agent.poller import Poller, ReadingsBuffer
from edge_agent.rule import Rule
from sensors.readings import Channel, Instant, Reading, measured, now
from sensors.validation import Validator
from wire.codec import decode_batch

HOT = Rule("hot", "limit", "r.node.temperature", "high", "r.node.temperature", above=24.0, quantity="temperature")
FOREIGN = Rule("node-calibration", "condition", "r/node", "low", words={"zh": "-", "en": "-"})


@dataclass
class Pushed:
    """A device that keeps its samples until they are taken; it writes down what the journal held at each call of `read`."""

    journal: Journal
    samples: list[tuple[float, Instant]]
    serial: str = "one"
    name: str = "node"
    pushed: bool = True
    notes: tuple[str, ...] = ()
    taken: str = ""
    stored: list[int] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def channels(self) -> tuple[Channel, ...]:
        return (Channel("temperature", "Cel", tolerance=0.2, serial=self.serial),)

    async def read(self) -> list[Reading]:
        self.stored.append(len([r for r in records(self.journal, "readings") if r["k"] == "reading"]))
        if not self.samples:
            self.done.set()
            await asyncio.Event().wait()
        value, at = self.samples.pop(0)
        self.taken = f"{len(self.stored)} boot"
        return [measured("temperature", value, at)]

    async def close(self) -> None:
        """Nothing to let go."""


def records(journal: Journal, lane: str) -> list[dict[str, Any]]:
    batch = journal.batch(lane, 0)
    return [] if batch is None else list(decode_batch(batch.payload, lane)[1])


@asynccontextmanager
async def polled(
    folder: Path, samples: list[tuple[float, Instant]], *, calibration: Mapping[str, Any] | None = None, serial: str = "one"
) -> AsyncIterator[Pushed]:
    """The sensor's loop until every sample was taken."""
    journal = Journal.open(folder / "journal.db", site="demo", agent="r", key=AgentKey.load_or_create(folder / "key"))
    writer = AsyncJournal(journal)
    desk = AlarmDesk([HOT, FOREIGN], journal=writer, panel=Panel({}), agent="r", room="r", saved=None)
    buffer = ReadingsBuffer(writer)
    sensor = Pushed(journal, samples, serial=serial)
    poller = Poller(
        "node",
        sensor,
        checkers=lambda quantity: Validator(sensor.channels[0], {}),
        channels=Channels(journal=writer, agent="r", room="r", saved=journal.memory.note("channels")),
        desk=desk,
        buffer=buffer,
        calibration=lambda channel: calibration,
        agent="r",
        sample_s=1.0,
        report_s=1.0,
        room="outdoor",
    )
    running = asyncio.create_task(poller.run())
    await asyncio.wait_for(sensor.done.wait(), 10)
    yield sensor
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await buffer.flush()
    await writer.close()


def spread(*values: float) -> list[tuple[float, Instant]]:
    """Values a second apart, the last of them now."""
    at = now()
    return [(value, at.earlier(1000 * (len(values) - 1 - number))) for number, value in enumerate(values)]


async def test_a_sample_is_on_the_disk_before_its_node_may_forget_it(tmp_path: Path) -> None:
    async with polled(tmp_path, spread(20.0, 20.1, 20.2, 20.3)) as sensor:
        assert sensor.stored == [0, 1, 2, 3, 4]
        (declared,) = [r for r in records(sensor.journal, "readings") if r["k"] == "channel"]
        assert declared["room"] == "outdoor"
        note = sensor.journal.memory.note("taken:node")
        assert note == "4 boot"


async def test_samples_that_waited_in_a_node_raise_no_alarm(tmp_path: Path) -> None:
    old = now().earlier(3_600_000)
    async with polled(tmp_path, [(30.0, old), (20.0, now())]) as sensor:
        assert [r["v"] for r in records(sensor.journal, "readings") if r["k"] == "reading"] == [30.0, 20.0]
        assert [r for r in records(sensor.journal, "events") if r["k"] == "alarm"] == []


async def test_an_exchanged_sensor_keeps_its_channel_and_leaves_the_other_s_calibration(tmp_path: Path) -> None:
    calibration = {"offset": -1.0, "gain": 1.0, "serial": "one"}
    async with polled(tmp_path, spread(20.0), calibration=calibration) as sensor:
        (reading,) = [r for r in records(sensor.journal, "readings") if r["k"] == "reading"]
        assert (reading["v"], reading["raw"]) == (19.0, 20.0)
    async with polled(tmp_path, spread(20.0, 20.0), calibration=calibration, serial="two") as sensor:
        found = records(sensor.journal, "readings")
        assert [(r["i"], r["serial"]) for r in found if r["k"] == "channel"] == [(1, "one"), (1, "two")]
        assert "raw" not in found[-1] and found[-1]["v"] == 20.0
        (notice,) = [r for r in records(sensor.journal, "events") if r["k"] == "alarm"]
        assert (notice["rule"], notice["priority"]) == ("node-calibration", "low")
        assert json.loads(sensor.journal.memory.note("channels") or "") == {"r.node.temperature": 1}
