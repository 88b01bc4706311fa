"""A simulated custody camera: H.264 in MPEG-TS behind a loopback HTTP server, showing a door, who comes in, and the time.

Runs as a process of its own (``python -m sensors.sim.camera --name door-cam``): prints its address as one line, takes one word a
line on standard input (``open``, ``closed``, ``freeze``, ``dark``, ``normal``, ``stop``) and ends when that input does.
"""

import argparse
import datetime as dt
import io
import queue
import sys
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
from av.container.output import OutputContainer
from av.video.stream import VideoStream
from PIL import Image, ImageDraw

WIDTH, HEIGHT, RATE = 640, 360, 10
KEY_EVERY = RATE  # one key frame a second, as custody cameras are commonly set
CLIENTS_MAX = 8
QUEUE_CHUNKS = 256
FREEZE_LIMIT_S = 3600.0


class Scene:
    """What the camera sees: a door that swings, and somebody walking in after it opened."""

    def __init__(self, name: str) -> None:
        """name: written into the picture."""
        self._name = name
        self._swing = 0.0  # 0 closed .. 1 open
        self._walk = 1.0  # 0 at the door .. 1 gone
        self.open = False
        self.dark = False

    def frame(self, now: dt.datetime) -> Image.Image:
        """The next picture, RGB, WIDTH x HEIGHT; the door and the person have moved on by one frame."""
        if self.open and self._swing == 0.0:
            self._walk = 0.0
        self._swing = min(1.0, self._swing + 0.2) if self.open else max(0.0, self._swing - 0.2)
        self._walk = min(1.0, self._walk + 0.5 / RATE)
        image = Image.new("RGB", (WIDTH, HEIGHT), (12, 12, 14) if self.dark else (206, 202, 192))
        if self.dark:
            return image
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, 268, WIDTH, HEIGHT), fill=(142, 134, 120))
        for x in range(20, 220, 40):  # shelves with boxes
            draw.rectangle((x, 70, x + 34, 250), fill=(120, 112, 98))
            for y in range(76, 246, 28):
                draw.rectangle((x + 3, y, x + 31, y + 22), fill=(176, 160, 126))
        draw.rectangle((420, 60, 540, 270), fill=(40, 44, 52))
        edge = 540 - int(96 * self._swing)
        draw.polygon(((420, 60), (edge, 60 + int(14 * self._swing)), (edge, 270 - int(8 * self._swing)), (420, 270)), fill=(126, 92, 62))
        draw.ellipse((edge - 20, 164, edge - 10, 174), fill=(220, 200, 120))
        if self._walk < 1.0:
            x = 500 - int(380 * self._walk)
            draw.ellipse((x - 14, 108, x + 14, 140), fill=(84, 64, 54))
            draw.rounded_rectangle((x - 22, 140, x + 22, 262), radius=14, fill=(52, 76, 108))
        draw.rectangle((0, 0, WIDTH, 22), fill=(0, 0, 0))
        draw.text((8, 5), f"{self._name}   {now:%Y-%m-%d %H:%M:%S}.{now.microsecond // 100000} UTC", fill=(255, 255, 255))
        return image


class Broadcast(io.RawIOBase):
    """A file that hands what is written to it to every connected client; a client that falls behind is dropped."""

    def __init__(self) -> None:
        """Start with no client."""
        super().__init__()
        self._lock = threading.Lock()
        self._clients: list[queue.Queue[bytes]] = []

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: object) -> int:
        """Hand on these bytes; returns their number."""
        chunk = bytes(data)  # type: ignore[call-overload]
        with self._lock:
            for client in list(self._clients):
                try:
                    client.put_nowait(chunk)
                except queue.Full:
                    self._clients.remove(client)
                    client.get_nowait()
                    client.put_nowait(b"")
        return len(chunk)

    def chunks(self) -> Iterator[bytes]:
        """What is written from now on, until the client falls behind."""
        mine: queue.Queue[bytes] = queue.Queue(QUEUE_CHUNKS)
        with self._lock:
            if len(self._clients) >= CLIENTS_MAX:
                return
            self._clients.append(mine)
        try:
            while chunk := mine.get(timeout=FREEZE_LIMIT_S):
                yield chunk
        finally:
            with self._lock:
                if mine in self._clients:
                    self._clients.remove(mine)


def serve(broadcast: Broadcast, port: int) -> ThreadingHTTPServer:
    """An HTTP server on loopback that streams the broadcast at /stream.ts; port 0 takes a free one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/stream.ts":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "video/mp2t")
            self.end_headers()
            try:
                for chunk in broadcast.chunks():
                    self.wfile.write(chunk)
            except (ConnectionError, TimeoutError):
                pass  # the viewer left

        def log_message(self, format: str, *args: object) -> None:
            """A stream that comes and goes is nothing to log."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="camera-http", daemon=True).start()
    return server


def open_encoder(broadcast: Broadcast) -> tuple[OutputContainer, VideoStream]:
    """The TS muxer over the broadcast and its H.264 stream; clients may join at any key frame."""
    options = {"mpegts_flags": "+resend_headers+pat_pmt_at_frames", "flush_packets": "1"}
    output = av.open(broadcast, "w", format="mpegts", options=options)
    stream = output.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "tune": "zerolatency", "crf": "28"})
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    stream.codec_context.gop_size = KEY_EVERY
    stream.codec_context.time_base = Fraction(1, 90000)
    return output, stream


def film(scene: Scene, broadcast: Broadcast, *, frozen: threading.Event, stop: threading.Event) -> None:
    """Encode the scene in real time until stop is set; while frozen, nothing is sent."""
    output, stream = open_encoder(broadcast)
    started = time.monotonic()
    number = 0
    while not stop.wait(max(0.0, started + number / RATE - time.monotonic())):
        number += 1
        if frozen.is_set():
            continue
        picture = av.VideoFrame.from_image(scene.frame(dt.datetime.now(dt.UTC)))
        picture.pts, picture.time_base = int((time.monotonic() - started) * 90000), Fraction(1, 90000)
        output.mux(stream.encode(picture))
    output.close()


def main(argv: list[str] | None = None) -> int:
    """Command line; see the module's text."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", default="camera")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--url-file", type=Path, help="write the address there too (whole or not at all)")
    args = parser.parse_args(argv)
    scene, broadcast = Scene(args.name), Broadcast()
    frozen, stop = threading.Event(), threading.Event()
    server = serve(broadcast, args.port)
    url = f"http://127.0.0.1:{server.server_address[1]}/stream.ts"
    if args.url_file is not None:
        partial = args.url_file.with_suffix(".part")
        partial.write_text(url)
        partial.replace(args.url_file)
    print(url, flush=True)
    filming = threading.Thread(target=film, args=(scene, broadcast), kwargs={"frozen": frozen, "stop": stop}, name="film")
    filming.start()
    for line in sys.stdin:
        word = line.strip()
        if word == "stop":
            break
        if word in ("open", "closed"):
            scene.open = word == "open"
        elif word == "freeze":
            frozen.set()
        elif word in ("dark", "normal"):
            scene.dark = word == "dark"
            frozen.clear()
    stop.set()
    filming.join(5)
    server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
