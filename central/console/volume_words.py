"""Words for volumes: steps, states, what is to be looked at, lines of history, in the reader's language."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

from central.console import words
from central.console.language import gettext, ngettext

STEP: dict[str, LazyString] = {
    "receive": lazy_gettext("Receive and count"),
    "sort": lazy_gettext("Sort"),
    "repair": lazy_gettext("Repair the paper"),
    "number": lazy_gettext("Page-number"),
    "index": lazy_gettext("Index"),
    "capture": lazy_gettext("Capture"),
    "check": lazy_gettext("Check the images"),
    "accept": lazy_gettext("Acceptance"),
    "file": lazy_gettext("File"),
    "done": lazy_gettext("Filed"),
}
STATE: dict[str, LazyString] = {
    "waiting": lazy_gettext("waiting"),
    "working": lazy_gettext("begun"),
    "witness": lazy_gettext("waits for the second count"),
    "look": lazy_gettext("to be looked at"),
    "done": lazy_gettext("done"),
}
HOW: dict[str, LazyString] = {
    "finished": lazy_gettext("finished"),
    "skipped": lazy_gettext("skipped"),
    "back": lazy_gettext("sent back"),
    "undone": lazy_gettext("undone"),
}
LIGHT: dict[str, LazyString] = {
    "green": lazy_gettext("in time"),
    "yellow": lazy_gettext("soon late"),
    "red": lazy_gettext("late"),
}
DISCREPANCY: dict[str, LazyString] = {
    "count": lazy_gettext("Counted otherwise than at the step before"),
    "witness": lazy_gettext("Two people counted differently"),
    "capture": lazy_gettext("Captured otherwise than counted"),
}
BY_ITSELF: dict[str, LazyString] = {
    "line.begin": lazy_gettext("Begun by the line"),
    "line.look": lazy_gettext("To be looked at"),
    "line.end": lazy_gettext("Ended by the line"),
    "line.back": lazy_gettext("Back to capture"),
    "step.count": lazy_gettext("Counted a first time"),
}
WHY: dict[str, LazyString] = {
    "rejected": lazy_gettext("a batch was rejected"),
    "rework": lazy_gettext("the bench reopened a batch"),
    "more": lazy_gettext("the bench captures more"),
    "undone": lazy_gettext("undone"),
    "counts-agree": lazy_gettext("more was captured: the counts agree"),
}


def finding(found: dict[str, Any]) -> str:
    """What a person must look at."""
    code, n = found["code"], found.get("n", 0)
    if code == "bad":
        return ngettext("%(num)d bad page", "%(num)d bad pages", n)
    if code == "count":
        facts = {"captured": found["captured"], "expected": found["expected"]}
        return gettext("%(captured)d pages captured, %(expected)d counted", **facts)
    if code == "early":
        return gettext("A bench captures it before its turn")
    return gettext("A bench captures it again, or its batch was rejected, although it is past acceptance")


def line_title(kind: str) -> str:
    """What a line of history is about."""
    return str(BY_ITSELF.get(kind) or words.word(words.ACT, kind))


def line_details(facts: dict[str, Any]) -> list[str]:
    """What a line of history says beside, piece by piece."""
    said = []
    if "declared" in facts:
        said.append(gettext("%(num)d pages declared", num=facts["declared"]))
    if "count" in facts:
        said.append(ngettext("%(num)d page", "%(num)d pages", facts["count"]))
    if "count_in" in facts and facts.get("count") not in (None, facts["count_in"]):
        said.append(gettext("%(num)d before", num=facts["count_in"]))
    if facts.get("placeholders"):
        said.append(ngettext("%(num)d placeholder among them", "%(num)d placeholders among them", facts["placeholders"]))
    if "to" in facts:
        said.append(gettext("back to: %(step)s", step=words.word(STEP, facts["to"])))
    if "why" in facts:
        said.append(words.word(WHY, facts["why"]))
    if "undone" in facts:
        said.append(line_title(facts["undone"]))
    said += [finding(one) for one in facts.get("findings", ())]
    if "batch" in facts:
        said.append(gettext("batch %(batch)s", batch=facts["batch"]))
    return said + [str(facts[name]) for name in ("title", "kind", "unit", "consignment", "reason", "note") if name in facts]


def step_name(step: str) -> str:
    """What people call a step."""
    return words.word(STEP, step)


def hours(value: float) -> str:
    """Hours as people say them: minutes below two hours, days from two days."""
    if value < 2:
        return gettext("%(num)d min", num=round(value * 60))
    if value < 48:
        return gettext("%(num)s h", num=f"{value:.1f}")
    return gettext("%(num)s d", num=f"{value / 24:.1f}")


def doer(actor: str | None) -> str:
    """Who did something, as people name them: a person, a bench, the centre."""
    name = actor or ""
    return gettext("the centre") if name == "system" else name.removeprefix("agent:")


def tables() -> dict[str, dict[str, LazyString]]:
    """The tables by the name that templates use."""
    return {"step": STEP, "state": STATE, "how": HOW, "light": LIGHT, "discrepancy": DISCREPANCY, "why": WHY}
