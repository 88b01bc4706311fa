"""Days of metrics kept as readings arrive equal those of the whole series at once, however it was cut, shuffled, repeated or corrected."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from central.environment.metrics.cells import DAY_MS, Day, days_of, finished, merged
from central.environment.metrics.store import days_between, setting_of
from central.rebuild import rebuild
from central.store.engine import reading
from tests.central.journals import Centre, Journal
from wire.records import record

T = 1_790_000_000_000 - 1_790_000_000_000 % DAY_MS
MINUTE = 60_000
TABLES = ("metric_sensors", "metric_agents", "metric_days", "metric_dirty")
_names = (f"room-{number}" for number in itertools.count(1000))


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    made = Centre(Path(tmp_path_factory.mktemp("metrics")) / "central")
    yield made
    made.close()


def declared(centre: Centre, *, report_s: int = 60, own_s: int | None = None, **facts: Any) -> Journal:
    agent = centre.enrol(Journal(next(_names)))
    own = {} if own_s is None else {"report_s": own_s}
    told = {"report_s": report_s, "sensors": {"climate": {"driver": "sht4x", **own}}}
    agent.add("readings", record("config", T, 1, facts=told))
    for i, q, u in ((1, "temperature", "Cel"), (2, "relative_humidity", "%")):
        agent.add("readings", record("channel", T, 1, i=i, sensor="climate", q=q, u=u, room="room-101", **facts))
    return agent


def value(t_ms: int, i: int, v: float | None) -> dict[str, Any]:
    bad = {"quality": "bad", "why": "crc"} if v is None else {}
    made: dict[str, Any] = record("reading", t_ms, t_ms - T + 1_000_000, i=i, v=v, **bad)
    return made


def send(centre: Centre, agent: Journal, first: int = 1, *, size: int = 900) -> int:
    """Send what the journal holds from here on; where the next record will stand."""
    total = len(agent.lines["readings"])
    for start in range(first, total + 1, size):
        centre.send(agent.batch("readings", start, min(size, total + 1 - start)))
    return total + 1


def kept(centre: Centre, agent: Journal) -> list[Day]:
    with reading(centre.engine) as connection:
        return days_between(connection, f"{agent.agent}/climate", from_ms=0, to_ms=2**62)


def at_once(values: list[tuple[int, int, float | None]], *, interval_ms: int = MINUTE) -> list[Day]:
    """The days of the values (t_ms, channel, value), the last of each moment standing, folded in one go."""
    setting = setting_of(interval_ms)
    last = {(t_ms, i): v for t_ms, i, v in values}
    temps, humidities = ([(t, v) for (t, i), v in sorted(last.items()) if i == which] for which in (1, 2))
    return list(days_of(merged(temps, humidities, hold_ms=setting.gap_ms), setting))


def closed(days: list[Day]) -> list[Day]:
    """Without what is open at the end: the fold of a whole series counts that for one interval."""
    return days[:-1]


moments = st.lists(
    st.tuples(
        st.integers(0, 5 * 24 * 12),  # a grid of five minutes over five days, so that moments coincide and gaps are found
        st.sampled_from([1, 2, 3]),  # temperature, humidity, both
        st.sampled_from([18.25, 21.0, 4.5, 28.0, None]),
        st.sampled_from([41.5, 99.0, 86.0, 100.0, 93.5, None]),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moments, st.data())
def test_any_order_and_any_cut_give_the_days_of_the_whole_series(centre: Centre, spread: Any, data: st.DataObject) -> None:
    values: list[tuple[int, int, float | None]] = []
    seen = set()
    for place, which, temp, rh in spread:
        for i, v in ((1, temp), (2, rh)):
            if which & i and (place, i) not in seen:
                seen.add((place, i))
                values.append((T + place * 5 * MINUTE, i, v))
    ordered = sorted(values, key=lambda row: row[:2])
    late = data.draw(st.sets(st.integers(0, len(ordered) - 1), max_size=6))
    arriving = [row for place, row in enumerate(ordered) if place not in late] + [ordered[place] for place in sorted(late, reverse=True)]
    agent = declared(centre)
    agent.add("readings", *[value(*row) for row in arriving])
    total = len(agent.lines["readings"])
    cuts = sorted({1, *data.draw(st.lists(st.integers(1, total), max_size=4))})
    for first, end in itertools.pairwise([*cuts, total + 1]):
        centre.send(agent.batch("readings", first, end - first))
    wanted, found = at_once(values), kept(centre, agent)
    assert [day.day_ms for day in found] == [day.day_ms for day in wanted]
    assert closed(found) == closed(wanted)
    if wanted:
        assert finished(found[-1], setting_of(MINUTE)) == wanted[-1]


def test_a_restart_goes_on_from_the_tables_and_a_rebuild_gives_equal_rows(centre: Centre) -> None:
    agent = declared(centre, report_s=300)
    values = [(T + k * 5 * MINUTE, i, 20.0 + k % 7 if i == 1 else 60.0 + k % 41) for k in range(700) for i in (1, 2)]
    agent.add("readings", *[value(*row) for row in values])
    total = len(agent.lines["readings"])
    for first in range(1, total + 1, 101):
        centre.restart()
        centre.send(agent.batch("readings", first, min(101, total + 1 - first)))
    found = kept(centre, agent)
    assert closed(found) == closed(at_once(values, interval_ms=300_000)) and len(found) == 3
    assert found[0].n == 288 and found[0].covered_ms == DAY_MS and found[0].interval_ms == 300_000
    before = {name: centre.rows(f"SELECT * FROM {name}") for name in TABLES}  # noqa: S608  names from our own code
    rebuild(centre.engine)
    centre.restart()
    assert {name: centre.rows(f"SELECT * FROM {name}") for name in TABLES} == before  # noqa: S608


def test_mould_grown_on_a_late_day_is_carried_into_the_days_after_it(centre: Centre) -> None:
    agent = declared(centre)
    damp = [(T + k * 5 * MINUTE, i, 25.0 if i == 1 else 98.0) for k in range(288) for i in (1, 2)]
    later = [(T + DAY_MS * 2 + k * 5 * MINUTE, i, 25.0 if i == 1 else 70.0) for k in range(600) for i in (1, 2)]
    agent.add("readings", *[value(*row) for row in later])
    first = send(centre, agent)
    assert [day.mould for day in kept(centre, agent)] == [0.0, 0.0, 0.0]
    agent.add("readings", *[value(*row) for row in damp])
    send(centre, agent, first)
    grown = [day.mould for day in kept(centre, agent)]
    assert len(grown) == 4 and grown[0] > 0.1 and grown[0] > grown[1] > grown[2] >= 0
    assert closed(kept(centre, agent)) == closed(at_once(later + damp))


def test_readings_of_a_clock_that_was_set_later_move_with_their_days(centre: Centre) -> None:
    agent = centre.enrol(Journal(next(_names)))
    wrong, right = T - 40 * DAY_MS, T
    agent.add("readings", record("clock", wrong + 10, 10, boot="b1", ok=False, source="none"))
    for i, q, u in ((1, "temperature", "Cel"), (2, "relative_humidity", "%")):
        agent.add("readings", record("channel", wrong + 20, 20, i=i, sensor="climate", q=q, u=u, room="room-101"))
    for k in range(1, 40):
        for i in (1, 2):
            agent.add("readings", record("reading", wrong + k * MINUTE, k * MINUTE, i=i, v=20.0 if i == 1 else 50.0 + k))
    centre.send(agent.batch("readings"))
    assert [day.day_ms for day in kept(centre, agent)] == [T - 40 * DAY_MS]
    first = len(agent.lines["readings"]) + 1
    agent.add("readings", record("clock", right + 40 * MINUTE, 40 * MINUTE, boot="b1", ok=True, source="ntp"))
    for i in (1, 2):
        agent.add("readings", record("reading", right + 41 * MINUTE, 41 * MINUTE, i=i, v=20.0 if i == 1 else 55.0))
    centre.send(agent.batch("readings", first))
    (day,) = kept(centre, agent)
    assert day.day_ms == T and day.n == 39 and day.covered_ms == 40 * MINUTE and day.open_ms == T + 41 * MINUTE
    before = {name: centre.rows(f"SELECT * FROM {name}") for name in TABLES}  # noqa: S608  names from our own code
    rebuild(centre.engine)
    assert {name: centre.rows(f"SELECT * FROM {name}") for name in TABLES} == before  # noqa: S608


def test_days_that_wait_are_folded_a_few_at_a_time_across_restarts(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, days = declared(centre), 30
    for day in range(days):
        agent.add("readings", *[value(T + day * DAY_MS + k * MINUTE, i, 25.0 if i == 1 else 98.0) for k in range(10) for i in (1, 2)])
    first = send(centre, agent)
    monkeypatch.setattr("central.environment.metrics.projection.BUDGET_S", 0.0005)
    agent.add("readings", *[value(T - DAY_MS + k * MINUTE, i, 25.0 if i == 1 else 99.0) for k in range(600) for i in (1, 2)][:900])
    send(centre, agent, first)
    assert centre.one("SELECT count(*) FROM metric_dirty") > 0
    turns = 0
    while centre.one("SELECT count(*) FROM metric_dirty"):
        assert centre.writer.due()
        if turns % 7 == 3:
            centre.restart()
        centre.write()
        turns += 1
        assert turns < 20 * days
    assert turns > 3
    before = {name: centre.rows(f"SELECT * FROM {name}") for name in TABLES}  # noqa: S608  names from our own code
    rebuild(centre.engine)
    assert {name: centre.rows(f"SELECT * FROM {name}") for name in TABLES} == before  # noqa: S608


def test_a_sensor_that_reports_at_its_own_interval_has_no_gaps(centre: Centre) -> None:
    agent = declared(centre, own_s=3600)
    agent.add("readings", *[value(T + hour * 60 * MINUTE, i, 20.0 if i == 1 else 50.0) for hour in range(30) for i in (1, 2)])
    send(centre, agent)
    assert [(day.interval_ms, day.covered_ms) for day in kept(centre, agent)] == [(3_600_000, DAY_MS), (3_600_000, 5 * 3_600_000)]
    centre.restart()  # what was told is known after a restart, too
    agent.add("readings", *[value(T + hour * 60 * MINUTE, i, 20.0 if i == 1 else 50.0) for hour in range(30, 49) for i in (1, 2)])
    send(centre, agent, len(agent.lines["readings"]) - 37)
    assert [day.covered_ms for day in kept(centre, agent)] == [DAY_MS, DAY_MS, 0]


def test_the_moulds_bounds_are_those_of_the_sensors_own_tolerance(centre: Centre) -> None:
    def spread(**facts: Any) -> float:
        agent = declared(centre, report_s=600, **facts)
        agent.add("readings", *[value(T + k * 10 * MINUTE, i, 22.0 if i == 1 else 93.0) for k in range(300) for i in (1, 2)])
        send(centre, agent)
        last = kept(centre, agent)[-1]
        assert last.mould_low <= last.mould <= last.mould_high
        return last.mould_high - last.mould_low

    assert spread(tolerance=0.0) == 0 < spread(tolerance=1.0) < spread(tolerance=3.0)
