"""MQTT 3.1.1 as a port for frames: what is written is published with QoS 1, what arrives on one topic is read. For MicroPython's asyncio.

Source: OASIS MQTT 3.1.1. A clean session and no packet is ever sent again: the frames' own acknowledgements say what arrived, so that a
message that a broker lost is sent anew by the link. At most one publication waits for its PUBACK: that is the brake.
"""

import asyncio
import struct

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 1, 2, 3, 4, 8, 9, 12, 13, 14
PACKET_BYTES_MAX = 4096  # what the agent sends is far below
OPEN_S = 15  # name look-up, connection, TLS and the broker's yes together
REPLY_S = 10  # a PUBACK or a PINGRESP that takes longer: the connection is dead
QOS1 = 0x02
SUBSCRIBE_FLAGS = 0x02  # reserved bits of section 3.8.1
CLEAN, USER, PASSWORD = 0x02, 0x80, 0x40
REFUSED = 0x80


class MqttError(OSError):
    """The broker refuses, or sends what is not MQTT."""


def text(value):
    """A string as MQTT writes it: two bytes of length, UTF-8."""
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def packet(kind, body, flags=0):
    """One control packet: kind and flags, remaining length in base 128, body."""
    length, size = b"", len(body)
    while True:
        size, digit = size >> 7, size & 0x7F
        length += bytes([digit | (0x80 if size else 0)])
        if not size:
            return bytes([kind << 4 | flags]) + length + body


def connect(client, user, password, keepalive_s):
    """A CONNECT packet with a clean session."""
    flags = CLEAN | (USER if user else 0) | (PASSWORD if password else 0)
    body = text("MQTT") + b"\x04" + bytes([flags]) + struct.pack(">H", keepalive_s) + text(client)
    if user:
        body += text(user)
    if password:
        body += text(password)
    return packet(CONNECT, body)


class MqttPort:
    """One connection; `read` gives the payloads of the topic read, `write` publishes; any trouble ends it with OSError or b""."""

    def __init__(self, reader, writer, *, publish, keepalive_s):
        """reader, writer: asyncio streams; publish: the topic written to."""
        self._reader = reader
        self._writer = writer
        self._topic = publish
        self._half_s = keepalive_s / 2
        self._ids = 0
        self._acknowledged = asyncio.Event()
        self._waiting_id = 0
        self._inside = False  # whether a packet is half read
        self._closed = False

    async def greet(self, hello, subscribe):
        """Send CONNECT, subscribe; MqttError when the broker refuses either."""
        await self._put(hello)
        kind, _, body = await self._packet()
        if kind != CONNACK or len(body) != 2 or body[1]:
            raise MqttError("the broker refuses: %r" % body)
        await self._put(packet(SUBSCRIBE, struct.pack(">H", self._id()) + text(subscribe) + b"\x01", SUBSCRIBE_FLAGS))
        kind, _, body = await self._packet()
        if kind != SUBACK or body[-1:] == bytes([REFUSED]):
            raise MqttError("the broker refuses the topic")

    def _id(self):
        self._ids = self._ids % 65535 + 1
        return self._ids

    async def _put(self, data):
        if self._closed:
            raise MqttError("closed")
        self._writer.write(data)
        await self._writer.drain()

    async def _exactly(self, count):
        data = await self._reader.readexactly(count)
        if len(data) < count:
            raise MqttError("closed by the broker")
        return data

    async def _packet(self):
        """(kind, flags, body) of the next packet."""
        first = (await self._exactly(1))[0]
        self._inside = True
        size = shift = 0
        while True:
            digit = (await self._exactly(1))[0]
            size |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                break
            if shift > 21:
                raise MqttError("a length of more than four bytes")
        if size > PACKET_BYTES_MAX:
            raise MqttError("a packet of %d bytes" % size)
        body = await self._exactly(size) if size else b""
        self._inside = False
        return first >> 4, first & 0x0F, body

    async def read(self):
        """The next payload; empty when the connection is over. Keeps the connection alive meanwhile."""
        pinged = False
        while not self._closed:
            try:
                kind, flags, body = await asyncio.wait_for(self._packet(), REPLY_S if pinged else self._half_s)
            except asyncio.TimeoutError:
                if pinged or self._inside:
                    return b""
                await self._put(packet(PINGREQ, b""))
                pinged = True
                continue
            except EOFError:
                return b""
            pinged = False
            if kind == PUBACK and len(body) == 2 and struct.unpack(">H", body)[0] == self._waiting_id:
                self._acknowledged.set()
            elif kind == PUBLISH:
                size = 2 + struct.unpack(">H", body[:2])[0]
                if flags & 0x06:
                    await self._put(packet(PUBACK, body[size : size + 2]))
                    size += 2
                if body[size:]:
                    return body[size:]
        return b""

    async def write(self, data):
        """Publish; returns when the broker has it, OSError when it does not say so in time."""
        self._waiting_id = self._id()
        self._acknowledged.clear()
        await self._put(packet(PUBLISH, text(self._topic) + struct.pack(">H", self._waiting_id) + data, QOS1))
        try:
            await asyncio.wait_for(self._wait(), REPLY_S)
        except asyncio.TimeoutError:
            raise MqttError("the broker does not acknowledge")

    async def _wait(self):
        await self._acknowledged.wait()

    async def close(self):
        """Hang up; idempotent."""
        if not self._closed:
            self._closed = True
            self._writer.close()
            try:
                await self._writer.wait_closed()  # this is what closes on MicroPython
            except OSError:
                pass  # it was broken already


async def open_mqtt(settings, client, tls=None):
    """A port to the broker of the settings, or None while there is none; tls: an SSL context."""
    base = "muniment/1/%s/%s/node/%s" % (settings.site, settings.agent, settings.name)
    try:
        return await asyncio.wait_for(_open(settings, client, base, tls), OPEN_S)
    except (OSError, EOFError, asyncio.TimeoutError):
        return None


async def _open(settings, client, base, tls):
    if tls is None:
        reader, writer = await asyncio.open_connection(settings.host, settings.port)
    else:
        reader, writer = await asyncio.open_connection(settings.host, settings.port, ssl=tls, server_hostname=settings.host)
    port = MqttPort(reader, writer, publish=base, keepalive_s=settings.keepalive_s)
    try:
        user = "%s.%s" % (settings.agent, settings.name)
        await port.greet(connect(client, user, settings.password, settings.keepalive_s), base + "/ack")
    except (OSError, EOFError, asyncio.CancelledError):
        await port.close()
        raise
    return port
