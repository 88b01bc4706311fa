"""1-Wire through the kernel: each device is a folder with a file that, when read, measures and shows the chip's scratchpad.

Source: the Linux kernel's Documentation/w1/slaves/w1_therm.rst.
"""

import asyncio
import re
from pathlib import Path

from sensors.errors import OptionError, SilentError, TransportError

DEVICES = Path("/sys/bus/w1/devices")
SERIAL = re.compile(r"[0-9a-f]{2}-[0-9a-f]{12}")
READ_S = 5.0  # a conversion takes 750 ms, and others on the wire go before
TEXT_MAX = 1024


class OneWire:
    """The devices on a 1-Wire bus, by serial number such as 28-0316a2791bff."""

    def __init__(self, folder: Path = DEVICES) -> None:
        """folder: the kernel's, or one that looks like it."""
        self._folder = folder
        self._busy: dict[str, asyncio.Task[str]] = {}

    def serials(self, family: int) -> list[str]:
        """The serial numbers of a family that are on the bus; TransportError where there is no bus."""
        try:
            return sorted(path.name for path in self._folder.iterdir() if path.name.startswith(f"{family:02x}-"))
        except OSError as error:
            raise TransportError(f"{self._folder}: {error.strerror}; is the overlay w1-gpio on?") from error

    def only(self, family: int) -> str:
        """The serial number of the one device of a family; TransportError where there is none or more than one."""
        found = self.serials(family)
        if len(found) != 1:
            raise TransportError(f"there are {len(found)} devices on the 1-Wire bus ({', '.join(found[:8]) or 'none'}): name one by serial")
        return found[0]

    async def read(self, serial: str) -> str:
        """The text of a device's w1_slave file; the kernel measures when it is read. SilentError after READ_S, else TransportError."""
        if not SERIAL.fullmatch(serial):
            raise OptionError(f"{serial[:60]!r} is not a 1-Wire serial number such as 28-0316a2791bff")
        if serial not in self._busy:  # one that the kernel still holds is not asked again beside it
            self._busy[serial] = asyncio.create_task(asyncio.to_thread(self._read, serial), name=f"1-Wire {serial}")
        task = self._busy[serial]
        try:
            text = await asyncio.wait_for(asyncio.shield(task), READ_S)
        except TimeoutError:
            raise SilentError(f"{serial}: nothing within {READ_S:g} s") from None
        finally:
            if task.done():
                self._busy.pop(serial, None)
        return text

    def _read(self, serial: str) -> str:
        path = self._folder / serial / "w1_slave"
        try:
            with path.open(encoding="ascii", errors="replace") as file:
                text = file.read(TEXT_MAX)
        except FileNotFoundError as error:
            raise TransportError(f"{serial} is not on the 1-Wire bus") from error
        except OSError as error:
            raise TransportError(f"{serial}: {error.strerror or error}") from error
        if not text:
            raise SilentError(f"{serial}: the chip gave no answer")
        return text
