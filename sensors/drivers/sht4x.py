"""A Sensirion SHT4x on the Pi's own I2C bus; samples around its heater are dropped."""

import time
from collections.abc import Mapping
from typing import Any

from sensors.chips import sht4x
from sensors.drivers.chip import I2cChip, humidity_of
from sensors.errors import ChipError
from sensors.readings import Channel, Instant, Reading, measured, now
from sensors.transports.i2c import I2cBus
from wire.units import unit_of

SERIAL_MS = 2  # the chip needs 1 ms before it answers with its serial number


class Sht4xSensor(I2cChip):
    """A polled sensor. The chip does not tell whether its heater is on, so only a heater that this driver switches is known of."""

    def __init__(self, name: str, options: Mapping[str, Any], *, bus: I2cBus) -> None:
        """options: address, heater_every_h (0 = never)."""
        super().__init__(name, options, bus=bus)
        self._heat_every_s = float(options.get("heater_every_h") or 0.0) * 3600
        self._heated_s = time.monotonic()
        self._warm = False

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Temperature and humidity; the serial number once the chip has answered."""
        return sht4x_channels(self.serial)

    async def measure(self) -> list[Reading]:
        """One measurement of high repeatability, or none while the chip is warm from its heater."""
        if not self.serial:
            self.serial = sht4x.serial_text(await self.ask(sht4x.SERIAL, wait_ms=SERIAL_MS, count=sht4x.FRAME_BYTES))
        if self._heat_every_s and time.monotonic() - self._heated_s >= self._heat_every_s:
            self._heated_s, self._warm = time.monotonic(), True
            sht4x.words(await self.ask(sht4x.HEAT_200MW_1S, wait_ms=sht4x.HEAT_MS, count=sht4x.FRAME_BYTES))
        self._warm = self._warm and time.monotonic() - self._heated_s < sht4x.HEAT_SETTLE_S
        if self._warm:
            raise ChipError("the chip is warm from its heater")
        at = now()
        frame = await self.ask(sht4x.MEASURE_HIGH, wait_ms=sht4x.MEASURE_MS, count=sht4x.FRAME_BYTES)
        temperature, humidity = sht4x.words(frame)
        return sht4x_readings(temperature, humidity, at)


def sht4x_channels(serial: str) -> tuple[Channel, ...]:
    """What an SHT4x declares."""
    low, high = sht4x.TEMPERATURE_RANGE
    return (
        Channel("temperature", unit_of("temperature"), sht4x.TEMPERATURE_RESOLUTION, sht4x.TEMPERATURE_TOLERANCE, low, high, serial),
        Channel("relative_humidity", unit_of("relative_humidity"), sht4x.HUMIDITY_RESOLUTION, sht4x.HUMIDITY_TOLERANCE, 0.0, 100.0, serial),
    )


def sht4x_readings(temperature_ticks: int, humidity_ticks: int, at: Instant) -> list[Reading]:
    """Both readings of one measurement; the datasheet has humidity cropped to 0..100, and a cropped value is marked as such."""
    humidity = humidity_of(sht4x.rh_pct(humidity_ticks), at, raw=humidity_ticks)
    return [measured("temperature", round(sht4x.temp_c(temperature_ticks), 2), at, raw=temperature_ticks), humidity]
