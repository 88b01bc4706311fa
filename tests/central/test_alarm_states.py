"""The state table of alarms, against a model of its own, and against the page that describes it."""

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from central.environment.states import COVERS, EVENTS, STATES, TABLE, Standing, after

DOC = Path(__file__).parents[2] / "docs/alarms.md"


class Model:
    """Three facts about an alarm, and two covers; written without the table."""

    def __init__(self) -> None:
        self.holds = self.shelved = self.suppressed = False
        self.known = True  # somebody knows of the last time it held, or nobody has to

    def happen(self, event: str) -> None:
        if event == "raise" and not self.holds:
            self.holds, self.known = True, False
        elif event == "return":
            self.holds = False
        elif event == "acknowledge":
            self.known = True
        elif event == "release":
            if self.suppressed and not self.holds:
                self.known = True
            self.suppressed = False
        elif event == "suppress":
            self.suppressed = True
        elif event in ("shelve", "unshelve"):
            self.shelved = event == "shelve"

    @property
    def shown(self) -> str:
        if self.shelved:
            return "shelved"
        if self.suppressed:
            return "suppressed"
        if self.holds:
            return "acknowledged" if self.known else "unacknowledged"
        return "normal" if self.known else "returned"


@given(st.lists(st.sampled_from(EVENTS), max_size=40))
def test_every_course_of_events_leads_where_the_model_says(events: list[str]) -> None:
    standing, model = Standing(), Model()
    for event in events:
        standing = after(standing, event)
        model.happen(event)
        assert (standing.shown, standing.active) == (model.shown, model.holds)
        assert standing.shown in STATES
        assert not (standing.waits and (standing.shelved or standing.suppressed))


def test_an_unknown_event_is_an_error() -> None:
    try:
        after(Standing(), "explode")
    except ValueError as error:
        assert "explode" in str(error)
    else:
        raise AssertionError("an unknown event passed")


def test_the_described_table_is_the_one_in_force() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| `(\w+)` \|", DOC.read_text(), re.MULTILINE)
    assert {(before, event): then for before, event, then in rows} == TABLE
    text = DOC.read_text()
    assert [word for word in (*STATES, *COVERS) if f"`{word}`" not in text] == []
