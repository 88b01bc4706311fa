"""The wires of a bench under test: two network cameras that misbehave when told, and a serial foot pedal on a pty."""

import io
import os
import pty
import select
import threading
import time
import tty
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random

import cv2
from PIL import Image

from scanner_line.sim.pages import Volume, render_page

SIZE = (420, 560)
BASES = 24  # different pages; each picture of one is told apart by a number drawn on it
TROUBLES = ("slow", "stale", "cut", "gone", "unplugged", "broken", "refused")
SLOW_S = 2.5  # longer than the bench waits for a camera


class Cameras:
    """Two snapshot cameras behind one HTTP server. `trouble[side]` says what happens at a side's requests until it is cleared."""

    def __init__(self, seed: int = 1) -> None:
        self.trouble: dict[str, str] = {}
        self.given: dict[str, int] = {"left": 0, "right": 0}
        self._last: dict[str, bytes] = {}
        self._lock = threading.Lock()
        volume = Volume(seed)
        self._bases = [cv2.resize(render_page(volume, number, height_px=SIZE[1]), SIZE) for number in range(BASES)]
        wires = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                wires.answer(self, self.path.strip("/").removesuffix(".jpg"))

            def log_message(self, *_: object) -> None:
                """Silence: the bench says what it saw."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="cameras")
        self._thread.start()

    def url(self, side: str) -> str:
        """The snapshot's address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{side}.jpg"

    def answer(self, handler: BaseHTTPRequestHandler, side: str) -> None:
        """One request for a picture."""
        trouble = self.trouble.get(side)
        if trouble == "slow":
            time.sleep(SLOW_S)
        if trouble in ("gone", "unplugged"):
            handler.close_connection = True
            return
        if trouble == "refused":
            handler.send_error(503)
            return
        data = self._picture(side, stale=trouble == "stale")
        body = data[: len(data) // 2] if trouble in ("cut", "broken") else data
        handler.send_response(200)
        handler.send_header("Content-Type", "image/jpeg")
        handler.send_header("Content-Length", str(len(data) if trouble == "cut" else len(body)))
        handler.end_headers()
        try:
            handler.wfile.write(body)
        except OSError:
            handler.close_connection = True
        if trouble == "cut":
            handler.close_connection = True

    def _picture(self, side: str, *, stale: bool) -> bytes:
        with self._lock:
            if stale and side in self._last:
                return self._last[side]
            self.given[side] += 1
            number = self.given[side]
        image = self._bases[(number * 2 + (side == "right")) % BASES].copy()
        cv2.putText(image, f"{side} {number}", (20, SIZE[1] - 20), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (40, 40, 40), 2)
        out = io.BytesIO()
        Image.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)).save(out, "JPEG", quality=70, comment=f"{side} {number}".encode())
        self._last[side] = out.getvalue()
        return out.getvalue()

    def close(self) -> None:
        """Switch the cameras off."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


SWITCHES = {"capture": b"A", "retake": b"B", "mark": b"C", "undo": b"D"}


class Pedal:
    """The far end of a serial pedal of four switches: a capital letter says that one went down, a small one that it came up."""

    def __init__(self, link: Path, random: Random) -> None:
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(slave))
        os.close(slave)
        self._random = random

    @property
    def heard(self) -> bool:
        """Whether somebody has the port open: presses are lost on a wire that nobody listens to."""
        poll = select.poll()
        poll.register(self._master, select.POLLHUP)
        return not poll.poll(0)

    def press(self, switch: str, *, bounce: bool = False, down_s: float = 0.08) -> None:
        """Down and up; with `bounce` the contacts chatter for some milliseconds at both edges."""
        word = SWITCHES[switch]
        self._edge(word, word.lower(), bounce)
        time.sleep(down_s)
        self._edge(word.lower(), word, bounce)

    def _edge(self, to: bytes, back: bytes, bounce: bool) -> None:
        os.write(self._master, to)
        for _ in range(self._random.randint(1, 3) if bounce else 0):
            time.sleep(self._random.uniform(0.0005, 0.004))
            os.write(self._master, back)
            time.sleep(self._random.uniform(0.0005, 0.004))
            os.write(self._master, to)

    def close(self) -> None:
        """Pull the cable."""
        os.close(self._master)
