"""The node on a microcontroller (RP2040, RP2350, ESP32): its I2C bus, its LED, its watchdog, and the three links it can have."""

import asyncio
import binascii
import os
import sys
import time
from asyncio import StreamReader, StreamWriter

import machine

from firmware.mqtt import open_mqtt

SDA_PIN, SCL_PIN, I2C_HZ = 4, 5, 100000
TX_PIN, RX_PIN, DIRECT_PIN, UART = 8, 9, 10, 1  # a free UART on every Pico; node.json names others for an ESP32
WATCHDOG_MS = 8000  # the RP2040 allows 8388 at most
FOLDER = "/ring"
WIFI_S = 20
BYTE_BITS = 10  # a start bit, eight bits, a stop bit


class UsbPort:
    """The USB serial port; stays there while the cable is out."""

    def __init__(self):
        self._reader = StreamReader(sys.stdin.buffer)
        self._writer = StreamWriter(sys.stdout.buffer, {})

    async def read(self):
        """The bytes that arrive next."""
        return await self._reader.read(1)  # a longer read would block until all of it is there

    async def write(self, data):
        """Send bytes."""
        self._writer.write(data)
        await self._writer.drain()

    async def close(self):
        """Nothing to close."""


class Rs485Port:
    """A UART with a transceiver that one pin turns to sending."""

    def __init__(self, uart, direct, baud):
        """uart, direct: of `machine`; baud: bits per second."""
        self._uart = uart
        self._direct = direct
        self._baud = baud
        self._reader = StreamReader(uart)
        self._writer = StreamWriter(uart, {})

    async def read(self):
        """The bytes that arrive next."""
        return await self._reader.read(1)

    async def write(self, data):
        """Send bytes and turn back to listening when the last bit is out."""
        self._direct.value(1)
        try:
            self._writer.write(data)
            await self._writer.drain()
            await asyncio.sleep(len(data) * BYTE_BITS / self._baud)
            while not self._uart.txdone():  # noqa: ASYNC110 a flag of the hardware
                await asyncio.sleep(0)
        finally:
            self._direct.value(0)

    async def close(self):
        """Nothing to close: the line is the node's."""


class Board:
    """See board_unix.Board."""

    watchdog_ms = WATCHDOG_MS
    folder = FOLDER

    def __init__(self, argv, uptime, settings):
        """argv is empty here."""
        self.gone = False
        self.model = sys.platform
        self.period_ms = settings.period_ms
        self.boot = binascii.hexlify(os.urandom(8)).decode()
        self.watches_link = settings.link == "mqtt"
        self.uptime_ms = uptime(time.ticks_ms, time.ticks_diff)
        pins = settings.pins
        sda, scl = machine.Pin(pins.get("sda", SDA_PIN)), machine.Pin(pins.get("scl", SCL_PIN))
        self.i2c = machine.I2C(0, sda=sda, scl=scl, freq=I2C_HZ)
        led = pins.get("led", "LED" if sys.platform == "rp2" else None)
        self._led = None if led is None else machine.Pin(led, machine.Pin.OUT)
        self._settings = settings
        self._port = None
        self._wifi = None
        if settings.link == "usb":
            import micropython

            micropython.kbd_intr(-1)  # 0x03 is data, not Ctrl-C
            self._port = UsbPort()
        elif settings.link == "rs485":
            tx, rx = machine.Pin(pins.get("tx", TX_PIN)), machine.Pin(pins.get("rx", RX_PIN))
            direct = machine.Pin(pins.get("direct", DIRECT_PIN), machine.Pin.OUT, value=0)
            self._port = Rs485Port(machine.UART(UART, baudrate=settings.baud, tx=tx, rx=rx), direct, settings.baud)
        self._watchdog = machine.WDT(timeout=WATCHDOG_MS)

    async def open_port(self):
        """The link, or None while there is none."""
        if self._port is not None:
            return self._port
        if not await self._online():
            return None
        return await open_mqtt(self._settings, "node-" + self.boot, _tls(self._settings))

    async def _online(self):
        """Whether the Wi-Fi is up, after waiting for it for a while."""
        if self._wifi is None:
            import network

            self._wifi = network.WLAN(network.STA_IF)
            self._wifi.active(True)
        if not self._wifi.isconnected():
            self._wifi.disconnect()
            self._wifi.connect(self._settings.wifi_name, self._settings.wifi_password)
            for _ in range(WIFI_S * 4):
                if self._wifi.isconnected():
                    break
                await asyncio.sleep(0.25)
        return self._wifi.isconnected()

    def onewire(self):
        """The 1-Wire bus on the pin `onewire`; OSError where none is named."""
        if "onewire" not in self._settings.pins:
            raise OSError("node.json names no pin onewire")
        import onewire

        return onewire.OneWire(machine.Pin(self._settings.pins["onewire"]))

    def led(self, on):
        """Switch the LED, where there is one."""
        if self._led is not None:
            self._led.value(1 if on else 0)

    def feed_watchdog(self):
        """Tell the watchdog that samples are being taken."""
        self._watchdog.feed()


def _tls(settings):
    """The TLS context for the broker, which must show a certificate of the authority in `tls_ca`; None without TLS."""
    if not settings.tls:
        return None
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cafile=settings.tls_ca)
    return context
