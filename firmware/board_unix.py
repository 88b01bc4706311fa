"""The node as a process: a serial wire at a path that may come and go, and an I2C bus forwarded over standard input and output.

The forwarded bus speaks one line each way: ``w 44 fd`` or ``r 44 6`` out (``l 1`` for the LED),
``ok`` with hex or ``no`` back. Its end of file means that
the room is gone for good. Runs under MicroPython and CPython.
"""

import asyncio
import binascii
import os
import sys
import time

from firmware.mqtt import open_mqtt
from firmware.settings import Settings, load

ENODEV = 19
EIO = 5


def _option(argv, name, default):
    return argv[argv.index(name) + 1] if name in argv else default


class ForwardedI2C:
    """The two calls of machine.I2C that the node needs, and the LED's wire beside it."""

    def __init__(self, board):
        """board: told by `gone` when the other end has closed."""
        self._board = board

    def writeto(self, address, data, stop=True):
        """Write bytes; OSError when nobody acknowledges."""
        self._ask("w %02x %s\n" % (address, binascii.hexlify(data).decode()))

    def readfrom(self, address, count):
        """Read bytes; OSError when nobody acknowledges."""
        return binascii.unhexlify(self._ask("r %02x %d\n" % (address, count)))

    def led(self, on):
        """Switch the LED."""
        self._ask("l %d\n" % on)

    def _ask(self, line):
        try:
            sys.stdout.buffer.write(line.encode())
            sys.stdout.buffer.flush()
            answer = sys.stdin.buffer.readline()
        except OSError:
            answer = b""
        if not answer:
            self._board.gone = True
            raise OSError(EIO)
        if answer[:2] != b"ok":
            raise OSError(ENODEV)
        return answer[2:].strip()


class StreamPort:
    """A serial wire through MicroPython's streams."""

    def __init__(self, path):
        """path: a serial device, already set to raw."""
        self._file = open(path, "r+b")  # noqa: SIM115 closed by close()
        self._reader = asyncio.StreamReader(self._file)
        self._writer = asyncio.StreamWriter(self._file, {})

    async def read(self):
        """The bytes that arrive next; empty when the wire is gone."""
        return await self._reader.read(1)  # a longer read would block until all of it is there

    async def write(self, data):
        """Send bytes."""
        self._writer.write(data)
        await self._writer.drain()

    async def close(self):
        """Close the device."""
        self._file.close()


class DescriptorPort:
    """The same through CPython's event loop."""

    def __init__(self, path):
        """path: a serial device, already set to raw."""
        self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    async def read(self):
        """The bytes that arrive next; empty when the wire is gone."""
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(self._fd, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._fd)
        return os.read(self._fd, 256)

    async def write(self, data):
        """Send bytes; what does not fit is lost, as on a wire, and will be sent again."""
        try:
            os.write(self._fd, data)
        except BlockingIOError:
            await asyncio.sleep(0.05)

    async def close(self):
        """Close the device."""
        os.close(self._fd)


def settings_of(argv):
    """Settings of a process: --settings FILE, and over it --name NAME, --period-ms N, --ring N."""
    path = _option(argv, "--settings", None)
    settings = load(path) if path else Settings({"name": "node", "segments": 0, "ram_samples": 3600})
    settings.name = _option(argv, "--name", settings.name)
    settings.period_ms = int(_option(argv, "--period-ms", settings.period_ms))
    settings.ram_samples = int(_option(argv, "--ring", settings.ram_samples))
    return settings


class Board:
    """Options: --serial PATH for links by wire, --folder DIR for the ring in flash.

    Every board has: gone, model, boot (an id of this start), folder (of the ring in flash, or None), period_ms, watchdog_ms (0 = none),
    watches_link (whether the watchdog ends a link that hangs), i2c, uptime_ms(), open_port(), led(on), feed_watchdog().
    """

    model = sys.platform
    watchdog_ms = 0

    def __init__(self, argv, uptime, settings):
        """argv: the options as a list; uptime: class that turns wrapping ticks into milliseconds."""
        self.gone = False
        self.period_ms = settings.period_ms
        self.boot = binascii.hexlify(os.urandom(8)).decode()
        self.folder = _option(argv, "--folder", None)
        self.watches_link = settings.link == "mqtt"
        self.i2c = ForwardedI2C(self)
        self._settings = settings
        self._path = _option(argv, "--serial", None)
        if sys.implementation.name == "micropython":
            self.uptime_ms = uptime(time.ticks_ms, time.ticks_diff)
            self._port = StreamPort
        else:
            self.uptime_ms = uptime(lambda: time.monotonic_ns() // 1000000, lambda later, earlier: later - earlier)
            self._port = DescriptorPort

    async def open_port(self):
        """The wire, or None while there is none."""
        if self._settings.link == "mqtt":
            return await open_mqtt(self._settings, "node-" + self.boot)
        try:
            return self._port(self._path)
        except OSError:
            return None

    def led(self, on):
        """Switch the LED."""
        try:
            self.i2c.led(on)
        except OSError:
            return  # the room is gone

    def feed_watchdog(self):
        """A process has none."""
