"""The worker's side of the reader: starts it, asks it, kills it when it hangs or when the work has to stop."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from central.digitization.recognition.lines import Line
from central.digitization.recognition.pressure import Reason

LOAD_S = 120.0  # until its models are loaded, on a slow machine
STEP_S = 0.25
ANSWER_BYTES_MAX = 16 * 1024 * 1024
PIECE = 65536


@dataclass(frozen=True)
class Found:
    """What was read, in pixels of the image."""

    width: int
    height: int
    lines: list[Line]
    took_ms: int


class ReaderLost(Exception):
    """The reader ended, hung, or said nothing that can be understood: it was killed, and starts anew at the next image."""


class Interrupted(Exception):
    """The work has to stop."""


class _Answer(msgspec.Struct):
    width: int = 0
    height: int = 0
    lines: list[Line] = []
    took_ms: int = 0
    words: str | None = None
    words_zh: str = ""
    engine: str = ""
    version: str = ""


class Reader:
    """One child process, started at the first image; `close` ends it."""

    def __init__(self, stop: threading.Event, *, memory_mb: int, page_s: float, command: Sequence[str] | None = None) -> None:
        """`stop` breaks off what is being read; `command` is another program with the same manners."""
        module = [sys.executable, "-m", "central.digitization.recognition.reader", "--memory-mb", str(memory_mb)]
        self._command = list(command) if command else module
        self._stop, self._page_s = stop, page_s
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""
        self.by = ("", "")  # engine and version, as the reader says

    @property
    def pid(self) -> int | None:
        """The child's process, None while there is none."""
        return None if self._process is None else self._process.pid

    def read(self, path: Path) -> Found | Reason:
        """What stands on the image, or why it cannot be read; ReaderLost, Interrupted."""
        process = self._started()
        try:
            if process.stdin is None:
                raise ReaderLost("it has no input")
            process.stdin.write(msgspec.json.encode({"path": str(path)}) + b"\n")
            process.stdin.flush()
        except OSError as error:
            self.close()
            raise ReaderLost(f"it ended: {error}") from error
        answer = self._next(process, self._page_s)
        if answer.words is not None:
            return Reason(answer.words, answer.words_zh)
        return Found(answer.width, answer.height, answer.lines, answer.took_ms)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        hello = self._next(self._process, LOAD_S)
        self.by = (hello.engine, hello.version)
        return self._process

    def _next(self, process: subprocess.Popen[bytes], within_s: float) -> _Answer:
        """The reader's next line."""
        until = time.monotonic() + within_s
        try:
            return msgspec.json.decode(self._line(process, until), type=_Answer)
        except msgspec.MsgspecError as error:
            self.close()
            raise ReaderLost("its answer cannot be understood") from error

    def _line(self, process: subprocess.Popen[bytes], until: float) -> bytes:
        output: Any = process.stdout
        while b"\n" not in self._rest:
            if self._stop.is_set():
                self.close()
                raise Interrupted
            if time.monotonic() > until or len(self._rest) > ANSWER_BYTES_MAX:
                self.close()
                raise ReaderLost("it took too long")
            ready, _, _ = select.select([output], [], [], STEP_S)
            if ready:
                piece = os.read(output.fileno(), PIECE)
                if not piece:
                    self.close()
                    raise ReaderLost("it ended in the middle")
                self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def close(self) -> None:
        """End the reader at once; it holds nothing that could be lost."""
        process, self._process, self._rest = self._process, None, b""
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    try:
                        pipe.close()
                    except BrokenPipeError:
                        continue  # what it did not take any more
