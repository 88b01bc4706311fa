"""A whole centre for the browser tests: the real application and the real writer, fed with signed batches as agents send them."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from central.enrol import enrol
from central.ingest.writer import Arrival, Writer
from central.keys import load_or_make_key, sign
from tests.browser.media import clip_of_a_door, page_image
from tests.browser.relay import Relay
from tests.central.web_fixtures import Centre, make_centre, write_config
from tests.ports import free_port, wait_for_port
from wire import chain, topics
from wire.codec import encode_batch, encode_message, encode_record
from wire.records import record

WRITE_S = 0.02


def now_ms() -> int:
    """Wall time in milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass
class Agent:
    """An enrolled agent that sends batches, without the network between."""

    house: House
    name: str
    key: Ed25519PrivateKey
    token: str
    epoch: str = field(default_factory=lambda: uuid.uuid4().hex)
    lanes: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    def send(self, lane: str, *records: dict[str, Any]) -> list[str]:
        """Send these records as one batch and wait until it is committed; their identities `{agent}:{epoch}:{seq}`."""
        site = self.house.centre.config.site
        seq, head = self.lanes.get(lane, (0, chain.start(site, self.name, lane, self.epoch)))
        lines = [encode_record(one) for one in records]
        after, last = chain.head_of(head, lines), seq + len(lines)
        text = chain.batch_text(site, self.name, lane, self.epoch, last, chain.hex_of(after))
        public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        header = {
            "v": 1,
            "epoch": self.epoch,
            "first": seq + 1,
            "n": len(lines),
            "oldest": 1,
            "prev": chain.hex_of(head),
            "head": chain.hex_of(after),
            "key": chain.key_id(public),
            "seen": 0,
            "sig": sign(self.key, text),
        }
        self.house.take(Arrival(f"{topics.ROOT}/{site}/{self.name}/{lane}", encode_batch(header, lines)))
        self.lanes[lane] = last, after
        return [f"{self.name}:{self.epoch}:{seq + i + 1}" for i in range(len(lines))]

    def online(self, online: bool = True) -> None:
        """Say on the status topic whether it is there."""
        status = {"online": online, "boot": "b", "version": "0.1.0", "t": now_ms(), "alarms": []}
        self.house.take(Arrival(f"{topics.ROOT}/{self.house.centre.config.site}/{self.name}/status", encode_message(status)))

    def upload(self, data: bytes) -> None:
        """Deliver the bytes of a digest that was journalled, as agents do."""
        client, path = self.house.centre.app.test_client(), f"/api/v1/uploads/{hashlib.sha256(data).hexdigest()}"
        headers = {"Authorization": f"Bearer {self.token}", "Tus-Resumable": "1.0.0"}
        begun = client.post(path, headers=headers | {"Upload-Length": str(len(data))})
        assert begun.status_code == 201, begun.text
        sent = client.patch(path, headers=headers | {"Upload-Offset": "0"}, data=data, content_type="application/offset+octet-stream")
        assert sent.status_code == 204, sent.text

    def climate(self, *, temperature: float, humidity: float, t: int | None = None) -> None:
        """One reading of each quantity; the channels are declared before the first."""
        at = t or now_ms()
        if "readings" not in self.lanes:
            self.send(
                "readings",
                record("clock", at, 1, boot="b", ok=True, source="test"),
                record("channel", at, 1, i=1, sensor="climate", q="temperature", u="Cel", room=self.name),
                record("channel", at, 1, i=2, sensor="climate", q="relative_humidity", u="%", room=self.name),
            )
        self.send("readings", record("reading", at, 1, i=1, v=temperature), record("reading", at, 1, i=2, v=humidity))

    def door(self, state: str, *, t: int | None = None) -> str:
        """The door opens or closes; the event's identity."""
        at = t or now_ms()
        return self.send("events", record("contact", at, at, contact=f"{self.name}/door", state=state, kind="door", room=self.name))[0]

    def alarm(self, rule: str, subject: str, *, priority: str = "high", words: dict[str, str] | None = None, **facts: Any) -> str:
        """Raise an alarm; its identity."""
        seq = self.lanes.get("events", (0, b""))[0] + 1
        ident, t = f"{self.name}:{self.epoch}:{seq}", now_ms()
        self.send(
            "events",
            record(
                "alarm", t, t, id=ident, rule=rule, state="active", subject=subject, priority=priority, words=words, room=self.name, **facts
            ),
        )
        return ident

    def clip(self, event: str, opened_ms: int, data: bytes, *, seconds: int = 8, pre_roll_s: int = 3) -> str:
        """Announce the clip of an event; upload it apart."""
        ident, start = str(uuid.uuid4()), opened_ms - pre_roll_s * 1000
        self.send(
            "events",
            record(
                "clip",
                now_ms(),
                1,
                clip=ident,
                camera=f"{self.name}/door-cam",
                **{"from": start},
                to=start + seconds * 1000,
                sha256=hashlib.sha256(data).hexdigest(),
                bytes=len(data),
                because=[{"event": event}],
                holes=[],
            ),
        )
        return ident


class House:
    """The centre: its web server as a process of its own, its writer as a thread."""

    def __init__(self, folder: Path) -> None:
        """Everything of it lies in the folder."""
        self.port, inner = free_port(), free_port()
        self.centre: Centre = make_centre(folder, port=inner)
        self.url = f"http://127.0.0.1:{self.port}"
        self.key = load_or_make_key(self.centre.config.key_file)
        self._folder = folder
        self._waiting: list[tuple[Arrival, threading.Event]] = []
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._writer = Writer(config=self.centre.config, engine=self.centre.engine, key=self.key, now_ms=now_ms)
        self._log = (folder / "web.log").open("wb")
        self._web = subprocess.Popen(
            [sys.executable, "-m", "central.web.server", "--config", str(folder / "central.toml")],
            stdout=subprocess.DEVNULL,
            stderr=self._log,
        )
        wait_for_port(inner, process=self._web)
        self.cable = Relay(self.port, inner)
        self._thread = threading.Thread(target=self._write, name="writer", daemon=True)
        self._thread.start()

    def enrol(self, name: str) -> Agent:
        """A new agent."""
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        out = self._folder / "enrolled"
        files = enrol(
            self.centre.engine, key=self.key, name=name, room=name, public_key=public, out=out, broker_folder=self._folder / "broker"
        )
        return Agent(self, name, key, files.token.read_text().strip())

    def take(self, arrival: Arrival) -> None:
        """Hand a message to the writer and wait until it is committed."""
        done = threading.Event()
        with self._lock:
            self._waiting.append((arrival, done))
        assert done.wait(10), "the writer has not committed"

    def _write(self) -> None:
        while not self._stop.wait(WRITE_S):
            with self._lock:
                taken, self._waiting = self._waiting, []
            self._writer.write([arrival for arrival, _ in taken])
            for _, done in taken:
                done.set()

    def close(self) -> None:
        """Stop server and writer."""
        self._stop.set()
        self.cable.close()
        self._web.terminate()
        try:
            self._web.wait(10)
        except subprocess.TimeoutExpired:
            self._web.kill()
            self._web.wait(10)
        self._log.close()
        self._thread.join(10)
        self.centre.engine.dispose()


def capture(bench: Agent, *, batch: str, count: int, declared: int, volume: str, on_page: Callable[[int], str] | None = None) -> list[str]:
    """A bench captures pages into a batch: every fifth must be looked at, the fourth is bad and retaken; the pages' identities."""
    station, t = f"{bench.name}/{bench.name}", now_ms()
    pages: list[str] = []
    after: str | None = None
    counts = {"captured": 0, "replaced": 0}
    bench.send(
        "capture", record("batch", t, t, batch=batch, state="open", declared=declared, counts=counts, station=station, volume=volume)
    )
    for i in range(1, count + 1):
        verdict = on_page(i) if on_page else "bad" if i == 4 else "look" if i % 5 == 0 else "good"
        data, page, press, t = page_image(i, skewed=verdict != "good"), str(uuid.uuid4()), str(uuid.uuid4()), now_ms()
        skew = 0.2 if verdict == "good" else 1.8
        checks = [
            {"name": "sharpness", "value": 0.94, "limit": 0.6, "ok": True, "words": ""},
            {"name": "skew", "value": skew, "limit": 1.0, "ok": verdict == "good", "words": "" if verdict == "good" else "turned by 1.8°"},
            {"name": "blank", "value": None, "limit": None, "ok": True, "words": ""},
        ]
        bench.send(
            "capture",
            record("press", t, t, press=press, station=station, pedal=f"{bench.name}/pedal", outcome="captured", pages=[page]),
            record(
                "page",
                t,
                t,
                page=page,
                press=press,
                batch=batch,
                after=after,
                sha256=hashlib.sha256(data).hexdigest(),
                bytes=len(data),
                width=600,
                height=800,
                dpi=100.0,
                checks=checks,
                verdict=verdict,
                station=station,
                operator="operator",
                replaces=pages[3] if i == 5 and count > 4 else None,
                reason="skewed" if i == 5 and count > 4 else None,
            ),
        )
        bench.upload(data)
        pages.append(page)
        after = page
    return pages


__all__ = ["Agent", "House", "capture", "clip_of_a_door", "now_ms", "write_config"]
