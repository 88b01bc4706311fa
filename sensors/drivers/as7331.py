"""An ams OSRAM AS7331 on the Pi's own I2C bus: ultraviolet irradiance, UV-A and UV-B together, in the range that fits."""

import asyncio
from collections.abc import Mapping
from typing import Any

from sensors.chips import as7331
from sensors.drivers.chip import I2cChip
from sensors.errors import SilentError
from sensors.readings import Channel, Reading, measured, now
from sensors.transports.i2c import I2cBus
from wire.units import unit_of

LOOKS = 10
LOOK_MS = 10


class As7331Sensor(I2cChip):
    """A polled sensor. The chip sends no CRC."""

    def __init__(self, name: str, options: Mapping[str, Any], *, bus: I2cBus) -> None:
        """options: address."""
        super().__init__(name, options, bus=bus)
        self._range = as7331.START

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Ultraviolet irradiance; the chip has no serial number."""
        return (Channel("uv_irradiance", unit_of("uv_irradiance"), as7331.RESOLUTION, as7331.TOLERANCE, *as7331.RANGE),)

    async def measure(self) -> list[Reading]:
        """One value; a step to another range takes another integration."""
        for _ in as7331.GAINS:
            at = now()
            found, status = await self._integrate()
            fitting = as7331.better(self._range, found, status)
            if fitting == self._range:
                break
            self._range = fitting
        return [measured("uv_irradiance", round(as7331.uw_cm2(self._range, found, status), 3), at, raw=max(found[:2]))]

    async def _integrate(self) -> tuple[tuple[int, ...], int]:
        self.set_register(as7331.STATE, as7331.CONFIGURE)
        as7331.check_id(self.register(as7331.ID, 1)[0])
        self.set_register(as7331.CREG1, as7331.creg1(self._range))
        self.set_register(as7331.CREG3, as7331.COMMAND_MODE)
        self.set_register(as7331.STATE, as7331.MEASURE_START)
        await asyncio.sleep(as7331.TIME_MS / 1000)
        for _ in range(LOOKS):
            status = self.register(as7331.STATE, 2)[1]
            if not status & as7331.NOT_READY:
                return as7331.counts(self.register(as7331.RESULTS, as7331.RESULT_BYTES)), status
            await asyncio.sleep(LOOK_MS / 1000)
        raise SilentError(f"no value within {as7331.TIME_MS + LOOKS * LOOK_MS} ms")
