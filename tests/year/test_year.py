"""Some weeks of a small site, with every kind of plan that the simulated year has: alarms, values and figures are as planned."""

from pathlib import Path

import pytest

from tests.year.plan import OWN, SPELLS, make_plan
from tests.year.run import as_text, run

SENSORS, DAYS, AN_AGENT, SPELL_EVERY = 8, 10, 4, 2


def test_a_small_year_has_every_kind_of_plan() -> None:
    plan = make_plan(sensors=SENSORS, days=DAYS, seed=1, an_agent=AN_AGENT, spell_every=SPELL_EVERY)
    assert {spell.what for own in plan.spells.values() for spell in own} == set(SPELLS)
    planned = {one.what for one in plan.expected} | set(plan.quiet)
    whole = make_plan(sensors=20, days=60, seed=1, an_agent=10, spell_every=4)
    assert planned == {one.what for one in whole.expected} | set(whole.quiet)
    assert {sensor.kind.name for sensor in plan.sensors} == set(OWN)
    assert {one.person for one in plan.expected} == {"acknowledge", "shelve", ""}


@pytest.mark.timeout(300)  # half a minute on a quiet machine
def test_alarms_values_reports_and_metrics_are_as_planned(tmp_path: Path) -> None:
    small = {"sensors": SENSORS, "days": DAYS, "an_agent": AN_AGENT, "spell_every": SPELL_EVERY}
    figures = run(**small, seed=1, folder=tmp_path, rules_every=80, batch=250)
    assert not figures["wrong"], as_text(figures)
    assert figures["alarms_planned"] == figures["alarms_raised"] > 40
    assert figures["backlogs"] == 3  # two outages and a time without power
