"""A Maxim DS18B20 on the kernel's 1-Wire bus: the temperature of a surface, judged by its scratchpad and not by the kernel's number."""

from collections.abc import Mapping
from typing import Any

from sensors.chips import ds18b20
from sensors.errors import SensorError
from sensors.readings import Channel, Reading, measured, missing, now
from sensors.transports.w1 import OneWire
from wire.units import unit_of


class Ds18b20Sensor:
    """A polled sensor; a read takes the chip's 750 ms, in a thread."""

    pushed = False
    taken = ""  # the device keeps no samples
    notes: tuple[str, ...] = ()

    def __init__(self, name: str, options: Mapping[str, Any], *, wire: OneWire) -> None:
        """options: serial, None for the only one on the bus; wire: shared with other devices."""
        self.name = name
        self._serial = str(options["serial"] or "")
        self.wire = wire
        self._resolution = ds18b20.RESOLUTION

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Temperature; the resolution is what the chip is set to."""
        return (Channel("temperature", unit_of("temperature"), self._resolution, ds18b20.TOLERANCE, *ds18b20.RANGE, self._serial),)

    async def read(self) -> list[Reading]:
        """The temperature, missing with the reason where there is none."""
        at = now()
        try:
            self._serial = self._serial or self.wire.only(ds18b20.FAMILY)
            scratchpad = ds18b20.scratchpad_of(await self.wire.read(self._serial))
            count = ds18b20.ticks(scratchpad)
        except SensorError as error:
            return [missing("temperature", str(error), at)]
        self._resolution = ds18b20.resolution_c(scratchpad)
        return [measured("temperature", round(ds18b20.temp_c(count), 4), at, raw=count)]

    async def close(self) -> None:
        """The wire belongs to the wires; nothing to release here."""
