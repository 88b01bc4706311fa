"""A TCP relay between browser and centre that can be cut and mended, as a cable can."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading

CHUNK = 65536


class Relay:
    """Forwards connections from its port to another on loopback; while cut it drops and refuses them."""

    def __init__(self, port: int, target: int) -> None:
        """Listen on `port` at once."""
        self._target = target
        self._up = True
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = socket.socketpair()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._running = True
        self._thread.start()

    def cut(self) -> None:
        """Break every connection and refuse new ones until mended."""
        with self._lock:
            self._up = False
            for one in list(self._pairs):
                self._drop(one)

    def mend(self) -> None:
        """Let connections through again."""
        with self._lock:
            self._up = True

    def close(self) -> None:
        """Stop."""
        self._running = False
        self._waker.send(b".")
        self._thread.join(5)
        self.cut()
        for one in (self._listener, self._wake, self._waker):
            one.close()
        self._selector.close()

    def _drop(self, one: socket.socket) -> None:
        other = self._pairs.pop(one, None)
        for end in (one, other):
            if end is not None and end.fileno() >= 0:
                with contextlib.suppress(KeyError):
                    self._selector.unregister(end)
                end.close()
        if other is not None:
            self._pairs.pop(other, None)

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        if not self._up:
            near.close()
            return
        far = socket.create_connection(("127.0.0.1", self._target), timeout=5)
        for a, b in ((near, far), (far, near)):
            self._pairs[a] = b
            self._selector.register(a, selectors.EVENT_READ)

    def _forward(self, one: socket.socket) -> None:
        if one not in self._pairs:
            return
        try:
            data = one.recv(CHUNK)
            if data:
                self._pairs[one].sendall(data)
                return
        except OSError:
            pass
        self._drop(one)

    def _run(self) -> None:
        while self._running:
            for key, _ in self._selector.select(timeout=0.5):
                with self._lock:
                    if key.fileobj is self._listener:
                        self._accept()
                    elif isinstance(key.fileobj, socket.socket) and key.fileobj is not self._wake:
                        self._forward(key.fileobj)
