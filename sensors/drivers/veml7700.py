"""A Vishay VEML7700 on the Pi's own I2C bus: illuminance, in the range that fits the light."""

import asyncio
from collections.abc import Mapping
from typing import Any

from sensors.chips import veml7700
from sensors.drivers.chip import I2cChip
from sensors.errors import ChipError
from sensors.readings import Channel, Reading, measured, now
from sensors.transports.i2c import I2cBus
from wire.units import unit_of


class Veml7700Sensor(I2cChip):
    """A polled sensor. The chip sends no CRC."""

    def __init__(self, name: str, options: Mapping[str, Any], *, bus: I2cBus) -> None:
        """options: address."""
        super().__init__(name, options, bus=bus)
        self._range = veml7700.START
        self._set = False

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Illuminance; the chip has no serial number."""
        return (Channel("illuminance", unit_of("illuminance"), veml7700.RESOLUTION, veml7700.TOLERANCE, *veml7700.RANGE),)

    async def measure(self) -> list[Reading]:
        """One value; a step to a finer or coarser range takes another integration."""
        if not self._set:
            if self.register(veml7700.ID, 2)[0] != veml7700.ID_BYTE:
                raise ChipError("the chip is no VEML7700")
            await self._use(self._range)
        for _ in veml7700.RANGES:
            at = now()
            data = self.register(veml7700.ALS, 2)
            counts = data[0] | data[1] << 8
            fitting = veml7700.better(self._range, counts)
            if fitting == self._range:
                break
            await self._use(fitting)
        return [measured("illuminance", round(veml7700.lux(self._range, counts), 3), at, raw=counts)]

    async def _use(self, which: int) -> None:
        configuration = veml7700.RANGES[which][2]
        self.set_register(veml7700.CONFIGURATION, configuration & 0xFF, configuration >> 8)
        self._range, self._set = which, True
        await asyncio.sleep(veml7700.wait_ms(which) / 1000)

    def failed(self) -> None:
        """The chip may have lost its settings with its power."""
        self._set = False
