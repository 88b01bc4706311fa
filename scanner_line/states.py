"""The states of a station, its times, and what it remembers of a press, of the last one, and of its books."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from scanner_line.batches import Batch, now
from scanner_line.checks.results import Judgement
from scanner_line.presses import RANK, Aim, Judged, Page
from wire.separators import Separator

CAPTURE = "capture"
MARK = "mark"  # a press that closes the open batch and opens the next
UNDO = "undo"  # a press that takes back what was done last


class State(StrEnum):
    """Where a press is; only an idle station takes the next one."""

    IDLE = "idle"
    EXPOSING = "exposing"
    STORING = "storing"
    JUDGING = "judging"


@dataclass(frozen=True, slots=True)
class Settings:
    """Times in seconds. `verdict_s`: from the press to a verdict, else it is `look`; `camera_s`: the longest exposure; `hold_s`: a pedal
    held this long is a control; `late_s`: how long late checks may still lower a verdict."""

    verdict_s: float = 2.0
    camera_s: float = 1.8
    hold_s: float = 1.5
    late_s: float = 20.0
    pages_expected: int | None = None
    dpi: float | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """The moment a press began: wall ms, CLOCK_BOOTTIME ms, monotonic ns."""

    t_ms: int
    m_ms: int
    monotonic_ns: int

    @classmethod
    def now(cls) -> "Edge":
        """This moment; may be called in any thread."""
        return cls(*now(), time.monotonic_ns())

    @classmethod
    def at(cls, monotonic_ns: int) -> "Edge":
        """A moment just past, of which only `time.monotonic_ns()` is known; may be called in any thread."""
        t_ms, m_ms = now()
        ago_ms = max(0, time.monotonic_ns() - monotonic_ns) // 1_000_000
        return cls(t_ms - ago_ms, m_ms - ago_ms, monotonic_ns)

    def left_s(self, span_s: float) -> float:
        """Seconds left of a span that began with this edge; never under 0.05, so that what waits gets a turn."""
        return max(0.05, self.monotonic_ns / 1e9 + span_s - time.monotonic())


class Foot:
    """A foot, hand or key that is down since an edge: whether it stayed long enough to be a control."""

    def __init__(self, edge: Edge) -> None:
        """Down since the edge."""
        self._edge = edge
        self._up = asyncio.Event()
        self._up_ns: int | None = None

    def lift(self, at_ns: int) -> None:
        """It came up at a moment of `time.monotonic_ns()`; only the first time counts."""
        if self._up_ns is None:
            self._up_ns = at_ns
            self._up.set()

    async def held(self, hold_s: float) -> bool:
        """Whether it stays down for so long; waits until that is known."""
        try:
            await asyncio.wait_for(self._up.wait(), max(0.0, self._edge.monotonic_ns / 1e9 + hold_s - time.monotonic()))
        except TimeoutError:
            pass
        return self._up_ns is None or self._up_ns - self._edge.monotonic_ns >= hold_s * 1e9


@dataclass(frozen=True, slots=True)
class Last:
    """How the last press ended, for lamp and screen. `code` names a case the screen has words for; `why` are words for the record;
    `number` is the place of its first page in the batch, as an operator counts; `why_zh` are the words for an operator where they are
    known in Chinese too."""

    outcome: str
    code: str
    verdict: str | None = None
    why: str | None = None
    pages: tuple[Page, ...] = ()
    failing: tuple[Mapping[str, Any], ...] = ()
    t_ms: int = 0
    number: int | None = None
    why_zh: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A batch waits for a person to confirm its closing: why (`count`, `bad`, `rework`, `sides`: fronts and backs not put together), and
    the separator to be obeyed afterwards."""

    batch: Batch
    reasons: tuple[str, ...]
    then: Separator | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the books say, read after each change: the open batch, the one closed last, presses by outcome since the start, pages/h,
    pages of this hour, what an undo would take back, the pages of a reopened batch still to be taken again and why; where fronts and backs
    run apart, how many of each have no other side."""

    batch: Batch | None = None
    closed: Batch | None = None
    outcomes: Mapping[str, int] = field(default_factory=dict)
    pace_per_h: int | None = None
    hour: int = 0
    undoable: str | None = None
    rework: tuple[tuple[Page, str], ...] = ()
    loose: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class Run:
    """One press on its way: filled in step by step, recorded at its end. Of a press that takes many sheets, `pages`, `judged`, `late` and
    `separator` are those of the sheet on its way, which is the `sheet`-th; `scans`: a scanner's files of its sides; `card`: a camera's
    card was photographed."""

    press: str
    edge: Edge
    aim: Aim
    outcome: str = ""
    code: str = ""
    why: str | None = None
    pages: list[Page] = field(default_factory=list)
    judged: dict[str, Judged] = field(default_factory=dict)
    late: dict[str, "asyncio.Task[tuple[Judgement, Mapping[str, Any]]]"] = field(default_factory=dict)
    separator: Separator | None = None
    card: bool = False
    number: int | None = None
    why_zh: str | None = None
    reason: str | None = None
    sheet: int = 1
    scans: dict[str, Path] = field(default_factory=dict)

    def end(self, outcome: str, code: str, why: str | None = None) -> None:
        """Set how the press ends."""
        self.outcome, self.code, self.why = outcome, code, why

    def halve(self, words: str) -> None:
        """End as a half-taken pair: what was taken is kept as a bad page, and the press has failed."""
        self.end("failed", "half", words)
        incomplete = failing_check("pair", f"only half of the pair was taken: {words}", "左右两页只拍到一页")
        self.judged = {page: Judged("bad", [*result.checks, incomplete], result.facts) for page, result in self.judged.items()}

    def add(self, found: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Add failed checks to the pages by side: such a page is at best `look`."""
        for page in self.pages:
            checks, result = found.get(page.side), self.judged.get(page.page)
            if checks and result is not None:
                self.judged[page.page] = Judged(worst([result.verdict, "look"]) or "look", [*result.checks, *checks], result.facts)

    @property
    def verdict(self) -> str:
        """The worst verdict of its pages."""
        return worst([judged.verdict for judged in self.judged.values()]) or "look"

    def seen(self) -> Last:
        """What the operator is to see of it."""
        pages = tuple(replace(page, verdict=self.judged[page.page].verdict) for page in self.pages)
        failing = [{**check, "side": page.side} for page in pages for check in self.judged[page.page].checks if not check["ok"]]
        return Last(self.outcome, self.code, self.verdict, self.why, pages, tuple(failing), self.edge.t_ms, self.number, self.why_zh)


def failing_check(name: str, words: str, words_zh: str, *, limit: float | None = None) -> dict[str, Any]:
    """A check that stands in a page record for what kept the others from being made."""
    return {"name": name, "value": None, "limit": limit, "ok": False, "words": words, "words_zh": words_zh}


def worst(verdicts: list[str | None]) -> str | None:
    """The lowest of the verdicts that are known; None if none is."""
    known = [verdict for verdict in verdicts if verdict is not None]
    return min(known, key=RANK.__getitem__) if known else None
