"""Every driver through every fault of its wire: the right marks, no value made up, one line to bad in the log and one back."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.alarms import AlarmDesk
from edge_agent.async_journal import AsyncJournal
from edge_agent.channels import Channels
from edge_agent.journal import Journal
from edge_agent.keys import AgentKey
from edge_agent.panel import Panel
from edge_agent.poller import Poller, ReadingsBuffer
from sensors.drivers.scd4x import Scd4xSensor
from sensors.registry import build_sensor
from sensors.sim.register_chips import SimScd4x
from sensors.sim.room import SimRoom
from sensors.sim.world import RoomWorld
from sensors.validation import Validator

DEVICES: dict[str, dict[str, Any]] = {
    "sht3x": {},
    "sht4x": {},
    "bme280": {},
    "scd4x": {},
    "veml7700": {},
    "as7331": {},
    "ds18b20": {},
    "modbus": {"preset": "ss-aerasgard", "timeout_ms": 60},
    "modbus_th": {"timeout_ms": 60},
}
CHIP = {"unplugged": "no acknowledgement", "nack": "the chip refuses to be read"}
SENSIRION = {**CHIP, "crc": "wrong CRC in the answer", "half": "wrong CRC in the answer"}
LINE = {
    "unplugged": "unit 1 gave no answer within 60 ms",
    "timeout": "unit 1 gave no answer within 60 ms",
    "crc": "unit 1: wrong CRC or half an answer",
    "half": "unit 1: wrong CRC or half an answer",
    "nack": "unit 1 answers exception 6, device busy",
}
BAD: dict[str, dict[str, str]] = {
    "sht3x": {**SENSIRION, "timeout": "the chip is busy", "heater": "the chip's heater is on"},
    "sht4x": {**SENSIRION, "timeout": "the chip is busy"},
    "bme280": {**CHIP, "timeout": "the chip is still measuring", "half": "the converter is at its end"},
    "scd4x": {**SENSIRION, "timeout": "no value within"},
    "veml7700": {**CHIP, "half": "out of range"},
    "as7331": {**CHIP, "timeout": "no value within", "half": "no value within"},
    "ds18b20": {
        "unplugged": "is not on the 1-Wire bus",
        "timeout": "gave no answer",
        "crc": "wrong CRC in the scratchpad",
        "half": "9 bytes, not",
        "power_on": "85 degrees from power-on",
    },
    "modbus": LINE,
    "modbus_th": LINE,
}
MATRIX = [(driver, fault, why) for driver, faults in BAD.items() for fault, why in faults.items()]


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[AsyncJournal]:
    key = AgentKey.load_or_create(tmp_path / "key")
    made = AsyncJournal(Journal.open(tmp_path / "journal.db", site="demo", agent="room-101", key=key))
    yield made
    await made.close()


def poller_of(driver: str, room: SimRoom, journal: AsyncJournal) -> Poller:
    """A device with everything that an agent puts around it."""
    sensor = build_sensor(driver, "shelf", DEVICES[driver], wires=room)
    if driver == "scd4x":
        chip = room.chip("shelf")
        assert isinstance(chip, SimScd4x)
        chip.period_s = 0.05
        assert isinstance(sensor, Scd4xSensor)
        sensor.wait_s = 0.3
    desk = AlarmDesk([], journal=journal, panel=Panel({}), agent="room-101", room="room-101", saved=None)
    options = {"temperature_rate": 5.0, "humidity_rate": 30.0, "stuck_s": 14400.0}
    return Poller(
        "shelf",
        sensor,
        checkers=lambda quantity: Validator(next(one for one in sensor.channels if one.quantity == quantity), options),
        channels=Channels(journal=journal, agent="room-101", room="room-101", saved=None),
        desk=desk,
        buffer=ReadingsBuffer(journal),
        calibration=lambda _channel: None,
        agent="room-101",
        sample_s=0.1,
        report_s=60,
    )


async def sample(poller: Poller) -> dict[str, tuple[str, Any, str]]:
    """Take one sample: (quality, value, why) by quantity."""
    await poller.take(await poller.sensor.read())
    return {quantity: (latest.reading.quality, latest.value, latest.reading.why) for quantity, latest in poller.latest.items()}


@pytest.mark.parametrize(("driver", "fault", "why"), MATRIX, ids=[f"{driver}-{fault}" for driver, fault, _ in MATRIX])
async def test_a_fault_is_bad_without_a_value_and_told_once(
    tmp_path: Path, journal: AsyncJournal, caplog: pytest.LogCaptureFixture, driver: str, fault: str, why: str
) -> None:
    caplog.set_level(logging.INFO, logger="edge_agent.poller")
    async with SimRoom(tmp_path / "sim", world=RoomWorld(people=False)) as room:
        poller = poller_of(driver, room, journal)
        before = await sample(poller)
        assert {quality for quality, _, _ in before.values()} == {"good"}, before
        room.set_fault("shelf", fault)
        for _ in range(2):
            assert {(quality, value) for quality, value, _ in (await sample(poller)).values()} == {("bad", None)}
        room.set_fault("shelf", fault, on=False)
        after = await sample(poller)
        assert {quality for quality, _, _ in after.values()} == {"good"}, after
        for quantity, (_, value, _) in after.items():
            assert value == pytest.approx(before[quantity][1], rel=0.2, abs=1.5)
    for quantity in before:
        lines = [record.getMessage() for record in caplog.records if record.getMessage().startswith(f"shelf {quantity} ")]
        assert len(lines) == 2, lines
        assert lines[0].startswith(f"shelf {quantity} is bad: ") and why in lines[0]
        assert lines[1] == f"shelf {quantity} is good again"


@pytest.mark.parametrize("driver", ["modbus", "modbus_th"])
async def test_an_adapter_that_echoes_is_heard_past(tmp_path: Path, journal: AsyncJournal, driver: str) -> None:
    async with SimRoom(tmp_path / "sim", world=RoomWorld(people=False)) as room:
        poller = poller_of(driver, room, journal)
        room.set_fault("shelf", "echo")
        for _ in range(3):
            assert {quality for quality, _, _ in (await sample(poller)).values()} == {"good"}
        assert poller.sensor.notes == ("the adapter echoes what it sends; the echo is dropped",)  # type: ignore[attr-defined]
        room.set_fault("shelf", "unplugged")
        assert {why for _, _, why in (await sample(poller)).values()} == {"unit 1 gave no answer within 60 ms"}


async def test_swapped_registers_look_plausible(tmp_path: Path, journal: AsyncJournal) -> None:
    async with SimRoom(tmp_path / "sim", world=RoomWorld(people=False, temp_c=20, rh_pct=45)) as room:
        poller = poller_of("modbus_th", room, journal)
        room.set_fault("shelf", "swapped")
        found = await sample(poller)
        assert found["temperature"][0] == "good" and found["temperature"][1] == pytest.approx(45, abs=2)
        assert found["relative_humidity"][1] == pytest.approx(20, abs=2)


async def test_an_sht4x_drops_its_samples_after_its_heater(tmp_path: Path, journal: AsyncJournal) -> None:
    async with SimRoom(tmp_path / "sim", world=RoomWorld(people=False)) as room:
        sensor = build_sensor("sht4x", "shelf", {"heater_every_h": 0.2 / 3600}, wires=room)
        assert [reading.quality for reading in await sensor.read()] == ["good", "good"]
        await asyncio.sleep(0.2)
        for _ in range(2):
            assert [(reading.value, reading.why) for reading in await sensor.read()] == [(None, "the chip is warm from its heater")] * 2
