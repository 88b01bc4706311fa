"""A network scanner with a feeder, simulated: it speaks eSCL (AirScan) over HTTP, so that the real sane-airscan driver scans from it.

What a test or a demonstration loads into it are whole image files, one a side of a sheet, in the order they would be fed. It can jam after
a sheet, have its cover open, be busy, or answer late. eSCL Technical Specification 2.97 (Mopria Alliance) names the paths and elements.
"""

import argparse
import itertools
import re
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from scanner_line.checks.images import header_of

ROOT = "/eSCL"
MEDIA = {b"\xff\xd8\xff": "image/jpeg", b"\x89PN": "image/png"}
WIDTH_MAX, HEIGHT_MAX = 2551, 5000  # A4 wide, and longer than A4: 216 x 423 mm
BODY_MAX = 16_384
MEGAPIXELS_MAX = 100.0
NAMESPACES = (
    'xmlns:scan="http://schemas.hp.com/imaging/escl/2011/05/03" xmlns:pwg="http://www.pwg.org/schemas/2010/12/sm"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
)


class SimScanner:
    """The scanner and its HTTP server on a loopback port of its own. A context manager; sheets are loaded at any time.

    `jam_after`, `cover_open`, `busy` and `delay_s` are its faults, set and cleared at any time.
    """

    def __init__(self, *, name: str = "SimADF", port: int = 0, media: str = "image/jpeg") -> None:
        """Listen on 127.0.0.1, on a free port if `port` is 0; it answers from the first moment on. `media` is the one kind of image file
        that it gives: image/jpeg or image/png."""
        self.name = name
        self._media = media
        self.jam_after: int | None = None  # so many further images, then the feeder jams until this is None again
        self.cover_open = False
        self.busy = False
        self.delay_s = 0.0  # before each image
        self.fed = 0
        self._tray: deque[bytes] = deque()
        self._platen: bytes | None = None
        self._jobs: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name=f"{name}: eSCL", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where a driver finds it, as airscan.conf wants it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}{ROOT}"

    @property
    def waiting(self) -> int:
        """Images in the feeder."""
        return len(self._tray)

    def load(self, images: Iterable[bytes]) -> None:
        """Lay image files (front, back, front, back for a duplex scan) behind those in the feeder; ValueError for another kind of file."""
        images = list(images)
        for image in images:
            self._check(image)
        self._tray.extend(images)

    def lay(self, image: bytes | None) -> None:
        """Lay one image on the glass, or take it off."""
        if image is not None:
            self._check(image)
        self._platen = image

    def clear(self) -> list[bytes]:
        """Take everything out of the feeder: what was there."""
        with self._lock:
            taken = list(self._tray)
            self._tray.clear()
            return taken

    def write_config(self, folder: Path) -> None:
        """Write a folder for SANE_CONFIG_DIR by which SANE knows this scanner alone."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "dll.conf").write_text("airscan\n")
        (folder / "airscan.conf").write_text(
            f'[devices]\n"{self.name}" = {self.url}, eSCL\n[options]\ndiscovery = disable\nws-discovery = off\n'
        )

    @property
    def device(self) -> str:
        """How SANE names it, with the folder of `write_config`."""
        return f"airscan:e0:{self.name}"

    def close(self) -> None:
        """Stop answering; may be called twice."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def __enter__(self) -> "SimScanner":
        return self

    def __exit__(self, *gone: object) -> None:
        self.close()

    def _check(self, image: bytes) -> None:
        if MEDIA.get(image[:3]) != self._media:
            raise ValueError(f"this scanner gives {self._media} alone")

    # what the wire asks

    def start_job(self, settings: str) -> str | None:
        """A job as its settings ask; its path, or None while the scanner takes none."""
        source = "Platen" if "<pwg:InputSource>Platen<" in settings else "Feeder"
        if self.busy or self.cover_open or (source == "Feeder" and not self._tray):
            return None
        with self._lock:
            job = f"{ROOT}/ScanJobs/{next(self._numbers)}-{uuid.uuid4()}"
            self._jobs = {job: source}
            return job

    def next_document(self, job: str) -> tuple[int, bytes]:
        """The next image of a job with 200; 404 at its end, 503 where the feeder jammed or its cover is open."""
        time.sleep(self.delay_s)
        with self._lock:
            source = self._jobs.get(job)
            if source is None:
                return HTTPStatus.NOT_FOUND, b""
            if self.cover_open or (source == "Feeder" and self.jam_after == 0):
                self._jobs.clear()
                return HTTPStatus.SERVICE_UNAVAILABLE, b""
            if source == "Platen":
                image, self._jobs = self._platen, {}
            else:
                image = self._tray.popleft() if self._tray else None
            if image is None:
                self._jobs.clear()
                return HTTPStatus.NOT_FOUND, b""
            self.fed += 1
            if source == "Feeder" and self.jam_after is not None:
                self.jam_after -= 1
            return HTTPStatus.OK, image

    def end_job(self, job: str) -> bool:
        """Cancel a job; False if there is none of this path."""
        return self._jobs.pop(job, None) is not None

    def status(self) -> str:
        """ScannerStatus."""
        if self.cover_open:
            adf = "ScannerAdfHatchOpen"
        elif self.jam_after == 0:
            adf = "ScannerAdfJam"
        else:
            adf = "ScannerAdfLoaded" if self._tray else "ScannerAdfEmpty"
        state = "Processing" if self.busy else "Idle"
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><scan:ScannerStatus {NAMESPACES}><pwg:Version>2.63</pwg:Version>'
            f"<pwg:State>{state}</pwg:State><scan:AdfState>{adf}</scan:AdfState></scan:ScannerStatus>"
        )

    def capabilities(self) -> str:
        """ScannerCapabilities: a glass and a duplex feeder, grey and colour, 75 to 600 dpi."""
        profile = (
            "<scan:SettingProfiles><scan:SettingProfile><scan:ColorModes><scan:ColorMode>Grayscale8</scan:ColorMode>"
            "<scan:ColorMode>RGB24</scan:ColorMode></scan:ColorModes>"
            f"<scan:DocumentFormats><pwg:DocumentFormat>{self._media}</pwg:DocumentFormat>"
            f"<scan:DocumentFormatExt>{self._media}</scan:DocumentFormatExt></scan:DocumentFormats>"
            "<scan:SupportedResolutions><scan:DiscreteResolutions>"
            + "".join(
                f"<scan:DiscreteResolution><scan:XResolution>{dpi}</scan:XResolution><scan:YResolution>{dpi}</scan:YResolution>"
                "</scan:DiscreteResolution>"
                for dpi in (75, 100, 150, 200, 300, 600)
            )
            + "</scan:DiscreteResolutions></scan:SupportedResolutions></scan:SettingProfile></scan:SettingProfiles>"
        )
        source = (
            f"<scan:MinWidth>16</scan:MinWidth><scan:MaxWidth>{WIDTH_MAX}</scan:MaxWidth><scan:MinHeight>16</scan:MinHeight>"
            f"<scan:MaxHeight>{HEIGHT_MAX}</scan:MaxHeight><scan:MaxScanRegions>1</scan:MaxScanRegions>{profile}"
        )
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><scan:ScannerCapabilities {NAMESPACES}><pwg:Version>2.63</pwg:Version>'
            f"<pwg:MakeAndModel>{self.name}</pwg:MakeAndModel><pwg:SerialNumber>SIM-1</pwg:SerialNumber>"
            f"<scan:Platen><scan:PlatenInputCaps>{source}</scan:PlatenInputCaps></scan:Platen>"
            f"<scan:Adf><scan:AdfSimplexInputCaps>{source}</scan:AdfSimplexInputCaps><scan:AdfDuplexInputCaps>{source}"
            "</scan:AdfDuplexInputCaps><scan:FeederCapacity>500</scan:FeederCapacity><scan:AdfOptions>"
            "<scan:AdfOption>DetectPaperLoaded</scan:AdfOption></scan:AdfOptions></scan:Adf></scan:ScannerCapabilities>"
        )


def _handler(scanner: SimScanner) -> type[BaseHTTPRequestHandler]:
    """A request handler bound to its scanner, as http.server wants one."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:
            if self.path == f"{ROOT}/ScannerCapabilities":
                self._answer(HTTPStatus.OK, scanner.capabilities().encode(), "text/xml")
            elif self.path == f"{ROOT}/ScannerStatus":
                self._answer(HTTPStatus.OK, scanner.status().encode(), "text/xml")
            elif self.path.endswith("/NextDocument"):
                status, image = scanner.next_document(self.path.removesuffix("/NextDocument"))
                self._answer(status, image, MEDIA.get(image[:3], "application/octet-stream"))
            else:
                self._answer(HTTPStatus.NOT_FOUND)

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if self.path != f"{ROOT}/ScanJobs" or not re.fullmatch(r"\d{1,5}", length) or int(length) > BODY_MAX:
                self._answer(HTTPStatus.BAD_REQUEST)
                return
            job = scanner.start_job(self.rfile.read(int(length)).decode(errors="replace"))
            if job is None:
                self._answer(HTTPStatus.SERVICE_UNAVAILABLE)
            else:
                self._answer(HTTPStatus.CREATED, location=job)

        def do_DELETE(self) -> None:
            self._answer(HTTPStatus.OK if scanner.end_job(self.path) else HTTPStatus.NOT_FOUND)

        def _answer(self, status: int, body: bytes = b"", media: str = "text/plain", *, location: str | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(body)))
            if location is not None:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            """Nobody reads it."""

    return Handler


def main() -> None:
    """Run a simulated scanner over a folder of pages until Ctrl-C: a demonstration of a network scanner with nothing plugged in."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("pages", type=Path, help="a folder of JPEG or PNG pages, fed in name order, and again when they are through")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--config", type=Path, required=True, help="where to write a folder for SANE_CONFIG_DIR")
    given = parser.parse_args()
    images = [path.read_bytes() for path in sorted(given.pages.iterdir()) if path.suffix.lower() in (".jpg", ".jpeg", ".png")]
    for image in images:
        header_of(image, max_megapixels=MEGAPIXELS_MAX)
    with SimScanner(port=given.port) as scanner:
        scanner.write_config(given.config)
        print(f"SANE_CONFIG_DIR={given.config} scanimage -d '{scanner.device}'", flush=True)
        try:
            while True:
                if not scanner.waiting:
                    scanner.load(images)
                time.sleep(2)
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
