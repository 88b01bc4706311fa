"""A bench that lies about its pages slows nobody down, and gets nothing past acceptance."""

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from central.digitization.acceptance.drawing import shares
from central.digitization.order import ordered
from central.ledger import acts
from central.rebuild import rebuild
from central.store.engine import writing
from central.tables import projections
from central.times import now_ms
from tests.central.journals import Centre, Journal
from wire.records import record

NOW = now_ms()
STATION = "rogue/bench"


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    made = Centre(tmp_path / "central")
    yield made
    made.close()


@pytest.fixture
def rogue(centre: Centre) -> Journal:
    return centre.enrol(Journal("rogue"), room="yard")


def page(name: str, batch: str, **more: Any) -> dict[str, Any]:
    facts = {"page": name, "press": f"press-{name}", "batch": batch, "sha256": "a" * 64, "bytes": 9, "width": 9, "height": 9, "checks": []}
    made: dict[str, Any] = record("page", NOW, 1000, **facts | {"verdict": "good", "station": STATION} | more)
    return made


def state(batch: str, said: str, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = record("batch", NOW, 1000, batch=batch, state=said, counts={}, station=STATION, **more)
    return made


def cpu_s(work: Any) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def test_retakes_of_retakes_are_put_in_order_in_one_walk() -> None:
    chain = [SimpleNamespace(id=f"p{n}", after=None, replaces=f"p{n - 1}" if n else None, deleted=False) for n in range(10_000)]
    fan = [SimpleNamespace(id=f"q{n}", after=None, replaces="p9999", deleted=False) for n in range(10_000)]
    ring = [SimpleNamespace(id=f"r{n}", after=f"r{(n + 1) % 9000}", replaces=f"r{(n + 7) % 9000}", deleted=False) for n in range(9000)]
    assert cpu_s(lambda: ordered(chain + fan + ring)) < 5  # a minute, where each walked its whole chain


def test_thousands_of_stations_are_shared_out_at_once() -> None:
    strata = {f"s{n}": 1 for n in range(7000)} | {"big": 13_000}
    assert cpu_s(lambda: shares(strata, 125)) < 3
    assert cpu_s(lambda: shares({f"s{n}": 3 for n in range(6000)}, 9000)) < 3


def test_a_batch_is_drawn_from_once_a_ledger_entry(centre: Centre, rogue: Journal) -> None:
    rogue.add("capture", state("b", "open"), page("p0", "b"))
    for n in range(50):
        clock = record("clock", NOW, 1000, boot=f"boot-{n}", ok=False, source="none")
        rogue.add("capture", clock, page("p1", "b", after="p0", deleted=n % 2 == 1), state("b", "closed"))
    centre.send(rogue.batch("capture"))
    assert centre.rows("SELECT round, size, state FROM acceptance_lots") == [(1, 1, "open")]


def test_only_names_name_pages_batches_and_stations(centre: Centre, rogue: Journal) -> None:
    rogue.add("capture", state("b", "open"), *[page(name, "b") for name in ("../../x", "/etc/x", "a/b", ".x", "", "x" * 101, "a\nb", "卷")])
    rogue.add("capture", page("p1", "../b"), page("p2", "b", station="rogue/<script>"), page("p3", "b", station="other/bench"))
    rogue.add("capture", state("../b", "open"), state("c", "open") | {"station": "other/bench"}, page("p4", "b", checks=["x" * 20_000]))
    rogue.add("capture", page("3f0c-OK.1", "b"))
    centre.send(rogue.batch("capture"))
    assert centre.rows("SELECT id FROM pages") == [("3f0c-OK.1",)]
    assert centre.rows("SELECT id FROM batches") == [("b",)]
    assert centre.rows("SELECT id FROM stations") == [(STATION,)]


def test_what_was_accepted_is_not_changed_behind_the_decision(centre: Centre, rogue: Journal) -> None:
    rogue.add("capture", state("b", "open"), page("p1", "b"), page("p2", "b", after="p1"), state("b", "closed"))
    centre.send(rogue.batch("capture"))
    accept(centre, "b")
    assert centre.one("SELECT state FROM batches") == "accepted"
    rogue.add("capture", page("p1", "b", sha256="b" * 64), page("p2", "b", after="p1", verdict="look"))
    centre.send(rogue.batch("capture", 5))
    assert centre.one("SELECT sha256 FROM pages WHERE id = 'p1'") == "a" * 64, "a page keeps its image"
    assert centre.one("SELECT state FROM batches") == "accepted", "a doubt of a check is not another page"
    rogue.add("capture", page("p3", "b", replaces="p2"))
    centre.send(rogue.batch("capture", 7))
    assert centre.rows("SELECT state, decided_by, json_array_length(decisions) FROM batches") == [("closed", None, 1)]
    assert centre.rows("SELECT round, state FROM acceptance_lots ORDER BY round") == [(1, "accepted"), (2, "open")]
    assert centre.rows("SELECT page_id, why FROM acceptance_sample WHERE round = 2 ORDER BY 1") == [("p1", "neighbour"), ("p3", "changed")]
    accept(centre, "b", seen=1)  # decided before the last entry came
    assert centre.one("SELECT state FROM batches") == "closed"
    assert centre.one("SELECT state FROM acceptance_lots WHERE round = 2") == "open"
    before = {table.name: sorted(map(repr, centre.rows(f"SELECT * FROM {table.name}"))) for table in projections()}  # noqa: S608
    rebuild(centre.engine)
    assert before == {table.name: sorted(map(repr, centre.rows(f"SELECT * FROM {table.name}"))) for table in projections()}  # noqa: S608


def test_an_empty_batch_that_is_filled_after_it_was_closed_is_drawn_from(centre: Centre, rogue: Journal) -> None:
    rogue.add("capture", state("b", "open"), state("b", "closed"))
    centre.send(rogue.batch("capture"))
    centre.send(rogue.add("capture", page("p1", "b")).batch("capture", 3))
    assert centre.rows("SELECT round, size, state FROM acceptance_lots") == [(1, 0, "superseded"), (2, 1, "open")]
    assert centre.writer.counters.counts == {}


def test_closing_again_draws_no_page_out_of_the_sample(centre: Centre, rogue: Journal) -> None:
    act(centre, "acceptance.choose", scope="site", name="", plan="dat31")
    names = [f"p{n:02}" for n in range(40)]
    rogue.add("capture", state("b", "open"))
    rogue.add("capture", *[page(name, "b", **({"after": names[n - 1]} if n else {})) for n, name in enumerate(names)])
    centre.send(rogue.add("capture", state("b", "closed")).batch("capture"))
    drawn = {one for (one,) in centre.rows("SELECT page_id FROM acceptance_sample WHERE round = 1")}
    bad = next(name for name in names if name not in drawn)
    passed = next(iter(sorted(drawn)))
    act(centre, "page.review", page=passed, ok=True)
    act(centre, "page.review", page=bad, ok=False, code="blurred")
    centre.send(rogue.add("capture", state("b", "open"), page("extra", "b", after="p39"), state("b", "closed")).batch("capture", 43))
    again = dict(centre.rows("SELECT page_id, why FROM acceptance_sample WHERE round = 2"))
    assert (drawn | {bad}) - {passed} <= set(again)
    assert again[bad] in ("earlier", "sample")


def act(centre: Centre, kind: str, **body: Any) -> None:
    """Record an act and let it take effect."""
    with writing(centre.engine) as connection:
        acts.record(connection, kind=kind, actor="archivist", body=body)
    centre.write()


def accept(centre: Centre, batch: str, **more: Any) -> None:
    """As the API records it."""
    act(centre, "batch.accept", batch=batch, **more)
