"""What all drivers of chips on an I2C bus share: a name, a place on the bus, a command with its waiting time, and no value on error."""

import asyncio
from collections.abc import Mapping
from typing import Any

from sensors.errors import SensorError
from sensors.readings import Channel, Reading, measured, missing, now
from sensors.transports.i2c import I2cBus


class I2cChip:
    """A polled sensor on an I2C bus; each transfer of a few bytes holds the event loop for less than a millisecond."""

    pushed = False
    taken = ""  # the device keeps no samples
    notes: tuple[str, ...] = ()

    def __init__(self, name: str, options: Mapping[str, Any], *, bus: I2cBus) -> None:
        """options: address; bus: shared with other chips."""
        self.name = name
        self.options = options
        self.bus = bus
        self.address = int(options["address"])
        self.serial = ""

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Its streams."""
        raise NotImplementedError

    async def measure(self) -> list[Reading]:
        """One measurement; a SensorError where there is none."""
        raise NotImplementedError

    async def read(self) -> list[Reading]:
        """One measurement; each channel missing, with the reason, where there is none."""
        try:
            return await self.measure()
        except SensorError as error:
            self.failed()
            at = now()
            return [missing(channel.quantity, str(error), at) for channel in self.channels]

    def failed(self) -> None:
        """A measurement has failed: the chip may have lost its settings."""

    async def ask(self, command: bytes, *, wait_ms: float, count: int) -> bytes:
        """Write a command, wait, read `count` bytes."""
        self.bus.write(self.address, command)
        await asyncio.sleep(wait_ms / 1000)
        return self.bus.read(self.address, count)

    def register(self, number: int, count: int) -> bytes:
        """`count` bytes from a register on."""
        return self.bus.write_read(self.address, bytes([number]), count)

    def set_register(self, number: int, *data: int) -> None:
        """Write bytes from a register on."""
        self.bus.write(self.address, bytes([number, *data]))

    async def close(self) -> None:
        """The bus belongs to the wires; nothing to release here."""


def humidity_of(rh_pct: float, at: Any, *, raw: float) -> Reading:
    """A humidity whose value is cropped to 0..100, as datasheets ask, and marked where that changed it."""
    reading = measured("relative_humidity", round(min(max(rh_pct, 0.0), 100.0), 2), at, raw=raw)
    return reading if 0.0 <= rh_pct <= 100.0 else reading.marked("suspect", f"the chip gave {rh_pct:.1f} %, cropped")
