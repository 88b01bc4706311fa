"""Programs of the demonstration: started in order, started again when they end, stopped in the opposite order."""

import os
import signal
import subprocess
import time
from pathlib import Path

LOG_BYTES_MAX = 8 * 1024 * 1024
RESTART_S = 1.0
STOP_S = 15.0


class Program:
    """One long-running program with its own log file."""

    def __init__(self, name: str, command: list[str], *, logs: Path, env: dict[str, str] | None = None) -> None:
        """command: argument list; logs: folder of the log file NAME.log; env: additions to the environment."""
        self.name = name
        self._command = command
        self._log = logs / f"{name}.log"
        self._env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._ended_at = 0.0

    def start(self) -> None:
        """Start it; its log goes on in the same file unless that has grown too large."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        fresh = not self._log.exists() or self._log.stat().st_size > LOG_BYTES_MAX
        with self._log.open("wb" if fresh else "ab") as log:
            # a process group of its own: Ctrl-C in the terminal reaches only the demonstration, which stops all in order
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=self._env, start_new_session=True
            )

    def ended(self) -> int | None:
        """The exit status of a program that ended by itself, else None."""
        return self._process.poll() if self._process is not None else None

    def tend(self, now: float) -> str | None:
        """Start it again when it has ended for RESTART_S seconds; returns a line to print when it is seen to end."""
        code = self.ended()
        if code is None:
            return None
        if self._ended_at == 0.0:
            self._ended_at = now
            return f"{self.name} ended with {code}; starting it again (log: {self._log})"
        if now - self._ended_at >= RESTART_S:
            self._ended_at = 0.0
            self.start()
        return None

    @property
    def pid(self) -> int:
        """The process id of the running program; 0 before the first start."""
        return self._process.pid if self._process is not None else 0

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_S)

    def stop(self) -> None:
        """End it: SIGTERM, and SIGKILL to its whole group after STOP_S seconds."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_S)


class Programs:
    """All of them; a context manager that leaves none behind."""

    def __init__(self) -> None:
        """Start with none."""
        self._all: list[Program] = []

    def __enter__(self) -> "Programs":
        """Enter with none started."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all, last started first."""
        for program in reversed(self._all):
            program.stop()

    def start(self, program: Program) -> None:
        """Start one more."""
        program.start()
        self._all.append(program)

    def tend(self) -> list[str]:
        """Start again what ended; the lines to print."""
        now = time.monotonic()
        return [line for program in self._all if (line := program.tend(now)) is not None]
