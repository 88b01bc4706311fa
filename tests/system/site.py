"""A whole site on this machine for a test: broker, ingest, web and agents as processes, which can be killed, started and counted."""

import json
import os
import signal
import sqlite3
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psutil

from deploy.demo.programs import Program
from deploy.demo.setup import prepare, tool, write_configs
from tests.ports import free_port, wait_for_port

WAIT_S = 60.0
Counts = dict[tuple[str, str], int]


def until(condition: Callable[[], Any], what: str, *, timeout_s: float = WAIT_S) -> Any:
    """The condition's first true value; fails with `what` and its last value when the time is over."""
    deadline = time.monotonic() + timeout_s
    value = None
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {timeout_s:.0f} s (last: {value!r})")


class Site:
    """The demonstration's files in a test's folder, run program by program."""

    def __init__(self, folder: Path, *, embedded: bool = False, edits: dict[str, Callable[[str], str]] | None = None) -> None:
        """edits: per TOML file's stem, a function over its text, before anything reads it."""
        self.data = folder / "site"
        self.ports = {"port": free_port(), "screen": free_port(), "mqtt": free_port()}
        self.url = f"http://127.0.0.1:{self.ports['port']}"
        self.configs = write_configs(self.data, ports=self.ports)
        for stem, edit in (edits or {}).items():
            path = self.configs / f"{stem}.toml"
            path.write_text(edit(path.read_text()))
        prepare(self.data, self.configs, url=self.url, broker_port=self.ports["mqtt"])
        self.users = json.loads((self.data / "credentials.json").read_text())["users"]
        rights = self.data / "central" / "broker"
        broker = [sys.executable, "-m", "deploy.broker", "--port", str(self.ports["mqtt"])]
        broker += ["--passwords", str(rights / "passwords"), "--acl", str(rights / "acl")] + (["--embedded"] if embedded else [])
        logs = self.data / "logs"
        self.programs = {"broker": Program("broker", broker, logs=logs)}
        for part in ("ingest", "web"):
            self.programs[part] = Program(part, [tool("muniment-central"), part, "--config", str(self.configs / "central.toml")], logs=logs)
        for agent in ("room-101", "vault-01", "bench-1"):
            command = [tool("muniment-agent"), "run", "--config", str(self.configs / f"{agent}.toml")]
            self.programs[agent] = Program(agent, command, logs=logs)
        self.running: list[str] = []

    def start(self, *names: str) -> None:
        """Start these programs; the broker and the web service are waited for."""
        for name in names:
            self.programs[name].start()
            self.running.append(name)
            if name in ("broker", "web"):
                wait_for_port(self.ports["mqtt" if name == "broker" else "port"])

    def stop(self, *names: str) -> None:
        """Stop these programs (all where none is named), last started first."""
        for name in reversed(names or tuple(self.running)):
            self.programs[name].stop()
            if name in self.running:
                self.running.remove(name)

    def kill(self, name: str) -> None:
        """SIGKILL one program and return when its children have noticed and gone."""
        children = psutil.Process(self.programs[name].pid).children(recursive=True)
        self.programs[name].kill()
        self.running.remove(name)
        _, left = psutil.wait_procs(children, timeout=20)
        assert not left, f"{name} was killed, but {left} goes on"

    def kill_child(self, agent: str, words: str) -> int:
        """SIGKILL the agent's child process whose command line has these words; its process id."""

        def found() -> list[psutil.Process]:
            children = psutil.Process(self.programs[agent].pid).children(recursive=True)
            return [child for child in children if words in " ".join(child.cmdline())]

        victim: psutil.Process = until(found, f"{agent} has no child {words!r}")[0]
        os.kill(victim.pid, signal.SIGKILL)
        return int(victim.pid)

    def get(self, path: str, *, user: str = "auditor") -> Any:
        """The JSON of an API path, as one of the demonstration's people."""
        headers = {"Authorization": f"Bearer {self.users[user]['token']}", "Muniment-Purpose": "test"}
        request = urllib.request.Request(f"{self.url}/api/v1{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())

    def items(self, path: str, *, user: str = "auditor") -> list[dict[str, Any]]:
        """All items of a paged list."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self.get(f"{path}{'&' if '?' in path else '?'}limit=200{cursor}", user=user)
            found += page["items"]
            if not page.get("next"):
                return found
            cursor = f"&cursor={page['next']}"

    def held(self, agent: str) -> Counts:
        """What the agent's journal has made: (epoch, lane) -> highest sequence."""
        with sqlite3.connect(f"file:{self.data / agent / 'journal.db'}?mode=ro", uri=True) as rows:
            found = rows.execute(
                "SELECT e.name, r.lane, MAX(r.seq) FROM records r JOIN epochs e ON e.epoch = r.epoch GROUP BY r.epoch, r.lane"
            ).fetchall()
        lanes = ("events", "capture", "readings")
        return {(row[0], lanes[row[1]]): row[2] for row in found}

    def arrived(self, agent: str) -> Counts:
        """What the ledger has of the agent: (epoch, lane) -> highest sequence; fails on a gap, an overlap or a broken chain."""
        counts: Counts = {}
        heads: dict[tuple[str, str], str] = {}
        for entry in sorted((e for e in self.items("/ledger/entries") if e["agent"] == agent), key=lambda e: e["index"]):
            place = (entry["epoch"], entry["lane"])
            assert entry["first"] == counts.get(place, 0) + 1, f"{agent} {place}: {entry['first']} follows {counts.get(place, 0)}"
            assert entry["prev"] == heads.get(place, entry["prev"])
            counts[place], heads[place] = entry["first"] + entry["n"] - 1, entry["head"]
        return counts

    def wait_even(self, agents: Iterable[str], *, timeout_s: float = WAIT_S) -> Counts:
        """Return when the centre has all that the (stopped or quiet) agents hold; the counts of all agents together."""
        total: Counts = {}
        for agent in agents:

            def even(agent: str = agent) -> bool:
                arrived = self.arrived(agent)
                return all(arrived.get(place, 0) >= count for place, count in self.held(agent).items())

            until(even, f"{agent}: the centre does not have all that the agent holds", timeout_s=timeout_s)
            total |= self.held(agent)
        return total
