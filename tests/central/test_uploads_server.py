"""Uploads by the agent's own client to the real server: broken off in the middle of a body, two at once, live clients undisturbed."""

import hashlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from central.config import CentralConfig, load
from central.digitization.tables import object_refs
from central.ledger.tables import agents
from central.people.users import digest
from central.store.engine import open_engine, writing
from edge_agent.file_queue import FileRef
from edge_agent.tus import Attempt, Ending, TusClient
from tests.central.test_live import start
from tests.central.web_fixtures import prepare, write_config
from tests.ports import free_port

AGENTS = ("bench-1", "room-101")


class Uploads:
    """A running server, its folder, and files that both agents have journalled."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        path = write_config(folder, port=self.port, extra="[limits]\nreserve_mb = 1\n")
        self.config: CentralConfig = load(path)
        prepare(self.config, ())
        self.engine = open_engine(self.config.database)
        with writing(self.engine) as connection:
            for name in AGENTS:
                connection.execute(insert(agents).values(name=name, room=name, token_hash=digest(f"token-{name}"), enrolled_ms=0))
                token = folder / f"{name}.token"
                token.touch(mode=0o600)
                token.write_text(f"token-{name}")
        self.process = start(path, self.port)

    def file(self, size: int) -> FileRef:
        data = os.urandom(size)
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.folder / sha256
        path.write_bytes(data)
        with writing(self.engine) as connection:
            for name in AGENTS:
                row = {"sha256": sha256, "kind": "page", "ref_id": f"{name}-{sha256[:6]}", "agent": name, "bytes": size, "t_ms": 0}
                connection.execute(insert(object_refs).values(row))
        return FileRef(sha256=sha256, path=str(path), bytes=size)

    def send(self, file: FileRef, agent: str) -> Attempt:
        client = TusClient(f"http://127.0.0.1:{self.port}", token_file=self.folder / f"{agent}.token")
        try:
            return client.send(file, stopped=lambda: False)
        finally:
            client.close()

    def stored(self, file: FileRef) -> bytes:
        return (self.config.objects / file.sha256[:2] / file.sha256).read_bytes()

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        assert self.process.stderr is not None
        log = self.process.stderr.read().decode()
        self.process.stderr.close()
        self.engine.dispose()
        assert "Traceback" not in log, log


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Uploads]:
    made = Uploads(Path(tmp_path_factory.mktemp("server")))
    yield made
    made.close()


def request(uploads: Uploads, method: str, file: FileRef, extra: str) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", uploads.port), timeout=20)
    head = f"{method} /api/v1/uploads/{file.sha256} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token-bench-1\r\nTus-Resumable: 1.0.0\r\n"
    sock.sendall(f"{head}{extra}\r\n".encode())
    return sock


def test_a_body_that_breaks_off_is_kept_as_far_as_it_came_and_carried_on(uploads: Uploads) -> None:
    file = uploads.file(6_000_000)
    with request(uploads, "POST", file, f"Upload-Length: {file.bytes}\r\nContent-Length: 0\r\n") as begun:
        assert begun.recv(4096).startswith(b"HTTP/1.1 201")
    data = Path(file.path).read_bytes()
    extra = f"Content-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\nContent-Length: {file.bytes}\r\n"
    broken = request(uploads, "PATCH", file, extra)
    broken.sendall(data[:3_500_000])
    broken.shutdown(socket.SHUT_WR)
    broken.close()
    (partial,) = (uploads.config.objects / "partial").glob(f"{file.sha256}.*")
    deadline = time.monotonic() + 20
    while partial.stat().st_size < 3_000_000 and time.monotonic() < deadline:
        time.sleep(0.02)
    kept = partial.stat().st_size
    assert 3_000_000 <= kept <= 3_500_000
    deadline = time.monotonic() + 20
    while (attempt := uploads.send(file, "bench-1")).ending is Ending.NOT_NOW and time.monotonic() < deadline:
        time.sleep(0.05)  # the broken request holds its lock until the server has noticed
    assert attempt.ending is Ending.SENT, attempt
    assert uploads.stored(file) == data


def test_two_agents_bring_the_same_bytes_at_once(uploads: Uploads) -> None:
    file = uploads.file(8_000_000)
    attempts: dict[str, Attempt] = {}
    threads = [threading.Thread(target=lambda who=name: attempts.update({who: uploads.send(file, who)}), name=name) for name in AGENTS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {attempt.ending for attempt in attempts.values()} == {Ending.SENT}, attempts
    assert uploads.stored(file) == Path(file.path).read_bytes()
    assert list((uploads.config.objects / "partial").glob(f"{file.sha256}.*")) == []
