"""A sensor node: measures at a steady pace, keeps what is not acknowledged, and talks to its agent over a serial wire."""

import asyncio
import sys
import time

from firmware.link import FAULTS, Link
from firmware.ring import Ring
from sensors.chips import sht4x
from sensors.errors import ChipError
from wire.frames import FrameReader

VERSION = "0.1.0"
REOPEN_MS = 200
IDLE_MS = 250
SERIAL_S = 0.002  # the chip needs 1 ms before it answers with its serial number
CRC, ABSENT = FAULTS.index("crc"), FAULTS.index("absent")


class Uptime:
    """Milliseconds since the start, from a counter that wraps: ask at least once in six days."""

    def __init__(self, ticks_ms, ticks_diff):
        """ticks_ms, ticks_diff: as MicroPython's `time` has them."""
        self._ticks_ms = ticks_ms
        self._ticks_diff = ticks_diff
        self._last = ticks_ms()
        self._total = 0

    def __call__(self):
        """The uptime in ms."""
        ticks = self._ticks_ms()
        self._total += self._ticks_diff(ticks, self._last)
        self._last = ticks
        return self._total


class Node:
    """The node's three loops over one board: measure, send, receive."""

    def __init__(self, board, ring, link):
        """board: see board_unix; the loops end when `board.gone` is true."""
        self._board = board
        self._ring = ring
        self._link = link
        self._wake = asyncio.Event()

    async def run(self):
        """Work until the board is gone."""
        serving = asyncio.create_task(self._serve())
        await self._measure()
        serving.cancel()

    async def _measure(self):
        board = self._board
        due = board.uptime_ms()
        while not board.gone:
            at_ms = board.uptime_ms()
            temperature, humidity, fault = await self._sample()
            self._ring.append(at_ms, temperature, humidity, fault)
            self._wake.set()
            board.feed_watchdog()
            due += board.period_ms
            wait_ms = due - board.uptime_ms()
            if wait_ms < 0:
                due -= wait_ms  # late by more than a period: keep the pace from now on instead of catching up
            await asyncio.sleep(max(wait_ms, 1) / 1000)

    async def _sample(self):
        i2c = self._board.i2c
        try:
            i2c.writeto(sht4x.ADDRESS, sht4x.MEASURE_HIGH)
            await asyncio.sleep(sht4x.MEASURE_MS / 1000)
            temperature, humidity = sht4x.words(i2c.readfrom(sht4x.ADDRESS, sht4x.FRAME_BYTES))
        except ChipError:
            return 0, 0, CRC
        except OSError:
            return 0, 0, ABSENT
        return temperature, humidity, 0

    async def _serve(self):
        while True:
            port = self._board.open_port()
            if port is not None:
                self._link.disconnected()
                sending = asyncio.create_task(self._send(port))
                await self._receive(port)
                sending.cancel()
                port.close()
            await asyncio.sleep(REOPEN_MS / 1000)

    async def _receive(self, port):
        frames = FrameReader()
        try:
            while True:
                data = await port.read()
                if not data:
                    return
                for message in frames.feed(data):
                    self._link.take(message)
                    self._wake.set()
        except OSError:
            return

    async def _send(self, port):
        try:
            while True:
                frame = self._link.frame()
                if frame is not None:
                    await port.write(frame)
                    continue
                self._wake.clear()
                try:
                    await asyncio.wait_for(self._wait(), IDLE_MS / 1000)
                except asyncio.TimeoutError:
                    pass
        except OSError:
            return

    async def _wait(self):
        await self._wake.wait()


def chip_serial(i2c):
    """The chip's serial number, empty when it does not answer."""
    try:
        i2c.writeto(sht4x.ADDRESS, sht4x.SERIAL)
        time.sleep(SERIAL_S)
        return sht4x.serial_text(i2c.readfrom(sht4x.ADDRESS, sht4x.FRAME_BYTES))
    except (ChipError, OSError):
        return ""


def main(argv):
    """Run on the board that this interpreter runs on; argv only matters on unix."""
    if sys.platform in ("linux", "darwin"):
        from firmware.board_unix import Board
    else:
        from firmware.board_rp2 import Board
    board = Board(argv, Uptime)
    ring = Ring(board.ring_samples)
    identity = {"node": board.name, "version": VERSION, "boot": board.boot, "chip": chip_serial(board.i2c)}
    asyncio.run(Node(board, ring, Link(ring, identity, board.uptime_ms)).run())


if __name__ == "__main__":
    main(sys.argv[1:])
