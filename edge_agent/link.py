"""Sends the journal over MQTT, a few signed batches in flight, and goes on from what the centre acknowledges."""

import asyncio
import logging
import secrets
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from edge_agent import clock
from edge_agent.async_journal import AsyncJournal
from edge_agent.backoff import Backoff
from edge_agent.errors import JournalError, KeyFileError
from edge_agent.handoff import Done
from edge_agent.journal import AckOutcome
from edge_agent.keys import BROKER_PASSWORD, CentreKey, read_secret
from edge_agent.orders import Orders
from edge_agent.window import SOON_S, Flight, Window
from wire import codec, topics
from wire.errors import WireError

log = logging.getLogger(__name__)
AGAIN_S = 10.0  # a batch without an acknowledgement is sent again after this time
KEEPALIVE_S = 30
CONNECT_TIMEOUT_S = 10.0
BATCH_BYTES = 64 * 1024  # far below the contract's 256 KiB: on a slow line an alarm waits behind three of these at most
QUEUE_MAX = 1_000  # messages from the broker that wait; one that does not fit is dropped and counted, its sender sends again
STABLE_S = 30.0  # a connection that lived so long resets the backoff
CONNACK_REFUSED = "the broker refuses this agent: %s"


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is. The user is the agent's name; the password is read from its file at every connection."""

    host: str
    port: int = 1883
    password_file: Path | None = None
    tls_ca: Path | None = None


@dataclass(slots=True)
class LinkCounters:
    """What the link has seen since it started."""

    connections: int = 0
    batches: int = 0
    acknowledgements: int = 0
    bad_acknowledgements: int = 0
    bad_commands: int = 0
    dropped: int = 0
    repeats: int = 0


@dataclass(slots=True)
class _Session:
    """One connection: its client, what arrived, and whether it is up."""

    client: mqtt.Client
    inbox: asyncio.Queue[tuple[str, bytes]] = field(default_factory=lambda: asyncio.Queue(QUEUE_MAX))
    up: asyncio.Event = field(default_factory=asyncio.Event)
    down: asyncio.Event = field(default_factory=asyncio.Event)
    why: str = ""


class Link:
    """Keeps one connection to the broker, with a clean session each time, and the lanes moving.

    A clean session, under a client id of its own: nothing that matters is left to the broker's memory. Batches are sent again from what
    the centre acknowledges, acknowledgements are asked for by sending, and a command is sent again until it is answered or has expired.
    Two agents under one name thus do not throw each other out for ever, the centre sees both.
    """

    def __init__(
        self,
        journal: AsyncJournal,
        *,
        broker: BrokerAddress,
        centre: CentreKey | None,
        status: Callable[[], dict[str, Any]],
        on_command: Callable[[dict[str, Any]], Awaitable[Done]],
        on_outcome: Callable[[str, AckOutcome], None] = lambda lane, outcome: None,
        again_s: float = AGAIN_S,
        soon_s: float = SOON_S,
    ) -> None:
        """`status` gives what the retained status says beside `online` and `t`; `on_command` does a checked command and says how it went,
        which is journalled as its `command.done`; `on_outcome(lane, outcome)` hears of every believed one of this epoch; `again_s` and
        `soon_s` are the waits before sending again, see Window."""
        self._journal, self._broker, self._status, self._on_outcome = journal, broker, status, on_outcome
        self.site, self.agent = journal.journal.site, journal.journal.agent
        self._orders = Orders(journal, centre=centre, do=on_command)
        self._window = Window(again_s=again_s, soon_s=soon_s)
        self._again_s = again_s
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._session: _Session | None = None
        self._told: set[str] = set()
        self.counters = LinkCounters()
        self.connected = asyncio.Event()
        journal.journal.on_append(self._appended)

    @property
    def online(self) -> bool:
        """Whether the broker is connected."""
        return self.connected.is_set()

    def _appended(self, _lane: str) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    async def run(self) -> None:
        """Connect, work, and connect again, until cancelled; then say goodbye."""
        self._loop = asyncio.get_running_loop()
        try:
            await self._keep_connected(self._loop)
        finally:
            await self._orders.close()

    async def _keep_connected(self, loop: asyncio.AbstractEventLoop) -> None:
        backoff, quiet = Backoff(first_s=0.5, most_s=60.0), False
        while True:
            started = loop.time()
            why = "no connection"
            try:
                session = await self._connect()
                quiet = False
                try:
                    why = await self._work(session)
                finally:
                    await self._hang_up(session)
            except (OSError, KeyFileError, ssl.SSLError, TimeoutError) as error:
                why = str(error) or type(error).__name__
            if not quiet:
                log.warning("broker %s:%d: %s; trying again", self._broker.host, self._broker.port, why)
            quiet = True
            if loop.time() - started > STABLE_S:
                backoff.reset()
            await asyncio.sleep(backoff.next_s())

    # -- connection

    async def _connect(self) -> _Session:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{self.agent}-{secrets.token_hex(4)}",
            clean_session=True,
            protocol=mqtt.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        session = _Session(client)
        if self._broker.password_file is not None:
            client.username_pw_set(self.agent, read_secret(self._broker.password_file, variable=BROKER_PASSWORD))
        if self._broker.tls_ca is not None:
            client.tls_set(ca_certs=str(self._broker.tls_ca))
        gone = codec.encode_message({"online": False})
        client.will_set(topics.status_topic(self.site, self.agent), gone, qos=1, retain=True)
        self._listen(session)
        await asyncio.to_thread(client.connect, self._broker.host, self._broker.port, KEEPALIVE_S)
        client.loop_start()
        try:
            await self._first(session, session.up, CONNECT_TIMEOUT_S)
        except (TimeoutError, OSError, asyncio.CancelledError):
            client.disconnect()
            await asyncio.to_thread(client.loop_stop)
            raise
        return session

    @staticmethod
    async def _first(session: _Session, event: asyncio.Event, timeout_s: float) -> None:
        """Wait for an event; OSError if the connection ends before."""
        waits = [asyncio.create_task(event.wait()), asyncio.create_task(session.down.wait())]
        try:
            done, _ = await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
        if not done:
            raise TimeoutError("no answer in time")
        if session.down.is_set():
            raise ConnectionError(session.why or "the connection ended")

    def _listen(self, session: _Session) -> None:
        """Hand what happens in paho's thread over to the event loop."""
        loop = asyncio.get_running_loop()
        client = session.client

        def post(function: Callable[..., None], *args: Any) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(function, *args)

        def on_connect(_c: mqtt.Client, _u: Any, _f: mqtt.ConnectFlags, code: ReasonCode, _p: Any) -> None:
            if code.is_failure:
                session.why = CONNACK_REFUSED % code
                post(session.down.set)
                return
            acks = [(topics.ack_topic(self.site, self.agent, lane), 1) for lane in topics.LANES]
            client.subscribe([*acks, (topics.command_topic(self.site, self.agent), 1)])

        def on_subscribe(_c: mqtt.Client, _u: Any, _mid: int, codes: list[ReasonCode], _p: Any) -> None:
            if any(code.is_failure for code in codes):
                session.why = "the broker does not let this agent hear its acknowledgements and commands"
                post(session.down.set)
            else:
                post(session.up.set)

        def on_message(_c: mqtt.Client, _u: Any, message: mqtt.MQTTMessage) -> None:
            post(self._arrived, session, message.topic, bytes(message.payload))

        def on_disconnect(_c: mqtt.Client, _u: Any, _f: mqtt.DisconnectFlags, code: ReasonCode, _p: Any) -> None:
            session.why = session.why or f"connection lost: {code}"
            post(session.down.set)

        def on_socket_open(_c: mqtt.Client, _u: Any, sock: Any) -> None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # Nagle's wait costs 40 ms on each acknowledgement

        def on_publish(_c: mqtt.Client, _u: Any, mid: int, _code: ReasonCode, _p: Any) -> None:
            post(self._taken, mid)

        client.on_connect, client.on_subscribe, client.on_message, client.on_publish = on_connect, on_subscribe, on_message, on_publish
        client.on_disconnect, client.on_socket_open = on_disconnect, on_socket_open

    def _arrived(self, session: _Session, topic: str, payload: bytes) -> None:
        try:
            session.inbox.put_nowait((topic, payload))
        except asyncio.QueueFull:
            self.counters.dropped += 1
        self._wake.set()

    def _taken(self, mid: int) -> None:
        if self._loop is not None:
            self._window.taken(mid, self._loop.time())
            self._wake.set()

    async def _hang_up(self, session: _Session) -> None:
        """Say goodbye where that is still possible, and end the client's thread."""
        self.connected.clear()
        self._session = None
        client = session.client
        if client.is_connected():
            gone = client.publish(topics.status_topic(self.site, self.agent), codec.encode_message({"online": False}), qos=1, retain=True)
            try:
                await asyncio.to_thread(gone.wait_for_publish, 2.0)
            except (RuntimeError, ValueError):
                log.info("the goodbye did not reach the broker")
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)

    # -- work

    def publish_status(self) -> None:
        """Publish the retained status again, since what it says has changed; call it from the event loop."""
        if self._session is not None:
            t_ms = clock.wall_ms()
            message = codec.encode_message({**self._status(), "online": True, "t": t_ms})
            self._session.client.publish(topics.status_topic(self.site, self.agent), message, qos=1, retain=True)

    async def _work(self, session: _Session) -> str:
        loop = asyncio.get_running_loop()
        self.counters.connections += 1
        self._session = session
        self._restart()
        self.publish_status()
        self.connected.set()
        log.info("connected to the broker at %s:%d", self._broker.host, self._broker.port)
        down = asyncio.create_task(session.down.wait(), name="link down")
        try:
            while not down.done():
                self._wake.clear()
                while not session.inbox.empty():
                    await self._take(*session.inbox.get_nowait())
                sent = await self._send(session)
                if sent or not session.inbox.empty():
                    continue
                wake = asyncio.create_task(self._wake.wait(), name="link wake")
                try:
                    await asyncio.wait((down, wake), timeout=self._window.wait_s(loop.time()), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    wake.cancel()
        finally:
            down.cancel()
        return session.why or "connection lost"

    def _restart(self) -> None:
        epoch, lanes = self._journal.journal.snapshot()
        self._window.restart({lane: max(state.acked_seq, state.base_seq) for lane, state in lanes.items()}, epoch)

    async def _send(self, session: _Session) -> bool:
        """Publish the next batch if the window has room; whether one went out."""
        now = asyncio.get_running_loop().time()
        journal = self._journal.journal
        epoch, lanes = journal.snapshot()
        if epoch != self._window.epoch:
            self._restart()
        if self._window.stuck(now):
            session.why = "the broker takes no more"
            session.down.set()
            return False
        waited_s = self._window.again_s
        late = self._window.late(now)
        if late:
            self.counters.repeats += 1
            if waited_s >= self._again_s:
                self._tell("late", f"no acknowledgement within {waited_s:g} s on lane(s) {', '.join(late)}: sending again")
        lane = self._window.next_lane({lane: state.last_seq for lane, state in lanes.items()})
        if lane is None:
            return False
        try:
            batch = await self._journal.call(journal.batch, lane, self._window.sent_to(lane), max_bytes=BATCH_BYTES)
        except JournalError as error:
            self._tell("journal", f"the journal cannot be read: {error}")
            return False
        if batch is None:
            return False
        if batch.epoch != self._window.epoch:
            return True  # a new epoch began meanwhile: look again
        info = session.client.publish(topics.lane_topic(self.site, self.agent, lane), batch.payload, qos=1)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            session.why = session.why or f"a batch could not be published: {mqtt.error_string(info.rc)}"
            session.down.set()
            return False
        self.counters.batches += 1
        self._window.sent(lane, Flight(first=batch.first, last=batch.last, mid=info.mid, sent_s=now))
        return True

    async def _take(self, topic: str, payload: bytes) -> None:
        try:
            _, _, kind = topics.parse(topic)
            if kind == "command":
                await self._orders.take(payload)
            elif kind.endswith("/ack"):
                await self._acknowledged(kind[:-4], payload)
        except WireError as error:
            kind = "command" if topic.endswith("/command") else "acknowledgement"
            self._bad(kind, str(error))
        except JournalError as error:
            self._tell("journal", f"{topic}: {error}")

    async def _acknowledged(self, lane: str, payload: bytes) -> None:
        ack = codec.decode_ack(payload)
        journal = self._journal.journal
        outcome = await self._journal.call(journal.acknowledge, lane, ack)
        if outcome is AckOutcome.BAD_SIGNATURE:
            self._bad("acknowledgement", "its signature is not the centre's")
            return
        if outcome is AckOutcome.OTHER_EPOCH:
            return
        self.counters.acknowledgements += 1
        self._told.discard("late")
        if outcome is AckOutcome.NEW_EPOCH:
            log.warning("lane %s: the centre and this journal disagree; everything unacknowledged goes out again in a new epoch", lane)
            self._restart()
        elif outcome is AckOutcome.REWOUND:
            log.warning("lane %s: the centre is at %d, less than it had: sending again from there", lane, ack["seq"])
            self._window.rewind(lane, ack["seq"])
        elif outcome is AckOutcome.ADVANCED:
            self._window.acknowledged(lane, ack["seq"])
        elif outcome is AckOutcome.REPEATED:
            self._window.repeated(lane, ack["seq"])
        self._on_outcome(lane, outcome)

    def _bad(self, kind: str, why: str) -> None:
        if kind == "command":
            self.counters.bad_commands += 1
        else:
            self.counters.bad_acknowledgements += 1
        self._tell(f"bad {kind}", f"{kind} not understood or not believed, ignored: {why}")

    def _tell(self, kind: str, text: str) -> None:
        """Log each kind of trouble once, until it is over."""
        if kind not in self._told:
            self._told.add(kind)
            log.warning("link: %s", text)
