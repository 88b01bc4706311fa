"""The sensor nodes on the broker: one connection of the agent's own for all its Wi-Fi nodes, each a wire of its own."""

import asyncio
import logging
import secrets
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from sensors.errors import SilentError, TransportError
from wire import topics
from wire.frames import FrameReader, encode_frame

log = logging.getLogger(__name__)

KEEPALIVE_S = 30
QUEUE_MAX = 256  # payloads of one node that wait; one that does not fit is lost and comes again
PAYLOAD_BYTES_MAX = 65536
WAITS_S = (1, 30)  # first and longest wait between two tries to connect


class NodeBroker:
    """A connection that is made at first use and kept: paho's own thread connects again by itself."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        site: str,
        agent: str,
        password: Callable[[], str | None],
        tls_ca: Path | None = None,
    ) -> None:
        """password: read at every connection; the user is the agent's name."""
        self.connected = False
        self.opened = 0  # how often the connection was made
        self._host, self._port_number = host, port
        self._site, self._agent = site, agent
        self._password = password
        self._tls_ca = tls_ca
        self._client: mqtt.Client | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queues: dict[str, asyncio.Queue[bytes]] = {}

    def start(self) -> None:
        """Begin to connect; nothing more the second time. OSError where the password or the authority cannot be read."""
        if self._client is not None:
            return
        self._loop = asyncio.get_running_loop()
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"{self._agent}-nodes-{secrets.token_hex(4)}", clean_session=True)
        if self._tls_ca is not None:
            client.tls_set(ca_certs=str(self._tls_ca), tls_version=ssl.PROTOCOL_TLS_CLIENT)
        client.reconnect_delay_set(*WAITS_S)

        def post(function: Callable[..., None], *args: Any) -> None:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(function, *args)

        def on_pre_connect(made: mqtt.Client, _data: Any) -> None:
            made.username_pw_set(self._agent, self._password())

        def on_connect(made: mqtt.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
            if not code.is_failure:
                made.subscribe(topics.agent_topic(self._site, self._agent, "node/+"), 1)

        client.on_pre_connect = on_pre_connect
        client.on_connect = on_connect
        client.on_subscribe = lambda *_: post(self._up)
        client.on_disconnect = lambda *_: post(self._down)
        client.on_message = lambda _c, _d, message: post(self._arrived, message.topic, bytes(message.payload))
        self._client = client
        client.username_pw_set(self._agent, self._password())
        client.connect_async(self._host, self._port_number, KEEPALIVE_S)
        client.loop_start()

    def _up(self) -> None:
        self.connected = True
        self.opened += 1

    def _down(self) -> None:
        self.connected = False

    def _arrived(self, topic: str, payload: bytes) -> None:
        queue = self._queues.get(topic.rpartition("/")[2])
        if queue is not None and len(payload) <= PAYLOAD_BYTES_MAX and not queue.full():
            queue.put_nowait(payload)

    def queue(self, node: str) -> asyncio.Queue[bytes]:
        """What arrives of one node, fresh."""
        self._queues[node] = asyncio.Queue(QUEUE_MAX)
        return self._queues[node]

    def publish(self, node: str, payload: bytes) -> None:
        """To a node; may get lost."""
        if self._client is not None:
            self._client.publish(topics.node_ack_topic(self._site, self._agent, node), payload, qos=1)

    async def close(self) -> None:
        """Hang up; idempotent."""
        client, self._client = self._client, None
        self.connected = False
        if client is not None:
            client.disconnect()
            await asyncio.to_thread(client.loop_stop)


class BrokerWire:
    """One node on the broker."""

    def __init__(self, broker: NodeBroker, node: str) -> None:
        """node: the last level of its topic."""
        self._broker = broker
        self._node = node
        self._opened = -1
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._frames = FrameReader()

    @property
    def bad(self) -> int:
        """See NodeWire."""
        return self._frames.bad

    @property
    def is_open(self) -> bool:
        """See NodeWire."""
        return self._broker.connected and self._opened == self._broker.opened

    def open(self) -> None:
        """See NodeWire."""
        try:
            self._broker.start()
        except OSError as error:
            raise TransportError(f"broker: {error}") from error
        if not self._broker.connected:
            raise SilentError("the broker is not connected")
        self._opened = self._broker.opened
        self._queue = self._broker.queue(self._node)
        self._frames = FrameReader()

    def send(self, message: dict[str, Any]) -> None:
        """See NodeWire."""
        if not self.is_open:
            raise TransportError("the connection to the broker was lost")
        self._broker.publish(self._node, encode_frame(message))

    async def receive(self, timeout_s: float) -> list[dict[str, Any]]:
        """See NodeWire."""
        try:
            async with asyncio.timeout(timeout_s):
                payload = await self._queue.get()
        except TimeoutError:
            return []
        messages: list[dict[str, Any]] = self._frames.feed(payload)
        return messages

    def close(self) -> None:
        """The connection belongs to the wires."""
        self._opened = -1
