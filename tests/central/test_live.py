"""Live events from a real server: in order, once, resumed after a broken connection, each to those who may see it."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, delete, insert

from central.config import load
from central.ledger.tables import live
from central.live import LiveHub
from central.store.engine import open_engine, writing
from central.times import now_ms
from tests.central.web_fixtures import prepare, write_config
from tests.ports import free_port, wait_for_port


@dataclass
class Server:
    """gunicorn with gevent on a port, as the product starts it."""

    port: int
    process: subprocess.Popen[bytes]
    engine: Engine
    tokens: dict[str, str]
    config: Path

    def tell(self, event: str, *numbers: int) -> None:
        """Write live events as ingest does, one transaction each."""
        for n in numbers:
            with writing(self.engine) as connection:
                connection.execute(insert(live).values(t_ms=now_ms(), event=event, agent="a", room="r", data=json.dumps({"n": n})))


@dataclass
class Client:
    """A browser's end of the stream, byte by byte."""

    socket: socket.socket
    events: list[tuple[int, str, dict[str, int]]] = field(default_factory=list)
    head: bytes = b""
    _rest: bytes = b""

    @classmethod
    def open(cls, server: Server, role: str, last: int | None = None, query: str = "") -> "Client":
        sock = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        resume = "" if last is None else f"Last-Event-ID: {last}\r\n"
        request = f"GET /api/v1/live{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.tokens[role]}\r\n{resume}\r\n"
        sock.sendall(request.encode())
        client = cls(sock)
        while b"\r\n\r\n" not in client._rest:
            client._rest += sock.recv(4096)
        client.head, _, client._rest = client._rest.partition(b"\r\n\r\n")
        return client

    def read(self, until: int) -> None:
        """Read until so many events are there."""
        while True:
            *whole, self._rest = self._rest.split(b"\n\n")
            for block in whole:
                said = dict(line.split(": ", 1) for line in block.decode().splitlines() if ": " in line and not line.startswith(":"))
                if "id" in said:
                    self.events.append((int(said["id"]), said["event"], json.loads(said["data"])))
            if len(self.events) >= until:
                return
            data = self.socket.recv(65536)
            assert data, "the server ended the stream"
            self._rest += data

    def close(self) -> None:
        """As a broken line: reset, not closed politely."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.socket.close()


def start(config: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "central.web.server", "--config", str(config)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)
    wait_for_port(port, process=process)
    return process


def wait_until_gone(port: int) -> None:
    """Return when nobody listens any more: the kernel takes its time over a killed worker."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"somebody still listens on port {port}")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = Path(tmp_path_factory.mktemp("live"))
    port = free_port()
    path = write_config(folder, port=port)
    config = load(path)
    tokens = prepare(config, ("facility", "security", "operator", "admin"))
    engine = open_engine(config.database)
    made = Server(port, start(path, port), engine, tokens, path)
    yield made
    made.process.terminate()
    assert made.process.wait(20) == 0
    assert made.process.stderr is not None
    log = made.process.stderr.read().decode()
    made.process.stderr.close()
    assert "Traceback" not in log, log
    engine.dispose()


def test_a_line_that_breaks_again_and_again_loses_and_repeats_nothing(server: Server) -> None:
    total, seen, last = 300, [], None
    writer = threading.Thread(target=server.tell, args=("reading", *range(total)), name="ingest")
    client = Client.open(server, "facility")
    client.read(1)
    assert client.events.pop(0)[1] == "hello"
    writer.start()
    while len(seen) < total:
        client.read(min(37, total - len(seen)))
        seen += client.events
        last = client.events[-1][0]
        client.close()
        client = Client.open(server, "facility", last)
    writer.join(20)
    client.close()
    assert [event[2]["n"] for event in seen] == list(range(total))
    ids = [event[0] for event in seen]
    assert ids == sorted(set(ids))


def test_a_restarted_server_goes_on_from_the_last_event(server: Server) -> None:
    client = Client.open(server, "facility")
    client.read(1)
    server.tell("reading", 1)
    client.read(2)
    last = client.events[-1][0]
    os.killpg(server.process.pid, signal.SIGKILL)  # master and worker
    server.process.wait(20)
    server.process.stderr.close()  # type: ignore[union-attr]
    wait_until_gone(server.port)
    server.tell("reading", 2, 3)
    server.process = start(server.config, server.port)
    again = Client.open(server, "facility", last)
    again.read(2)
    assert [event[2]["n"] for event in again.events] == [2, 3]
    again.close()
    client.close()


def test_events_reach_those_who_may_see_them(server: Server) -> None:
    clients = {role: Client.open(server, role) for role in ("facility", "security", "operator", "admin")}
    for client in clients.values():
        client.read(1)
    server.tell("contact", 1)
    server.tell("page", 2)
    server.tell("alarm", 3)
    server.tell("agent", 4)
    wanted = {
        "facility": ["alarm", "agent"],
        "security": ["contact", "alarm", "agent"],
        "operator": ["page", "alarm", "agent"],
        "admin": ["agent"],
    }
    for role, names in wanted.items():
        clients[role].read(1 + len(names))
        assert [event[1] for event in clients[role].events[1:]] == names
        clients[role].close()


def test_a_client_names_what_it_wants(server: Server) -> None:
    client = Client.open(server, "security", query="?events=alarm,page")
    client.read(1)
    server.tell("contact", 1)
    server.tell("page", 2)  # which security may not see, whatever it asks for
    server.tell("alarm", 3)
    client.read(2)
    assert [event[1] for event in client.events[1:]] == ["alarm"]
    client.close()


def test_an_event_is_in_the_browser_at_once(server: Server) -> None:
    client = Client.open(server, "facility")
    client.read(1)
    took = []
    for n in range(10):
        begun = time.monotonic()
        server.tell("reading", n)
        client.read(2 + n)
        took.append(time.monotonic() - begun)
    client.close()
    assert sorted(took)[5] < 0.5  # polled every 40 ms; generous on a busy machine


def test_who_was_away_for_too_long_is_told_to_load_anew(server: Server) -> None:
    server.tell("reading", 1, 2)
    with writing(server.engine) as connection:
        connection.execute(delete(live).where(live.c.id < 250))
    client = Client.open(server, "facility", 3)
    client.read(1)
    assert client.events[0][1] == "reset"
    server.tell("reading", 5)
    client.read(2)
    assert client.events[1][2] == {"n": 5}
    client.close()


def test_the_stream_is_for_people_and_ids_are_checked(server: Server) -> None:
    refused = Client.open(server, "facility", query="?last_event_id=abc")
    assert refused.head.startswith(b"HTTP/1.1 400")
    refused.close()
    server.tokens["stranger"] = "unknown"
    stranger = Client.open(server, "stranger")
    assert stranger.head.startswith(b"HTTP/1.1 401")
    stranger.close()


def test_a_client_that_reads_nothing_does_not_hold_up_the_others(server: Server) -> None:
    lazy = Client.open(server, "facility")
    good = Client.open(server, "facility")
    good.read(1)
    with writing(server.engine) as connection:
        rows = [
            {"t_ms": 0, "event": "reading", "agent": "a", "room": "r", "data": json.dumps({"n": n, "pad": "x" * 4000})} for n in range(3000)
        ]
        connection.execute(insert(live), rows)
    good.read(3001)
    assert [event[2]["n"] for event in good.events[1:]] == list(range(3000))
    lazy.close()
    good.close()


def test_the_poller_outlives_a_store_without_a_free_connection(tmp_path: Path) -> None:
    config = load(write_config(tmp_path, port=1))
    prepare(config, ())
    engine = create_engine(f"sqlite+pysqlite:///{config.database}", pool_size=2, max_overflow=0, pool_timeout=0.05)
    hub = LiveHub(engine, poll_s=0.01)
    with engine.connect():
        subscription = hub.subscribe(frozenset(("alarm",)))  # the poller takes the one connection left, and has none to read with
        time.sleep(0.3)
    writer = open_engine(config.database)
    with writing(writer) as connection:
        connection.execute(insert(live).values(t_ms=now_ms(), event="alarm", agent="a", room="r", data="{}"))
    assert subscription.waiting.get(timeout=10).name == "alarm"
    hub.leave(subscription)
    writer.dispose()
    engine.dispose()
