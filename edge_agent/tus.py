"""One upload to the centre: tus 1.0 (core, creation, checksum) on the standard library's HTTP client; resumes where the centre is."""

import base64
import hashlib
import http.client
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

from edge_agent.errors import FileGoneError, UploadError
from edge_agent.file_queue import FileRef
from edge_agent.keys import CENTRAL_TOKEN, read_secret

CHUNK_BYTES = 1024 * 1024
TIMEOUT_S = 30.0
ANSWER_MAX = 64 * 1024
CHECKSUM_MISMATCH = 460  # tus 1.0, checksum extension
# "Not now, but later": the record has not arrived there (404, 409), somebody else writes it (423), wait (408, 425, 429), bytes damaged on
# the way (460)
NOT_NOW = frozenset({404, 408, 409, 423, 425, 429, CHECKSUM_MISMATCH})
UNKNOWN_AGENT = frozenset({401, 403})  # a token that is being changed
FULL = 507
CONFLICTS_MAX = 5


class Ending(Enum):
    """How an attempt ended."""

    SENT = "sent"
    NOT_NOW = "not now"  # this file
    AWAY = "away"  # the centre cannot be reached, fails, or does not know this agent: no file will fare better
    FULL = "full"  # the centre keeps what disk it has left: wait long
    REFUSED = "refused"
    LOST = "lost"  # the file on this disk is gone, or is not what it was
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Attempt:
    """How an attempt ended and why; `again_s`: how long the centre asks to wait (0: it does not say)."""

    ending: Ending
    why: str = ""
    again_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the centre said: status, offset (-1: none), Retry-After in seconds (0: none), the first words of its body."""

    status: int
    offset: int
    again_s: float
    words: str


class TusClient:
    """One connection to the centre. Used by one thread; `send` may be called for one file after another."""

    def __init__(self, url: str, *, token_file: Path, tls_ca: Path | None = None, timeout_s: float = TIMEOUT_S) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UploadError(f"not an http or https address: {url!r}")
        self._host, self._port, self._base = parts.hostname, parts.port, parts.path.rstrip("/")
        self._tls = ssl.create_default_context(cafile=str(tls_ca) if tls_ca else None) if parts.scheme == "https" else None
        self._token_file, self._timeout_s = token_file, timeout_s
        self._connection: http.client.HTTPConnection | None = None

    def close(self) -> None:
        """Hang up; the next `send` connects again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def send(self, file: FileRef, *, stopped: Callable[[], bool]) -> Attempt:
        """Bring one file to the centre, as far as this attempt gets; KeyFileError if the token cannot be read."""
        try:
            return self._send(file, stopped)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return Attempt(Ending.AWAY, f"{type(error).__name__}: {error}")

    def _send(self, file: FileRef, stopped: Callable[[], bool]) -> Attempt:
        path = f"{self._base}/api/v1/uploads/{file.sha256}"
        answer = self._request("POST", path, {"Upload-Length": str(file.bytes)})
        if answer.status != 201:
            return _not_sent(answer)
        offset, conflicts = max(0, answer.offset), 0
        if offset >= file.bytes:
            return Attempt(Ending.SENT)
        while offset < file.bytes:
            if stopped():
                return Attempt(Ending.STOPPED)
            try:
                chunk = _read(file, offset)
            except FileGoneError as error:
                return Attempt(Ending.LOST, str(error))
            answer = self._patch(path, offset, chunk)
            if answer.status == 204 and answer.offset > offset:
                offset = answer.offset
            elif answer.status == 409 and conflicts < CONFLICTS_MAX:
                conflicts += 1
                answer = self._request("HEAD", path, {})
                if answer.status != 200 or answer.offset < 0:
                    return _not_sent(answer)
                offset = answer.offset
            elif answer.status == CHECKSUM_MISMATCH and offset + len(chunk) >= file.bytes and not _is_sound(file):
                return Attempt(Ending.LOST, f"{file.path}: its bytes are not what its record says")
            else:
                return _not_sent(answer)
        return Attempt(Ending.SENT)

    def _patch(self, path: str, offset: int, chunk: bytes) -> Answer:
        digest = base64.b64encode(hashlib.sha256(chunk).digest()).decode()
        headers = {"Upload-Offset": str(offset), "Upload-Checksum": f"sha256 {digest}", "Content-Type": "application/offset+octet-stream"}
        return self._request("PATCH", path, headers, chunk)

    def _request(self, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        token = read_secret(self._token_file, variable=CENTRAL_TOKEN)
        sent = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0", "Content-Length": str(len(body)), **headers}
        for fresh in (False, True):
            connection, kept = self._connected()
            try:
                connection.request(method, path, body=body or None, headers=sent)
                response = connection.getresponse()
                break
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                # a kept connection that the centre closed meanwhile: once more on a fresh one (the offset guards against doing it twice)
                self.close()
                if fresh or not kept:
                    raise
        words = response.read(ANSWER_MAX).decode(errors="replace")[:300]
        if not response.isclosed():
            self.close()  # more than is wanted: the connection's place is lost
        return Answer(
            status=response.status,
            offset=_number(response.getheader("Upload-Offset"), -1),
            again_s=float(_number(response.getheader("Retry-After"), 0)),
            words=words,
        )

    def _connected(self) -> tuple[http.client.HTTPConnection, bool]:
        """The connection, and whether it was there already."""
        if self._connection is not None:
            return self._connection, True
        if self._tls is not None:
            made: http.client.HTTPConnection = http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout_s, context=self._tls
            )
        else:
            made = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        self._connection = made  # before it connects, so that `close` finds the socket of a handshake that fails
        made.connect()
        made.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made, False


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 16 else otherwise


def _not_sent(answer: Answer) -> Attempt:
    why = f"the centre answers {answer.status}: {answer.words}" if answer.words else f"the centre answers {answer.status}"
    if answer.status == FULL:
        return Attempt(Ending.FULL, why, answer.again_s)
    if answer.status in NOT_NOW:
        return Attempt(Ending.NOT_NOW, why, answer.again_s)
    if 400 <= answer.status < 500 and answer.status not in UNKNOWN_AGENT:
        return Attempt(Ending.REFUSED, why)
    return Attempt(Ending.AWAY, why, answer.again_s)


def _read(file: FileRef, offset: int) -> bytes:
    """The chunk at an offset; FileGoneError if the file is not there, unreadable or of another size than its record says."""
    try:
        with Path(file.path).open("rb") as source:
            size = source.seek(0, 2)
            source.seek(offset)
            chunk = source.read(CHUNK_BYTES)
    except OSError as error:
        raise FileGoneError(f"{file.path}: {error.strerror or error}") from error
    if size != file.bytes or not chunk:
        raise FileGoneError(f"{file.path}: has {size} bytes, not {file.bytes}")
    return chunk


def _is_sound(file: FileRef) -> bool:
    """Whether the file on the disk still has its digest."""
    digest, offset = hashlib.sha256(), 0
    try:
        while offset < file.bytes:
            chunk = _read(file, offset)
            digest.update(chunk)
            offset += len(chunk)
    except FileGoneError:
        return False
    return bool(digest.hexdigest() == file.sha256)
