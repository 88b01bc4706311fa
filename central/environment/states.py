"""The states of an alarm, after ISA-18.2 (IEC 62682), as one table: what the condition and people do to it, and what covers it.

An alarm stands in one of four states beneath, by its condition and by whether somebody knows of it. Two things may cover these for a time
stated: a person shelves the alarm, or it is suppressed, by planned works in its room or by a cause that explains it. The covered state goes
on changing unseen, and shows again when the cover is taken away.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

STATES = ("normal", "unacknowledged", "acknowledged", "returned", "shelved", "suppressed")  # as shown; names of the API
COVERS = {"shelve": ("shelved", True), "unshelve": ("shelved", False), "suppress": ("suppressed", True), "release": ("suppressed", False)}
REMINDERS = ("escalate", "repeat")  # change no state; they are for an alarm that nobody has acknowledged
EVENTS = ("raise", "return", "acknowledge", *COVERS, *REMINDERS)

# (state beneath, event) -> state beneath; what is not in the table changes nothing
TABLE: dict[tuple[str, str], str] = {
    ("normal", "raise"): "unacknowledged",
    ("unacknowledged", "return"): "returned",
    ("unacknowledged", "acknowledge"): "acknowledged",
    ("acknowledged", "return"): "normal",
    ("returned", "raise"): "unacknowledged",
    ("returned", "acknowledge"): "normal",
    ("returned", "release"): "normal",  # it came and went while works or a cause explained it: nobody is asked to know of it
}


@dataclass(frozen=True)
class Standing:
    """How an alarm stands: the state beneath, and what covers it."""

    beneath: str = "normal"
    shelved: bool = False
    suppressed: bool = False

    @property
    def shown(self) -> str:
        """One of STATES: shelved before suppressed, suppressed before the state beneath."""
        return "shelved" if self.shelved else "suppressed" if self.suppressed else self.beneath

    @property
    def active(self) -> bool:
        """Whether the condition holds."""
        return self.beneath in ("unacknowledged", "acknowledged")

    @property
    def waits(self) -> bool:
        """Whether it is escalated and repeated: active, uncovered, and nobody has acknowledged it."""
        return self.shown == "unacknowledged"


def after(standing: Standing, event: str) -> Standing:
    """The standing after an event; ValueError for one that is not in EVENTS."""
    if event not in EVENTS:
        raise ValueError(f"{event!r} is no event of an alarm")
    beneath = standing.beneath
    if event != "release" or standing.suppressed:
        beneath = TABLE.get((beneath, event), beneath)
    if event not in COVERS:
        return replace(standing, beneath=beneath)
    cover, on = COVERS[event]
    return replace(standing, beneath=beneath, **{cover: on})
