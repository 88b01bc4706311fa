"""The MQTT side of ingest: a receiving thread that queues messages, and publishing of what the writer committed."""

import hashlib
import logging
import queue
import socket
import threading
from collections.abc import Iterable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from central.config import BrokerConfig
from central.ingest.writer import Arrival, Message
from wire.codec import BATCH_BYTES_MAX
from wire.topics import LANES, ROOT

log = logging.getLogger(__name__)
QUEUE_MAX = 256  # messages, of at most 256 KiB each
KEEPALIVE_S = 30
RETRY_S = (1, 5)  # one client for the whole site: it may ask often, and agents wait for it
PUT_S = 1.0


def client_id(site: str, password: str | None) -> str:
    """The same at every start, so that the broker keeps what waits, and known to nobody else: who connects under it throws ingest out."""
    secret = "" if password is None else "-" + hashlib.sha256(f"muniment-client-id/1\n{site}\n{password}\n".encode()).hexdigest()[:24]
    return f"muniment-central-{site}{secret}"


class Receiver:
    """A connection to the broker that comes back by itself; a message is confirmed to the broker when its fate is decided."""

    def __init__(self, *, site: str, broker: BrokerConfig) -> None:
        """`start` connects."""
        self._site = site
        self._broker = broker
        self._queue: queue.Queue[tuple[Arrival, int, int]] = queue.Queue(QUEUE_MAX)
        self._stopping = threading.Event()
        self.connected = False
        password = None if broker.password_file is None else broker.password_file.read_text().strip()
        ident = client_id(site, password)
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=ident, clean_session=False, protocol=mqtt.MQTTv311, manual_ack=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_socket_open = self._on_socket_open
        client.reconnect_delay_set(*RETRY_S)
        if password is not None:
            client.username_pw_set(broker.user, password)
        if broker.tls_ca is not None:
            client.tls_set(ca_certs=str(broker.tls_ca))
        self._client = client

    def start(self) -> None:
        """Connect in the background, for as long as it takes."""
        self._client.connect_async(self._broker.host, self._broker.port, KEEPALIVE_S)
        self._client.loop_start()

    def close(self) -> None:
        """Disconnect and end the thread; idempotent."""
        self._stopping.set()
        self._client.disconnect()
        self._client.loop_stop()

    def next(self, timeout_s: float, limit: int) -> list[tuple[Arrival, int, int]]:
        """What has arrived, as (message, id, QoS), at most `limit`; empty after timeout_s without any."""
        try:
            got = [self._queue.get(timeout=timeout_s)]
        except queue.Empty:
            return []
        while len(got) < limit:
            try:
                got.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return got

    def publish(self, messages: Iterable[Message]) -> None:
        """Publish at QoS 1; while the broker is away the messages wait in memory, and agents ask again anyway."""
        for topic, payload in messages:
            self._client.publish(topic, payload, qos=1)

    def confirm(self, arrivals: Iterable[tuple[Arrival, int, int]]) -> None:
        """Tell the broker that these need not be delivered again: whatever became of them, agents keep their own copy."""
        for _, ident, qos in arrivals:
            self._client.ack(ident, qos)

    @staticmethod
    def _on_socket_open(_client: Any, _data: Any, sock: Any) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # without it an acknowledgement takes 40 ms

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            log.error("the broker refused the centre: %s", reason)
            return
        client.subscribe([(f"{ROOT}/{self._site}/+/{tail}", 1) for tail in (*LANES, "status")])
        self.connected = True
        log.info("connected to the broker at %s:%d", self._broker.host, self._broker.port)

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if self.connected:
            log.warning("the broker is away: %s", reason)
        self.connected = False

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        payload = message.payload[: BATCH_BYTES_MAX + 1]  # of what is too large enough is kept to say so
        item = (Arrival(message.topic, bytes(payload)), message.mid, message.qos)
        while not self._stopping.is_set():  # a full queue stops reading, and so the sender
            try:
                self._queue.put(item, timeout=PUT_S)
            except queue.Full:
                continue
            return
