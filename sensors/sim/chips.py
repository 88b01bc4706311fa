"""Simulated chips at register level: what a driver writes to and reads from the bus, with faults that can be switched on."""

import time
from collections.abc import Callable

from sensors.chips.sht4x import MEASURE_HIGH, MEASURE_MS, SERIAL, SOFT_RESET, crc8
from sensors.errors import TransportError

Climate = Callable[[], tuple[float, float]]  # degrees Celsius and percent at this moment
BUSY_S = MEASURE_MS / 1000 - 0.002


class SimSht4x:
    """An SHT4x: not acknowledging while it measures or when unplugged; `faults` holds the names of those switched on."""

    def __init__(self, climate: Climate, serial: int) -> None:
        """climate: what the air is like; serial: the chip's 32-bit number."""
        self._climate = climate
        self._serial = serial
        self._answer = b""
        self._ready_at = 0.0
        self._stuck: tuple[float, float] | None = None
        self.faults: set[str] = set()

    def write(self, data: bytes) -> None:
        """A command; TransportError where a chip would not acknowledge."""
        self._acknowledge()
        if data == MEASURE_HIGH:
            self._ready_at = time.monotonic() + BUSY_S
            self._answer = self._words(*self._ticks())
        elif data == SERIAL:
            self._answer = self._words(self._serial >> 16 & 0xFFFF, self._serial & 0xFFFF)
        elif data == SOFT_RESET:
            self._answer = b""
        else:
            raise TransportError("the chip does not know this command")

    def read(self, count: int) -> bytes:
        """The answer to the last command, once; TransportError while there is none."""
        self._acknowledge()
        if not self._answer or time.monotonic() < self._ready_at:
            raise TransportError("the chip is busy")
        answer, self._answer = self._answer, b""
        return answer[:count]

    def _acknowledge(self) -> None:
        if "unplugged" in self.faults:
            raise TransportError("no acknowledgement")

    def _ticks(self) -> tuple[int, int]:
        climate = self._climate()
        if "stuck" in self.faults:
            climate = self._stuck = self._stuck or climate
        else:
            self._stuck = None
        temp_c, rh_pct = climate
        return _word((temp_c + 45) / 175), _word((rh_pct + 6) / 125)

    def _words(self, first: int, second: int) -> bytes:
        spoil = 0x01 if "crc" in self.faults else 0x00
        parts = [word.to_bytes(2, "big") for word in (first, second)]
        return b"".join(part + bytes([crc8(part) ^ spoil]) for part in parts)


def _word(share: float) -> int:
    return min(max(round(share * 65535), 0), 0xFFFF)


class SimI2cBus:
    """A bus with simulated chips by address; an I2cBus."""

    def __init__(self) -> None:
        self.chips: dict[int, SimSht4x] = {}

    def _chip(self, address: int) -> SimSht4x:
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
