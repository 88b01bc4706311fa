"""A real Mosquitto with passwords and rights, and a centre that listens behind it."""

import base64
import hashlib
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt

from deploy.broker import find_mosquitto
from tests.edge_agent.centre import Centre
from tests.ports import free_port, wait_for_port
from wire import codec, topics
from wire.chain import command_text


def password_line(name: str, password: str) -> str:
    """A line of Mosquitto's password file ($7$: PBKDF2-HMAC-SHA512)."""
    salt = b"0123456789ab"
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
    return f"{name}:$7$101${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}\n"


class Broker:
    """Mosquitto on a free port of loopback; can be killed and started again on the same port."""

    def __init__(self, folder: Path, *, tls: tuple[Path, Path] | None = None) -> None:
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        (folder / "passwords").write_text(password_line("central", "c-secret") + password_line("room-101", "r-secret"))
        own = "muniment/1/demo/room-101/"
        rights = [f"topic write {own}{tail}" for tail in (*topics.LANES, "status")]
        rights += [f"topic read {own}{tail}" for tail in (*[f"{lane}/ack" for lane in topics.LANES], "command")]
        (folder / "acl").write_text("user central\ntopic readwrite muniment/1/demo/#\nuser room-101\n" + "\n".join(rights) + "\n")
        for name in ("passwords", "acl"):
            (folder / name).chmod(0o600)
        lines = ["per_listener_settings false", "allow_anonymous false", "user root", "set_tcp_nodelay true", "max_queued_messages 0"]
        lines += ["max_inflight_messages 0", f"password_file {folder / 'passwords'}", f"acl_file {folder / 'acl'}"]
        lines += [f"listener {self.port} 127.0.0.1"]
        if tls is not None:
            lines += [f"certfile {tls[0]}", f"keyfile {tls[1]}"]
        self._config.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = find_mosquitto()
        assert program, "Mosquitto is missing: `make test` installs it, or `apt-get install mosquitto`"
        self._process = subprocess.Popen([str(program), "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.port, process=self._process)

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(10)
            self._process = None

    close = kill


class ListeningCentre:
    """The true small centre of `centre.py` behind a broker; what it does to acknowledgements can be switched."""

    def __init__(self, broker: Broker, centre: Centre) -> None:
        self.centre = centre
        self.lock = threading.Condition()
        self.statuses: list[dict[str, Any]] = []
        self.batches: list[tuple[str, dict[str, Any], int]] = []  # lane, header, bytes
        self.nodelay: list[bool] = []
        self.swallow_acks = 0  # so many acknowledgements get lost
        self.deaf = False  # stores nothing and says nothing
        self.waiting: list[tuple[str, bytes]] = []
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="central-test", clean_session=True)
        self.client.username_pw_set("central", "c-secret")
        ready = threading.Event()
        self.client.on_connect = lambda *_: self.client.subscribe("muniment/1/demo/+/+", 1)
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.on_message = self._on_message
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        assert ready.wait(10)

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        _, _, kind = topics.parse(message.topic)
        with self.lock:
            if kind == "status":
                self.statuses.append(codec.loads(message.payload))
            elif kind in topics.LANES and not self.deaf:
                header, _ = codec.split_batch(message.payload)
                self.batches.append((kind, header, len(message.payload)))
                ack = self.centre.receive(kind, message.payload)
                if self.swallow_acks:
                    self.swallow_acks -= 1
                else:
                    self.say(f"{kind}/ack", codec.encode_message(ack))
            elif kind in topics.LANES:
                self.waiting.append((kind, bytes(message.payload)))
            self.lock.notify_all()

    def say(self, tail: str, payload: bytes) -> None:
        """Publish to the agent."""
        self.client.publish(f"muniment/1/demo/room-101/{tail}", payload, qos=1)

    def command(self, ident: str, name: str, args: dict[str, Any], expires: int, *, signer: Any = None) -> None:
        """Send a signed command."""
        text = command_text("demo", "room-101", ident, name, codec.dumps(args), expires)
        message = {"id": ident, "name": name, "args": args, "expires": expires, "sig": (signer or self.centre.key).sign(text)}
        self.say("command", codec.encode_message(message))

    def wait(self, condition: Any, timeout_s: float = 20.0) -> None:
        """Until the condition holds (checked whenever something arrived)."""
        with self.lock:
            assert self.lock.wait_for(condition, timeout_s), "the centre did not see it in time"

    def records(self, lane: str) -> list[dict[str, Any]]:
        """What was committed in a lane, in order."""
        return [record for name, record in self.centre.order if name == lane]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
