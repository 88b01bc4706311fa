"""Ingest through the full path against a bare loop in the same run, and how long an acknowledgement takes when nothing else happens.

The bare loop does what any subscriber must: the same bytes over the same broker, one msgspec struct a line, executemany into a
WITHOUT ROWID table, synchronous=FULL, 20 batches a commit. It verifies nothing, keeps no ledger, projects nothing, answers nobody.
"""

import base64
import queue
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as mqtt

from central.enrol import enrol, prepare_broker
from central.keys import load_or_make_key
from central.store.engine import open_engine
from central.store.migrate import migrate
from central.times import now_ms
from deploy.broker import find_mosquitto, mosquitto_config
from tests.central.journals import SITE, Journal, configure
from tests.ports import free_port, wait_for_port
from wire import chain, codec, topics
from wire.records import record

ROUNDS = 3
BATCHES, SINGLES, PINGS = 1500, 3000, 300
CHANNELS = 10
A_COMMIT = 20
WAIT_S = 120.0
STEP_MS = 3  # from one reading to the next: all of a run lie within ten minutes, so that none is late
TOPIC = topics.lane_topic(SITE, "room-101", "readings")


class Line(msgspec.Struct):
    """What the bare loop reads of a record."""

    k: str
    t: int
    i: int
    v: float | None = None


def _journal(readings: int) -> Journal:
    journal, start = Journal("room-101"), now_ms() - STEP_MS * readings
    for i in range(CHANNELS):
        journal.add("readings", record("channel", start, 1, i=i, sensor=f"s{i}", q="temperature", u="Cel"))
    for k in range(readings):
        journal.add("readings", record("reading", start + STEP_MS * k, STEP_MS * k, i=k % CHANNELS, v=round(20 + k % 700 / 100, 2)))
    return journal


def _payloads(journal: Journal, batches: int, size: int) -> list[bytes]:
    """As `Journal.payload`, but the chain is followed once, not from its beginning for every batch."""
    lines, made = journal.lines["readings"], []
    h = chain.head_of(chain.start(SITE, journal.agent, "readings", journal.epoch), lines[:CHANNELS])
    for k in range(batches):
        first = CHANNELS + 1 + size * k
        part = lines[first - 1 : first - 1 + size]
        prev, h = h, chain.head_of(h, part)
        text = chain.batch_text(SITE, journal.agent, "readings", journal.epoch, first + size - 1, chain.hex_of(h))
        header = {
            "v": 1,
            "epoch": journal.epoch,
            "first": first,
            "n": size,
            "oldest": 1,
            "prev": chain.hex_of(prev),
            "head": chain.hex_of(h),
        }
        header |= {"key": chain.key_id(journal.public), "seen": 0, "sig": base64.b64encode(journal.key.sign(text)).decode()}
        made.append(bytes(codec.encode_batch(header, part)))
    return made


def _client(port: int, user: str, password: str, on_message: Callable[..., None], subscribe: list[str]) -> mqtt.Client:
    """A connected client with TCP_NODELAY and its subscriptions answered."""
    ready = threading.Event()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"bench-{user}-{time.monotonic_ns()}")
    client.username_pw_set(user, password)
    client.max_inflight_messages_set(200)
    client.on_socket_open = lambda _c, _d, sock: sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.on_connect = lambda c, *_: c.subscribe([(topic, 1) for topic in subscribe])
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.loop_start()
    if not ready.wait(WAIT_S):
        raise TimeoutError("the broker did not answer")
    return client


def _stop(client: mqtt.Client) -> None:
    client.disconnect()
    client.loop_stop()


class _Bench:
    """A broker and one enrolled agent's journal in a folder."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.passwords = {}
        config = configure(folder / "first", port=port)
        self._prepare(config.data)
        for user, path in (("central", config.data / "central-password"), ("room-101", config.enrolled / "room-101" / "broker-password")):
            self.passwords[user] = path.read_text().strip()

    def _prepare(self, data: Path, journal: Journal | None = None) -> None:
        config = configure(data, port=self.port)
        data.mkdir()
        engine = open_engine(config.database)
        migrate(engine)
        key = (journal or Journal("room-101")).public
        enrol(
            engine,
            key=load_or_make_key(config.key_file),
            name="room-101",
            room="room-101",
            public_key=key,
            out=config.enrolled,
            broker_folder=config.broker_folder,
        )
        prepare_broker(engine, site=SITE, folder=config.broker_folder, central_user="central", password_file=data / "central-password")
        engine.dispose()

    @contextmanager
    def ingest(self, journal: Journal) -> Iterator[Path]:
        """A centre of its own that knows this journal's key, running as a process; the database file."""
        data = Path(tempfile.mkdtemp(dir=self.folder)) / "central"
        self._prepare(data, journal)
        (data / "central-password").write_text(self.passwords["central"])
        toml = data / "central.toml"
        toml.write_text(
            f'[central]\nsite = "{SITE}"\ndata = "{data}"\n[broker]\nport = {self.port}\npassword_file = "{data}/central-password"\n'
        )
        process = subprocess.Popen([sys.executable, "-m", "central.cli", "ingest", "--config", str(toml)], stderr=subprocess.DEVNULL)
        try:
            yield data / "muniment.db"
        finally:
            process.terminate()
            process.wait(WAIT_S)


@contextmanager
def _broker() -> Iterator[_Bench]:
    mosquitto = find_mosquitto()
    if mosquitto is None:
        raise RuntimeError("the ingest benchmark needs Mosquitto (apt-get install mosquitto)")
    with tempfile.TemporaryDirectory(prefix="muniment-bench-") as name:
        folder, port = Path(name), free_port()
        bench = _Bench(folder, port)
        rights = folder / "first" / "broker"
        config = folder / "mosquitto.conf"
        config.write_text(mosquitto_config(host="127.0.0.1", port=port, passwords=rights / "passwords", acl=rights / "acl"))
        process = subprocess.Popen([mosquitto, "-c", str(config)], stderr=subprocess.DEVNULL)
        try:
            wait_for_port(port, process=process)
            yield bench
        finally:
            process.terminate()
            process.wait(WAIT_S)


def _publish_all(client: mqtt.Client, payloads: list[bytes]) -> None:
    for payload in payloads:
        client.publish(TOPIC, payload, qos=1)


def _bare(bench: _Bench, payloads: list[bytes]) -> float:
    """Batches a second of the bare loop."""
    arrived: queue.Queue[bytes] = queue.Queue()
    subscriber = _client(bench.port, "central", bench.passwords["central"], lambda _c, _d, m: arrived.put(m.payload), [TOPIC])
    publisher = _client(bench.port, "room-101", bench.passwords["room-101"], lambda *_: None, [TOPIC + "/ack"])
    decode = msgspec.json.Decoder(Line).decode
    path = Path(tempfile.mkdtemp(dir=bench.folder)) / "bare.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("CREATE TABLE r (agent INTEGER, i INTEGER, seq INTEGER, t INTEGER, v REAL, PRIMARY KEY (agent, i, seq)) WITHOUT ROWID")
        feeder = threading.Thread(target=_publish_all, args=(publisher, payloads))
        begun = time.perf_counter()
        feeder.start()
        done, seq = 0, 0
        while done < len(payloads):
            group = [arrived.get(timeout=WAIT_S)]
            while len(group) < A_COMMIT and done + len(group) < len(payloads):
                group.append(arrived.get(timeout=WAIT_S))
            rows: list[tuple[int, int, int, int, float | None]] = []
            for payload in group:
                for line in payload.split(b"\n")[1:-1]:
                    one = decode(line)
                    seq += 1
                    rows.append((1, one.i, seq, one.t, one.v))
            db.execute("BEGIN")
            db.executemany("INSERT INTO r VALUES (?, ?, ?, ?, ?)", rows)
            db.execute("COMMIT")
            done += len(group)
        took = time.perf_counter() - begun
        feeder.join(WAIT_S)
    _stop(publisher)
    _stop(subscriber)
    return len(payloads) / took


def _full(bench: _Bench, journal: Journal, payloads: list[bytes], size: int) -> float:
    """Batches a second until the last one is acknowledged, that is, committed."""
    wanted = CHANNELS + size * len(payloads)
    finished, started = threading.Event(), threading.Event()

    def on_ack(_c: Any, _d: Any, message: Any) -> None:
        seq = msgspec.json.decode(message.payload)["seq"]
        if seq >= CHANNELS:
            started.set()
        if seq >= wanted:
            finished.set()

    with bench.ingest(journal):
        agent = _client(bench.port, "room-101", bench.passwords["room-101"], on_ack, [TOPIC + "/ack"])
        _until_ready(agent, journal, started)
        begun = time.perf_counter()
        _publish_all(agent, payloads)
        if not finished.wait(WAIT_S):
            raise TimeoutError("not everything was acknowledged")
        took = time.perf_counter() - begun
        _stop(agent)
    return len(payloads) / took


def _until_ready(agent: mqtt.Client, journal: Journal, started: threading.Event) -> None:
    """Send the channels' declarations until ingest has subscribed and acknowledges them."""
    end = time.monotonic() + WAIT_S
    while not started.is_set():
        agent.publish(TOPIC, journal.payload("readings", 1, CHANNELS), qos=1)
        if not started.wait(0.5) and time.monotonic() > end:
            raise TimeoutError("ingest does not answer")


def _idle(bench: _Bench, journal: Journal, payloads: list[bytes]) -> list[float]:
    """Milliseconds from publishing a one-reading batch to its acknowledgement, one after the other."""
    acked: queue.Queue[int] = queue.Queue()
    started = threading.Event()

    def on_ack(_c: Any, _d: Any, message: Any) -> None:
        seq = msgspec.json.decode(message.payload)["seq"]
        started.set()
        acked.put(seq)

    with bench.ingest(journal):
        agent = _client(bench.port, "room-101", bench.passwords["room-101"], on_ack, [TOPIC + "/ack"])
        _until_ready(agent, journal, started)
        times = []
        for number, payload in enumerate(payloads, CHANNELS + 1):
            begun = time.perf_counter()
            agent.publish(TOPIC, payload, qos=1)
            while acked.get(timeout=WAIT_S) < number:
                pass
            times.append((time.perf_counter() - begun) * 1000)
        _stop(agent)
    return times


def _echo(bench: _Bench, payloads: list[bytes]) -> list[float]:
    """Milliseconds of a bare echo of the same bytes: publish, a subscriber answers at once, nothing is stored."""
    answered: queue.Queue[bytes] = queue.Queue()

    def on_batch(client: mqtt.Client, _d: Any, _message: Any) -> None:
        client.publish(TOPIC + "/ack", b"{}", qos=1)

    centre = _client(bench.port, "central", bench.passwords["central"], on_batch, [TOPIC])
    agent = _client(bench.port, "room-101", bench.passwords["room-101"], lambda _c, _d, m: answered.put(m.payload), [TOPIC + "/ack"])
    times = []
    for payload in payloads:
        begun = time.perf_counter()
        agent.publish(TOPIC, payload, qos=1)
        answered.get(timeout=WAIT_S)
        times.append((time.perf_counter() - begun) * 1000)
    _stop(agent)
    _stop(centre)
    return times


def _p99(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99) - 1]


def _rate(bench: _Bench, name: str, batches: int, size: int) -> dict[str, Any]:
    bare, full = [], []
    for _ in range(ROUNDS):
        journal = _journal(batches * size)
        payloads = _payloads(journal, batches, size)
        bare.append(_bare(bench, payloads) * size)
        full.append(_full(bench, journal, payloads, size) * size)
    value = statistics.median(full)
    return {
        "name": name,
        "value": value,
        "unit": "readings/s",
        "spread": [min(full), max(full)],
        "against": f"a bare loop over the same bytes: {statistics.median(bare):.0f} readings/s",
        "ratio": value / statistics.median(bare),
    }


def figures() -> list[dict[str, Any]]:
    """ingest.batch100 (goal: at least 0.25x), ingest.single, ack.p99 (goal: under 5x)."""
    with _broker() as bench:
        made = [_rate(bench, "ingest.batch100", BATCHES, 100), _rate(bench, "ingest.single", SINGLES, 1)]
        acks, echoes = [], []
        for _ in range(ROUNDS):
            journal = _journal(PINGS)
            payloads = _payloads(journal, PINGS, 1)
            echoes.append(_p99(_echo(bench, payloads)))
            acks.append(_p99(_idle(bench, journal, payloads)))
        value = statistics.median(acks)
        made.append(
            {
                "name": "ack.p99",
                "value": value,
                "unit": "ms",
                "spread": [min(acks), max(acks)],
                "against": f"a bare echo: {statistics.median(echoes):.2f} ms",
                "ratio": value / statistics.median(echoes),
            }
        )
    return made
