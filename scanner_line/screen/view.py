"""What the bench's screen shows, as one JSON object: state, batch, last page, who is signed in, what to do next."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from scanner_line.batches import Batch
from scanner_line.operators import SignInDesk
from scanner_line.presses import Page
from scanner_line.scanners.reconciling import reconciliation_of
from scanner_line.scanners.sane import SaneSource
from scanner_line.sources import RunsApart
from scanner_line.states import Last, Question
from scanner_line.station import Station
from scanner_line.training import Training

REWORK_SHOWN = 100


def view_of(
    station: Station, *, desk: SignInDesk, here: bool, training: Training | None = None, extra: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The whole view; small enough to be sent anew at each change. `here`: whether the operator signed in at the screen that asks."""
    batch, last = station.facts.batch, station.last
    return {
        "station": station.name,
        "state": str(station.state),
        "sides": list(station.source.sides),
        "batch": None if batch is None else _batch(batch),
        "closed": None if station.facts.closed is None else _batch(station.facts.closed),
        "next": 1 if batch is None else batch.counts.captured + 1,
        "last": None if last is None else _last(last),
        "stamp": "" if last is None else f"{last.t_ms} {last.code}",
        "question": None if station.question is None else _question(station.question),
        "pace_per_h": station.facts.pace_per_h,
        "hour": station.facts.hour,
        "goal_per_h": None,
        "presses": dict(station.facts.outcomes),
        "links": dict(station.links),
        "disk": station.disk_words,
        "cameras": dict(station.source.faults),
        "pedals": {},
        "feeder": _feeder(station),
        "session": None if station.watch is None else station.watch.state,
        "aim": None if station.aim is None else {"wish": station.aim.wish, "page": station.aim.page},
        "rework": None if batch is None else _rework(station),
        "can_undo": station.facts.undoable,
        "sign_in": _signed(desk, here=here),
        "training": None if training is None else training.view(),
        **(extra or {}),
    }


def _signed(desk: SignInDesk, *, here: bool) -> dict[str, Any]:
    """Names are for the screen at the bench alone; who looks from another one sees that somebody is signed in."""
    current = desk.current
    operator = None if current is None else {"id": current.id, **({"name": current.name} if here or not desk.rules.required else {})}
    return {
        "required": desk.rules.required,
        "here": here or (current is not None and not desk.rules.required),
        "operator": operator,
        "since_ms": desk.since_ms,
        "operators": [{"id": one.id, "name": one.name} for one in desk.operators],
    }


def _batch(batch: Batch) -> dict[str, Any]:
    return {
        "id": batch.batch,
        "volume": batch.volume,
        "declared": batch.declared,
        "opened_ms": batch.opened_ms,
        "closed_ms": batch.closed_ms,
        "counts": asdict(batch.counts),
    }


def _feeder(station: Station) -> dict[str, Any] | None:
    """What a feeder does, and how its last run ended; None for a bench of cameras."""
    if not station.source.many:
        return None
    end = station.source.ended
    told = None if end is None else {"code": end.code, "words": end.words, "words_zh": end.words_zh, "sound": end.sound}
    count = reconciliation_of(station)
    words = ("", "") if count is None else count.words
    return {
        "running": station.state != "idle",
        "end": told,
        "run": list(station.source.run_sides) if isinstance(station.source, SaneSource) else list(station.source.sides),
        "apart": isinstance(station.source, RunsApart) and station.source.apart,
        "loose": list(station.facts.loose),
        "count": None if count is None else {**asdict(count), "difference": count.difference, "words": words[0], "words_zh": words[1]},
    }


def _rework(station: Station) -> dict[str, Any] | None:
    """The pages of a batch that a reviewer sent back, as far as they are not taken again yet; None for a batch that nobody sent back."""
    batch = station.facts.batch
    if batch is None or (batch.reason is None and not station.facts.rework):
        return None
    pages = [{"id": page.page, "reason": reason} for page, reason in station.facts.rework[:REWORK_SHOWN]]
    return {"reason": batch.reason, "pages": pages}


def page_view(page: Page, *, number: int | None = None) -> dict[str, Any]:
    """A page as strip and large view show it; size in pixels, so that its place is known before the image is there."""
    return {
        "id": page.page,
        "number": number,
        "side": page.side,
        "verdict": page.verdict,
        "width": page.width,
        "height": page.height,
        "retake": page.replaces is not None,
        "placeholder": page.placeholder,
    }


def failing_of(checks: Any, *, side: str | None = None) -> list[dict[str, Any]]:
    """The failing checks with their words in both languages, and where on the page [x, y, width, height] as shares of it."""
    found = []
    for check in checks:
        if not check.get("ok", True):
            words = check.get("words", "")
            one = {"name": check["name"], "side": side or check.get("side"), "words": words, "words_zh": check.get("words_zh", words)}
            found.append(one | ({"where": check["where"]} if check.get("where") else {}))
    return found


def _last(last: Last) -> dict[str, Any]:
    return {
        "outcome": last.outcome,
        "code": last.code,
        "verdict": last.verdict,
        "why": last.why,
        "why_zh": last.why_zh,
        "t_ms": last.t_ms,
        "number": last.number,
        "pages": [page_view(page) for page in last.pages],
        "failing": failing_of(last.failing),
    }


def _question(question: Question) -> dict[str, Any]:
    return {
        "reasons": list(question.reasons),
        "declared": question.batch.declared,
        "captured": question.batch.counts.captured,
        "bad": question.batch.counts.bad,
    }
