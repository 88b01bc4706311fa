"""The node on an RP2040 or RP2350: SHT4x on I2C0, the agent on the USB serial port, the chip's watchdog."""

import binascii
import os
import sys
import time
from asyncio import StreamReader, StreamWriter

import machine
import micropython

SDA_PIN, SCL_PIN, I2C_HZ = 4, 5, 100000
WATCHDOG_MS = 8000  # the RP2040 allows 8388 at most


class UsbPort:
    """The USB serial port; stays there while the cable is out."""

    def __init__(self):
        self._reader = StreamReader(sys.stdin.buffer)
        self._writer = StreamWriter(sys.stdout.buffer, {})

    async def read(self):
        """The bytes that arrive next."""
        return await self._reader.read(1)

    async def write(self, data):
        """Send bytes."""
        self._writer.write(data)
        await self._writer.drain()

    def close(self):
        """Nothing to close."""


class Board:
    """See board_unix.Board."""

    def __init__(self, argv, uptime):
        """argv is empty here."""
        micropython.kbd_intr(-1)  # 0x03 is data, not Ctrl-C
        self.gone = False
        self.name = "rp2-" + binascii.hexlify(machine.unique_id()).decode()
        self.period_ms = 1000
        self.ring_samples = 3600
        self.boot = binascii.hexlify(os.urandom(8)).decode()
        self.uptime_ms = uptime(time.ticks_ms, time.ticks_diff)
        self.i2c = machine.I2C(0, sda=machine.Pin(SDA_PIN), scl=machine.Pin(SCL_PIN), freq=I2C_HZ)
        self._watchdog = machine.WDT(timeout=WATCHDOG_MS)

    def open_port(self):
        """The USB port."""
        return UsbPort()

    def feed_watchdog(self):
        """Tell the watchdog that samples are being taken."""
        self._watchdog.feed()
