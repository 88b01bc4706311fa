"""Readings that come in any order, twice, late or with corrected times are kept like rows of one plain table, and rebuilt equally."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from central.environment.chunks import WINDOW_MS
from central.environment.climate import add_to_rollup
from central.environment.series import Channel, Span, channel_named, raw_values, series
from central.environment.tables import channels
from central.environment.thinning import due, set_policy, thin
from central.environment.values import last_value, values
from central.environment.windows import Windows, rows_between
from central.rebuild import rebuild
from central.store.engine import reading, writing
from tests.central.journals import Centre, Journal
from wire.records import record

T = 1_790_000_000_000 - 1_790_000_000_000 % WINDOW_MS
_ids = itertools.count(1)
MINUTE = 60_000


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    made = Centre(Path(tmp_path_factory.mktemp("windows")) / "central")
    yield made
    made.close()


readings = st.lists(
    st.tuples(
        st.integers(0, 6 * 24).map(lambda h: T + h * 3_600_000),
        st.sampled_from([1, 2]),
        st.integers(1, 400),
        st.sampled_from([20.0, 20.25, None, 1e9 / 3]),
    ),
    max_size=60,
)


@given(st.lists(readings, min_size=1, max_size=6), st.integers(0, 6 * 24))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_windows_hold_what_a_plain_table_would_however_the_readings_were_cut(
    centre: Centre, batches: list[list[tuple[int, int, int, float | None]]], hour: int
) -> None:
    channel, other = next(_ids), next(_ids)
    model: dict[tuple[int, int, int], Any] = {}
    with writing(centre.engine) as connection:
        windows = Windows()
        for batch in batches:
            rows = sorted({(t, e, s): (channel, t, e, s, v, 2 if v is None else 0, None, None) for t, e, s, v in batch}.values())[::]
            for row in rows:
                model.setdefault(row[1:4], row[1:])
            if rows:
                windows.insert(connection, rows)
                windows.settle(connection)
        wanted = sorted(model.values(), key=lambda row: row[:3])
        if wanted:
            one = Windows()
            one.insert(connection, [(other, *row) for row in wanted])
            one.settle(connection)
        assert rows_between(connection, channel, from_ms=0, to_ms=2**60) == wanted
        at = T + hour * 3_600_000
        part = [(row[0], row[3], row[4]) for row in wanted if at <= row[0] < at + 2 * WINDOW_MS]
        assert values(connection, channel, from_ms=at, to_ms=at + 2 * WINDOW_MS) == part
        kept = [
            [tuple(r) for r in connection.exec_driver_sql(f"SELECT {what} FROM {table} WHERE channel_id = {c} ORDER BY 1, 2, 3")]  # noqa: S608
            for c in (channel, other)
            for table, what in (("reading_chunks", "start_ms, n, first_ms, min, max, sum, body"), ("readings", "t_ms, epoch_id, seq, v"))
        ]
        assert kept[:2] == kept[2:]  # the same rows and the same chunks, whatever the order was
        days = {row[0] // WINDOW_MS for row in wanted}
        assert len(kept[0]) == max(0, len(days) - 2)


def sent(centre: Centre, agent: Journal, first: int, *, size: int = 900) -> int:
    total = len(agent.lines["readings"])
    for start in range(first, total + 1, size):
        centre.send(agent.batch("readings", start, min(size, total + 1 - start)))
    return total + 1


def snapshot(centre: Centre) -> list[Any]:
    names = ("readings", "reading_chunks", "rollup_hour", "reading_thinned", "reading_policies")
    return [sorted(centre.rows(f"SELECT * FROM {name}"), key=repr) for name in names]  # noqa: S608


def test_corrected_and_rejournalled_times_reach_into_chunks_and_rebuild_gives_equal_rows(tmp_path: Path) -> None:
    centre = Centre(tmp_path / "central")
    agent = centre.enrol(Journal("room-101"))
    wrong, w = 1_600_000_000_000, T - 1_000_000
    agent.add("readings", record("clock", wrong, 1000, boot="b1", ok=False, source="none"))
    agent.add("readings", record("channel", wrong, 1000, i=1, sensor="climate", q="temperature", u="Cel", room="room-101"))
    for k in range(4 * 24 * 4):  # four days without a clock, a value each quarter of an hour
        agent.add("readings", record("reading", wrong + k * 900_000, 2000 + k * 900_000, i=1, v=20 + k % 7 / 10))
    at = sent(centre, agent, 1)
    assert centre.one("SELECT count(*) FROM reading_chunks") > 0
    last = 2000 + 4 * 24 * 4 * 900_000
    agent.add("readings", record("clock", w + last, last, boot="b1", ok=True, source="ntp"))
    agent.add("readings", record("reading", w + last + 1000, last + 1000, i=1, v=19.5))
    sent(centre, agent, at)
    with reading(centre.engine) as connection:
        row = connection.execute(select(channels)).one()
        found = values(connection, row.id, from_ms=0, to_ms=2**60)
        assert [t for t, _, _ in found] == [w + 2000 + k * 900_000 for k in range(384)] + [w + last + 1000]
        assert last_value(connection, row.id, before_ms=w + 2000 + 5 * 900_000 + 1) == (w + 2000 + 5 * 900_000, 20.5, 0)
        raw = rows_between(connection, row.id, from_ms=0, to_ms=w + 2001)
        assert raw[0][6] == wrong
    channel = Channel(row.id, row.channel, row.q, row.u)
    exported = [(one.t_ms, one.v) for one in raw_values(centre.engine, channel, from_ms=w + 900_000, to_ms=w + 3 * WINDOW_MS)]
    assert exported == [(t, v) for t, v, _ in found if w + 900_000 <= t < w + 3 * WINDOW_MS]
    again = Journal("room-101", epoch="e2", key=agent.key)
    end = w + last + 1000
    again.add("readings", record("epoch", end, last + 2000, previous="e1", agreed_seq=0, why="restored"))
    again.add("readings", record("clock", end, last + 2000, boot="b1", ok=True, source="ntp"))
    again.add("readings", record("channel", end, last + 2000, i=1, sensor="climate", q="temperature", u="Cel", room="room-101"))
    again.add("readings", record("reading", w + 2000, 2000, i=1, v=20.0))  # known already, in a chunk
    again.add("readings", record("reading", w + 2500, 2500, i=1, v=20.0))  # new, of that day
    sent(centre, again, 1)
    with reading(centre.engine) as connection:
        assert [t for t, _, _ in values(connection, row.id, from_ms=0, to_ms=w + 900_000)] == [w + 2000, w + 2500]
    assert centre.one("SELECT sum(n) FROM rollup_hour") == 386
    before = snapshot(centre)
    rebuild(centre.engine)
    assert snapshot(centre) == before
    centre.restart()
    for number, cell in enumerate(cells(centre)):
        assert cell[0] == cell[1], number
    centre.close()


def test_readings_go_only_by_a_policy_and_an_act_and_their_hours_stay(tmp_path: Path) -> None:
    centre = Centre(tmp_path / "central")
    agent = centre.enrol(Journal("room-101"))
    for i, q, u in ((1, "temperature", "Cel"), (2, "illuminance", "lx")):
        agent.add("readings", record("channel", T, 1000, i=i, sensor="climate", q=q, u=u, room="room-101"))
    for k in range(5 * 96):
        for i in (1, 2):
            agent.add("readings", record("reading", T + k * 900_000, 2000 + k * 900_000, i=i, v=20 + k % 7 / 10))
    sent(centre, agent, 1)
    hours = centre.rows("SELECT * FROM rollup_hour ORDER BY 1, 2")
    now = T + 33 * WINDOW_MS
    with writing(centre.engine) as connection:
        assert due(connection, now_ms=now) == []  # nothing goes by itself
        for wrong in ({"name": "paper"}, {"keep_raw_days": 3}, {"then": "burn"}):
            with pytest.raises(ValueError, match="a policy is"):
                set_policy(connection, **({"name": "climate", "keep_raw_days": 31, "then": "hour", "actor": "li"} | wrong))
        set_policy(connection, name="climate", keep_raw_days=31, then="hour", actor="li")
        set_policy(connection, name="light", keep_raw_days=31, then="drop", actor="li")
    centre.write()
    with writing(centre.engine) as connection:
        found = due(connection, now_ms=now)
        assert [(one.name, one.readings, one.from_ms, one.to_ms) for one in found] == [
            ("climate", 192, T, T + 2 * WINDOW_MS),
            ("light", 192, T, T + 2 * WINDOW_MS),
        ]
        for one in found:
            thin(connection, one, actor="li")
    centre.write()
    with reading(centre.engine) as connection:
        assert due(connection, now_ms=now) == []
        warm, light = (channel_named(connection, f"room-101.climate.{q}") for q in ("temperature", "illuminance"))
        assert warm is not None and light is not None
        assert next(t for t, _, _ in values(connection, warm.id, from_ms=0, to_ms=2**60)) == T + 2 * WINDOW_MS
        span = Span(from_ms=T, to_ms=T + 3 * WINDOW_MS, points=72, gap_ms=3_600_000)
        course = series(connection, warm, span)
        assert (len(course.points), course.gaps, sum(point[4] for point in course.points)) == (72, [], 288)
        course = series(connection, light, span)
        assert (len(course.points), course.gaps) == (24, [(T, T + 2 * WINDOW_MS, "thinned")])
    assert [row for row in hours if row[0] == warm.id] == centre.rows("SELECT * FROM rollup_hour WHERE channel_id = ? ORDER BY 2", warm.id)
    before = snapshot(centre)
    rebuild(centre.engine)
    assert snapshot(centre) == before
    centre.close()


def cells(centre: Centre) -> list[tuple[Any, Any]]:
    """Rollups as kept, and as added up from all readings."""
    with reading(centre.engine) as connection:
        made = []
        for row in connection.execute(select(channels)).all():
            rollups: dict[tuple[int, int], list[Any]] = {}
            add_to_rollup(rollups, [(row.id, *one) for one in rows_between(connection, row.id, from_ms=0, to_ms=2**60)])
            kept = connection.exec_driver_sql("SELECT * FROM rollup_hour WHERE channel_id = ? ORDER BY hour_ms", (row.id,)).all()
            made += list(zip([tuple(k) for k in kept], [(*key, *cell) for key, cell in sorted(rollups.items())], strict=True))
        return made
