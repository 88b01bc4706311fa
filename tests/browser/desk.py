"""What lies under a bench's two network cameras: a person lays printed cards or pages of a book there; each picture is a new one."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from itertools import count
from pathlib import Path
from types import TracebackType

import pypdfium2
from PIL import Image

from scanner_line.sim.pages import Volume, render_page
from scanner_line.sim.photograph import FILL, Shot, photograph, with_comment

SIZE = (840, 1120)
SIDES = ("left", "right")
TABLE = (70, 66, 60)
VOLUME = Volume(seed=7)


def page(number: int, defect: str | None = None) -> bytes:
    """The photograph of a page of the book, spoilt where a defect is named."""
    return photograph(render_page(VOLUME, number, height_px=round(SIZE[1] * FILL)), Shot(*SIZE, defect, number))


def printed(pdf: Path) -> list[bytes]:
    """Each sheet of a printed PDF as it looks on a dark table."""
    sheets = []
    document = pypdfium2.PdfDocument(pdf)
    try:
        for number in range(len(document)):
            sheet = document[number]
            picture = sheet.render(scale=0.86 * SIZE[1] / sheet.get_height()).to_pil().convert("RGB")
            sheet.close()
            table = Image.new("RGB", SIZE, TABLE)
            table.paste(picture, ((SIZE[0] - picture.width) // 2, (SIZE[1] - picture.height) // 2))
            file = BytesIO()
            table.save(file, "JPEG", quality=88)
            sheets.append(file.getvalue())
    finally:
        document.close()
    return sheets


class Desk:
    """Two snapshot cameras behind one HTTP server; a context manager."""

    def __init__(self) -> None:
        table = BytesIO()
        Image.new("RGB", SIZE, TABLE).save(table, "JPEG")
        self._lying = dict.fromkeys(SIDES, table.getvalue())
        self._numbers = count(1)
        desk = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = desk.picture(self.path.strip("/").removesuffix(".jpg"))
                self.send_response(200)
                self.send_header("Content-Type", "image/jpeg")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:  # the bench was killed meanwhile
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Silence: the bench says what it saw."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="cameras")

    def __enter__(self) -> "Desk":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def url(self, side: str) -> str:
        """The snapshot's address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{side}.jpg"

    def lay(self, left: bytes, right: bytes) -> None:
        """Put these under the cameras."""
        self._lying = {"left": left, "right": right}

    def picture(self, side: str) -> bytes:
        """A fresh picture of what lies there."""
        return with_comment(self._lying[side], f"{side} {next(self._numbers)}")
