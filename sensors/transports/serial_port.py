"""A serial port (pyserial) inside an event loop: opened at first use, closed on any error, waited on without a thread."""

import asyncio
import termios
from typing import Any

from sensors.errors import TransportError

CHUNK_BYTES = 4096


class SerialPort:
    """One port, 8N1. Errors close it, so that the next use opens it anew, as after a cable that was pulled and put back."""

    def __init__(self, path: str, baud: int) -> None:
        """path: device path; baud: bits per second."""
        self._path = path
        self._baud = baud
        self._serial: Any = None

    @property
    def is_open(self) -> bool:
        """Whether the port is open."""
        return self._serial is not None

    def open(self) -> None:
        """Open it and drop what stood in its buffers; TransportError when it is absent, in use or not permitted."""
        import serial

        try:
            self._serial = serial.Serial(self._path, self._baud, timeout=0, write_timeout=0, exclusive=True)
            self._serial.reset_input_buffer()
        except (OSError, ValueError, termios.error) as error:  # the latter two: a speed or mode that the port cannot do
            self.close()
            raise TransportError(f"{self._path}: {_words(error)}") from error

    async def receive(self, timeout_s: float) -> bytes:
        """What arrives next, empty after timeout_s of silence; TransportError when the port is gone."""
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        try:
            number = self._serial.fileno()
            loop.add_reader(number, ready.set)
            try:
                async with asyncio.timeout(timeout_s):
                    await ready.wait()
            except TimeoutError:
                return b""
            finally:
                loop.remove_reader(number)
            return bytes(self._serial.read(CHUNK_BYTES))
        except OSError as error:
            self.close()
            raise TransportError(f"{self._path}: {_words(error)}") from error

    def send(self, data: bytes) -> None:
        """Send without waiting; what the port does not take is lost, as on any wire. TransportError when the port is gone."""
        import serial

        try:
            self._serial.write(data)
        except serial.SerialTimeoutException:
            return
        except OSError as error:
            self.close()
            raise TransportError(f"{self._path}: {_words(error)}") from error

    def close(self) -> None:
        """Close it; idempotent."""
        if self._serial is not None:
            self._serial.close()
            self._serial = None


def _words(error: Exception) -> str:
    """The system's words for an error; pyserial wraps them in its own."""
    return str(getattr(error, "strerror", None) or error)
