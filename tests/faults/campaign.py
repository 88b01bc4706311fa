"""One fault after another on a whole site of real programs, each waited out until records flow again."""

import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil

from tests.faults import books
from tests.faults.books import Books
from tests.faults.proxy import MODES, FaultProxy
from tests.system.site import Site, until

AGENTS = ("room-101", "vault-01", "bench-1")
FLOW_S = 180.0
STILL_S = (2.0, 12.0)  # how long a program stands still or a network is bad
BROKER = re.compile(r'(\[broker\]\nhost = "127\.0\.0\.1"\nport = )(\d+)')
CHILDREN = {
    "recorder": ("edge_agent.recorder", ("room-101", "vault-01")),
    "node": ("firmware.node", ("room-101", "vault-01")),
    "station": ("edge_agent.station", ("bench-1",)),
}
KINDS = [f"kill {what}" for what in ("core", *CHILDREN, "broker", "ingest", "web")]
KINDS += ["stop broker", "stop ingest", *(f"network {mode}" for mode in MODES)]


DESK = """
[sensor.desk]
driver = "sht4x"
transport = "sim"
"""


def brisk(text: str) -> str:
    """Readings each second, at the bench as well, and doors often: more to lose, and no pause in which nothing would flow anyway."""
    text = re.sub(r"door_every_s = \d+", "door_every_s = 6", text.replace("report_s = 10", "report_s = 1"))
    return text + DESK if "[bench." in text else text


class Campaign:
    """A running site whose agents reach the broker through bad networks; a context manager."""

    def __init__(self, folder: Path, *, seed: int, say: Callable[[str], None] = print) -> None:
        self._folder, self._say, self._random = folder, say, random.Random(seed)
        self._stack = ExitStack()
        self.proxies: dict[str, FaultProxy] = {}
        self.faults: Counter[str] = Counter()
        self._deck: list[str] = []
        self.site: Site

    def __enter__(self) -> "Campaign":
        with self._stack:
            self.site = Site(self._folder, edits={agent: self._through_proxy(agent) for agent in AGENTS})
            self._stack.callback(self.site.stop)
            self.site.start("broker", "ingest", "web", *AGENTS)
            self._flow(AGENTS, {})
            until(lambda: books.presses_at_centre(self.site.data), "the bench at work", timeout_s=FLOW_S)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _through_proxy(self, agent: str) -> Callable[[str], str]:
        def edit(text: str) -> str:
            found = BROKER.search(text)
            assert found is not None
            proxy = self.proxies[agent] = self._stack.enter_context(FaultProxy(int(found[2])))
            return brisk(BROKER.sub(rf"\g<1>{proxy.port}", text))

        return edit

    # -- faults

    def round(self, number: int) -> None:
        """One fault, and the wait until records of every agent flow again."""
        if not self._deck:  # every kind comes before any comes again
            self._deck = self._random.sample(KINDS, len(KINDS))
        kind = self._deck.pop()
        self.faults[kind] += 1
        verb, what = kind.split(" ", 1)
        began = time.monotonic()
        before = books.arrived(self.site.data)
        whom = {"kill": self._kill, "stop": self._stand_still, "network": self._cut}[verb](what)
        self._flow(AGENTS, before if verb == "network" else books.arrived(self.site.data))
        self._say(f"round {number}: {kind} ({whom}), records flow again after {time.monotonic() - began:.0f} s")

    def _kill(self, what: str) -> str:
        if what in CHILDREN:
            words, agents = CHILDREN[what]
            agent = self._random.choice(agents)
            killed = self.site.kill_child(agent, words)
            until(lambda: self._child(agent, words) - {killed}, f"a new {what} of {agent}", timeout_s=FLOW_S)
            return agent
        name = self._random.choice(AGENTS) if what == "core" else what
        self.site.kill(name)
        self.site.start(name)
        return name

    def _child(self, agent: str, words: str) -> set[int]:
        """The process ids of the agent's children whose command line has these words."""
        found = set()
        for child in psutil.Process(self.site.programs[agent].pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if words in " ".join(child.cmdline()):
                    found.add(child.pid)
        return found

    def _stand_still(self, what: str) -> str:
        pid, seconds = self.site.programs[what].pid, self._random.uniform(*STILL_S)
        os.killpg(pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)  # the outage under test
        finally:
            os.killpg(pid, signal.SIGCONT)
        return f"{seconds:.0f} s"

    def _cut(self, what: str) -> str:
        agent, seconds = self._random.choice(AGENTS), self._random.uniform(*STILL_S)
        self.proxies[agent].set(what)
        try:
            time.sleep(seconds)  # the outage under test
        finally:
            self.proxies[agent].heal()
        return f"{agent}, {seconds:.0f} s"

    def _flow(self, agents: tuple[str, ...], before: dict[books.Place, int]) -> None:
        """Return when the centre has more of every agent than before, and its web answers."""

        def more() -> bool:
            ended = [name for name in self.site.running if self.site.programs[name].ended() is not None]
            assert not ended, f"{ended} ended by itself; see {self.site.data / 'logs'}"
            now = books.arrived(self.site.data)
            return all(_total(now, agent) > _total(before, agent) for agent in agents)

        until(more, "records flow again", timeout_s=FLOW_S)
        until(self._web_answers, "the web answers", timeout_s=FLOW_S)

    def _web_answers(self) -> bool:
        try:
            return bool(self.site.get("/rooms")["items"])
        except OSError:
            return False

    # -- the end

    def finish(self) -> Books:
        """Stop the agents, let all that they hold arrive, and compare the books."""
        data = self.site.data
        self.site.stop(*AGENTS)
        due = {place: len(lines) for place, lines in books.journalled(data, AGENTS).items()}
        finished = {"bench-1": books.presses(data, "bench-1")}
        self.site.start(*AGENTS)  # what they had not sent, and children had not handed over, comes now

        def whole() -> bool:
            now = books.arrived(data)
            return all(now.get(place, 0) >= count for place, count in due.items())

        until(whole, "what the agents held at the stop has arrived", timeout_s=FLOW_S)
        until(lambda: finished["bench-1"] <= books.presses_at_centre(data), "the bench's presses have arrived", timeout_s=FLOW_S)
        self.site.stop()
        return books.compare(data, AGENTS, due=due, finished=finished)


def _total(counts: dict[books.Place, int], agent: str) -> int:
    return sum(seq for (name, _, _), seq in counts.items() if name == agent)
