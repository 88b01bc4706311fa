"""An SHT4x on the Pi's own bus: the driver over a chip at register level, and over a bus that is not there."""

from pathlib import Path

import pytest

from sensors.registry import SENSORS, build_sensor
from sensors.sim.room import SimRoom
from sensors.sim.world import RoomWorld
from sensors.transports.wires import DeviceWires


class Air(RoomWorld):
    """A world whose air is set."""

    def __init__(self) -> None:
        super().__init__(people=False)
        self.air = (21.5, 47.25)

    def climate(self, at_s: float, *, climate_s: float | None = None) -> tuple[float, float]:
        return self.air


async def test_values_serial_number_and_resolution(tmp_path: Path) -> None:
    async with SimRoom(tmp_path, world=Air()) as room:
        sensor = build_sensor("sht4x", "shelf", {}, wires=room)
        readings = await sensor.read()
        assert [(reading.value, reading.unit, reading.quality) for reading in readings] == [(21.5, "Cel", "good"), (47.25, "%", "good")]
        assert [channel.serial for channel in sensor.channels] == ["10000000"] * 2
        assert [channel.quantity for channel in sensor.channels] == list(SENSORS["sht4x"].quantities)
        other = build_sensor("sht4x", "other", {"address": 0x45}, wires=room)
        await other.read()
        assert other.channels[0].serial == "10000001"


@pytest.mark.parametrize(("fault", "why"), [("crc", "wrong CRC in the answer"), ("unplugged", "no acknowledgement")])
async def test_a_failing_chip_gives_no_value_and_comes_back(tmp_path: Path, fault: str, why: str) -> None:
    async with SimRoom(tmp_path, world=Air()) as room:
        sensor = build_sensor("sht4x", "shelf", {}, wires=room)
        room.set_fault("shelf", fault)
        assert [(reading.value, reading.quality, reading.why) for reading in await sensor.read()] == [(None, "bad", why)] * 2
        room.set_fault("shelf", fault, on=False)
        assert [reading.value for reading in await sensor.read()] == [21.5, 47.25]


@pytest.mark.parametrize(("rh_pct", "shown"), [(104.0, 100.0), (-2.5, 0.0)])
async def test_humidity_beyond_its_ends_is_cropped_and_says_so(tmp_path: Path, rh_pct: float, shown: float) -> None:
    world = Air()
    world.air = (21.5, rh_pct)
    async with SimRoom(tmp_path, world=world) as room:
        reading = (await build_sensor("sht4x", "shelf", {}, wires=room).read())[1]
        assert (reading.value, reading.quality, reading.why) == (shown, "suspect", f"the chip gave {rh_pct:.1f} %, cropped")


async def test_a_bus_that_is_not_there_is_told() -> None:
    wires = DeviceWires()
    readings = await build_sensor("sht4x", "shelf", {"bus": 63}, wires=wires).read()
    assert [(reading.value, reading.quality) for reading in readings] == [(None, "bad")] * 2
    assert readings[0].why == "I2C bus 63, address 0x44: No such file or directory"
    await wires.close()
    await wires.close()
