"""An operator who presses thousands of times at a bench of real programs, while cameras, contacts, disk and processes fail at random."""

import json
import re
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import psutil

from tests.faults.disk import SmallDisk
from tests.presses import books
from tests.presses.books import AGENT, ended, files, spool_of
from tests.presses.wires import TROUBLES, Cameras, Pedal
from tests.system.site import Site, until

MB = 1024 * 1024
RESERVE_MB = 16
SETTLE_S = 30.0
LOOK_S = 0.01
FOOT_S = 0.06  # a foot is not back sooner than the contacts settle
FULL_EVERY = 60  # presses between two looks at every file's name and inode
BENCH = """
[bench.bench-1]
screen = "127.0.0.1:{screen}"
reserve_mb = {reserve}

[bench.bench-1.pedal.foot]
driver = "serial"
port = "{pedal}"
switch.capture = {{ wish = "capture", down = "41", up = "61" }}
switch.retake = {{ wish = "retake", down = "42", up = "62" }}
switch.mark = {{ wish = "mark", down = "43", up = "63" }}
switch.undo = {{ wish = "undo", down = "44", up = "64" }}

[bench.bench-1.camera.left]
driver = "snapshot"
url = "{left}"

[bench.bench-1.camera.right]
driver = "snapshot"
url = "{right}"
"""
# what happens at a press, and how often of a hundred
WISHES = {"capture": 84, "retake": 10, "undo": 3, "mark": 3}
FAULTS = ("bounce", "twice", *TROUBLES, "disk low", "disk full", "kill bench", "kill agent")
FAULTY = 0.1  # the share of presses with a fault
HAND = 0.06  # the share after which a hand at the screen changes the pages


class Campaign:
    """A running bench with its centre; a context manager. `sent` counts feet on the pedal, `unsure` those that a kill swallowed."""

    def __init__(self, folder: Path, *, seed: int, say: Callable[[str], None] = print) -> None:
        self._folder, self._say, self._random = folder, say, Random(seed)
        self._stack = ExitStack()
        self.sent = self.unsure = 0
        self.hands: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._deck: list[str] = []
        self._files: dict[str, int] = {}

    def __enter__(self) -> "Campaign":
        with self._stack:
            self.cameras = Cameras()
            self._stack.callback(self.cameras.close)
            self.pedal = Pedal(self._folder / "pedal", self._random)
            self._stack.callback(self.pedal.close)
            self.disk = self._stack.enter_context(SmallDisk(spool_of(self._folder / "site"), size=1024 * MB))
            self.site = Site(self._folder, edits={AGENT: self._bench})
            self._stack.callback(self.site.stop)
            self.site.start("broker", "ingest", "web", AGENT)
            self._wait_ready()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _bench(self, text: str) -> str:
        """The demonstration's bench with a real pedal's wire and two network cameras, and nobody who works by herself."""
        screen = re.search(r'screen = "127\.0\.0\.1:(\d+)"', text)
        assert screen is not None
        head = text[: text.index("[bench.")].replace("operator = true", "operator = false")
        facts = {"pedal": self._folder / "pedal", "left": self.cameras.url("left"), "right": self.cameras.url("right")}
        reserve = RESERVE_MB + self.disk.offset_mb
        return head + BENCH.format(screen=screen.group(1), reserve=reserve, **facts)

    # one press

    def run(self, presses: int) -> None:
        """Press so often, with faults."""
        while self.sent < presses:
            if self._random.random() < FAULTY:
                self._with_fault(self._next_fault())
            else:
                self._press(self._wish())
            self._answer()
            if self._random.random() < HAND:
                self._hand()
            if self.sent % FULL_EVERY == 0:
                self._look_at_files()
            if self.sent % 250 == 0:
                self._say(f"{self.sent} presses, {ended(self.site.data)} ended, {sum(self.faults.values())} faults")

    def _wish(self) -> str:
        return self._random.choices(list(WISHES), list(WISHES.values()))[0]

    def _next_fault(self) -> str:
        """Every kind before any comes again, in random order."""
        if not self._deck:
            self._deck = list(FAULTS)
            self._random.shuffle(self._deck)
        return self._deck.pop()

    def _press(self, wish: str, *, bounce: bool = False, times: int = 1) -> None:
        """Press and wait until each foot on the pedal has become a press with an end."""
        before = ended(self.site.data)
        for number in range(times):
            time.sleep(0.12 if number else FOOT_S)
            self.pedal.press(wish, bounce=bounce)
        self.sent += times
        deadline = time.monotonic() + SETTLE_S
        while not (ended(self.site.data) >= before + times and self._idle()):
            if time.monotonic() > deadline:
                self.wrong.append(f"press {self.sent}: {wish} has no end within {SETTLE_S:.0f} s")
                return
            time.sleep(LOOK_S)
        extra = ended(self.site.data) - before - times
        if extra > 0:
            self.wrong.append(f"press {self.sent}: {extra} presses more than feet on the pedal")

    def _answer(self) -> None:
        """The bench asks whether the volume may be closed: press again, or say no at the screen."""
        state = self._ask("/api/state")
        if state is not None and state["question"] is not None:
            if self._random.random() < 0.5:
                self._press("mark")
            else:
                self._ask("/api/batch", {"do": "keep"})

    def _with_fault(self, fault: str) -> None:
        self.faults[fault] += 1
        if fault == "bounce":
            self._press(self._wish(), bounce=True)
        elif fault == "twice":
            self._press("capture", times=2)
        elif fault in TROUBLES:
            sides = self._random.choice((("left",), ("right",), ("left", "right")))
            self.cameras.trouble.update(dict.fromkeys(sides, fault))
            self._press(self._random.choice(("capture", "capture", "retake")))
            self.cameras.trouble.clear()
            self._wait_ready()
        elif fault.startswith("disk"):
            self._disk(full=fault == "disk full")
        else:
            self._kill(child=fault == "kill bench")

    def _disk(self, *, full: bool) -> None:
        if full:
            before = ended(self.site.data)
            self.disk.fill_up()
            self.pedal.press("capture")
            self.sent += 1
            time.sleep(self._random.uniform(0.2, 0.8))
            self.disk.empty()
            until(lambda: ended(self.site.data) >= before + 1 and self._idle(), "a press at a full disk has no end", timeout_s=SETTLE_S)
        else:
            self.disk.leave((RESERVE_MB // 2) * MB)
            self._press("capture")
            self.disk.empty()
        self._wait_ready()

    def _kill(self, *, child: bool) -> None:
        """SIGKILL within the press, at any moment of it; what the bench had not noted yet is nobody's press."""
        before = ended(self.site.data)
        self.pedal.press("capture", down_s=0.02)
        self.sent += 1
        time.sleep(self._random.uniform(0.0, 0.35))
        if child:
            self.site.kill_child(AGENT, "edge_agent.station")
        else:
            self.site.kill(AGENT)
            self.site.start(AGENT)
        self._wait_ready()
        noted = ended(self.site.data) - before
        if noted == 0:
            self.unsure += 1
        elif noted != 1:
            self.wrong.append(f"press {self.sent}: {noted} presses came of one at a kill")

    # a hand at the screen

    def _hand(self) -> None:
        """Change the pages as an operator does at the screen: any page, not only the last."""
        found = self._ask("/api/pages?count=200")
        pages = found["pages"] if found else []
        do = self._random.choice(("delete", "move", "place", "insert", "retake", "undo"))
        if not pages and do != "place":
            return
        page = self._random.choice(pages)["id"] if pages else None
        number = self._random.randint(0, len(pages))
        before = ended(self.site.data)
        body: dict[str, Any]
        if do in ("insert", "retake"):
            body = {"wish": do, "after": page} if do == "insert" else {"wish": do, "page": page}
            answer = self._ask("/api/press", body)
            self.sent += 1
            if answer is None or ended(self.site.data) != before + 1:
                self.wrong.append(f"{do} at the screen: {answer}, {ended(self.site.data) - before} presses")
        else:
            body = {"do": do, "page": page, "reason": "test"}
            if do == "move":
                body |= {"volume": f"V-{self._random.randint(1, 3)}"} if self._random.random() < 0.3 else {"after_number": number}
            elif do == "place":
                body = {"do": do, "kind": "missing", "reason": "test"} | ({"after": page} if page else {})
            answer = self._ask("/api/pages", body)
            self.sent += ended(self.site.data) - before  # where the bench notes it as a press of its own
        self.hands[do if answer is not None else f"{do}: refused"] += 1

    def _ask(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        """JSON of the bench's screen; None where it says no."""
        screen = f"http://127.0.0.1:{self.site.ports['screen']}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(screen + path, data=data, headers={"Origin": screen, "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=SETTLE_S) as answer:
                found: dict[str, Any] = json.loads(answer.read())
                return found
        except (urllib.error.URLError, OSError):
            return None

    # around it

    def _idle(self) -> bool:
        state = self._ask("/api/state")
        return state is not None and state["state"] == "idle"

    def _wait_ready(self) -> None:
        """The bench answers, is idle, has its cameras, and hears its pedal."""

        def ready() -> bool:
            state = self._ask("/api/state")
            return state is not None and state["state"] == "idle" and not state["cameras"] and self.pedal.heard

        until(ready, "the bench is not ready", timeout_s=90)

    def _look_at_files(self) -> None:
        now = files(self.site.data)
        self.wrong += books.wrong_files(self._files, now)
        self._files = now

    def balance(self) -> tuple[dict[str, int], int, list[str]]:
        """Stop the bench in order, wait until the centre has everything; (presses by outcome, pages, all that is wrong)."""
        self._look_at_files()
        until(self._delivered, "images are not delivered", timeout_s=300)
        self.site.wait_even([AGENT], timeout_s=300)
        outcomes, pages, wrong = books.check(self.site)
        heard = sum(outcomes.values())
        if not self.sent - self.unsure <= heard <= self.sent:
            wrong.append(f"{self.sent} feet on the pedal ({self.unsure} at a kill), {heard} presses")
        return outcomes, pages, self.wrong + wrong

    def _delivered(self) -> bool:
        return not sum(batch["pending"] for batch in self.site.items("/batches", user="archivist"))

    def memory_mb(self) -> float:
        """Resident size of the bench's process and its worker."""
        agent = psutil.Process(self.site.programs[AGENT].pid)
        mine = [one for one in agent.children(recursive=True) if "edge_agent.station" in " ".join(one.cmdline())]
        return sum(one.memory_info().rss for one in mine) / MB
