"""A centre with a closed batch of small pages, whose texts are still to be read."""

from __future__ import annotations

import hashlib
import io
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from central.config import RecognitionConfig
from central.digitization.recognition.reading import Reader
from central.digitization.recognition.worker import Worker
from central.objects import ObjectStore
from scanner_line.sim.fonts import font_of
from tests.central.journals import Centre, Journal
from wire.records import record

T0 = 1_790_000_000_000
# the reader, in a process that ends at once if anything in it reaches for a network
OFFLINE = """
import os, runpy, sys
def watch(event, _args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.bind"):
        os.write(2, event.encode() + b"\\n")
        os._exit(99)
sys.addaudithook(watch)
runpy.run_module("central.digitization.recognition.reader", run_name="__main__")
"""
READER = [sys.executable, "-c", OFFLINE]


def picture(*lines: tuple[str, int], foot: str = "", size: tuple[int, int] = (760, 640), form: str = "JPEG") -> bytes:
    """A page with (text, height) lines and a number at its foot."""
    image = Image.new("RGB", size, (250, 248, 240))
    draw, y = ImageDraw.Draw(image), 30
    for text, height in lines:
        draw.text((50, y), text, fill=(20, 20, 20), font=font_of(height))
        y += height + 24
    if foot:
        draw.text((size[0] // 2 - 20, size[1] - 60), foot, fill=(20, 20, 20), font=font_of(30))
    out = io.BytesIO()
    image.save(out, form, quality=90)
    return out.getvalue()


class ReadingSite:
    """The centre, and batches of a bench whose images it holds."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.centre = Centre(folder / "central")
        recognition = RecognitionConfig(**({"enabled": True, "quiet_s": 0, "patience_s": 0, "load_pct": 10_000} | settings))
        self.config = replace(self.centre.config, recognition=recognition)
        self.bench = self.centre.enrol(Journal("bench-1"), room="scan-hall")
        self.store = ObjectStore(self.config.objects, self.centre.engine, upload_bytes=2**26, blocking=lambda work: work())
        self.stop = threading.Event()
        self._sent = 0

    def add(self, batch: str, images: list[bytes], *, volume: str = "A-17", closed: bool = True, at: int = 0) -> list[str]:
        """A batch of pages with these images, in order; their ids."""
        facts = {"batch": batch, "counts": {}, "station": "bench-1/bench-1", "volume": volume, "declared": len(images)}
        self.bench.add("capture", record("batch", T0 + at, 1000, state="open", **facts))
        ids: list[str] = []
        for n, data in enumerate(images, 1):
            page = {"page": f"{batch}-{n}", "press": f"{batch}-press-{n}", "batch": batch, "width": 760, "height": 640, "checks": []}
            page |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "verdict": "good", "station": "bench-1/bench-1"}
            page |= {"after": ids[-1]} if ids else {}
            self.bench.add("capture", record("page", T0 + at + n, 1000 + n, **page))
            ids.append(f"{batch}-{n}")
        if closed:
            self.bench.add("capture", record("batch", T0 + at + 900, 2000, state="closed", **facts))
        self.send()
        for data in images:
            self.store.put(data)
        return ids

    def send(self) -> None:
        """Ingest takes what the bench recorded."""
        (ack,) = self.centre.send(self.bench.batch("capture", self._sent + 1))
        self._sent = ack["seq"]

    def worker(self, reader: Reader) -> Worker:
        """A worker on this site."""
        return Worker(self.config, self.centre.engine, self.stop, reader=reader, load=lambda: 0.0)

    def close(self) -> None:
        self.centre.close()
