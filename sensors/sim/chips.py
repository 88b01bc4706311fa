"""A simulated I2C bus and what all chips on it share, with faults that can be switched on; and Sensirion's SHT3x and SHT4x.

Faults: crc (a wrong checksum), stuck (the value stands still), unplugged (nobody acknowledges), nack (the chip takes a command but
refuses every read), timeout (a measurement that never ends), half (the second half of an answer reads as an idle bus: ones), heater.
"""

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from sensors.chips import sht3x, sht4x
from sensors.chips.crc import crc8
from sensors.errors import TransportError

Climate = Callable[[], tuple[float, float]]  # degrees Celsius and percent at this moment
Air = Callable[[], Mapping[str, float]]  # what there is to measure at this moment, by quantity
EARLY_S = 0.002  # datasheets give the longest time: a real chip is done a little before
HEATER_C = 6.0  # how much warmer a chip is with its heater on


class Chip(Protocol):
    """What stands at an address of a simulated bus."""

    faults: set[str]

    def write(self, data: bytes) -> None:
        """Bytes written to it; TransportError where it does not acknowledge."""

    def read(self, count: int) -> bytes:
        """Bytes read from it; TransportError where it does not acknowledge."""


class SimChip:
    """A chip's connection and its faults; what it measures stands still while `stuck`."""

    def __init__(self) -> None:
        self.faults: set[str] = set()
        self._stuck: Mapping[str, float] | None = None

    def acknowledge(self, *, reading: bool) -> None:
        """TransportError where the chip is away, or refuses to be read."""
        if "unplugged" in self.faults:
            raise TransportError("no acknowledgement")
        if reading and "nack" in self.faults:
            raise TransportError("the chip refuses to be read")

    def seen(self, air: Mapping[str, float]) -> Mapping[str, float]:
        """What the chip measures of the air."""
        if "stuck" in self.faults:
            self._stuck = self._stuck or air
            return self._stuck
        self._stuck = None
        return air

    def answered(self, answer: bytes, count: int) -> bytes:
        """`count` bytes of an answer as they arrive; the second half as ones where the chip lets go of the bus."""
        kept = (len(answer) + 1) // 2 if "half" in self.faults else len(answer)
        return (answer[:kept] + b"\xff" * count)[:count]


class SensirionChip(SimChip):
    """A chip of commands and words with a CRC each, that does not acknowledge while it is busy."""

    def __init__(self) -> None:
        super().__init__()
        self._answer = b""
        self._ready_at = 0.0

    def busy(self, ms: float) -> None:
        """Be busy with a measurement from now on."""
        self._ready_at = float("inf") if "timeout" in self.faults else time.monotonic() + ms / 1000 - EARLY_S

    def give(self, *values: int) -> None:
        """Have these words ready for the next read."""
        spoil = 0x01 if "crc" in self.faults else 0x00
        parts = [value.to_bytes(2, "big") for value in values]
        self._answer = b"".join(part + bytes([crc8(part) ^ spoil]) for part in parts)

    def read(self, count: int) -> bytes:
        """The answer to the last command, once; TransportError while there is none."""
        self.acknowledge(reading=True)
        if not self._answer or time.monotonic() < self._ready_at:
            raise TransportError("the chip is busy")
        answer, self._answer = self._answer, b""
        return self.answered(answer, count)


class SimSht4x(SensirionChip):
    """An SHT4x."""

    def __init__(self, climate: Climate, serial: int) -> None:
        """climate: what the air is like; serial: the chip's 32-bit number."""
        super().__init__()
        self._climate = climate
        self._serial = serial
        self.heated_s: float | None = None

    def write(self, data: bytes) -> None:
        """A command; TransportError where a chip would not acknowledge."""
        self.acknowledge(reading=False)
        if data == sht4x.MEASURE_HIGH:
            self.busy(sht4x.MEASURE_MS)
            self.give(*self._ticks())
        elif data == sht4x.HEAT_200MW_1S:
            self.heated_s = time.monotonic()
            self.busy(1000)
            self.give(*self._ticks())
        elif data == sht4x.SERIAL:
            self._ready_at = 0.0
            self.give(self._serial >> 16 & 0xFFFF, self._serial & 0xFFFF)
        elif data == sht4x.SOFT_RESET:
            self._answer = b""
        else:
            raise TransportError("the chip does not know this command")

    def _ticks(self) -> tuple[int, int]:
        temp_c, rh_pct = self._climate()
        air = self.seen({"temperature": temp_c, "relative_humidity": rh_pct})
        warm_c = 0.0 if self.heated_s is None else HEATER_C * 0.5 ** ((time.monotonic() - self.heated_s) / 5)
        return _word((air["temperature"] + warm_c + 45) / 175), _word((air["relative_humidity"] + 6) / 125)


class SimSht3x(SensirionChip):
    """An SHT3x; the fault `heater` is its heater left on."""

    def __init__(self, climate: Climate, serial: int) -> None:
        """climate: what the air is like; serial: the chip's 32-bit number."""
        super().__init__()
        self._climate = climate
        self._serial = serial
        self._heater = False

    def write(self, data: bytes) -> None:
        """A command; TransportError where a chip would not acknowledge."""
        self.acknowledge(reading=False)
        if time.monotonic() < self._ready_at < float("inf"):
            raise TransportError("the chip is busy")
        self._ready_at = 0.0
        if data == sht3x.MEASURE_HIGH:
            self.busy(sht3x.MEASURE_MS)
            self.give(*self._ticks())
        elif data == sht3x.STATUS:
            self.give(sht3x.HEATER_BIT if self._heating else 0)
        elif data == sht3x.SERIAL:
            self.give(self._serial >> 16 & 0xFFFF, self._serial & 0xFFFF)
        elif data in (sht3x.HEATER_ON, sht3x.HEATER_OFF):
            self._heater = data == sht3x.HEATER_ON
        elif data in (sht3x.SOFT_RESET, sht3x.CLEAR_STATUS):
            self._answer = b""
        else:
            raise TransportError("the chip does not know this command")

    @property
    def _heating(self) -> bool:
        return self._heater or "heater" in self.faults

    def _ticks(self) -> tuple[int, int]:
        temp_c, rh_pct = self._climate()
        air = self.seen({"temperature": temp_c, "relative_humidity": rh_pct})
        warm_c = HEATER_C if self._heating else 0.0
        return _word((air["temperature"] + warm_c + 45) / 175), _word(air["relative_humidity"] / 100)


def _word(share: float) -> int:
    return min(max(round(share * 65535), 0), 0xFFFF)


class SimI2cBus:
    """A bus with simulated chips by address; an I2cBus."""

    def __init__(self) -> None:
        self.chips: dict[int, Chip] = {}

    def _chip(self, address: int) -> Chip:
        if address not in self.chips:
            raise TransportError(f"no acknowledgement from address {address:#04x}")
        return self.chips[address]

    def write(self, address: int, data: bytes) -> None:
        self._chip(address).write(data)

    def read(self, address: int, count: int) -> bytes:
        return self._chip(address).read(count)

    def write_read(self, address: int, data: bytes, count: int) -> bytes:
        self._chip(address).write(data)
        return self._chip(address).read(count)

    def close(self) -> None:
        """Nothing to release."""
