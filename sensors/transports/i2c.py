"""I2C: three calls that chips need, on the kernel's bus by smbus2 or on whatever a simulated room puts there."""

import threading
from typing import Protocol

from sensors.errors import TransportError


class I2cBus(Protocol):
    """A bus with 7-bit addresses. Every call raises TransportError when nobody acknowledges. Calls block for milliseconds."""

    def write(self, address: int, data: bytes) -> None:
        """Write bytes to a device."""

    def read(self, address: int, count: int) -> bytes:
        """Read exactly `count` bytes from a device."""

    def write_read(self, address: int, data: bytes, count: int) -> bytes:
        """Write, then read after a repeated start."""

    def close(self) -> None:
        """Release the bus; idempotent."""


class SmBus:
    """/dev/i2c-N through smbus2. Opened at first use and again after an error, so that a bus may come late."""

    def __init__(self, number: int) -> None:
        """number: N of /dev/i2c-N."""
        self._number = number
        self._lock = threading.Lock()
        self._bus: object | None = None

    def write(self, address: int, data: bytes) -> None:
        self._transfer(address, data, 0)

    def read(self, address: int, count: int) -> bytes:
        return self._transfer(address, b"", count)

    def write_read(self, address: int, data: bytes, count: int) -> bytes:
        return self._transfer(address, data, count)

    def _transfer(self, address: int, data: bytes, count: int) -> bytes:
        from smbus2 import SMBus, i2c_msg

        with self._lock:
            try:
                if self._bus is None:
                    self._bus = SMBus(self._number)
                messages = [i2c_msg.write(address, data)] if data else []
                if count:
                    messages.append(i2c_msg.read(address, count))
                self._bus.i2c_rdwr(*messages)  # type: ignore[attr-defined]
            except OSError as error:
                self._drop()
                raise TransportError(f"I2C bus {self._number}, address {address:#04x}: {error.strerror or error}") from error
            return bytes(messages[-1]) if count else b""

    def _drop(self) -> None:
        if self._bus is not None:
            self._bus.close()  # type: ignore[attr-defined]
            self._bus = None

    def close(self) -> None:
        with self._lock:
            self._drop()
