"""`run`: ingest, web, packages and, where wished, recognition, each a process: started again with backoff, stopped in order."""

import logging
import random
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

log = logging.getLogger(__name__)
BACKOFF_S = (0.5, 30.0)
HEALTHY_S = 60.0  # who ran so long starts with the shortest pause again
STEP_S = 0.2
STOP_S = 15.0
REPORTS_S = 1800.0  # how often reports that are due are looked for
REPORTS_FIRST_S = 60.0


def _end(name: str, process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        log.error("%s did not end within %.0f s and is killed", name, STOP_S)
        process.kill()
        process.wait(STOP_S)


@dataclass
class Child:
    """One of the processes that run all the time."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    not_before: float = 0.0
    pause_s: float = field(default=BACKOFF_S[0])

    def tend(self) -> None:
        """Start the process if it does not run and its pause is over."""
        now = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            log.error("%s ended with %d; it starts again in %.1f s", self.name, self.process.returncode, self.pause_s)
            self.process = None
            if now - self.started > HEALTHY_S:
                self.pause_s = BACKOFF_S[0]
            self.not_before = now + self.pause_s * random.uniform(0.8, 1.2)  # noqa: S311  jitter
            self.pause_s = min(self.pause_s * 2, BACKOFF_S[1])
        if self.process is None and now >= self.not_before:
            self.process, self.started = subprocess.Popen(self.command), now

    def stop(self) -> None:
        """Ask the process to end, and end it when it does not."""
        if self.process is not None:
            _end(self.name, self.process)
            self.process = None


class Occasional:
    """A program that runs now and then and ends by itself."""

    def __init__(self, name: str, command: list[str], *, first_s: float, every_s: float) -> None:
        """It runs `first_s` after the start, then `every_s` after it began the last time; never twice at once."""
        self._name, self._command, self._every_s = name, command, every_s
        self._due = time.monotonic() + first_s
        self._process: subprocess.Popen[bytes] | None = None

    def tend(self) -> None:
        """Start it when it is time, and tell when it failed."""
        if self._process is not None and self._process.poll() is not None:
            if self._process.returncode:
                log.warning(
                    "%s ended with %d; the next try is in %.0f s", self._name, self._process.returncode, self._due - time.monotonic()
                )
            self._process = None
        if self._process is None and time.monotonic() >= self._due:
            self._due = time.monotonic() + self._every_s
            self._process = subprocess.Popen(self._command)

    def stop(self) -> None:
        """End it; what it had not filed is due again."""
        if self._process is not None:
            _end(self._name, self._process)
            self._process = None


def children(config_file: Path, *, recognise: bool) -> list[Child]:
    """What runs all the time, in the order in which it starts; `deploy/systemd` has a unit for each."""
    command, end = [sys.executable, "-m", "central.cli"], ["--config", str(config_file), "--with-parent"]
    made = [
        Child("ingest", [*command, "ingest", *end]),
        Child("web", [sys.executable, "-m", "central.web.server", *end]),
        Child("packages", [*command, "packages", *end]),
    ]
    return [*made, Child("recognise", [*command, "recognise", *end])] if recognise else made


def run(config_file: Path, stop: threading.Event, *, recognise: bool = False) -> None:
    """Keep ingest, web and packages running until `stop` is set, and recognition where wished.

    The last of them stops first, and web before ingest, so that no act waits for ingest.
    """
    tended = children(config_file, recognise=recognise)
    report = [sys.executable, "-m", "central.cli", "report", "--due", "--config", str(config_file)]
    due = Occasional("report", report, first_s=REPORTS_FIRST_S, every_s=REPORTS_S)
    try:
        while not stop.is_set():
            for child in tended:
                child.tend()
            due.tend()
            stop.wait(STEP_S)
    finally:
        due.stop()
        for child in reversed(tended):
            child.stop()
