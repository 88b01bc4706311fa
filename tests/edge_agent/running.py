"""The agent's own program as a process in a test's folder: started, asked, killed, and its journal read."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_agent.errors import HandoffError
from edge_agent.handoff import request_core
from edge_agent.journal import Journal
from edge_agent.keys import AgentKey
from wire.codec import decode_batch
from wire.topics import LANES

HEAD = """[agent]
name = "room-101"
site = "demo"
data = "{data}"
sample_s = 0.1
report_s = 1

[sim]
people = false
"""


class RunningAgent:
    """`muniment-agent run` on a configuration; a context manager that ends it."""

    def __init__(self, folder: Path, tables: str, *, environment: dict[str, str] | None = None) -> None:
        self._environment = {**os.environ, **(environment or {})}
        self.data = folder / "data"
        self.config = folder / "agent.toml"
        self.config.write_text(HEAD.format(data=self.data) + tables)
        self.log = folder / "agent.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "RunningAgent":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.stop()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it can be asked."""
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "edge_agent.cli", "run", "--config", str(self.config)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment)
        self.until(lambda: self.ask("status") is not None, "it answers")

    def ask(self, op: str) -> dict[str, Any] | None:
        """What the core answers, None while it does not."""
        assert self._process is not None and self._process.poll() is None, self.log.read_text()[-3000:]
        try:
            return request_core(self.data / "core.sock", {"op": op}, timeout_s=10)
        except HandoffError:
            return None

    def until(self, condition: Callable[[], Any], what: str, *, timeout_s: float = 30) -> Any:
        """The first true value of a condition about the other process."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if value := condition():
                return value
            time.sleep(0.05)
        raise AssertionError(f"{what}: not within {timeout_s} s\n{self.log.read_text()[-3000:]}")

    def rows(self) -> dict[str, dict[str, Any]]:
        """The probe's rows by "device what"."""
        answer = self.ask("probe") or {"rows": []}
        return {f"{row['device']} {row['what']}": row for row in answer["rows"]}

    def light(self) -> str:
        """The colour that the alarms ask for."""
        return str((self.ask("status") or {}).get("light"))

    def fault(self, *lines: str) -> None:
        """Switch on exactly these faults of the simulated room ("climate unplugged")."""
        (self.data / "sim" / "faults").write_text("".join(f"{line}\n" for line in lines))

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)
        self._process = None

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGTERM)
        code = self._process.wait(40)
        self._process = None
        return code

    def wait_end(self) -> int:
        """Return when it has ended by itself; its exit code."""
        assert self._process is not None
        code = self._process.wait(40)
        self._process = None
        return code

    def records(self) -> dict[str, list[dict[str, Any]]]:
        """Every record by lane, with chain and records checked; call it while the agent is stopped."""
        key = AgentKey.load_or_create(self.data / "key")
        journal = Journal.open(self.data / "journal.db", site="demo", agent="room-101", key=key)
        found: dict[str, list[dict[str, Any]]] = {}
        for lane in LANES:
            after, found[lane] = 0, []
            while batch := journal.batch(lane, after):
                header, records = decode_batch(batch.payload, lane)
                assert header["first"] == after + 1
                after = batch.last
                found[lane] += records
        journal.close()
        return found
