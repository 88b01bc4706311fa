"""`muniment-agent probe --scan`: looks for devices that answer on the I2C buses, RS-485 lines and 1-Wire bus that a file names."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Any

from edge_agent.config import Config
from edge_agent.errors import AgentError, HandoffError
from edge_agent.handoff import request_core
from sensors.chips import ds18b20
from sensors.drivers.chip import I2cChip
from sensors.drivers.ds18b20 import Ds18b20Sensor
from sensors.drivers.modbus import ModbusDevice
from sensors.errors import ChipError, SensorError, SilentError, TransportError
from sensors.registry import SENSORS, build_chip, build_sensor
from sensors.transports.i2c import I2cBus
from sensors.transports.modbus import ModbusLine

ASK_S = 5.0
READ_S = 10.0
UNIT_MS = 60  # how long each address on a line is given: at 9600 baud an answer ends within 20 ms
UNITS = range(1, 248)


def main(config: Config, *, units: Iterable[int] = UNITS) -> int:
    """Print one line a device found; 0 when there was any, else 1. AgentError while an agent holds the devices.

    units: the Modbus addresses that are tried.
    """
    with contextlib.suppress(HandoffError):
        request_core(config.data / "core.sock", {"op": "status"}, timeout_s=ASK_S)
        raise AgentError("an agent is running and holds the devices: stop it before a scan")
    return asyncio.run(_scan(config, units))


async def _scan(config: Config, units: Iterable[int]) -> int:
    from edge_agent.room import room_wires

    config.data.mkdir(parents=True, exist_ok=True)
    count = 0
    async with contextlib.AsyncExitStack() as stack:
        wires = await room_wires(config, stack)
        buses: dict[int, tuple[str, I2cBus]] = {}
        lines: dict[int, tuple[str, ModbusLine]] = {}
        onewires: dict[int, Ds18b20Sensor] = {}
        for name, device in config.sensors.items():
            if device.driver == "node":
                continue
            sensor = build_sensor(device.driver, name, device.driver_options, wires=wires.of(device))
            if isinstance(sensor, I2cChip):
                buses[id(sensor.bus)] = (f"I2C bus {device['bus']}", sensor.bus)
            elif isinstance(sensor, ModbusDevice):
                lines[id(sensor.line)] = (f"{device.options.get('port') or name}, {sensor.line.settings}", sensor.line)
            elif isinstance(sensor, Ds18b20Sensor):
                onewires[id(wires.of(device))] = sensor
        for found in (
            *(_i2c(words, bus) for words, bus in buses.values()),
            *(_modbus(words, line, units) for words, line in lines.values()),
            *(_onewire(sensor) for sensor in onewires.values()),
        ):
            async for line in found:
                count += 1
                print(line, flush=True)
    if not count:
        print("nothing answers")
    return 0 if count else 1


async def _i2c(words: str, bus: I2cBus) -> AsyncIterator[str]:
    """Every chip that its own driver can read, at each address that it may have."""
    for driver, known in SENSORS.items():
        if known.address != ("bus", "address"):
            continue
        place = next(option for option in known.options if option.name == "address")
        for address in range(int(place.low or 0), int(place.high or 0) + 1):
            chip: Any = build_chip(driver, driver, {"address": address}, bus=bus)
            try:
                readings = await asyncio.wait_for(chip.read(), READ_S)
            except TimeoutError:
                continue
            if all(reading.value is not None for reading in readings):
                serial = next((f", serial {channel.serial}" for channel in chip.channels if channel.serial), "")
                yield f'{words}, address 0x{address:02x}: driver = "{driver}"{serial}'


async def _modbus(words: str, line: ModbusLine, units: Iterable[int]) -> AsyncIterator[str]:
    """Every unit that answers anything at all, a refusal included."""
    line.settings = replace(line.settings, timeout_ms=UNIT_MS)
    await line.close()  # it is opened again with the shorter wait
    for unit in units:
        try:
            await line.read_registers(unit, function=3, address=0, count=1)
        except SilentError:
            continue
        except ChipError as error:
            yield f"{words}: {error}"
        except TransportError as error:
            if "exception" not in str(error):
                yield f"{words}: {error}"
                return
            yield f"{words}: unit {unit} answers"
        else:
            yield f"{words}: unit {unit} answers"


async def _onewire(sensor: Ds18b20Sensor) -> AsyncIterator[str]:
    try:
        serials = sensor.wire.serials(ds18b20.FAMILY)
    except SensorError as error:
        yield str(error)
        return
    for serial in serials:
        yield f'1-Wire: driver = "ds18b20", serial = "{serial}"'
