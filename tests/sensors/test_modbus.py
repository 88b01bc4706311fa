"""Modbus transmitters of many maps on a real serial port, and the ways in which they fail."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from sensors.errors import OptionError
from sensors.readings import Reading
from sensors.registry import build_sensor
from sensors.sim.modbus import crc16
from sensors.sim.room import SimRoom
from sensors.sim.world import RoomWorld
from sensors.transports.wires import DeviceWires

QUICK = {"timeout_ms": 100}


class Still(RoomWorld):
    """A world whose air does not move."""

    def __init__(self, temp_c: float, rh_pct: float) -> None:
        super().__init__(people=False)
        self.air = (temp_c, rh_pct)

    def climate(self, at_s: float, *, climate_s: float | None = None) -> tuple[float, float]:
        return self.air


def values(readings: list[Reading]) -> list[float | None]:
    return [reading.value for reading in readings]


def test_the_crc_of_a_known_request() -> None:
    assert crc16(bytes.fromhex("01030000000a")) == bytes.fromhex("c5cd")


MAPS: list[dict[str, Any]] = [
    {},
    {"function": 4, "temperature_register": 1, "humidity_register": 0},
    {"temperature_register": 300, "humidity_register": 7, "scale": 0.01},
    {"order": "little", "unit": 247, "parity": "E"},
    {"format": "float32", "scale": 1.0, "temperature_register": 0, "humidity_register": 2},
    {"format": "float32", "scale": 1.0, "temperature_register": 2, "humidity_register": 0, "order": "little", "function": 4},
    {"format": "int32", "scale": 0.001, "temperature_register": 10, "humidity_register": 12},
    {"format": "int32", "scale": 0.001, "temperature_register": 10, "humidity_register": 20, "order": "little"},
]


@pytest.mark.parametrize("options", MAPS, ids=str)
async def test_every_register_map_is_read(tmp_path: Path, options: dict[str, Any]) -> None:
    async with SimRoom(tmp_path, world=Still(-12.4, 47.8)) as room:
        sensor = build_sensor("modbus_th", "rack", {**QUICK, **options}, wires=room)
        readings = await sensor.read()
        assert [reading.quality for reading in readings] == ["good", "good"], readings
        assert values(readings) == pytest.approx([-12.4, 47.8], abs=0.0005)
        assert [(reading.quantity, reading.unit) for reading in readings] == [("temperature", "Cel"), ("relative_humidity", "%")]


async def test_an_unsigned_map_reads_what_a_signed_one_would_call_negative(tmp_path: Path) -> None:
    async with SimRoom(tmp_path, world=Still(21.5, 47.8)) as room:
        unsigned = build_sensor("modbus_th", "rack", {**QUICK, "scale": 0.001, "signed": False}, wires=room)
        assert values(await unsigned.read()) == pytest.approx([21.5, 47.8])


async def test_the_wrong_map_gives_reasons_and_no_values(tmp_path: Path) -> None:
    async with SimRoom(tmp_path, world=Still(21.5, 47.8)) as room:
        right = {**QUICK, "port": "bus"}
        sensor = build_sensor("modbus_th", "rack", right, wires=room)
        assert values(await sensor.read()) == [21.5, 47.8]
        for options, why in (
            ({"unit": 9}, "unit 9 gave no answer within 100 ms"),
            ({"function": 4}, "exception 1, illegal function"),
            ({"temperature_register": 50}, "exception 2, illegal data address"),
        ):
            readings = await _asked_with({**right, **options}, room)
            assert readings[0].value is None
            assert readings[0].quality == "bad"
            assert why in readings[0].why


async def _asked_with(options: dict[str, Any], room: SimRoom) -> list[Reading]:
    """Read the transmitter that is on the line, with a driver configured otherwise."""
    from sensors.drivers.modbus import ModbusDevice
    from sensors.drivers.modbus_th import transmitter_maps
    from sensors.registry import SENSORS, with_defaults

    whole = with_defaults(SENSORS["modbus_th"], options)
    return await ModbusDevice("rack", transmitter_maps(whole), unit=whole["unit"], line=room.line("bus")).read()


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("unplugged", "unit 1 gave no answer within 200 ms"),
        ("crc", "unit 1: wrong CRC or half an answer, 9 bytes within 200 ms"),
        ("half", "unit 1: wrong CRC or half an answer, 4 bytes within 200 ms"),
        ("timeout", "unit 1 gave no answer within 200 ms"),
    ],
)
async def test_a_failing_transmitter_gives_no_value_and_comes_back(tmp_path: Path, fault: str, why: str) -> None:
    async with SimRoom(tmp_path, world=Still(21.5, 47.8)) as room:
        sensor = build_sensor("modbus_th", "rack", {"timeout_ms": 200}, wires=room)
        assert values(await sensor.read()) == [21.5, 47.8]
        room.set_fault("rack", fault)
        for _ in range(4):
            began = time.monotonic()
            readings = await sensor.read()
            assert time.monotonic() - began < 1.0
            assert [(reading.value, reading.quality, reading.why) for reading in readings] == [(None, "bad", why)] * 2
        room.set_fault("rack", fault, on=False)
        assert values(await sensor.read()) == [21.5, 47.8]


async def test_one_silent_device_on_a_shared_line_leaves_the_other_alone(tmp_path: Path) -> None:
    async with SimRoom(tmp_path, world=Still(21.5, 47.8)) as room:
        sensors = [
            build_sensor("modbus_th", f"rack-{unit}", {**QUICK, "port": "/dev/ttyUSB0", "unit": unit}, wires=room) for unit in (1, 2)
        ]
        room.set_fault("rack-1", "unplugged")
        for _ in range(3):
            first, second = await asyncio.gather(*(sensor.read() for sensor in sensors))
            assert values(first) == [None, None]
            assert values(second) == [21.5, 47.8]
        with pytest.raises(OptionError, match="already in use with 9600 8N1"):
            build_sensor("modbus_th", "rack-3", {**QUICK, "port": "/dev/ttyUSB0", "unit": 3, "baud": 19200}, wires=room)


async def test_a_stuck_transmitter_repeats_itself_until_it_is_not(tmp_path: Path) -> None:
    world = Still(21.5, 47.8)
    async with SimRoom(tmp_path, world=world) as room:
        sensor = build_sensor("modbus_th", "rack", QUICK, wires=room)
        room.set_fault("rack", "stuck")
        await sensor.read()
        world.air = (25.0, 50.0)
        assert values(await sensor.read()) == [21.5, 47.8]
        room.set_fault("rack", "stuck", on=False)
        assert values(await sensor.read()) == [25.0, 50.0]


async def test_registers_that_hold_no_number_are_not_a_value(tmp_path: Path) -> None:
    async with SimRoom(tmp_path, world=Still(float("nan"), 47.8)) as room:
        options = {**QUICK, "format": "float32", "scale": 1.0, "humidity_register": 2}
        readings = await build_sensor("modbus_th", "rack", options, wires=room).read()
        assert (readings[0].value, readings[0].why) == (None, "the registers hold no number")
        assert readings[1].value == pytest.approx(47.8)


async def test_an_absent_port_is_told_and_used_once_it_is_there(tmp_path: Path) -> None:
    wires = DeviceWires()
    options = {**QUICK, "port": str(tmp_path / "rack.rs485")}
    sensor = build_sensor("modbus_th", "rack", options, wires=wires)
    readings = await sensor.read()
    assert values(readings) == [None, None]
    assert "cannot be opened" in readings[0].why
    async with SimRoom(tmp_path, world=Still(21.5, 47.8)) as room:
        build_sensor("modbus_th", "rack", QUICK, wires=room)
        assert values(await sensor.read()) == [21.5, 47.8]
    readings = await sensor.read()
    assert values(readings) == [None, None]
    await wires.close()
    with pytest.raises(OptionError, match="needs a port"):
        build_sensor("modbus_th", "rack", {}, wires=wires)
