"""What the bench's screen shows, as one JSON object: state, batch, last page, what to do next."""

from dataclasses import asdict
from typing import Any

from scanner_line.batches import Batch
from scanner_line.states import Last, Question
from scanner_line.station import Station


def view_of(station: Station) -> dict[str, Any]:
    """The whole view; small enough to be sent anew at each change."""
    batch = station.facts.batch
    return {
        "station": station.name,
        "state": str(station.state),
        "sides": list(station.shutter.sides),
        "batch": None if batch is None else _batch(batch),
        "closed": None if station.facts.closed is None else _batch(station.facts.closed),
        "next": 1 if batch is None else batch.counts.captured + 1,
        "last": None if station.last is None else _last(station.last),
        "question": None if station.question is None else _question(station.question),
        "pace_per_h": station.facts.pace_per_h,
        "presses": dict(station.facts.outcomes),
        "links": dict(station.links),
        "disk": station.disk_words,
        "cameras": station.shutter.faults,
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


def _last(last: Last) -> dict[str, Any]:
    return {
        "outcome": last.outcome,
        "code": last.code,
        "verdict": last.verdict,
        "why": last.why,
        "t_ms": last.t_ms,
        "number": last.number,
        "pages": [
            {"id": page.page, "side": page.side, "verdict": page.verdict, "retake": page.replaces is not None} for page in last.pages
        ],
        "failing": [
            {"name": check["name"], "side": check["side"], "words": check["words"], "words_zh": check.get("words_zh", check["words"])}
            for check in last.failing
        ],
    }


def _question(question: Question) -> dict[str, Any]:
    return {
        "reasons": list(question.reasons),
        "declared": question.batch.declared,
        "captured": question.batch.counts.captured,
        "bad": question.batch.counts.bad,
    }
