"""A small site for the API's tests: two agents whose signed batches went through ingest, images and a clip that they uploaded."""

import hashlib
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from central import create_app
from central.people import rights, users
from central.store.engine import writing
from central.times import now_ms
from tests.central.journals import Centre, Journal
from tests.central.web_fixtures import PASSWORD
from wire.records import record

MINUTE = 60_000
CLIP = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 40


def jpeg(seed: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (900, 1200), (200 - seed * 9, 190, 180)).save(out, "JPEG")
    return out.getvalue()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Site:
    """The centre, its application and what is in it. `t0` is the moment of the door's opening, an hour ago."""

    def __init__(self, folder: Path) -> None:
        self.centre = Centre(folder / "central")
        self.t0 = now_ms() - 60 * MINUTE
        self.tokens: dict[str, str] = {}
        with writing(self.centre.engine) as connection:
            for role in (*rights.ROLES, "nobody"):
                users.add_user(connection, name=role, password=PASSWORD, roles=[role] if role in rights.ROLES else [], by="system")
                self.tokens[role] = users.add_token(connection, name=role, label="test", by="system")
        self.room = self.centre.enrol(Journal("room-101"), room="room-101")
        self.bench = self.centre.enrol(Journal("bench-1"), room="scan-hall")
        for agent in ("room-101", "bench-1"):
            self.tokens[agent] = (self.centre.config.enrolled / agent / "token").read_text().strip()
        self.app: Flask = create_app(self.centre.config)
        self._stop = threading.Event()
        self._sent = {(journal.agent, lane): 0 for journal in (self.room, self.bench) for lane in journal.lines}
        self._lock = threading.Lock()
        self.images = {f"page-{n}": jpeg(n) for n in range(1, 5)}
        self._fill()
        self._upload()

    def send(self) -> None:
        """Let ingest have what the journals hold and it has not seen."""
        with self._lock:
            for journal in (self.room, self.bench):
                for lane, lines in journal.lines.items():
                    first = self._sent[journal.agent, lane] + 1
                    if len(lines) >= first:
                        (ack,) = self.centre.send(journal.batch(lane, first))
                        assert "refused" not in ack, ack
                        self._sent[journal.agent, lane] = ack["seq"]

    def pump(self) -> None:
        """The sequencer's turn: acts take effect."""
        while not self._stop.wait(0.01):
            with self._lock:
                self.centre.write()

    def _fill(self) -> None:
        t0, m = self.t0, 10_000_000
        limits = {"temperature-high": {"sensor": "climate", "quantity": "temperature", "above": 24.0, "below": 14.0, "priority": "high"}}
        self.room.add("events", record("config", t0 - 90 * MINUTE, m, facts={"limits": limits}))
        self.room.add("events", record("contact", t0, m + 1000, contact="room-101/door", state="open", kind="door"))
        self.event = "room-101:e1:2"
        self.room.add("events", record("card", t0 - 2000, m + 900, reader="room-101/reader", card="card-7", result="granted"))
        self.room.add("events", record("contact", t0 + 9000, m + 1900, contact="room-101/door", state="closed", kind="door"))
        self.room.add("events", record("contact", t0 + 9500, m + 1950, contact="room-101/floor", state="inactive", kind="leak"))
        self.alarm = "room-101:e1:6"
        words = {"en": "Temperature is too high", "zh": "温度过高"}
        facts = {
            "id": self.alarm,
            "rule": "temperature-high",
            "subject": "room-101.climate.temperature",
            "priority": "high",
            "words": words,
        }
        self.room.add("events", record("alarm", t0 + 5 * MINUTE, m, state="active", value=25.1, limit=24.0, **facts))
        self.clip = "6d5ad8a1-0a53-4ff5-8f0f-000000000001"
        span = {"from": t0 - 5000, "to": t0 + 5000, "bytes": len(CLIP), "sha256": digest(CLIP)}
        clip = {"clip": self.clip, "camera": "room-101/door-cam", "because": [self.event], "holes": [], **span}
        self.room.add("events", record("clip", t0 + 6000, m, **clip))
        self.room.add("readings", record("channel", t0 - 60 * MINUTE, m, i=1, sensor="climate", q="temperature", u="Cel", room="room-101"))
        self.room.add(
            "readings", record("channel", t0 - 60 * MINUTE, m, i=2, sensor="climate", q="relative_humidity", u="%", room="room-101")
        )
        for minute in range(-60, 60):  # a gap of 20 minutes, and ten minutes of values that are not good
            if -30 <= minute < -10:
                continue
            bad = 20 <= minute < 30
            quality: dict[str, Any] = {"quality": "bad", "why": "=crc error"} if bad else {}
            v = None if bad else 18.0 + minute % 10 / 10
            self.room.add("readings", record("reading", t0 + minute * MINUTE, m, i=1, v=v, **quality))
        self.room.add("readings", record("reading", t0 + 60 * MINUTE - 5000, m, i=1, v=19.5))
        self.room.add("readings", record("reading", t0 + 60 * MINUTE - 5000, m, i=2, v=45.0))
        self._fill_bench(t0, m)
        self.send()

    def _fill_bench(self, t0: int, m: int) -> None:
        self.batch, self.second = "batch-1", "batch-2"
        self._batch_record(self.batch, "open", t0, declared=3, volume="A-17")
        after = None
        for n in range(1, 5):  # page-4 takes the place of page-2, which was bad
            name, data = f"page-{n}", self.images[f"page-{n}"]
            press = {"press": f"press-{n}", "station": "bench-1/bench-1", "pedal": "bench-1/pedal", "outcome": "captured", "pages": [name]}
            check = {
                "name": "sharpness",
                "value": 0.3 if n == 2 else 0.9,
                "limit": 0.5,
                "ok": n != 2,
                "words": {"en": "blurred", "zh": "模糊"},
            }
            page = {"page": name, "press": f"press-{n}", "batch": self.batch, "sha256": digest(data), "bytes": len(data), "width": 900}
            page |= {"height": 1200, "checks": [check], "verdict": "bad" if n == 2 else "good", "station": "bench-1/bench-1"}
            page |= {"after": after} if after and n < 4 else {}
            page |= {"replaces": "page-2", "reason": "blurred", "after": "page-1"} if n == 4 else {}
            self.bench.add(
                "capture", record("press", t0 + n * 1000, m, **press), record("page", t0 + n * 1000, m, operator="operator", **page)
            )
            after = name
        self._batch_record(self.batch, "closed", t0 + 9000, declared=3, volume="A-17")
        self._batch_record(self.second, "open", t0 + 10_000)

    def _batch_record(self, batch: str, state: str, t: int, **more: Any) -> None:
        facts = {"batch": batch, "state": state, "counts": {"pages": 3}, "station": "bench-1/bench-1", "operator": "operator", **more}
        self.bench.add("capture", record("batch", t, 10_000_000, **facts))

    def _upload(self) -> None:
        for agent, data in (("room-101", CLIP), *(("bench-1", data) for data in self.images.values())):
            tus = {"Tus-Resumable": "1.0.0"}
            path = f"/api/v1/uploads/{digest(data)}"
            begun = self.call("POST", path, agent, headers=tus | {"Upload-Length": str(len(data))})
            assert begun.status_code == 201, begun.text
            sent = {"headers": tus | {"Upload-Offset": "0"}, "content_type": "application/offset+octet-stream", "data": data}
            assert self.call("PATCH", path, agent, **sent).status_code == 204

    def get(self, path: str, role: str, **kwargs: Any) -> TestResponse:
        """GET as someone."""
        return self.call("GET", path, role, **kwargs)

    def call(self, method: str, path: str, role: str, **kwargs: Any) -> TestResponse:
        """Any request with the token of a role's person, or of an agent; "" is nobody at all."""
        given = {"Authorization": f"Bearer {self.tokens[role]}"} if role else {}
        kwargs.setdefault("buffered", True)  # as a server does: read it all, close it
        return self.app.test_client().open(path, method=method, headers=given | kwargs.pop("headers", {}), **kwargs)

    def browser(self) -> FlaskClient:
        """A client that keeps cookies."""
        return self.app.test_client()

    def acts(self, kind: str) -> list[tuple[str, str]]:
        """(actor, body) of acts of this kind, in order."""
        return self.centre.rows("SELECT actor, body FROM acts WHERE kind = ? ORDER BY id", kind)

    def close(self) -> None:
        self._stop.set()
        self.app.extensions["muniment"].engine.dispose()
        self.centre.close()


@contextmanager
def running(folder: Path) -> Iterator[Site]:
    """A site whose sequencer is at work."""
    site = Site(folder)
    pump = threading.Thread(target=site.pump, name="sequencer")
    pump.start()
    try:
        yield site
    finally:
        site._stop.set()
        pump.join(20)
        site.close()
