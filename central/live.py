"""Live events: one poller a worker reads the `live` table and fans out to browsers, each with a bounded queue."""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from central.ledger.tables import live
from central.store.engine import reading

LOG = logging.getLogger("muniment.live")
POLL_S = 0.04
QUEUE_MAX = 2000  # events that a slow client may lag behind before it is dropped, to resume by itself
CLIENTS_MAX = 1000  # a worker
BATCH = 500
PAUSE_S = 0.005
HEARTBEAT_S = 15.0
RETRY_MS = 1000


@dataclass(frozen=True)
class Event:
    """One row of `live`, encoded once for all clients."""

    id: int
    name: str
    data: bytes


@dataclass(eq=False)
class Subscription:
    """One client: the names it may see and what waits for it."""

    names: frozenset[str]
    waiting: queue.Queue[Event] = field(default_factory=lambda: queue.Queue(QUEUE_MAX))
    dropped: bool = False


class TooManyClients(Exception):
    """This worker serves as many live clients as it may."""


def encode(ident: int, name: str, data: str) -> bytes:
    """An event as the WHATWG stream format has it."""
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"id: {ident}\nevent: {name}\n{lines}\n".encode()


class LiveHub:
    """Reads new rows once a worker; its poller runs only while somebody listens."""

    def __init__(self, engine: Engine, *, poll_s: float = POLL_S) -> None:
        self._engine = engine
        self._poll_s = poll_s
        self._lock = threading.Lock()
        self._clients: set[Subscription] = set()
        self._thread: threading.Thread | None = None
        self._last = 0  # the newest event that was fanned out; the poller's own

    @property
    def clients(self) -> int:
        """How many are listening at this worker."""
        return len(self._clients)

    def newest(self) -> int:
        """The id of the last event there is."""
        with reading(self._engine) as connection:
            return int(connection.scalar(select(func.max(live.c.id))) or 0)

    def subscribe(self, names: frozenset[str]) -> Subscription:
        """Begin to collect events for one client; TooManyClients when the worker is full."""
        subscription, newest = Subscription(names), self.newest()
        with self._lock:
            if len(self._clients) >= CLIENTS_MAX:
                raise TooManyClients
            self._clients.add(subscription)
            if self._thread is None:
                self._last = newest
                self._thread = threading.Thread(target=self._poll, name="live", daemon=True)
                self._thread.start()
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """Forget a client."""
        with self._lock:
            self._clients.discard(subscription)

    def _listened_to(self) -> bool:
        """Whether anybody listens; if not, the poller ends, and the next client starts another."""
        with self._lock:
            if not self._clients:
                self._thread = None
            return bool(self._clients)

    def _poll(self) -> None:
        while self._listened_to():
            try:
                self._follow()
                return
            except (sqlite3.Error, SQLAlchemyError):  # also a pool whose connections are all in use
                LOG.exception("the live events cannot be read; trying again")
                time.sleep(RETRY_MS / 1000)

    def _follow(self) -> None:
        """Fan out what is committed until nobody listens."""
        raw = self._engine.raw_connection()
        try:
            cursor, version = raw.cursor(), -1
            while self._listened_to():
                cursor.execute("PRAGMA data_version")  # changes when another connection has committed
                (now,) = cursor.fetchone() or (version,)
                if now != version:
                    self._fan_out()
                    version = now
                time.sleep(self._poll_s)
        finally:
            raw.close()

    def _fan_out(self) -> None:
        for count, event in enumerate(self.after(self._last), 1):
            self._last = event.id
            if count % BATCH == 0:
                time.sleep(PAUSE_S)  # a burst must not fill the queues before anyone had a turn to send
            with self._lock:
                listening = [client for client in self._clients if event.name in client.names and not client.dropped]
            for client in listening:
                try:
                    client.waiting.put_nowait(event)
                except queue.Full:
                    client.dropped = True

    def after(self, last: int) -> Iterator[Event]:
        """Every stored event after this id, in order, read in bounded steps."""
        query = select(live.c.id, live.c.event, live.c.data).order_by(live.c.id).limit(BATCH)
        while True:
            with reading(self._engine) as connection:
                rows = connection.execute(query.where(live.c.id > last)).all()
            for row in rows:
                yield Event(row.id, row.event, encode(row.id, row.event, row.data))
            if len(rows) < BATCH:
                return
            last = rows[-1].id

    def kept_from(self) -> int:
        """The id of the oldest event that is still kept; 0 when there is none."""
        with reading(self._engine) as connection:
            return int(connection.scalar(select(func.min(live.c.id))) or 0)


def stream(hub: LiveHub, names: frozenset[str], last_id: int | None, still: Callable[[], frozenset[str] | None]) -> Iterator[bytes]:
    """The bytes for one client: what it missed since last_id, then what happens; ends when `still` no longer allows the same names."""
    subscription = hub.subscribe(names)
    try:
        newest = hub.newest()
        sent = newest if last_id is None else last_id
        yield f"retry: {RETRY_MS}\n\n".encode()
        if last_id is None:
            yield encode(newest, "hello", "{}")
        elif last_id > newest or (last_id < newest and last_id + 1 < hub.kept_from()):
            sent = newest
            yield encode(newest, "reset", '{"why":"events were missed that are no longer kept: load anew"}')
        for event in hub.after(sent):
            sent = event.id
            if event.name in names:
                yield event.data
        checked = time.monotonic()
        while not subscription.dropped:
            try:
                event = subscription.waiting.get(timeout=HEARTBEAT_S)
            except queue.Empty:
                yield b": still here\n\n"
            else:
                if event.id > sent:
                    sent = event.id
                    yield event.data
            if time.monotonic() - checked >= HEARTBEAT_S:
                checked = time.monotonic()
                if still() != names:
                    return  # the client comes back at once and is judged anew
    finally:
        hub.leave(subscription)
