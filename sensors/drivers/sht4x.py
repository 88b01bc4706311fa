"""A Sensirion SHT4x on the Pi's own I2C bus."""

import asyncio
from collections.abc import Mapping
from typing import Any

from sensors.chips import sht4x
from sensors.errors import SensorError
from sensors.readings import Channel, Instant, Reading, measured, missing, now
from sensors.transports.i2c import I2cBus
from wire.units import unit_of

SERIAL_S = 0.002  # the chip needs 1 ms before it answers with its serial number


class Sht4xSensor:
    """A polled sensor; a transfer of six bytes holds the event loop for less than a millisecond."""

    pushed = False
    taken = ""  # the device keeps no samples

    def __init__(self, name: str, options: Mapping[str, Any], *, bus: I2cBus) -> None:
        """options: address; bus: shared with other chips."""
        self.name = name
        self._bus = bus
        self._address = int(options["address"])
        self._serial = ""

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Temperature and humidity; the serial number once the chip has answered."""
        return sht4x_channels(self._serial)

    async def read(self) -> list[Reading]:
        """One measurement of high repeatability."""
        at = now()
        try:
            if not self._serial:
                self._serial = sht4x.serial_text(await self._ask(sht4x.SERIAL, SERIAL_S))
            at = now()
            temperature, humidity = sht4x.words(await self._ask(sht4x.MEASURE_HIGH, sht4x.MEASURE_MS / 1000))
        except SensorError as error:
            return [missing(channel.quantity, str(error), at) for channel in self.channels]
        return sht4x_readings(temperature, humidity, at)

    async def _ask(self, command: bytes, wait_s: float) -> bytes:
        self._bus.write(self._address, command)
        await asyncio.sleep(wait_s)
        return self._bus.read(self._address, sht4x.FRAME_BYTES)

    async def close(self) -> None:
        """The bus belongs to the wires; nothing to release here."""


def sht4x_channels(serial: str) -> tuple[Channel, ...]:
    """What an SHT4x declares."""
    low, high = sht4x.TEMPERATURE_RANGE
    return (
        Channel("temperature", unit_of("temperature"), sht4x.TEMPERATURE_RESOLUTION, sht4x.TEMPERATURE_TOLERANCE, low, high, serial),
        Channel("relative_humidity", unit_of("relative_humidity"), sht4x.HUMIDITY_RESOLUTION, sht4x.HUMIDITY_TOLERANCE, 0.0, 100.0, serial),
    )


def sht4x_readings(temperature_ticks: int, humidity_ticks: int, at: Instant) -> list[Reading]:
    """Both readings of one measurement; the datasheet has humidity cropped to 0..100, and a cropped value is marked as such."""
    rh_pct = sht4x.rh_pct(humidity_ticks)
    humidity = measured("relative_humidity", round(min(max(rh_pct, 0.0), 100.0), 2), at, raw=humidity_ticks)
    if not 0.0 <= rh_pct <= 100.0:
        humidity = humidity.marked("suspect", f"the chip gave {rh_pct:.1f} %, cropped")
    return [measured("temperature", round(sht4x.temp_c(temperature_ticks), 2), at, raw=temperature_ticks), humidity]
