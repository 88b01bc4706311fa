"""A working session at a bench: what was proven when it began (cards, targets), and whether the cameras have stayed so since.

A session ends with sign-out, after 12 hours, or with a restart that finds other cameras. What is not proven yet is asked for step by step;
a press meanwhile is an attempt at the proof or is turned away.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from scanner_line.batches import now
from scanner_line.cameras.base import Frame
from scanner_line.cards import OVERHEAD, Card, cards_in
from scanner_line.drift import LAB_LIMIT, Drift, Patch, drifts, look
from scanner_line.errors import ScannerLineError
from scanner_line.session_book import SessionBook, SessionRow

LONGEST_MS = 12 * 3600 * 1000
CLOCK_SLACK_MS = 5 * 60 * 1000  # a wall clock that was set back a little does not end a session
OFF, CARDS, CARDS_TARGET = "off", "cards", "cards+target"
LEVELS = ("-", "C", "B", "A")
log = logging.getLogger(__name__)

Measure = Callable[[bytes], Any]


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What a session has to prove; `patches` by side; `level_min`: the ISO 19264-1 level that a target must reach (`-`: none)."""

    required: str = OFF
    patches: Mapping[str, Patch] = field(default_factory=dict)
    lab_limit: float = LAB_LIMIT
    level_min: str = "-"
    longest_ms: int = LONGEST_MS


@dataclass(frozen=True, slots=True)
class Proof:
    """How a press ended that came before the session was ready: outcome (control or rejected), code, words in both languages."""

    outcome: str
    code: str
    words: str
    words_zh: str


class Session:
    """The session of one bench. Plain methods touch the disk and are to be called in the station's disk thread or before it works."""

    def __init__(
        self,
        book: SessionBook,
        *,
        serials: Callable[[], Mapping[str, str]],
        settings: SessionSettings | None = None,
        measure: Measure | None = None,
        clock_ms: Callable[[], int] = lambda: now()[0],
    ) -> None:
        """`serials` gives the serial number of each side's camera as it is now; `measure` measures a target in a photograph (bytes ->
        TargetResult, ScannerLineError where there is none)."""
        self._book = book
        self._serials = serials
        self._settings = settings or SessionSettings()
        self._measure = measure
        self._clock_ms = clock_ms
        self._row: SessionRow | None = None
        self._resumed = False
        self._drift: dict[tuple[str, str], Drift] = {}
        self._words = ("", "")

    # what the screen shows

    @property
    def required(self) -> str:
        """What must be proven: off, cards, cards+target."""
        return self._settings.required

    @property
    def ready(self) -> bool:
        """Whether pages may be captured."""
        return self.step == "ready"

    @property
    def step(self) -> str:
        """What is to be proven next: cards, target, or ready."""
        if self.required == OFF:
            return "ready"
        row = self._row
        if row is None or self._over(row) is not None or any(state != "proven" for state in row.cards.values()):
            return "cards"
        if self.required == CARDS_TARGET and not (row.target and row.target.get("ok")):
            return "target"
        return "ready"

    @property
    def state(self) -> dict[str, Any]:
        """For the screen: required, operator, cards by side (proven, waiting, wrong), target, drift in words, ready; what to do next."""
        row, step = self._row, self.step
        fresh = row is not None and self._over(row) is None
        words, words_zh = self._words if self._words[0] else self._ask(step)
        drifted = list(self._drift.values())
        return {
            "required": self.required,
            "id": row.session if row and fresh else None,
            "begun_ms": row.begun_ms if row and fresh else None,
            "operator": row.operator if row and fresh else None,
            "cards": dict(row.cards) if row and fresh else dict.fromkeys(self._serials(), "waiting"),
            "target": row.target if row and fresh else None,
            "drift": [one.words for one in drifted],
            "drift_zh": [one.words_zh for one in drifted],
            "ready": step == "ready",
            "step": step,
            "words": words,
            "words_zh": words_zh,
        }

    # its life

    def resume(self) -> None:
        """Carry the last session on, if it is fresh and its cameras are these; else begin one. Called when the cameras have started."""
        if self._resumed:
            return
        self._resumed = True
        row = self._book.current()
        if row is not None:
            why = self._over(row)
            if why is None:
                self._row = row
                return
            self._book.end(row, why)
        self._begin(None)

    def sign_in(self, operator: str | None) -> None:
        """An operator (None: nobody any more) begins a session of their own; the one before ends. The same operator carries on."""
        self.resume()
        if self._row is not None and self._over(self._row) is None and self._row.operator == operator:
            return
        self.end("sign-out" if operator is None else "sign-in")
        self._begin(operator)

    def end(self, why: str = "sign-out") -> None:
        """End the session; the next has to prove everything anew."""
        self.resume()
        row, self._row = self._row, None
        if row is not None:
            self._book.end(row, why)
        self._drift.clear()
        self._words = ("", "")

    # presses

    async def prove(self, frames: Mapping[str, Frame]) -> Proof:
        """Look for what is still to be proven in the frames of one press. They never become pages. SpoolError if the disk refuses."""
        row = await asyncio.to_thread(self._fresh)
        step = self.step
        if step == "target":
            return await self._prove_target(row, frames)
        found = {side: await asyncio.to_thread(cards_in, frame.jpeg) for side, frame in frames.items()}
        if not any(found.values()):
            return self._told("rejected", "session", *self._ask("cards"))
        cards, wrong = dict(row.cards), []
        for side, seen in found.items():
            if not seen:
                continue
            serial, alone = row.serials.get(side, ""), len(row.serials) == 1
            cards[side] = "proven" if all(card.fits(side, serial=serial, alone=alone) for card in seen) else "wrong"
            if cards[side] == "wrong":
                wrong.append((side, next(card for card in seen if not card.fits(side, serial=serial, alone=alone))))
        baseline = {side: await self._look(side, frame) for side, frame in frames.items() if cards.get(side) == "proven"}
        row = replace(row, cards=cards, baseline={**row.baseline, **baseline})
        await asyncio.to_thread(self._book.keep_proof, row, "cards", {side: frames[side].jpeg for side in found})
        self._row = await asyncio.to_thread(self._book.keep, row, told={"event": "cards"})
        self._drift.clear()
        if wrong:
            return self._told("control", "card-wrong", *wrong_words(wrong, row.serials))
        if self.step == "cards":
            return self._told("control", "card", *self._ask("cards"))
        self._words = ("", "")
        words = self._ask(self.step)
        return Proof("control", "cards-proven", *words)

    async def prove_again(self, frames: Mapping[str, Frame]) -> Proof:
        """Somebody photographed a card in the middle of a session: a new one of the same operator begins with these frames."""
        await asyncio.to_thread(self._renew)
        return await self.prove(frames)

    async def watch(self, frames: Mapping[str, Frame]) -> dict[str, list[dict[str, Any]]]:
        """Hold the frames of a captured press against the session's baseline; by side, a failed check for each thing that moved.

        The first frame of a side that has no baseline becomes it.
        """
        row = await asyncio.to_thread(self._fresh)
        new, found = {}, {}
        for side, frame in frames.items():
            seen = await self._look(side, frame)
            base = row.baseline.get(side)
            if base is None:
                new[side] = seen
                continue
            moved = drifts(base, seen, side=side, lab_limit=self._settings.lab_limit)
            found[side] = [one.check() for one in moved]
            await self._drifted(row, side, moved)
        if new:
            told = {"event": "baseline"} if self.required == OFF else None
            self._row = await asyncio.to_thread(self._book.keep, replace(row, baseline={**row.baseline, **new}), told=told)
        return found

    async def _drifted(self, row: SessionRow, side: str, moved: list[Drift]) -> None:
        """Remember what has drifted, and record it when that changes."""
        before = {key for key in self._drift if key[0] == side}
        after = {(side, one.name): one for one in moved}
        for key in before - set(after):
            del self._drift[key]
        self._drift.update(after)
        if set(after) - before:
            told = {"event": "drift", "drift": [one.words for one in self._drift.values()]}
            await asyncio.to_thread(self._book.keep, row, told=told)
            log.warning("%s", "; ".join(one.words for one in moved))

    async def _prove_target(self, row: SessionRow, frames: Mapping[str, Frame]) -> Proof:
        if self._measure is None:
            return self._told("rejected", "session", "This bench cannot measure targets.", "本工位不能测量标板。")
        results: dict[str, Any] = dict((row.target or {}).get("sides", {}))
        failed = []
        for side, frame in frames.items():
            try:
                result = await asyncio.to_thread(self._measure, frame.jpeg)
            except ScannerLineError as error:
                failed.append(f"{side}: {error}")
                continue
            results[side] = _plain(result)
        missing = [side for side in row.serials if side not in results]
        if len(failed) == len(frames):
            return self._told(
                "rejected", "session", f"No target was found ({'; '.join(failed)}); {self._ask('target')[0]}", self._ask("target")[1]
            )
        low = [side for side, result in results.items() if LEVELS.index(_level(result)) < LEVELS.index(self._settings.level_min)]
        target = {"ok": not low and not missing, "sides": results, "level_min": self._settings.level_min}
        row = replace(row, target=target)
        await asyncio.to_thread(self._book.keep_proof, row, "target", {side: frame.jpeg for side, frame in frames.items()})
        self._row = await asyncio.to_thread(self._book.keep, row, told={"event": "target"})
        if low:
            levels = ", ".join(f"{side} {_level(results[side])}" for side in low)
            least = self._settings.level_min
            words = f"The target is below level {least} ({levels}). Check light, focus and glass. Press again."
            return self._told("control", "target-low", words, f"标板未达到 {least} 级（{levels}）。检查光源、对焦和玻璃，再踩一次。")
        if missing:
            return self._told("control", "target", *self._ask("target"))
        self._words = ("", "")
        return Proof("control", "target-proven", *self._ask(self.step))

    # inside

    def _renew(self) -> None:
        operator = None if self._row is None else self._row.operator
        self.end("cards again")
        self._begin(operator)

    def _begin(self, operator: str | None) -> SessionRow:
        self._drift.clear()
        self._words = ("", "")
        self._row = self._book.begin(serials=self._serials(), operator=operator)
        return self._row

    def _fresh(self) -> SessionRow:
        """The session under way; one that is over gives place to a new one of the same operator."""
        self.resume()
        row = self._row
        if row is None:
            return self._begin(None)
        why = self._over(row)
        if why is None:
            return row
        self.end(why)
        return self._begin(row.operator)

    def _over(self, row: SessionRow) -> str | None:
        """Why a session cannot go on: its 12 hours are over, or a camera is another one; None while it can."""
        if not row.begun_ms - CLOCK_SLACK_MS <= self._clock_ms() <= row.begun_ms + self._settings.longest_ms:
            return "12 hours"
        return None if row.serials == dict(self._serials()) else "other cameras"

    async def _look(self, side: str, frame: Frame) -> dict[str, Any]:
        patch = self._settings.patches.get(side)
        return look(frame, None) if patch is None else await asyncio.to_thread(look, frame, patch)

    def _told(self, outcome: str, code: str, words: str, words_zh: str) -> Proof:
        if code != "session":
            self._words = (words, words_zh)
        return Proof(outcome, code, words, words_zh)

    def _ask(self, step: str) -> tuple[str, str]:
        """What to do next, in both languages."""
        if step == "ready":
            return ("", "")
        if step == "target":
            return ("Lay the target flat under each camera. Press.", "将标板平放在每台相机下，踩下踏板。")
        row = self._row
        sides = list(self._serials())
        waiting = [side for side in sides if row is None or row.cards.get(side) != "proven"] or sides
        names = [OVERHEAD.upper() if len(sides) == 1 else side.upper() for side in waiting]
        return (
            f"Lay card {' and card '.join(names)} each under its camera. Press."
            if len(names) > 1
            else f"Lay card {names[0]} under its camera. Press.",
            f"将 {'、'.join(names)} 卡放在对应相机下，踩下踏板。",
        )


def wrong_words(wrong: list[tuple[str, Card]], serials: Mapping[str, str]) -> tuple[str, str]:
    """What to do about cameras that saw another's card, in both languages."""
    side, card = wrong[0]
    seen = card.side.upper()
    if card.side in serials and card.side != side:
        return (
            f"Swapped ({side} sees {seen}): swap the cards, or else the serials in the configuration. Press again.",
            f"接反：{side} 相机看到 {seen} 卡。请对调两张卡；若卡放置正确，则在配置中对调两个序列号。再踩一次。",
        )
    if card.serial is not None:
        is_now = serials.get(side, "?")
        return (
            f"The {side} camera is {is_now}, its card says {card.serial}. Connect that camera, or print a new card. Press again.",
            f"{side} 相机是 {is_now}，卡上写的是 {card.serial}。接上该相机，或打印新卡。再踩一次。",
        )
    return (
        f"The {side} camera sees card {seen}, which is not this bench's. Use its own cards. Press again.",
        f"{side} 相机看到 {seen} 卡，不属于本工位。请使用本工位的卡。再踩一次。",
    )


def _level(result: Mapping[str, Any]) -> str:
    level = (result.get("levels") or {}).get("iso", "-")
    return level if level in LEVELS else "-"


def _plain(result: Any) -> dict[str, Any]:
    """A measured target as JSON takes it."""
    return dict(result.as_json()) if hasattr(result, "as_json") else dict(result)
