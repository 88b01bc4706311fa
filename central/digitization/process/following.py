"""What the line does by itself to a volume in capture, check and accept: a pure function of what its batches say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from central.digitization.process.machine import ORDER, Stand


class BatchFacts(Protocol):
    """What is known of one batch of a volume."""

    @property
    def batch(self) -> str:
        """Its id."""

    @property
    def state(self) -> str:
        """open, rework, closed, accepted, rejected."""

    @property
    def captured(self) -> int:
        """Its pages that count, placeholders among them."""

    @property
    def placeholders(self) -> int:
        """Of them, those that stand for a page that is missing or too large."""

    @property
    def bad(self) -> int:
        """Of them, those judged bad."""

    @property
    def first_leaf(self) -> int:
        """The ledger entry that brought it."""

    @property
    def decided_leaf(self) -> int | None:
        """The ledger entry that accepted or rejected it."""


@dataclass(frozen=True)
class Said:
    """What a volume's batches say together; a rejected one that a later batch answered counts no more."""

    batches: int
    open: int
    rework: int
    rejected: int
    accepted: int
    captured: int
    placeholders: int
    bad: int


@dataclass(frozen=True)
class Next:
    """What the line does next: an act of machine.TRANSITIONS, where back to, why in one word."""

    act: str
    to: str | None = None
    why: str | None = None


def said(batches: Sequence[BatchFacts]) -> Said:
    """The batches of a volume, taken together."""
    last = max((one.first_leaf for one in batches), default=-1)
    counting = [one for one in batches if one.state != "rejected" or one.decided_leaf is None or last <= one.decided_leaf]
    return Said(
        batches=len(counting),
        open=sum(one.state in ("open", "rework") for one in counting),
        rework=sum(one.state == "rework" for one in counting),
        rejected=sum(one.state == "rejected" for one in counting),
        accepted=sum(one.state == "accepted" for one in counting),
        captured=sum(one.captured for one in counting),
        placeholders=sum(one.placeholders for one in counting),
        bad=sum(one.bad for one in counting),
    )


def findings_of(stand: Stand, told: Said, *, expected: int) -> list[dict[str, Any]]:
    """What a person must look at: bad pages, counts that disagree, a bench that captures before or after the volume's turn."""
    found: list[dict[str, Any]] = []
    if told.open and ORDER[stand.step] < ORDER["capture"]:
        found.append({"code": "early", "n": told.open})
    if (told.open or told.rejected) and ORDER[stand.step] > ORDER["accept"]:
        found.append({"code": "late", "n": told.open + told.rejected})
    if stand.step == "check":
        if told.bad:
            found.append({"code": "bad", "n": told.bad})
        if told.captured != expected:
            found.append({"code": "count", "captured": told.captured, "expected": expected})
    return found


def following(stand: Stand, told: Said, *, fresh: bool, findings: Sequence[dict[str, Any]]) -> Next | None:
    """What happens next by itself; None while something is awaited: a batch, a look, a decision, the images."""
    if stand.held:
        return None
    if stand.step == "capture":
        if told.open:
            return Next("line.begin") if stand.state == "waiting" else None
        return Next("line.end") if told.batches and not told.rejected and fresh else None
    if stand.step not in ("check", "accept"):
        return None
    if told.rejected:
        return Next("line.back", "capture", "rejected")
    if told.open:
        return Next("line.back", "capture", "rework" if told.rework else "more")
    if stand.step == "accept":
        return Next("line.end") if told.batches and told.accepted == told.batches else None
    if findings:
        return Next("line.look") if stand.state != "look" else None
    return Next("line.begin") if stand.state != "working" else None
