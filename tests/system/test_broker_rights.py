"""Both brokers let an agent in with its password only, and only within its own subtree."""

import base64
import hashlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.broker import find_mosquitto
from deploy.broker_rights import covers, parse_rights, password_matches
from tests.ports import free_port, wait_for_port

ACL = """user central
topic readwrite muniment/1/demo/#
user room-101
topic write muniment/1/demo/room-101/events
topic read muniment/1/demo/room-101/events/ack
"""


def password_line(name: str, password: str) -> str:
    salt = b"0123456789ab"
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
    return f"{name}:$7$101${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}\n"


@pytest.fixture(params=["mosquitto", "embedded"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    """A running broker's port."""
    assert find_mosquitto(), "Mosquitto is missing: `make test` installs it, or `apt-get install mosquitto`"
    (tmp_path / "passwords").write_text(password_line("central", "c-secret") + password_line("room-101", "r-secret"))
    (tmp_path / "passwords").chmod(0o600)
    (tmp_path / "acl").write_text(ACL)
    (tmp_path / "acl").chmod(0o600)
    port = free_port()
    command = [sys.executable, "-m", "deploy.broker", "--port", str(port)]
    command += ["--passwords", str(tmp_path / "passwords"), "--acl", str(tmp_path / "acl")]
    if request.param == "embedded":
        command.append("--embedded")
    process = subprocess.Popen(command)
    try:
        wait_for_port(port, process=process)
        yield port
    finally:
        process.terminate()
        process.wait(10)


class Peer:
    """A client that tells what it received and how its subscriptions were answered."""

    def __init__(self, port: int, name: str, password: str, *, client_id: str = "") -> None:
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id or f"test-{name}")
        self.client.username_pw_set(name, password)
        self.answered, self.subscribed, self.received, self.gone = (threading.Event() for _ in range(4))
        self.refused = False
        self.messages: list[str] = []
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.client.on_disconnect = self._on_disconnect
        self.client.on_message = self._on_message
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self.answered.wait(10)

    def _on_connect(self, _client: object, _data: object, _flags: object, reason: mqtt.ReasonCode, _props: object) -> None:
        self.refused = bool(reason.is_failure)
        self.answered.set()

    def _on_disconnect(self, *_: object) -> None:
        self.gone.set()
        self.subscribed.set()

    def _on_message(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        self.messages.append(message.topic)
        if message.topic.endswith("/end"):
            self.received.set()

    def subscribe(self, topic: str) -> None:
        self.subscribed.clear()
        self.client.subscribe(topic, qos=1)
        assert self.subscribed.wait(10)

    def round_trip(self) -> None:
        """Return when the broker has dealt with all that was sent: it answered a later request, or hung up on us for it."""
        self.subscribed.clear()
        if not self.gone.is_set():
            self.client.subscribe("muniment/1/demo/room-101/events/ack", qos=1)
            assert self.subscribed.wait(10)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def test_a_wrong_password_is_refused(broker: int) -> None:
    peer = Peer(broker, "room-101", "wrong")
    peer.close()
    assert peer.refused


def test_an_agent_reaches_its_own_lanes_and_nothing_else(broker: int) -> None:
    central = Peer(broker, "central", "c-secret")
    agent = Peer(broker, "room-101", "r-secret")
    central.subscribe("muniment/1/demo/#")
    agent.subscribe("muniment/1/demo/#")
    agent.subscribe("muniment/1/demo/room-101/events/ack")
    for topic in ("room-101/events/ack", "vault-01/events", "room-101/command"):
        intruder = Peer(broker, "room-101", "r-secret", client_id="intruder")
        intruder.client.publish(f"muniment/1/demo/{topic}", b"x", qos=0)
        intruder.round_trip()
        intruder.close()
    agent.client.publish("muniment/1/demo/room-101/events", b"x", qos=1).wait_for_publish(10)
    for topic in ("vault-01/events/ack", "room-101/events/ack", "room-101/end"):
        central.client.publish(f"muniment/1/demo/{topic}", b"x", qos=1).wait_for_publish(10)
    assert central.received.wait(10)
    agent.close()
    central.close()
    from_agent = [topic for topic in central.messages if topic.endswith("/events") or topic.endswith("/command")]
    assert from_agent == ["muniment/1/demo/room-101/events"]
    assert "muniment/1/demo/vault-01/events/ack" not in agent.messages
    assert agent.messages.count("muniment/1/demo/room-101/events/ack") >= 1


levels = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=5)


@given(levels)
def test_a_filter_covers_itself_and_what_hash_and_plus_name(topic: list[str]) -> None:
    name = "/".join(topic)
    assert covers(name, name)
    assert covers("/".join(["+"] * len(topic)), name)
    assert covers("/".join([*topic[:-1], "#"]), name)
    assert not covers(name, name + "/x")
    assert not covers(name, "#")


def test_rights_before_the_first_user_give_nobody_anything() -> None:
    assert parse_rights("topic readwrite #\nuser a\ntopic read b\n") == {"a": {"read": ["b"], "write": []}}


def test_a_password_of_another_scheme_never_fits() -> None:
    assert not password_matches("$6$salt$hash", "x")
    assert not password_matches("plain", "plain")
    assert password_matches(password_line("n", "pass").split(":", 1)[1].strip(), "pass")
