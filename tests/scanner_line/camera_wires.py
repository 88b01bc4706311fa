"""What network and USB cameras are on the wire, for tests: an RTSP server, an HTTP server with snapshots, a device that films itself."""

import asyncio
import base64
import hashlib
import io
import ssl
import subprocess
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
from aiohttp import web
from PIL import Image, TiffImagePlugin

COLOURS = {"red": "ff0000", "green": "00ff00", "blue": "0000ff"}
USER, PASSWORD, REALM, NONCE = "bench", "only for this test", "camera", "0123456789abcdef"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def colour_of(jpeg: bytes) -> str:
    """The colour that a picture shows."""
    with Image.open(io.BytesIO(jpeg)) as image:
        shown = image.convert("RGB").resize((1, 1)).getpixel((0, 0))
    assert isinstance(shown, tuple)
    return list(COLOURS)[max(range(3), key=lambda channel: shown[channel])]


class TransportWire:
    """A camera that streams MPEG-TS over HTTP."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "sensors.sim.camera", "--name", "overhead"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=10)


class RtspWire:
    """A camera that streams one colour; `show` returns once its source shows another."""

    def __init__(self, port: int = 0, colour: str = "green") -> None:
        # the system's Python: GStreamer's bindings are not to be had from PyPI
        command = ["/usr/bin/python3", str(Path(__file__).parent / "rtsp_wire.py"), str(port), COLOURS[colour]]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        self.port = int(self.url.split(":")[2].split("/")[0])

    def show(self, colour: str) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(COLOURS[colour] + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "ok\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=10)


def picture(number: int, size: tuple[int, int] = (640, 480)) -> bytes:
    """A JPEG, another for each number."""
    file = io.BytesIO()
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0x829A: TiffImagePlugin.IFDRational(1, 50), 0x829D: TiffImagePlugin.IFDRational(8), 0x8827: 100})
    Image.new("RGB", size, (number % 256, 120, 90)).save(file, "JPEG", comment=str(number).encode(), exif=exif)
    return file.getvalue()


class SnapshotWire:
    """A camera's web server on loopback. `mode` says how it behaves; each fresh picture is another."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.mode = "fresh"
        self.taken = 0
        self.asked = 0
        self.reached: list[str] = []
        self.serial = "SN-0001"

    async def __aenter__(self) -> "SnapshotWire":
        app = web.Application()
        app.router.add_get("/snap.jpg", self._snap)
        app.router.add_get("/info", self._info)
        app.router.add_get("/motion", self._motion)
        app.router.add_get("/{rest:.*}", self._other)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls).start()
        self.host = f"127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._runner.cleanup()

    def url(self, path: str = "snap.jpg") -> str:
        return f"{'https' if self._tls else 'http'}://{self.host}/{path}"

    async def _info(self, request: web.Request) -> web.StreamResponse:
        return self._refused(request) or web.Response(text=f"<deviceInfo><serialNumber>{self.serial}</serialNumber></deviceInfo>")

    async def _motion(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "multipart/x-mixed-replace; boundary=page"})
        await answer.prepare(request)
        while request.transport is not None and not request.transport.is_closing():
            self.taken += 1
            body = picture(self.taken)
            await answer.write(b"--page\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(body), body))
            await asyncio.sleep(0.04)
        return answer

    async def _other(self, request: web.Request) -> web.StreamResponse:
        self.reached.append(request.path)
        return web.Response(status=404)

    def _refused(self, request: web.Request) -> web.Response | None:
        given = request.headers.get("Authorization", "")
        if self.mode == "basic" and given != BASIC:
            return web.Response(status=401, headers={"WWW-Authenticate": f'Basic realm="{REALM}"'})
        if self.mode == "digest" and not digest_is_right(given):
            return web.Response(
                status=401, headers={"WWW-Authenticate": f'Digest realm="{REALM}", qop="auth", algorithm=MD5, nonce="{NONCE}"'}
            )
        return None

    async def _snap(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        refused = self._refused(request)
        if refused is not None:
            return refused
        headers: dict[str, str] = {}
        if self.mode == "redirect":
            return web.Response(status=302, headers={"Location": self.url("elsewhere")})
        if self.mode == "endless":
            answer = web.StreamResponse(headers={"Content-Type": "image/jpeg"})
            await answer.prepare(request)
            for _ in range(80):
                await answer.write(bytes(2**20))
            return answer
        if self.mode == "aged":
            headers["Age"] = "7"
        if self.mode == "modified":
            headers |= {"Date": "Tue, 24 Nov 2026 10:00:09 GMT", "Last-Modified": "Tue, 24 Nov 2026 10:00:00 GMT"}
        if self.mode != "cached":
            self.taken += 1
        if self.mode == "cached-once":
            self.mode, self.taken = "fresh", self.taken - 1
        body = picture(self.taken)
        if self.mode == "etag":
            headers["ETag"] = '"always"'
        if self.mode == "torn":
            body = body[:-600]
        if self.mode == "text":
            body = b"<html>the camera is busy</html>"
        if self.mode == "bomb":  # a header that promises 65,000 x 65,000 pixels
            place = body.index(b"\xff\xc0") + 5
            body = body[:place] + b"\xfd\xe8\xfd\xe8" + body[place + 4 :]
        return web.Response(body=body, content_type="image/jpeg", headers=headers)


def digest_is_right(given: str) -> bool:
    """Whether an Authorization header answers the challenge, after RFC 7616 with MD5 and qop auth, as many cameras still ask."""
    words = dict(part.strip().split("=", 1) for part in given.removeprefix("Digest ").split(",") if "=" in part)
    said = {name: value.strip('"') for name, value in words.items()}

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    first, second = md5(f"{USER}:{REALM}:{PASSWORD}"), md5(f"GET:{said.get('uri')}")
    return said.get("response") == md5(f"{first}:{NONCE}:{said.get('nc')}:{said.get('cnonce')}:{said.get('qop')}:{second}")


class FilmedFifo:
    """A USB camera's device, as far as PyAV sees one: motion JPEG with the times of its frames, out of a FIFO, until it is closed."""

    def __init__(self, path: Path) -> None:
        self.colour = (0, 255, 0)
        self._path = path
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._film, name="usb camera")
        self._thread.start()

    def _film(self) -> None:
        with self._path.open("wb", buffering=0) as pipe:
            try:
                output = av.open(pipe, "w", format="nut", options={"flush_packets": "1"})
                stream = output.add_stream("mjpeg", rate=25)
                stream.width, stream.height, stream.pix_fmt = 640, 480, "yuvj420p"
                stream.codec_context.time_base = Fraction(1, 1000)
                started, number = time.monotonic(), 0
                while not self._stop.wait(max(0.0, started + number / 25 - time.monotonic())):
                    number += 1
                    image = Image.new("RGB", (640, 480), self.colour)
                    image.paste((number % 256, number // 256, 0), (0, 0, 64, 64))
                    frame = av.VideoFrame.from_image(image)
                    frame.pts, frame.time_base = int((time.monotonic() - started) * 1000), Fraction(1, 1000)
                    output.mux(stream.encode(frame))
            except (BrokenPipeError, av.FFmpegError):
                return  # nobody looks any more

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10)
