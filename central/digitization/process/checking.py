"""Whether a person may do an act to a volume as it stands: one pure function, asked before the act is recorded and when it takes effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from central.digitization.process.machine import BY_NAME, NAMES, Refused, Stand, move
from central.digitization.process.numbers import COUNT_MAX

NOTE_MAX = 2000
Body = Mapping[str, Any]
STEP_ACTS = ("step.begin", "step.finish", "step.skip", "step.back", "volume.hold", "volume.release")


@dataclass(frozen=True)
class Here:
    """A volume and its present stay, as far as an act must know them."""

    stand: Stand
    count_in: int
    first_count: int | None
    first_by: str | None
    witness: bool  # whether two count independently when it is received
    open_discrepancies: int


def text(body: Body, name: str, most: int = NOTE_MAX) -> str | None:
    """A text of an act's body, None where it has none."""
    value = body.get(name)
    return None if value is None else str(value)[:most].strip() or None


def count_of(body: Body, name: str = "count") -> int | None:
    """A count of pages; ValueError where it is out of bounds."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= COUNT_MAX:
        raise ValueError(f"{name}: not a count of pages")
    return value


def checked(kind: str, body: Body, actor: str, here: Here) -> str:
    """The machine's act that this one amounts to; Refused, with its code, where it may not be done."""
    stand, step, reason = here.stand, text(body, "step", 8), text(body, "reason")
    if kind not in STEP_ACTS:
        raise Refused("no-such-act")
    act = kind
    if kind == "step.finish" and here.witness and stand.step == NAMES[0] and stand.state == "working":
        act = "step.count"
    move(stand, act, step=step, to=text(body, "to", 8), reason=reason)
    if kind == "step.finish":
        _check_count(body, actor, here)
    return act


def _check_count(body: Body, actor: str, here: Here) -> None:
    count, again = count_of(body), here.stand.state == "witness"
    if again and here.first_by == actor:
        raise Refused("same-person")
    if count is None and (BY_NAME[here.stand.step].count or again):
        raise Refused("count")
    if here.stand.step == "file" and here.open_discrepancies:
        raise Refused("discrepancies")
    noted = text(body, "note") is not None or (again and count == here.first_count)  # the first one has said why
    if count is not None and count != here.count_in and not noted:
        raise Refused("note")
