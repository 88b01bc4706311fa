"""The way of a volume as data: steps in their order, who ends them, and what may be done in which state.

A volume stands at exactly one step, in one state: waiting (not begun), working (begun), witness (counted once, a second person counts),
look (a person must look at what the line found), done. `move` is the only way from one stand to another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

HOUR_MS = 3_600_000
DONE = "done"
State = Literal["waiting", "working", "witness", "look", "done"]
By = Literal["people", "line"]


@dataclass(frozen=True)
class Step:
    """A step: who ends it (people by an act, or the line by what the bench and the archivist did), whether its end needs a count."""

    name: str
    by: By
    count: bool
    yellow_h: int  # ours, until a supervisor sets others
    red_h: int


STEPS = (
    Step("receive", "people", True, 8, 24),
    Step("sort", "people", False, 24, 72),
    Step("repair", "people", False, 48, 120),
    Step("number", "people", True, 24, 72),
    Step("index", "people", True, 24, 72),
    Step("capture", "line", True, 24, 72),
    Step("check", "line", True, 8, 24),
    Step("accept", "line", True, 24, 72),
    Step("file", "people", True, 24, 72),
)
NAMES = tuple(step.name for step in STEPS)
ORDER = {name: place for place, name in enumerate((*NAMES, DONE))}
BY_NAME = {step.name: step for step in STEPS}
ALL: tuple[State, ...] = ("waiting", "working", "witness", "look", "done")

# act: in which states, at whose steps, where it leads (stay, next, earlier), the state there, what must be given
Leads = Literal["stay", "next", "earlier"]


@dataclass(frozen=True)
class Transition:
    """What one act does to a volume's stand."""

    states: tuple[State, ...]
    by: tuple[By, ...]
    leads: Leads
    state: State | None  # afterwards; None: as it was
    reason: bool = False
    held: Literal["free", "held", "any"] = "free"  # in which of these the act may be done


TRANSITIONS: dict[str, Transition] = {
    # by people
    "step.begin": Transition(("waiting",), ("people",), "stay", "working"),
    "step.count": Transition(("working",), ("people",), "stay", "witness"),  # the first of two counts
    "step.finish": Transition(("working", "witness"), ("people",), "next", "waiting"),
    "step.skip": Transition(("waiting", "working", "witness", "look"), ("people", "line"), "next", "waiting", reason=True),
    "step.back": Transition(ALL, ("people", "line"), "earlier", "waiting", reason=True),
    "volume.hold": Transition(("waiting", "working", "witness", "look"), ("people", "line"), "stay", None, reason=True),
    "volume.release": Transition(ALL, ("people", "line"), "stay", None, held="held"),
    # by the line: bench batches, checks, decisions
    "line.begin": Transition(("waiting", "look"), ("line",), "stay", "working"),
    "line.look": Transition(("waiting", "working"), ("line",), "stay", "look"),
    "line.end": Transition(("waiting", "working", "look"), ("line",), "next", "waiting"),
    "line.back": Transition(("waiting", "working", "look"), ("line",), "earlier", "waiting", reason=True),
}


@dataclass(frozen=True)
class Stand:
    """Where a volume stands."""

    step: str = NAMES[0]
    state: State = "waiting"
    held: bool = False


class Refused(ValueError):
    """What may not be done now; `code` says why, for words in the reader's language."""

    def __init__(self, code: str) -> None:
        """One of the codes of words.REFUSED."""
        super().__init__(code)
        self.code = code


def following(step: str) -> str:
    """The step after this one."""
    return (*NAMES, DONE)[ORDER[step] + 1]


def by_of(step: str) -> By:
    """Who ends a step; what is done is people's."""
    return "people" if step == DONE else BY_NAME[step].by


def move(stand: Stand, act: str, *, step: str | None = None, to: str | None = None, reason: str | None = None) -> Stand:
    """The stand after an act; Refused where it may not be done. `step` is where whoever acts believes the volume to be."""
    rule = TRANSITIONS.get(act)
    if rule is None:
        raise Refused("no-such-act")
    if step is not None and step != stand.step:
        raise Refused("elsewhere")
    if rule.held == "held" and not stand.held:
        raise Refused("not-held")
    if rule.held == "free" and stand.held:
        raise Refused("held")
    if by_of(stand.step) not in rule.by:
        raise Refused("by-itself" if by_of(stand.step) == "line" else "by-people")
    if stand.state not in rule.states:
        raise Refused({"step.begin": "begun", "step.finish": "not-begun", "step.count": "not-begun"}.get(act, "done"))
    if rule.reason and not (reason and reason.strip()):
        raise Refused("reason")
    if rule.leads == "earlier":
        if to not in BY_NAME or ORDER[to] >= ORDER[stand.step]:
            raise Refused("not-earlier")
        return replace(stand, step=to, state="waiting")
    if rule.leads == "next":
        after = following(stand.step)
        return replace(stand, step=after, state="done" if after == DONE else "waiting")
    if act in ("volume.hold", "volume.release"):
        return replace(stand, held=act == "volume.hold")
    return replace(stand, state=rule.state or stand.state)
