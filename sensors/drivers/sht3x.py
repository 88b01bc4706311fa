"""A Sensirion SHT3x on the Pi's own I2C bus; while its heater is on it gives no value."""

from sensors.chips import sht3x
from sensors.drivers.chip import I2cChip, humidity_of
from sensors.errors import ChipError
from sensors.readings import Channel, Reading, measured, now
from wire.units import unit_of

SHORT_MS = 2  # before the chip answers with its status or serial number


class Sht3xSensor(I2cChip):
    """A polled sensor."""

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Temperature and humidity; the serial number once the chip has answered."""
        low, high = sht3x.TEMPERATURE_RANGE
        return (
            Channel(
                "temperature", unit_of("temperature"), sht3x.TEMPERATURE_RESOLUTION, sht3x.TEMPERATURE_TOLERANCE, low, high, self.serial
            ),
            Channel(
                "relative_humidity",
                unit_of("relative_humidity"),
                sht3x.HUMIDITY_RESOLUTION,
                sht3x.HUMIDITY_TOLERANCE,
                0.0,
                100.0,
                self.serial,
            ),
        )

    async def measure(self) -> list[Reading]:
        """One measurement of high repeatability, after a look at the heater."""
        if not self.serial:
            self.serial = sht3x.serial_text(await self.ask(sht3x.SERIAL, wait_ms=SHORT_MS, count=sht3x.FRAME_BYTES))
        if sht3x.heater_on(await self.ask(sht3x.STATUS, wait_ms=SHORT_MS, count=sht3x.STATUS_BYTES)):
            raise ChipError("the chip's heater is on")
        at = now()
        temperature, humidity = sht3x.measured(await self.ask(sht3x.MEASURE_HIGH, wait_ms=sht3x.MEASURE_MS, count=sht3x.FRAME_BYTES))
        return [
            measured("temperature", round(sht3x.temp_c(temperature), 2), at, raw=temperature),
            humidity_of(sht3x.rh_pct(humidity), at, raw=humidity),
        ]
