"""The true centre for tests of the agent: Mosquitto, ingest and web as processes, an enrolled agent, and a look into the ledger."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from edge_agent.keys import AgentKey
from tests.ports import free_port, wait_for_port

WAIT_S = 60


class RealCentre:
    """`muniment-central` with the rights that enrolment writes, for the agent room-101."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "central"
        self.mqtt, self.http = free_port(), free_port()
        self.config = folder / "central.toml"
        self.url = f"http://127.0.0.1:{self.http}"
        self.config.write_text(
            f'[central]\nsite = "demo"\ndata = "{self.data}"\n[broker]\nport = {self.mqtt}\n'
            f'[web]\nbind = "127.0.0.1:{self.http}"\npublic_url = "{self.url}"\n[limits]\nreserve_mb = 2\n'
        )
        self.key = AgentKey.load_or_create(folder / "agent" / "key")
        self.command("migrate")
        self.command("agent", "enrol", "room-101", "--key", self.key.public_base64)
        self.enrolled = self.data / "enrolled" / "room-101"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def command(self, *words: str) -> None:
        """One `muniment-central` command to its end."""
        command = [sys.executable, "-m", "central.cli", *words, "--config", str(self.config)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)
        assert done.returncode == 0, done.stderr

    def start(self, *parts: str) -> None:
        """Start broker, ingest or web."""
        for part in parts:
            if part == "broker":
                command = [sys.executable, "-m", "deploy.broker", "--port", str(self.mqtt)]
                command += ["--passwords", str(self.data / "broker" / "passwords"), "--acl", str(self.data / "broker" / "acl")]
            else:
                command = [sys.executable, "-m", "central.cli", part, "--config", str(self.config)]
            self._processes[part] = subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if part != "ingest":
                wait_for_port(self.mqtt if part == "broker" else self.http, process=self._processes[part])

    def stop(self, *parts: str, kill: bool = False) -> None:
        """Stop (or kill) parts; all where none is named."""
        for part in parts or tuple(reversed(self._processes)):
            process = self._processes.pop(part)
            process.kill() if kill else process.terminate()
            process.wait(WAIT_S)

    def put_back(self, backup: Path) -> None:
        """Restore a backup into an emptied data folder (ingest and web are stopped)."""
        kept = self.folder / "kept"
        for name in ("broker", "enrolled"):
            shutil.copytree(self.data / name, kept / name, dirs_exist_ok=True)
        shutil.rmtree(self.data)
        self.command("restore", str(backup))
        for name in ("broker", "enrolled"):
            shutil.copytree(kept / name, self.data / name, dirs_exist_ok=True)

    def ledger(self) -> list[dict[str, Any]]:
        """The exported ledger's batches of the agent, in ledger order."""
        target = self.folder / "export.ndjson"
        target.unlink(missing_ok=True)
        self.command("export-ledger", str(target))
        entries = [json.loads(line) for line in target.read_text().splitlines()]
        return [entry for entry in entries if entry["type"] == "batch" and entry["agent"] == "room-101"]

    def records(self, lane: str, *kinds: str) -> list[dict[str, Any]]:
        """The agent's records of a lane as they stand in the ledger."""
        lines = [line for entry in self.ledger() if entry["lane"] == lane for line in entry["lines"]]
        found = [json.loads(line) for line in lines if not line.startswith("#")]
        return [record for record in found if not kinds or record["k"] in kinds]
