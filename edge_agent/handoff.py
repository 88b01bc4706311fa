"""The core's side of the UNIX socket over which its children hand records over and are told what to do."""

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_agent.async_journal import AsyncJournal
from edge_agent.errors import HandoffError, JournalError, JournalFull
from edge_agent.file_queue import FileRef
from edge_agent.memory import Errand
from wire.codec import decode_record, dumps, loads
from wire.errors import WireError
from wire.topics import LANES

log = logging.getLogger(__name__)
LINE_MAX = 160 * 1024  # a record of 64 KiB, quoted once more as JSON text
CHILDREN_MAX = 32
FILES_MAX = 64
ERRAND_AGAIN_S = 30.0
SEND_TIMEOUT_S = 10.0
DONE_TIMEOUT_S = 30.0

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""Answers one operation: the message in, the fields of the answer out."""


@dataclass(frozen=True, slots=True)
class Done:
    """A child's answer to a command: whether it did it, and why not."""

    ok: bool
    why: str = ""


def encode_line(message: dict[str, Any]) -> bytes:
    """One message as a line; HandoffError if it is too long."""
    line: bytes = dumps(message).encode() + b"\n"
    if len(line) > LINE_MAX:
        raise HandoffError(f"a line of {len(line)} bytes is over the limit of {LINE_MAX}")
    return line


async def read_line(reader: asyncio.StreamReader) -> dict[str, Any] | None:
    """The next message, None at the end of the stream; WireError for one that is not understood, HandoffError for one too long."""
    try:
        line = await reader.readline()
    except ValueError as error:  # over the reader's limit: the place in the stream is lost
        raise HandoffError(f"a line is over the limit of {LINE_MAX} bytes") from error
    except ConnectionError:
        return None
    if not line.endswith(b"\n"):
        return None
    return loads(line[:-1], "line", LINE_MAX)  # type: ignore[no-any-return]


class Peer:
    """One connection: its name once it said hello, and a bounded way to write to it."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.child = ""
        self.owes: set[asyncio.Future[Done]] = set()
        self._writer = writer
        self._lock = asyncio.Lock()

    async def send(self, message: dict[str, Any]) -> bool:
        """Write one message; False if the peer is gone or does not read (then it is dropped)."""
        async with self._lock:
            try:
                self._writer.write(encode_line(message))
                await asyncio.wait_for(self._writer.drain(), SEND_TIMEOUT_S)
            except (TimeoutError, ConnectionError, RuntimeError):
                self._writer.close()
                return False
        return True

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


class HandoffServer:
    """Listens on DATA/core.sock (mode 0600). Takes each record of a source once, answers after it is durable, keeps errands until done."""

    def __init__(self, path: Path, journal: AsyncJournal) -> None:
        self._path, self._journal = path, journal
        self._peers: set[Peer] = set()
        self._children: dict[str, Peer] = {}
        self._handlers: dict[str, Handler] = {}
        self._waiting: dict[str, asyncio.Future[Done]] = {}
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._again: asyncio.Task[None] | None = None
        self._count = 0
        self._told: set[str] = set()
        self.malformed = 0
        self._joined: list[Callable[[str], Awaitable[None]]] = []
        self._listeners: list[Callable[[str, dict[str, Any]], Awaitable[None]]] = []

    def handle(self, op: str, handler: Handler) -> None:
        """Answer the operation `op` (probe, status) by `handler`; the answer's op is `op` + "d", as in probe -> probed."""
        self._handlers[op] = handler

    def on_join(self, listener: Callable[[str], Awaitable[None]]) -> None:
        """Await `listener(child)` when a child has said hello (to tell it the disk's level, say)."""
        self._joined.append(listener)

    def on_record(self, listener: Callable[[str, dict[str, Any]], Awaitable[None]]) -> None:
        """Await `listener(child, record)` after a child's record is durable; a record handed over twice may be told twice."""
        self._listeners.append(listener)

    @property
    def children(self) -> list[str]:
        """The names of the children that are connected."""
        return sorted(self._children)

    async def start(self) -> None:
        """Begin to listen; HandoffError if another core already does."""
        await self._refuse_second_core()
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(str(self._path))
            self._path.chmod(0o600)
            self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=LINE_MAX)
        except OSError as error:
            listener.close()
            raise HandoffError(f"{self._path}: {error}") from error
        self._again = asyncio.create_task(self._remind(), name="handoff errands")

    async def _refuse_second_core(self) -> None:
        try:
            _, writer = await asyncio.wait_for(asyncio.open_unix_connection(str(self._path)), SEND_TIMEOUT_S)
        except (OSError, TimeoutError):
            return
        writer.close()
        raise HandoffError(f"{self._path}: another agent is running on this data directory")

    async def close(self) -> None:
        """Stop listening and hang up on all; may be called again."""
        if self._again is not None:
            self._again.cancel()
            await asyncio.gather(self._again, return_exceptions=True)
            self._again = None
        if self._server is not None:
            self._server.close()
            self._server = None
            for peer in list(self._peers):
                peer.close()
            if self._tasks:
                _, late = await asyncio.wait(self._tasks, timeout=SEND_TIMEOUT_S)
                for task in late:
                    task.cancel()
            self._path.unlink(missing_ok=True)

    # -- to the children

    async def request(self, child: str, name: str, args: dict[str, Any], *, timeout_s: float = DONE_TIMEOUT_S) -> Done:
        """Tell a child to do something now and wait for its answer; not repeated if the child goes away meanwhile."""
        peer = self._children.get(child)
        if peer is None:
            return Done(ok=False, why=f"{child} is not running")
        self._count += 1
        ident = f"now-{self._count}"
        future: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        self._waiting[ident] = future
        peer.owes.add(future)
        try:
            if not await peer.send({"op": "do", "id": ident, "name": name, "args": args}):
                return Done(ok=False, why=f"{child} has gone")
            return await asyncio.wait_for(future, timeout_s)
        except TimeoutError:
            return Done(ok=False, why=f"{child} did not answer within {timeout_s:g} s")
        finally:
            peer.owes.discard(future)
            del self._waiting[ident]

    async def broadcast(self, name: str, args: dict[str, Any]) -> None:
        """Tell every child something that needs no answer, such as `disk.level`."""
        self._count += 1
        message = {"op": "do", "id": f"all-{self._count}", "name": name, "args": args}
        await asyncio.gather(*(peer.send(message) for peer in list(self._children.values())))

    async def errand(self, errand: Errand) -> None:
        """Send an errand that was stored by `append(..., errands=)`; it is sent again until the child says that it is done."""
        peer = self._children.get(errand.child)
        if peer is not None:
            await peer.send({"op": "do", "id": errand.id, "name": errand.name, "args": errand.args})

    async def _remind(self) -> None:
        while True:
            await asyncio.sleep(ERRAND_AGAIN_S)
            for child in list(self._children):
                await self._send_errands(child)

    async def _send_errands(self, child: str) -> None:
        try:
            errands = await self._journal.call(self._journal.journal.memory.errands, child)
        except JournalError as error:
            self._tell(f"errands of {child} cannot be read: {error}")
            return
        for errand in errands:
            await self.errand(errand)

    # -- from the children

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs every connection in a task
        peer = Peer(writer)
        if len(self._peers) >= CHILDREN_MAX:
            self._tell(f"more than {CHILDREN_MAX} connections: hung up on one")
            writer.close()
            return
        self._peers.add(peer)
        self._tasks.add(task)
        try:
            await self._talk(peer, reader)
        finally:
            self._peers.discard(peer)
            self._tasks.discard(task)
            for future in peer.owes:
                if not future.done():
                    future.set_result(Done(ok=False, why=f"{peer.child} went away before it answered"))
            if self._children.get(peer.child) is peer:
                del self._children[peer.child]
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), SEND_TIMEOUT_S)

    async def _talk(self, peer: Peer, reader: asyncio.StreamReader) -> None:
        while True:
            try:
                message = await read_line(reader)
                if message is None:
                    return
                await self._operate(peer, message)
            except WireError as error:
                self.malformed += 1
                self._tell(f"{peer.child or 'a connection'} sent what is not understood: {error}")
                if not await peer.send({"op": "error", "why": str(error)[:500]}):
                    return
            except HandoffError as error:
                self.malformed += 1
                self._tell(f"{peer.child or 'a connection'}: {error}")
                return

    async def _operate(self, peer: Peer, message: dict[str, Any]) -> None:
        op = message.get("op")
        if op == "append":
            await peer.send(await self._append(peer, message))
        elif op == "hello":
            await self._hello(peer, message)
        elif op == "done":
            await self._done(message)
        elif isinstance(op, str) and op in self._handlers:
            await peer.send({**await self._handlers[op](message), "op": f"{op}d"})
        else:
            raise WireError(f"unknown operation {str(op)[:50]!r}")

    async def _hello(self, peer: Peer, message: dict[str, Any]) -> None:
        child, source = message.get("child"), message.get("source", "")
        if not isinstance(child, str) or not 1 <= len(child) <= 100 or not isinstance(source, str) or len(source) > 100:
            raise WireError("hello: child is a name, source a text")
        before = self._children.get(child)
        if before is not None and before is not peer:
            before.close()
        peer.child = child
        self._children[child] = peer
        n = await self._journal.call(self._journal.journal.memory.source_n, source)
        await peer.send({"op": "welcome", "n": n})
        await self._send_errands(child)
        for listener in self._joined:
            await listener(child)

    async def _append(self, peer: Peer, message: dict[str, Any]) -> dict[str, Any]:
        source, n = message.get("source"), message.get("n")
        if not isinstance(source, str) or not 1 <= len(source) <= 100 or not isinstance(n, int) or isinstance(n, bool) or n < 1:
            raise WireError("append: source is a text and n a number from 1 on")
        answer = {"op": "appended", "source": source, "n": n}
        try:
            lane, line, given = message.get("lane"), message.get("line"), message.get("files", [])
            if lane not in LANES or not isinstance(line, str) or not isinstance(given, list) or len(given) > FILES_MAX:
                raise WireError("append: lane, line or files is missing or of the wrong type")
            made = decode_record(line.encode(), lane)
            if made is None or not all(isinstance(file, dict) for file in given):
                raise WireError("append: a record and {sha256, path, bytes} are wanted")
            files = [FileRef.of(file) for file in given]
            await self._journal.append(lane, [made], files=files, source=(source, n))
        except JournalFull as error:
            return {**answer, "op": "refused", "final": False, "why": str(error)}
        except WireError as error:
            self.malformed += 1
            self._tell(f"a record of {source} was refused: {error}")
            return {**answer, "op": "refused", "final": True, "why": str(error)[:500]}
        for listener in self._listeners:
            await listener(peer.child, made)
        return answer

    async def _done(self, message: dict[str, Any]) -> None:
        ident, ok, why = message.get("id"), message.get("ok"), message.get("why", "")
        if not isinstance(ident, str) or not isinstance(ok, bool) or not isinstance(why, str):
            raise WireError("done: id, ok and why")
        future = self._waiting.get(ident)
        if future is not None:
            if not future.done():
                future.set_result(Done(ok=ok, why=why[:500]))
        elif not ident.startswith(("now-", "all-")):
            try:
                await self._journal.call(self._journal.journal.memory.errand_done, ident)
            except JournalFull as error:
                self._tell(f"errand {ident} stays noted, it will be sent again: {error}")

    def _tell(self, text: str) -> None:
        """Log each kind of trouble once."""
        kind = text[:60]
        if kind not in self._told and len(self._told) < 100:
            self._told.add(kind)
            log.warning("handoff: %s", text)


def request_core(path: Path, message: dict[str, Any], *, timeout_s: float = 30.0) -> dict[str, Any]:
    """One question to a running core ({"op": "probe"}), for command-line programs; HandoffError if none answers."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(path))
            connection.sendall(encode_line(message))
            data = b""
            while not data.endswith(b"\n"):
                part = connection.recv(65536)
                if not part or len(data) > 16 * LINE_MAX:
                    raise HandoffError(f"{path}: the core hung up")
                data += part
    except OSError as error:
        raise HandoffError(f"{path}: {error}") from error
    answer: dict[str, Any] = json.loads(data)
    return answer
