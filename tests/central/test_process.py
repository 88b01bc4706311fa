"""The way of volumes through the line: what people and benches do to them, and that nothing skips a step or loses a count."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from central.digitization.process import queries, rules
from central.digitization.process.machine import DONE, NAMES, ORDER, TRANSITIONS, Refused, Stand, move
from central.ledger import acts
from central.rebuild import rebuild
from central.store.engine import reading, writing
from central.tables import projections
from central.times import now_ms
from tests.central.journals import Centre, Journal
from wire.records import record

MINUTE = 60_000
PEOPLE = NAMES[: NAMES.index("capture")]


class Line:
    """A centre with a bench, and hands to do acts with."""

    def __init__(self, folder: Path) -> None:
        self.centre = Centre(folder)
        self.bench = self.centre.enrol(Journal("bench-1"), room="scan-hall")
        self.sent = 0
        self.pages = 0

    def act(self, kind: str, /, actor: str = "wang", *, t_ms: int | None = None, **body: Any) -> None:
        with writing(self.centre.engine) as connection:
            acts.record(connection, kind=kind, actor=actor, body=body, t_ms=t_ms)
        self.centre.write()

    def register(self, number: str, declared: int = 3, **more: Any) -> str:
        ident = str(uuid.uuid4())
        facts = {"unit": "North office", "consignment": "2026-11", **more}
        self.act("volume.register", volume=ident, number=number, declared=declared, **facts)
        return ident

    def through(self, ident: str, to: str, count: int = 3) -> None:
        """By the hands of people up to a step."""
        for step in PEOPLE[ORDER[self.volume(ident).step] : ORDER[to]]:
            self.act("step.begin", volume=ident, step=step)
            self.act("step.finish", volume=ident, step=step, count=count)

    def tell(self, *records: dict[str, Any]) -> None:
        self.bench.add("capture", *records)
        self.centre.send(self.bench.batch("capture", self.sent + 1))
        self.sent += len(records)

    def batch(self, batch: str, state: str, volume: str | None = "A-1", **more: Any) -> None:
        facts: dict[str, Any] = {"batch": batch, "state": state, "counts": {}, "station": "bench-1/bench-1", "operator": "li", **more}
        self.tell(record("batch", now_ms(), 10_000, **facts, **({} if volume is None else {"volume": volume})))

    def page(self, batch: str, verdict: str = "good", page: str | None = None, **more: Any) -> str:
        self.pages += 1
        ident = page or f"page-{self.pages}"
        image = f"{int(ident.removeprefix('page-')):064x}"  # a page keeps its own
        facts: dict[str, Any] = {"page": ident, "press": f"press-{self.pages}", "batch": batch, "sha256": image, "bytes": 10}
        facts |= {"width": 9, "height": 12, "checks": [], "verdict": verdict, "station": "bench-1/bench-1", "operator": "li", **more}
        self.tell(record("page", now_ms(), 10_000, **facts))
        return ident

    def captured(self, batch: str, pages: int = 3, volume: str = "A-1") -> None:
        self.batch(batch, "open", volume)
        for _ in range(pages):
            self.page(batch)
        self.batch(batch, "closed", volume)

    def arrived(self) -> None:
        """All images are here, and the centre looked at its clock."""
        with writing(self.centre.engine) as connection:
            connection.exec_driver_sql(
                "INSERT OR IGNORE INTO objects (sha256, bytes, state, received, agent, path, created_ms)"
                " SELECT sha256, bytes, 'stored', bytes, agent, sha256, 0 FROM pages WHERE sha256 IS NOT NULL"
            )
        self.clock()

    def clock(self) -> None:
        """What the centre's clock finds is done."""
        with writing(self.centre.engine) as connection:
            rules.run(connection, now_ms())
        self.centre.write()

    def volume(self, ident: str) -> queries.Volume:
        with reading(self.centre.engine) as connection:
            found = queries.volume_by_id(connection, ident, now_ms=now_ms())
        assert found is not None
        return found

    def at(self, ident: str) -> tuple[str, str]:
        found = self.volume(ident)
        return found.step, found.state

    def history(self, ident: str) -> list[tuple[str, str]]:
        with reading(self.centre.engine) as connection:
            return [(line.kind, line.step) for line in queries.history_of(connection, ident)]

    def open_discrepancies(self, ident: str) -> list[tuple[str, int, int]]:
        with reading(self.centre.engine) as connection:
            return [(one.kind, one.expected, one.found) for one in queries.discrepancies_of(connection, ident) if one.resolved is None]

    def snapshot(self) -> dict[str, list[Any]]:
        names = [table.name for table in projections()]
        return {name: sorted(self.centre.rows(f"SELECT * FROM {name}"), key=repr) for name in names}  # noqa: S608  names from our own code

    def rebuilt_equal(self) -> None:
        before = self.snapshot()
        rebuild(self.centre.engine)
        assert self.snapshot() == before


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path / "central")
    yield made
    made.centre.close()


def test_a_volume_goes_the_whole_way_and_each_stay_knows_who_when_and_how_many(line: Line) -> None:
    ident = line.register("A-1", title="Customer 7")
    assert line.at(ident) == ("receive", "waiting")
    line.through(ident, "capture")
    assert line.at(ident) == ("capture", "waiting")
    line.batch("b1", "open")
    assert line.at(ident) == ("capture", "working")
    pages = [line.page("b1") for _ in range(3)]
    line.batch("b1", "closed")
    assert line.at(ident) == ("check", "working")  # images are on their way
    line.clock()
    assert line.at(ident) == ("check", "working")
    line.arrived()
    assert line.at(ident) == ("accept", "waiting")
    line.act("batch.accept", "chen", batch="b1")
    assert line.at(ident) == ("file", "waiting")
    line.act("step.begin", volume=ident, step="file")
    line.act("step.finish", volume=ident, step="file", count=3)
    assert line.at(ident) == (DONE, "done")
    with reading(line.centre.engine) as connection:
        stays = queries.visits_of(connection, ident)
        assert queries.volume_of_batch(connection, "b1") == queries.volume_named(connection, "A-1")
        assert [batch.id for batch in queries.batches_of(connection, ident)] == ["b1"]
    assert [(stay.step, stay.how, stay.count_in, stay.count_out) for stay in stays] == [(step, "finished", 3, 3) for step in NAMES]
    by = {stay.step: (stay.begun_by, stay.ended_by) for stay in stays}
    assert (by["receive"], by["capture"], by["check"], by["accept"]) == (("wang", "wang"), ("li", "li"), ("li", "system"), ("chen", "chen"))
    assert len(pages) == 3
    line.rebuilt_equal()


def test_counts_that_differ_need_a_note_and_stand_until_a_person_resolves_them(line: Line) -> None:
    ident = line.register("A-1", declared=5)
    line.act("step.begin", volume=ident, step="receive")
    line.act("step.finish", volume=ident, step="receive", count=4)
    assert line.at(ident) == ("receive", "working")  # no note, no effect
    line.act("step.finish", volume=ident, step="receive")
    assert line.at(ident) == ("receive", "working")  # no count either
    line.act("step.finish", volume=ident, step="receive", count=4, note="leaf 3 is missing")
    assert (line.at(ident), line.volume(ident).count) == (("sort", "waiting"), 4)
    assert line.open_discrepancies(ident) == [("count", 5, 4)]
    for step in ("sort", "repair", "number", "index"):
        line.act("step.begin", volume=ident, step=step)
        line.act("step.finish", volume=ident, step=step, count=4)
    for step in ("capture", "check", "accept"):
        line.act("step.skip", volume=ident, step=step, reason="captured elsewhere")
    line.act("step.begin", volume=ident, step="file")
    line.act("step.finish", volume=ident, step="file", count=4)
    assert line.at(ident) == ("file", "working")  # nothing is filed with a discrepancy open
    found = line.centre.one("SELECT id FROM discrepancies WHERE kind = 'count'")
    line.act("discrepancy.resolve", "chen", volume=ident, discrepancy=found, note="the unit confirms four leaves", count=4)
    line.act("step.finish", volume=ident, step="file", count=4)
    assert (line.at(ident), line.open_discrepancies(ident)) == ((DONE, "done"), [])
    line.rebuilt_equal()


def test_two_people_count_independently_where_the_consignment_asks_it(line: Line) -> None:
    line.act("consignment.set", "chen", consignment="2026-11", witness=True)
    ident, other = line.register("A-1"), line.register("A-2")
    for one in (ident, other):
        line.act("step.begin", volume=one, step="receive")
        line.act("step.finish", volume=one, step="receive", count=3)
        assert line.at(one) == ("receive", "witness")
        line.act("step.finish", volume=one, step="receive", count=3)
        assert line.at(one) == ("receive", "witness")  # the same person again
    line.act("step.finish", "zhao", volume=ident, step="receive", count=3)
    assert (line.at(ident), line.open_discrepancies(ident)) == (("sort", "waiting"), [])
    line.act("step.finish", "zhao", volume=other, step="receive", count=4, note="one leaf is loose")
    assert line.open_discrepancies(other) == [("witness", 3, 4)]
    line.rebuilt_equal()


def test_a_step_is_skipped_only_with_a_reason_and_goes_back_only_to_an_earlier_one(line: Line) -> None:
    ident = line.register("A-1")
    line.act("step.skip", volume=ident, step="receive", reason=" ")
    line.act("step.finish", volume=ident, step="receive", count=3)
    line.act("step.begin", volume=ident, step="sort")
    line.act("step.back", volume=ident, to="receive", reason="again")
    assert line.history(ident) == [("volume.register", "receive")]
    line.through(ident, "number")
    line.act("step.skip", volume=ident, step="number", reason="numbered by the unit")
    line.act("step.back", volume=ident, to="repair", reason="torn")
    found = line.volume(ident)
    assert (found.step, found.rework) == ("repair", 1)
    line.act("volume.hold", volume=ident, reason="asked for by the court")
    line.act("step.begin", volume=ident, step="repair")
    assert line.at(ident) == ("repair", "waiting")
    line.act("volume.release", volume=ident)
    line.act("step.begin", volume=ident, step="repair")
    assert line.at(ident) == ("repair", "working")
    line.rebuilt_equal()


def test_a_slip_is_undone_within_minutes_by_whoever_made_it_and_nothing_is_erased(line: Line) -> None:
    ident = line.register("A-1")
    line.act("step.begin", volume=ident, step="receive")
    line.act("step.finish", volume=ident, step="receive", count=2, note="slip")
    line.act("step.undo", "zhao", volume=ident)
    assert line.at(ident) == ("sort", "waiting")  # not theirs
    line.act("step.undo", volume=ident)
    assert (line.at(ident), line.volume(ident).count, line.open_discrepancies(ident)) == (("receive", "working"), 3, [])
    line.act("step.undo", volume=ident)
    assert line.at(ident) == ("receive", "working")  # once
    line.act("step.finish", volume=ident, step="receive", count=3)
    line.act("step.undo", volume=ident, t_ms=now_ms() + 11 * MINUTE)
    assert line.at(ident) == ("sort", "waiting")  # too late
    assert [kind for kind, _ in line.history(ident)] == ["volume.register", "step.begin", "step.finish", "step.undo", "step.finish"]
    line.rebuilt_equal()


def test_undoing_a_step_takes_back_what_followed_from_it_by_itself(line: Line) -> None:
    ident = line.register("A-1")
    line.captured("b1", pages=2)  # before its turn
    assert line.volume(ident).findings == []
    line.batch("b2", "open")
    assert line.volume(ident).findings == [{"code": "early", "n": 1}]
    line.batch("b2", "closed")
    line.through(ident, "index")
    line.act("step.begin", volume=ident, step="index")
    line.act("step.finish", volume=ident, step="index", count=3)
    assert (line.at(ident), line.open_discrepancies(ident)) == (("check", "look"), [("capture", 3, 2)])
    line.act("step.undo", volume=ident)
    assert (line.at(ident), line.open_discrepancies(ident)) == (("index", "working"), [])
    assert line.centre.rows("SELECT step FROM visits WHERE how = 'undone' ORDER BY visit") == [("capture",), ("check",)]
    line.act("step.finish", volume=ident, step="index", count=3)
    assert (line.at(ident), line.open_discrepancies(ident)) == (("check", "look"), [("capture", 3, 2)])
    line.rebuilt_equal()


def test_bad_pages_and_wrong_counts_make_the_check_look_until_they_are_mended(line: Line) -> None:
    ident = line.register("A-1")
    line.through(ident, "capture")
    line.batch("b1", "open")
    bad = line.page("b1", "bad")
    line.page("b1")
    line.batch("b1", "closed")
    found = line.volume(ident)
    assert (found.step, found.state) == ("check", "look")
    assert found.findings == [{"code": "bad", "n": 1}, {"code": "count", "captured": 2, "expected": 3}]
    assert line.open_discrepancies(ident) == [("capture", 3, 2)]
    line.batch("b2", "open")  # a second batch of the same volume
    assert line.at(ident) == ("capture", "working")
    line.page("b2")
    line.batch("b2", "closed")
    assert (line.volume(ident).findings, line.open_discrepancies(ident)) == ([{"code": "bad", "n": 1}], [])
    line.page("b1", replaces=bad)
    assert line.at(ident) == ("check", "working")
    line.arrived()
    assert (line.at(ident), line.volume(ident).rework) == (("accept", "waiting"), 0)
    line.rebuilt_equal()


def test_a_rejected_batch_goes_back_to_capture_and_a_new_one_answers_it(line: Line) -> None:
    ident = line.register("A-1")
    line.through(ident, "capture")
    line.captured("b1")
    line.arrived()
    line.act("batch.reject", "chen", batch="b1", reason="shadow on every page", pages=[])
    found = line.volume(ident)
    assert (found.step, found.state, found.rework) == ("capture", "waiting", 1)
    line.captured("b2")
    line.arrived()
    assert line.at(ident) == ("accept", "waiting")
    line.act("batch.accept", "chen", batch="b2")
    assert line.at(ident) == ("file", "waiting")
    line.rebuilt_equal()


def test_a_placeholder_counts_and_a_reopened_batch_is_rework(line: Line) -> None:
    ident = line.register("A-1")
    line.through(ident, "capture")
    line.batch("b1", "open")
    line.page("b1")
    line.page("b1")
    line.page("b1", placeholder="oversize", sha256=None, bytes=0, width=0, height=0)
    line.batch("b1", "closed")
    line.arrived()
    found = line.volume(ident)
    assert (found.step, found.captured, found.placeholders) == ("accept", 3, 1)
    line.act("batch.reject", "chen", batch="b1", reason="page 2 is blurred", pages=["page-2"])
    line.batch("b1", "open")  # the bench reopens it
    assert (line.at(ident), line.volume(ident).rework) == (("capture", "working"), 1)
    line.page("b1", replaces="page-2")
    line.batch("b1", "closed", counts={"pages": 4})
    line.arrived()
    line.act("batch.accept", "chen", batch="b1")
    assert line.at(ident) == ("file", "waiting")
    line.rebuilt_equal()


def test_pages_shot_into_the_wrong_volume_are_counted_where_they_were_moved(line: Line) -> None:
    first, second = line.register("A-1"), line.register("A-2", declared=1)
    for ident in (first, second):
        line.through(ident, "capture", count=line.volume(ident).count)
    line.batch("b1", "open")
    pages = [line.page("b1") for _ in range(4)]
    line.batch("b1", "closed")
    assert line.volume(first).findings == [{"code": "count", "captured": 4, "expected": 3}]
    line.batch("b2", "open", "A-2")
    line.page("b2", page=pages[3], moved_from="b1", reason="of the next volume")
    line.batch("b2", "closed", "A-2")
    assert (line.volume(first).captured, line.volume(second).captured) == (3, 1)
    assert (line.at(first), line.at(second)) == (("check", "working"), ("check", "working"))
    line.rebuilt_equal()


def test_a_batch_of_an_unknown_volume_is_linked_or_its_volume_registered_later(line: Line) -> None:
    ident = line.register("A-1")
    line.through(ident, "capture")
    line.captured("b1", volume="A-l")  # mistyped at the bench
    line.captured("b2", volume="A-2")
    assert line.at(ident) == ("capture", "waiting")
    with reading(line.centre.engine) as connection:
        assert [one.batch for one in queries.loose_batches(connection)] == ["b2", "b1"]
    line.act("volume.link", "chen", volume=ident, batch="b1")
    assert line.at(ident) == ("check", "working")
    second = line.register("A-2")
    assert line.volume(second).findings == []
    line.through(second, "capture")
    assert line.at(second) == ("check", "working")  # what was captured before its turn counts once it is there
    line.rebuilt_equal()


def test_a_number_is_registered_once_and_what_was_not_begun_can_be_taken_back(line: Line) -> None:
    ident = line.register("A-1")
    again = line.register("A-1")
    hidden = line.register("A\u200b1")
    with reading(line.centre.engine) as connection:
        assert [queries.volume_by_id(connection, one) for one in (again, hidden)] == [None, None]
    line.act("volume.amend", "chen", volume=ident, declared=4, title="Customer 8", kind="case", reason="typed wrong")
    assert (line.volume(ident).count, line.volume(ident).title) == (4, "Customer 8")
    line.act("volume.withdraw", "chen", volume=ident, reason="belongs to another archive")
    with reading(line.centre.engine) as connection:
        assert queries.volume_by_id(connection, ident) is None
    assert line.at(line.register("A-1")) == ("receive", "waiting")
    line.rebuilt_equal()


ACTS = st.tuples(
    st.sampled_from([*TRANSITIONS, "nonsense"]),
    st.sampled_from([None, *NAMES]),
    st.sampled_from([None, *NAMES, DONE]),
    st.sampled_from([None, " ", "because"]),
)


@given(st.lists(ACTS, max_size=60))
def test_no_sequence_of_acts_skips_a_step_without_its_reason(sequence: list[tuple[str, str | None, str | None, str | None]]) -> None:
    stand = Stand()
    for act, step, to, reason in sequence:
        try:
            after = move(stand, act, step=step, to=to, reason=reason)
        except Refused:
            continue
        assert after.step in ORDER and (after.state == "done") == (after.step == DONE)
        gone = ORDER[after.step] - ORDER[stand.step]
        assert gone <= 1
        if gone == 1:
            finished = act == "step.finish" and stand.state in ("working", "witness")
            assert finished or act == "line.end" or (act == "step.skip" and reason is not None and reason.strip() == reason)
        if gone < 0:
            assert act in ("step.back", "line.back") and reason == "because"
        assert not stand.held or after.step == stand.step  # what is held moves nowhere
        stand = after


DOING = st.lists(
    st.tuples(
        st.sampled_from(["begin", "finish", "skip", "back", "hold", "release", "undo", "open", "page", "bad", "close", "accept", "reject"]),
        st.sampled_from(["wang", "zhao"]),
        st.sampled_from(NAMES),
        st.integers(0, 3),
    ),
    min_size=5,
    max_size=25,
)


@settings(
    max_examples=6,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(DOING)
def test_whatever_is_done_in_whatever_order_every_stay_has_its_end_and_rebuild_gives_the_same(
    tmp_path_factory: pytest.TempPathFactory, doing: list[tuple[str, str, str, int]]
) -> None:
    line = Line(tmp_path_factory.mktemp("any") / "central")
    ident, batch = line.register("A-1"), 0
    for what, actor, step, n in doing:
        here = line.volume(ident).step
        if what in ("begin", "finish"):
            line.act(f"step.{what}", actor, volume=ident, step=here, count=n, note="counted twice")
        elif what in ("skip", "back", "hold", "release", "undo"):
            kind = f"volume.{what}" if what in ("hold", "release") else f"step.{what}"
            line.act(kind, actor, volume=ident, reason="because", to=step, **({"step": here} if what == "skip" else {}))
        elif what in ("open", "close"):
            batch += what == "open"
            line.batch(f"b{batch}", "open" if what == "open" else "closed")
        elif what in ("page", "bad"):
            line.page(f"b{batch}", "good" if what == "page" else "bad")
        else:
            line.act(f"batch.{what}", actor, batch=f"b{batch}", reason="because", pages=[])
    rows = line.centre.rows("SELECT visit, step, how, reason, ended_ms FROM visits ORDER BY visit")
    volume = line.volume(ident)
    for _visit, _step, how, reason, ended in rows:  # one that was undone may come after the one that goes on
        assert ended is None or how in ("finished", "back", "undone") or (how == "skipped" and reason == "because")
    open_stays = [row for row in rows if row[4] is None]
    assert len(open_stays) == (0 if volume.step == DONE else 1)
    assert all(row[1] == volume.step for row in open_stays)
    json.dumps(volume.findings)
    line.rebuilt_equal()
    line.centre.close()
