"""A TCP proxy that stands for a bad network between agent and broker: delays, resets, half-open connections, one-way loss."""

import asyncio
import socket
import threading
from typing import Self

from tests.ports import free_port

CHUNK = 64 * 1024
DELAY_S = 0.7
PATIENCE_S = 10.0
DELAY, RESET, HALF_OPEN, DEAF, MUTE = "delay", "reset", "half-open", "deaf", "mute"
MODES = (DELAY, RESET, HALF_OPEN, DEAF, MUTE)
"""delay: every chunk comes late. reset: connections are reset, new ones at once. half-open: the far side is gone without a word, the near
side hears nothing of it; new connections as well, until `heal`. deaf: nothing comes from the broker. mute: nothing goes to it; in both,
what waited arrives after `heal`, as TCP would bring it."""


class _Pair:
    """One connection through the proxy: `near` from the agent, `far` to the broker."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.near, self.far, self.severed = near, far, False

    def sever(self) -> None:
        self.severed = True
        _reset(self.far)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection with RST, as a machine that lost its state does."""
    sock: socket.socket | None = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    writer.transport.abort()


class FaultProxy:
    """Listens on `port` of loopback and forwards to `target`; a context manager. `set` and `heal` may be called from any thread."""

    def __init__(self, target: int) -> None:
        self.target, self.port = target, free_port()
        self.connections = 0
        self._mode = ""
        self._pairs: set[_Pair] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._open = {"near": asyncio.Event(), "far": asyncio.Event()}
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"proxy {self.port}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(PATIENCE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)

    def set(self, mode: str) -> None:
        """Switch one fault on."""
        assert mode in MODES
        self._loop.call_soon_threadsafe(self._switch, mode)

    def heal(self) -> None:
        """The network is well again; what was reset or severed stays so."""
        self._loop.call_soon_threadsafe(self._switch, "")

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._switch("")
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self.port))
        self._up.set()
        self._loop.run_forever()
        server.close()
        for task in self._tasks:
            task.cancel()
        for pair in list(self._pairs):
            _reset(pair.near)
            _reset(pair.far)
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def _switch(self, mode: str) -> None:
        self._mode = mode
        for source, blocked in (("near", MUTE), ("far", DEAF)):
            if mode == blocked:
                self._open[source].clear()
            else:
                self._open[source].set()
        for pair in list(self._pairs):
            if mode == RESET:
                _reset(pair.near)
                _reset(pair.far)
            elif mode == HALF_OPEN:
                pair.sever()

    async def _serve(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        if self._mode == RESET:
            _reset(near)
            return
        try:
            far_reader, far = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            _reset(near)
            return
        for writer in (near, far):
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = _Pair(near, far)
        self._pairs.add(pair)
        if self._mode == HALF_OPEN:
            pair.sever()
        try:
            await asyncio.gather(self._pump("near", reader, pair), self._pump("far", far_reader, pair))
        finally:
            self._pairs.discard(pair)
            near.transport.abort()
            far.transport.abort()

    async def _pump(self, source: str, reader: asyncio.StreamReader, pair: _Pair) -> None:
        """Carry one direction until an end closes; a severed pair's near side is read and told nothing."""
        sink = pair.far if source == "near" else pair.near
        try:
            while data := await reader.read(CHUNK):
                await self._open[source].wait()
                if self._mode == DELAY:
                    await asyncio.sleep(DELAY_S)
                if not pair.severed:
                    sink.write(data)
                    await sink.drain()
        except OSError:
            pass  # reset by the other side, which is then told too
        if pair.severed and source == "far":
            return
        pair.near.transport.abort()
        pair.far.transport.abort()
