"""The node as a process: a serial wire at a path that may come and go, and an I2C bus forwarded over standard input and output.

The forwarded bus speaks one line each way: ``w 44 fd`` or ``r 44 6`` out, ``ok`` with hex or ``no`` back. Its end of file means that
the room is gone for good. Runs under MicroPython and CPython.
"""

import asyncio
import binascii
import os
import sys
import time

ENODEV = 19
EIO = 5


def _option(argv, name, default):
    return argv[argv.index(name) + 1] if name in argv else default


class ForwardedI2C:
    """The two calls of machine.I2C that the node needs."""

    def __init__(self, board):
        """board: told by `gone` when the other end has closed."""
        self._board = board

    def writeto(self, address, data):
        """Write bytes; OSError when nobody acknowledges."""
        self._ask("w %02x %s\n" % (address, binascii.hexlify(data).decode()))

    def readfrom(self, address, count):
        """Read bytes; OSError when nobody acknowledges."""
        return binascii.unhexlify(self._ask("r %02x %d\n" % (address, count)))

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

    def close(self):
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

    def close(self):
        """Close the device."""
        os.close(self._fd)


class Board:
    """Options: --serial PATH, --name NAME, --period-ms N, --ring N."""

    def __init__(self, argv, uptime):
        """argv: the options as a list; uptime: class that turns wrapping ticks into milliseconds."""
        self.gone = False
        self.name = _option(argv, "--name", "node")
        self.period_ms = int(_option(argv, "--period-ms", "1000"))
        self.ring_samples = int(_option(argv, "--ring", "3600"))
        self.boot = binascii.hexlify(os.urandom(8)).decode()
        self.i2c = ForwardedI2C(self)
        self._path = _option(argv, "--serial", None)
        if sys.implementation.name == "micropython":
            self.uptime_ms = uptime(time.ticks_ms, time.ticks_diff)
            self._port = StreamPort
        else:
            self.uptime_ms = uptime(lambda: time.monotonic_ns() // 1000000, lambda later, earlier: later - earlier)
            self._port = DescriptorPort

    def open_port(self):
        """The serial wire, or None while there is none."""
        try:
            return self._port(self._path)
        except OSError:
            return None

    def feed_watchdog(self):
        """A process has none."""
