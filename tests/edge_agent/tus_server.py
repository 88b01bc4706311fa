"""A tus 1.0 server on loopback that stores what it verified, and fails on demand."""

import base64
import hashlib
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class TusServer:
    """Objects by digest; `fail(method, status, times)` makes the next requests of a method fail; `cut` breaks off within a body."""

    def __init__(self, *, tls: tuple[Path, Path] | None = None) -> None:
        self.partial: dict[str, bytearray] = {}
        self.length: dict[str, int] = {}
        self.stored: dict[str, bytes] = {}
        self.order: list[str] = []
        self.requests: list[tuple[str, str]] = []
        self.failures: list[tuple[str, int, dict[str, str]]] = []
        self.refuse: set[str] = set()
        self.cut_after = 0
        self.at_once = self.most_at_once = 0
        self.token = "secret"
        self.changed = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_args: Any) -> None:
                """Say nothing."""

            def answer(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def handle_one(self) -> None:
                sha256 = self.path.rpartition("/")[2]
                size = int(self.headers.get("Content-Length", "0"))
                with outer.changed:
                    outer.requests.append((self.command, sha256))
                    if outer.cut_after and self.command == "PATCH":
                        part = self.rfile.read(min(size, outer.cut_after))
                        outer.cut_after = 0
                        outer.partial[sha256] += part
                        self.close_connection = True
                        self.connection.close()
                        return
                body = self.rfile.read(size)
                with outer.changed:
                    outer.changed.notify_all()
                    if self.headers.get("Authorization") != f"Bearer {outer.token}":
                        self.answer(401)
                        return
                    if outer.failures and outer.failures[0][0] == self.command:
                        _, status, headers = outer.failures.pop(0)
                        self.answer(status, headers, b"as you wish")
                        return
                    if sha256 in outer.refuse:
                        self.answer(400, {}, b"never")
                        return
                    outer.serve(self, sha256, body)

            do_POST = do_PATCH = do_HEAD = handle_one

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_args: Any) -> None:
                """A client that does not trust the certificate hangs up: nothing to say."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def serve(self, request: Any, sha256: str, body: bytes) -> None:
        """One request of the protocol."""
        assert request.headers["Tus-Resumable"] == "1.0.0"
        if request.command == "POST":
            length = int(request.headers["Upload-Length"])
            if sha256 in self.stored:
                request.answer(201, {"Upload-Offset": str(length), "Upload-Length": str(length)})
                return
            self.length[sha256] = length
            self.partial.setdefault(sha256, bytearray())
            request.answer(201, {"Upload-Offset": str(len(self.partial[sha256])), "Location": request.path})
        elif sha256 not in self.partial:
            request.answer(404)
        elif request.command == "HEAD":
            request.answer(200, {"Upload-Offset": str(len(self.partial[sha256])), "Upload-Length": str(self.length[sha256])})
        else:
            self.patch(request, sha256, body)

    def patch(self, request: Any, sha256: str, body: bytes) -> None:
        """A chunk: offset, checksum, and at the end the digest of the whole."""
        kind, _, digest = request.headers["Upload-Checksum"].partition(" ")
        assert kind == "sha256"
        assert request.headers["Content-Type"] == "application/offset+octet-stream"
        if int(request.headers["Upload-Offset"]) != len(self.partial[sha256]):
            request.answer(409)
            return
        if base64.b64decode(digest) != hashlib.sha256(body).digest():
            request.answer(460)
            return
        self.partial[sha256] += body
        if len(self.partial[sha256]) == self.length[sha256]:
            data = bytes(self.partial.pop(sha256))
            if hashlib.sha256(data).hexdigest() != sha256:
                request.answer(460)
                return
            self.stored[sha256] = data
            self.order.append(sha256)
        request.answer(204, {"Upload-Offset": str(len(self.partial.get(sha256, b"")) or self.length[sha256])})

    def fail(self, method: str, status: int, times: int = 1, **headers: str) -> None:
        """Let the next requests of a method fail."""
        with self.changed:
            self.failures += [(method, status, {name.replace("_", "-"): value for name, value in headers.items()})] * times

    def wait(self, condition: Any, timeout_s: float = 20.0) -> None:
        """Until the condition holds; looked at after each request."""
        with self.changed:
            assert self.changed.wait_for(condition, timeout_s), self.requests[-20:]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()
