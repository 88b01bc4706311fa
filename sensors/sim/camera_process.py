"""Keeps a simulated camera running as a process of its own, so that whoever simulates a room need not load a video library."""

import logging
import subprocess
import sys
from pathlib import Path

log = logging.getLogger(__name__)
STOP_S = 5.0


class SimCamera:
    """The process behind one simulated camera; its address stands in url_file while it runs."""

    def __init__(self, name: str, url_file: Path) -> None:
        """name: shown in the picture; url_file: written by the camera, read by who records it."""
        self._name = name
        self._url_file = url_file
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, or start it again when it has ended."""
        if self._process is not None and self._process.poll() is None:
            return
        self._url_file.parent.mkdir(parents=True, exist_ok=True)
        self._url_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "sensors.sim.camera", "--name", self._name, "--url-file", str(self._url_file)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)

    def tell(self, word: str) -> None:
        """Say what happens before the camera: `open`, `closed`, `freeze`, `dark` or `normal`. A camera that has ended is started again."""
        self.start()
        if self._process is None or self._process.stdin is None:
            return
        try:
            self._process.stdin.write(word + "\n")
            self._process.stdin.flush()
        except OSError as error:
            log.warning("simulated camera %s: %s", self._name, error)

    def close(self) -> None:
        """End it; idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.communicate(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
