"""`run`: web and ingest as two processes, started again with backoff when they end, stopped in order."""

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


@dataclass
class Child:
    """One of the two processes."""

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
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            log.error("%s did not end within %.0f s and is killed", self.name, STOP_S)
            self.process.kill()
            self.process.wait(STOP_S)
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
            self._process.terminate()
            self._process.wait(STOP_S)
            self._process = None


def run(config_file: Path, stop: threading.Event, *, recognise: bool = False) -> None:
    """Keep web and ingest running until `stop` is set, and recognition where wished; web goes first, so that no act waits for ingest."""
    ingest = Child("ingest", [sys.executable, "-m", "central.cli", "ingest", "--config", str(config_file), "--with-parent"])
    reports = [sys.executable, "-m", "central.cli", "report", "--due", "--config", str(config_file)]
    due = Occasional("report", reports, first_s=REPORTS_FIRST_S, every_s=REPORTS_S)
    packer = [sys.executable, "-m", "central.cli", "packages", "--config", str(config_file), "--with-parent"]
    packages = Child("packages", packer)
    reader = [sys.executable, "-m", "central.cli", "recognise", "--config", str(config_file), "--with-parent"]
    recognition = Child("recognition", reader)
    web = Child("web", [sys.executable, "-m", "central.web.server", "--config", str(config_file), "--with-parent"])
    try:
        while not stop.is_set():
            ingest.tend()
            web.tend()
            packages.tend()
            if recognise:
                recognition.tend()
            due.tend()
            stop.wait(STEP_S)
    finally:
        due.stop()
        recognition.stop()
        packages.stop()
        web.stop()
        ingest.stop()
