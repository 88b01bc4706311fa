"""A child's side of the core's socket: drains its outbox, once each and in order, and does what the core asks."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge_agent.backoff import Backoff
from edge_agent.errors import HandoffError
from edge_agent.handoff import LINE_MAX, SEND_TIMEOUT_S, Done, Peer, read_line
from edge_agent.outbox import Outbox, Waiting
from wire.errors import WireError

log = logging.getLogger(__name__)
ANSWER_TIMEOUT_S = 30.0
LOOK_S = 2.0  # how often the outbox is looked at when nobody says that something was added

DoIt = Callable[[str, dict[str, Any]], Awaitable[Done]]
"""Does what the core asks: name and arguments in, done or why not out. May be asked the same errand again: do it once."""


class HandoffClient:
    """Connects to the core, and again whenever the core comes back. `run` lives as long as the child does."""

    def __init__(self, path: Path, *, child: str, outbox: Outbox, do: DoIt) -> None:
        """`outbox` is used in the event loop's thread only: give it a connection of its own."""
        self._path, self._child, self._outbox, self._do = path, child, outbox, do
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue(maxsize=100)
        self._doing: dict[str, asyncio.Task[None]] = {}
        self.connected = asyncio.Event()

    def notify(self) -> None:
        """Something was added to the outbox; may be called from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    async def run(self) -> None:
        """Hand over until cancelled."""
        self._loop = asyncio.get_running_loop()
        backoff, lost = Backoff(first_s=0.1, most_s=5.0), False
        while True:
            try:
                reader, writer = await asyncio.wait_for(asyncio.open_unix_connection(str(self._path), limit=LINE_MAX), SEND_TIMEOUT_S)
            except (OSError, TimeoutError) as error:
                if not lost:
                    log.warning("the core cannot be reached, records wait in the outbox: %s", error)
                lost = True
                await asyncio.sleep(backoff.next_s())
                continue
            try:
                await self._session(Peer(writer), reader, backoff)
                lost = False
            except (HandoffError, TimeoutError) as error:
                log.warning("the core's connection is given up: %s", error or "no answer")
            finally:
                self.connected.clear()
                writer.close()
            await asyncio.sleep(backoff.next_s())

    async def _session(self, peer: Peer, reader: asyncio.StreamReader, backoff: Backoff) -> None:
        self._answers = asyncio.Queue(maxsize=100)
        listening = asyncio.create_task(self._listen(peer, reader), name="core's words")
        handing = asyncio.create_task(self._hand_over(peer, backoff), name="outbox to core")
        try:
            done, _ = await asyncio.wait((listening, handing), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (listening, handing, *self._doing.values()):
                task.cancel()
            await asyncio.gather(listening, handing, *self._doing.values(), return_exceptions=True)

    async def _listen(self, peer: Peer, reader: asyncio.StreamReader) -> None:
        while True:
            try:
                message = await read_line(reader)
            except WireError as error:
                log.warning("the core said what is not understood: %s", error)
                continue
            if message is None:
                return
            if message.get("op") == "do":
                self._start(peer, message)
            else:
                await self._answers.put(message)

    def _start(self, peer: Peer, message: dict[str, Any]) -> None:
        ident, name, args = message.get("id"), message.get("name"), message.get("args")
        if not isinstance(ident, str) or not isinstance(name, str) or not isinstance(args, dict) or ident in self._doing:
            return  # an errand that is being done is asked for again while it takes its time
        task = asyncio.create_task(self._answer(peer, ident, name, args), name=f"do {name}")
        self._doing[ident] = task
        task.add_done_callback(lambda _: self._doing.pop(ident, None))

    async def _answer(self, peer: Peer, ident: str, name: str, args: dict[str, Any]) -> None:
        done = await self._do(name, args)
        await peer.send({"op": "done", "id": ident, "ok": done.ok, "why": done.why})

    async def _hand_over(self, peer: Peer, backoff: Backoff) -> None:
        await peer.send({"op": "hello", "child": self._child, "source": self._outbox.source})
        welcome = await self._next("welcome")
        if int(welcome.get("n", 0)) > self._outbox.last_n():
            log.warning("this outbox is an older copy of one the core knows: its records are handed over under a new name")
            self._outbox.rename_source()
        self.connected.set()
        backoff.reset()
        full = Backoff(first_s=0.5, most_s=10.0)
        while True:
            self._wake.clear()
            waiting = self._outbox.pending(limit=50)
            for entry in waiting:
                if not await self._one(peer, entry):
                    await asyncio.sleep(full.next_s())
                    break
                full.reset()
            if not waiting:
                try:
                    await asyncio.wait_for(self._wake.wait(), LOOK_S)
                except TimeoutError:
                    continue

    async def _one(self, peer: Peer, entry: Waiting) -> bool:
        """Hand one record over and wait for the durable yes: the next goes only then, so that order and once-only hold."""
        files = [asdict(file) for file in entry.files]
        message = {"op": "append", "source": self._outbox.source, "n": entry.n, "lane": entry.lane, "line": entry.line, "files": files}
        if not await peer.send(message):
            raise HandoffError("the core has gone")
        answer = await self._next("appended", "refused")
        if answer.get("n") != entry.n:
            raise HandoffError(f"the core answers {answer.get('n')!r} instead of {entry.n}")
        if answer["op"] == "appended":
            self._outbox.done(entry.n)
            return True
        if answer.get("final"):
            log.error("record %d will never be taken and is kept apart: %s", entry.n, answer.get("why"))
            self._outbox.refuse(entry.n, str(answer.get("why")))
            return True
        return False

    async def _next(self, *ops: str) -> dict[str, Any]:
        while True:
            message = await asyncio.wait_for(self._answers.get(), ANSWER_TIMEOUT_S)
            if message.get("op") in ops:
                return message
            log.warning("the core said %s", message)
