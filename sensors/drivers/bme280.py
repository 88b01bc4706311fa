"""A Bosch BME280 on the Pi's own I2C bus: temperature, humidity and air pressure, one forced measurement at a time."""

import asyncio
from collections.abc import Mapping
from typing import Any

from sensors.chips import bme280
from sensors.drivers.chip import I2cChip, humidity_of
from sensors.errors import TransportError
from sensors.readings import Channel, Reading, measured, now
from sensors.transports.i2c import I2cBus
from wire.units import unit_of

LOOKS = 5  # how often a measurement that takes longer than the datasheet says is looked at again


class Bme280Sensor(I2cChip):
    """A polled sensor. The chip sends no CRC, so only range checks tell damaged bytes."""

    def __init__(self, name: str, options: Mapping[str, Any], *, bus: I2cBus) -> None:
        """options: address."""
        super().__init__(name, options, bus=bus)
        self._trims: Any = None

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Temperature, humidity, pressure; the chip has no serial number."""
        low, high = bme280.TEMPERATURE_RANGE
        step = bme280.RESOLUTION
        return (
            Channel("temperature", unit_of("temperature"), step, bme280.TEMPERATURE_TOLERANCE, low, high),
            Channel("relative_humidity", unit_of("relative_humidity"), step, bme280.HUMIDITY_TOLERANCE, 0.0, 100.0),
            Channel("air_pressure", unit_of("air_pressure"), step, bme280.PRESSURE_TOLERANCE, *bme280.PRESSURE_RANGE),
        )

    async def measure(self) -> list[Reading]:
        """One forced measurement of all three."""
        if self._trims is None:
            bme280.check_id(self.register(bme280.ID, 1)[0])
            self._trims = bme280.trim(
                self.register(bme280.TRIM_LOW, bme280.TRIM_LOW_BYTES), self.register(bme280.TRIM_HIGH, bme280.TRIM_HIGH_BYTES)
            )
        at = now()
        self.set_register(bme280.CONTROL_HUMIDITY, bme280.HUMIDITY_X1)
        self.set_register(bme280.CONTROL, bme280.FORCED_X1)
        await self._finished()
        temperature, pressure, humidity = bme280.raw(self.register(bme280.DATA, bme280.DATA_BYTES))
        fine = bme280.fine(self._trims, temperature)
        return [
            measured("temperature", bme280.temp_c(fine), at, raw=temperature),
            humidity_of(bme280.rh_pct(self._trims, fine, humidity), at, raw=humidity),
            measured("air_pressure", round(bme280.pressure_hpa(self._trims, fine, pressure), 2), at, raw=pressure),
        ]

    async def _finished(self) -> None:
        for _ in range(LOOKS):
            await asyncio.sleep(bme280.MEASURE_MS / 1000)
            if not self.register(bme280.STATUS, 1)[0] & bme280.MEASURING:
                return
        raise TransportError(f"the chip is still measuring after {LOOKS * bme280.MEASURE_MS} ms")

    def failed(self) -> None:
        """Another chip may have been put in its place: read the trimming values again."""
        self._trims = None
