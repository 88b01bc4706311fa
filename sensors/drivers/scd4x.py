"""A Sensirion SCD4x on the Pi's own I2C bus, for carbon dioxide only; it measures every 5 s, and `read` waits for the next value."""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from typing import Any

from sensors.chips import scd4x
from sensors.drivers.chip import I2cChip
from sensors.errors import SilentError, TransportError
from sensors.readings import Channel, Reading, measured, now
from sensors.transports.i2c import I2cBus
from wire.units import unit_of

LOOK_S = 0.1
WAIT_S = 7.0  # the chip measures every 5 s


class Scd4xSensor(I2cChip):
    """A polled sensor whose reads take up to 5 s."""

    def __init__(self, name: str, options: Mapping[str, Any], *, bus: I2cBus) -> None:
        """options: address."""
        super().__init__(name, options, bus=bus)
        self._started = False
        self.wait_s = WAIT_S

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Carbon dioxide; the serial number once the chip has answered."""
        return (Channel("co2", unit_of("co2"), scd4x.RESOLUTION, scd4x.TOLERANCE, *scd4x.RANGE, self.serial),)

    async def measure(self) -> list[Reading]:
        """The next value."""
        if not self._started:
            await self._start()
        until_s = time.monotonic() + self.wait_s
        while not scd4x.ready(await self.ask(scd4x.READY, wait_ms=scd4x.COMMAND_MS, count=scd4x.READY_BYTES)):
            if time.monotonic() >= until_s:
                raise SilentError(f"no value within {self.wait_s:g} s")
            await asyncio.sleep(LOOK_S)
        at = now()
        ppm = scd4x.co2_ppm(await self.ask(scd4x.READ, wait_ms=scd4x.COMMAND_MS, count=scd4x.READ_BYTES))
        return [measured("co2", float(ppm), at, raw=ppm)]

    async def _start(self) -> None:
        """Stop what may be running from before, since the serial number is told only then, and start to measure."""
        with contextlib.suppress(TransportError):  # an idle chip may refuse to stop; one that is absent refuses the next command too
            self.bus.write(self.address, scd4x.STOP)
            await asyncio.sleep(scd4x.STOP_MS / 1000)
        self.serial = scd4x.serial_text(await self.ask(scd4x.SERIAL, wait_ms=scd4x.COMMAND_MS, count=scd4x.READ_BYTES))
        self.bus.write(self.address, scd4x.START)
        self._started = True

    def failed(self) -> None:
        """Start anew: the chip may have lost its power."""
        self._started = False
