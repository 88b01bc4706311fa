"""Ingest as a process of its own, over a real Mosquitto with the rights that enrolment writes."""

import base64
import json
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from central.ledger.tables import commands
from central.store.engine import open_engine, writing
from central.times import now_ms
from tests.central.journals import SITE, Journal
from tests.ports import free_port, wait_for_port
from wire import chain, codec, topics
from wire.records import record

WAIT_S = 15.0
NOW = 1_790_000_000_000


class Site:
    """A migrated centre with one enrolled agent, Mosquitto, and ingest."""

    def __init__(self, folder: Path) -> None:
        self.port, self.data = free_port(), folder / "central"
        self.config = folder / "central.toml"
        self.config.write_text(
            f'[central]\nsite = "{SITE}"\ndata = "{self.data}"\n[broker]\nport = {self.port}\n[limits]\nreserve_mb = 2\n'
        )
        self.journal = Journal("room-101")
        self.run("migrate")
        self.run("agent", "enrol", "room-101", "--key", base64.b64encode(self.journal.public).decode(), "--room", "room-101")
        other = Journal("vault-01")
        self.run("agent", "enrol", "vault-01", "--key", base64.b64encode(other.public).decode())
        self.processes: list[subprocess.Popen[bytes]] = []

    def run(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "central.cli", *words, "--config", str(self.config)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start_broker(self) -> None:
        command = [sys.executable, "-m", "deploy.broker", "--port", str(self.port)]
        command += ["--passwords", str(self.data / "broker" / "passwords"), "--acl", str(self.data / "broker" / "acl")]
        self.processes.append(subprocess.Popen(command))
        wait_for_port(self.port, process=self.processes[-1])

    def start_ingest(self) -> subprocess.Popen[bytes]:
        self.processes.append(subprocess.Popen([sys.executable, "-m", "central.cli", "ingest", "--config", str(self.config)]))
        return self.processes[-1]

    def rows(self, sql: str) -> list[Any]:
        engine = open_engine(self.data / "muniment.db")
        with engine.connect() as connection:
            found = connection.exec_driver_sql(sql).all()
        engine.dispose()
        return [tuple(row) for row in found]

    def wait_until_subscribed(self) -> None:
        """A retained status reaches ingest whenever it comes; what is published before it ever came is lost, and sent again by agents."""
        peer = Peer(self, "vault-01")
        peer.publish(topics.status_topic(SITE, "vault-01"), b'{"online":true}', retain=True)
        deadline = time.monotonic() + WAIT_S
        while not self.rows("SELECT 1 FROM agents WHERE online"):
            assert time.monotonic() < deadline, "ingest did not subscribe"
            time.sleep(0.05)
        peer.close()

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
            assert process.wait(WAIT_S) is not None


class Peer:
    """An agent's end of the broker."""

    def __init__(self, site: Site, name: str, *, client_id: str = "") -> None:
        self.messages: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.ready: queue.Queue[bool] = queue.Queue()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id or f"agent-{name}")
        self.client.username_pw_set(name, (site.data / "enrolled" / name / "broker-password").read_text().strip())
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = lambda *_: self.ready.put(True)
        self.client.on_message = lambda _client, _data, message: self.messages.put((message.topic, message.payload))
        self.name = name
        self.client.connect("127.0.0.1", site.port)
        self.client.loop_start()
        assert self.ready.get(timeout=WAIT_S)

    def _on_connect(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe(
            [(topics.ack_topic(SITE, self.name, lane), 1) for lane in topics.LANES] + [(topics.command_topic(SITE, self.name), 1)]
        )

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(WAIT_S)

    def attempt(self, topic: str, payload: bytes) -> None:
        """Publish what the broker will not take, and return when it has dealt with it: it answers a later request, or hangs up."""
        self.client.on_disconnect = lambda *_: self.ready.put(True)
        self.client.publish(topic, payload, qos=0)
        self.client.subscribe(topics.ack_topic(SITE, self.name, "events"), qos=1)
        assert self.ready.get(timeout=WAIT_S)

    def until(self, wanted: Callable[[str, Any], bool]) -> Any:
        """The first message for which wanted(topic, message) holds."""
        while True:
            topic, payload = self.messages.get(timeout=WAIT_S)
            message = json.loads(payload)
            if wanted(topic, message):
                return message

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.start_broker()
    made.start_ingest()
    made.wait_until_subscribed()
    yield made
    made.stop()


def test_a_reading_is_acknowledged_over_the_broker_and_survives_a_killed_ingest(site: Site) -> None:
    agent, journal = Peer(site, "room-101"), site.journal
    journal.add("readings", record("channel", NOW, 1, i=1, sensor="climate", q="temperature", u="Cel"))
    journal.add("readings", *[record("reading", NOW + k, k, i=1, v=20.5) for k in range(99)])
    topic = topics.lane_topic(SITE, "room-101", "readings")
    agent.publish(topic, journal.payload("readings"))
    ack = agent.until(lambda topic, _: topic.endswith("/readings/ack"))
    assert (ack["seq"], ack["head"]) == (100, journal.head("readings", 100))
    site.processes[-1].kill()
    site.processes.pop().wait(WAIT_S)
    journal.add("readings", *[record("reading", NOW + k, k, i=1, v=21.5) for k in range(100, 200)])
    agent.publish(topic, journal.payload("readings", 101))  # while nobody ingests
    site.start_ingest()
    agent.publish(topic, journal.payload("readings", 51))  # and sent again
    assert agent.until(lambda _, message: message["seq"] == 200)["head"] == journal.head("readings", 200)
    agent.until(lambda _, message: message["seq"] == 200)  # one for every batch received
    assert site.rows("SELECT count(*) FROM readings") == [(199,)]
    agent.close()


def test_a_command_is_signed_and_its_answer_is_kept(site: Site) -> None:
    agent, journal = Peer(site, "room-101"), site.journal
    engine = open_engine(site.data / "muniment.db")
    expires = now_ms() + 60_000
    row = {"id": "c-1", "agent": "room-101", "name": "identify", "args": '{"seconds":3}', "actor": "wang", "created_ms": now_ms()}
    with writing(engine) as connection:
        connection.execute(commands.insert().values(**row, expires_ms=expires))
        connection.execute(commands.insert().values(**row | {"id": "c-0", "created_ms": 1}, expires_ms=2))  # too late
    message = agent.until(lambda topic, _: topic.endswith("/command"))
    command = codec.decode_command(json.dumps(message).encode())
    assert (command["id"], command["name"], command["args"], command["expires"]) == ("c-1", "identify", {"seconds": 3}, expires)

    pinned = Ed25519PublicKey.from_public_bytes(base64.b64decode((site.data / "enrolled" / "room-101" / "centre.pub").read_text()))
    pinned.verify(base64.b64decode(command["sig"]), chain.command_text(SITE, "room-101", "c-1", "identify", '{"seconds":3}', expires))
    journal.add("events", record("command.done", NOW, 1, id="c-1", ok=False, why="no lamp"))
    agent.publish(topics.lane_topic(SITE, "room-101", "events"), journal.payload("events"))
    agent.until(lambda topic, _: topic.endswith("/events/ack"))
    assert site.rows("SELECT id, ok, why FROM command_results") == [("c-1", 0, "no lamp")]
    engine.dispose()
    agent.close()


def test_an_agents_rights_end_at_its_own_subtree(site: Site) -> None:
    agent, other = Peer(site, "room-101"), Peer(site, "vault-01")
    foreign = Journal("vault-01").add("events", record("health", NOW, 1, facts={})).payload("events")
    attempts = {
        topics.ack_topic(SITE, "room-101", "events"): b'{"forged":1}',
        topics.command_topic(SITE, "room-101"): b'{"forged":2}',
        topics.ack_topic(SITE, "vault-01", "events"): b'{"forged":3}',
        topics.lane_topic(SITE, "vault-01", "events"): foreign,
    }
    for topic, payload in attempts.items():
        intruder = Peer(site, "room-101", client_id="intruder")
        intruder.attempt(topic, payload)
        intruder.close()
    # all of it went nowhere: what comes next at both is the answer to their own batches
    for peer, key in ((agent, site.journal.key), (other, None)):
        journal = Journal(peer.name, key=key).add("events", record("health", NOW, 1, facts={}))
        peer.publish(topics.lane_topic(SITE, peer.name, "events"), journal.payload("events"))
        assert "forged" not in peer.until(lambda _topic, _message: True)
    agent.close()
    other.close()
    assert site.rows("SELECT agent FROM quarantine") == [("vault-01",)]  # its own, with a key that is not its


def test_nobody_throws_ingest_out_under_its_client_id(site: Site) -> None:
    """A broker ends the older of two connections with one id, whoever made them: the centre's must not be guessed."""
    agent = Peer(site, "room-101")
    intruder = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"muniment-central-{SITE}", clean_session=False)
    intruder.username_pw_set("vault-01", (site.data / "enrolled" / "vault-01" / "broker-password").read_text().strip())
    taken_over: queue.Queue[bool] = queue.Queue()
    intruder.on_connect = lambda _client, _data, flags, _reason, _properties: taken_over.put(flags.session_present)
    intruder.connect("127.0.0.1", site.port)
    intruder.loop_start()
    assert taken_over.get(timeout=WAIT_S) is False
    site.journal.add("events", record("health", NOW, 1, facts={}))
    agent.publish(topics.lane_topic(SITE, "room-101", "events"), site.journal.payload("events"))
    assert agent.until(lambda topic, _: topic.endswith("/ack"))["seq"] == 1
    intruder.disconnect()
    intruder.loop_stop()
    agent.close()


def test_nobody_else_writes_the_ledger_while_ingest_runs(site: Site) -> None:
    command = [sys.executable, "-m", "central.cli", "rebuild", "--config", str(site.config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"ingest (process {site.processes[-1].pid}) is running" in done.stderr


def test_a_status_shows_who_is_online(site: Site) -> None:
    agent = Peer(site, "room-101")
    agent.publish(topics.status_topic(SITE, "room-101"), b'{"online":true,"boot":"b","version":"0.1.0","t":1,"alarms":[]}', retain=True)
    agent.publish(
        topics.lane_topic(SITE, "room-101", "events"), site.journal.add("events", record("health", NOW, 1, facts={})).payload("events")
    )
    agent.until(lambda topic, _: topic.endswith("/ack"))
    assert site.rows("SELECT name FROM agents WHERE online ORDER BY name") == [("room-101",), ("vault-01",)]
    told = [json.loads(data) for (data,) in site.rows("SELECT data FROM live WHERE event = 'agent' AND agent = 'room-101' ORDER BY id")]
    assert told[0]["online"] is True
    agent.close()


def test_ingest_stops_in_order_when_asked(site: Site) -> None:
    process = site.processes.pop()
    wait_for_port(site.port)
    process.send_signal(signal.SIGTERM)
    assert process.wait(WAIT_S) in (0, -signal.SIGTERM)
