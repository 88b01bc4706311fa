"""What operators do to pages at a real bench, as the centre comes to know it: order, counts, moves, placeholders, rework, provenance."""

import random
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from central.digitization import queries
from central.digitization.process.yields import yields
from central.digitization.provenance import provenance_of
from central.ledger import acts
from central.rebuild import rebuild
from central.store.engine import reading, writing
from scanner_line.errors import BatchError
from scanner_line.orders import obey
from scanner_line.pages import END
from scanner_line.presses import RETAKE
from tests.central.journals import Centre, Journal
from tests.scanner_line.bench import Bench, records
from tests.scanner_line.test_station import at_bench

TABLES = ("presses", "pages", "page_changes", "batches", "object_refs", "stations")


class Site:
    """A bench on a folder, a centre on another, and the journal between them, cut into batches at random."""

    def __init__(self, folder: Path, seed: int = 1) -> None:
        self.folder = folder / "bench"
        self.folder.mkdir()
        self.centre = Centre(folder / "central")
        self.journal = self.centre.enrol(Journal("bench-1"), room="scan-hall")
        self.draw = random.Random(seed)
        self.sent = 0

    def work(self, work: Callable[[Bench], Coroutine[Any, Any, None]], *, sides: tuple[str, ...] = ("left", "right")) -> None:
        """Work at the bench, then send what is new."""
        at_bench(self.folder, work, sides=sides)
        new = records(self.folder)[self.sent :]
        self.journal.add("capture", *new)
        self.sent += len(new)
        first = len(self.journal.lines["capture"]) - len(new) + 1
        while first <= len(self.journal.lines["capture"]):
            n = self.draw.randint(1, 9)
            self.centre.send(self.journal.batch("capture", first, n))
            first += n

    def act(self, kind: str, **body: Any) -> None:
        with writing(self.centre.engine) as connection:
            acts.record(connection, kind=kind, actor="wang", body=body)
        self.centre.write()

    def order(self, batch: str) -> list[str]:
        with reading(self.centre.engine) as connection:
            return [page.id for page in queries.pages_of(connection, batch) if not page.replaced and not page.deleted]

    def batch(self, ident: str) -> queries.Batch:
        with reading(self.centre.engine) as connection:
            found = queries.batch_named(connection, ident)
        assert found is not None
        return found

    def rebuilt_equal(self) -> None:
        before = {name: sorted(self.centre.rows(f"SELECT * FROM {name}"), key=repr) for name in TABLES}  # noqa: S608
        rebuild(self.centre.engine)
        for name, rows in before.items():
            assert sorted(self.centre.rows(f"SELECT * FROM {name}"), key=repr) == rows, name  # noqa: S608


@pytest.fixture
def site(tmp_path: Path) -> Any:
    made = Site(tmp_path)
    yield made
    made.centre.close()


async def anything(bench: Bench, draw: random.Random, steps: int) -> None:
    """Random operations, as an operator might do them."""
    station = bench.station
    for _ in range(steps):
        batch, closed = station.facts.batch, station.facts.closed
        pages = [] if batch is None else [page.page for page in bench.presses.live_pages(batch.batch)]
        within = pages[:3] if draw.random() < 0.4 else pages  # what happens at the front is the rarer thing
        some, other = (draw.choice(within), draw.choice(pages)) if pages else (None, None)
        do = draw.choice(["capture", "capture", "capture", "retake", "insert", "delete", "move", "place", "undo", "over", "close", "front"])
        try:
            if do == "capture" or some is None or other is None:
                await station.press("pedal")
            elif do == "retake":
                if draw.random() < 0.3:
                    next(iter(bench.cameras.values())).next_one.append("broken")
                await station.take_page(RETAKE, page=some)
            elif do == "insert":
                await station.take_page("insert", after=draw.choice([None, some]))
            elif do == "delete":
                await station.delete(some, reason="a hand")
            elif do == "move":
                await station.move([some], after=draw.choice([None, other, pages[-1]]), reason="order")
            elif do == "front":  # what stood second is taken again and becomes the first
                await station.take_page(RETAKE, page=pages[min(1, len(pages) - 1)])
                await station.move([pages[0]], after=draw.choice([pages[-1], END]), reason="order")
            elif do == "place":
                await station.place("missing", after=some, note="torn out")
            elif do == "undo":
                await station.undo()
            elif do == "over" and closed is not None and batch is not None:
                theirs = [page.page for page in bench.presses.live_pages(closed.batch)]
                if theirs and draw.random() < 0.5:
                    await station.move([theirs[0]], batch=batch.batch, reason="wrong volume")
                else:
                    await station.move([some], batch=closed.batch, reason="wrong volume")
            elif do == "close" and closed is None:
                await station.close_batch(confirmed=True)
        except BatchError:
            continue


@pytest.mark.parametrize("seed", range(4))
def test_the_centre_has_every_batch_in_the_benchs_own_order(tmp_path: Path, seed: int) -> None:
    site = Site(tmp_path, seed)
    live: dict[str, list[str]] = {}

    async def work(bench: Bench) -> None:
        await anything(bench, random.Random(seed), 45)
        for (batch,) in bench.spool.connection.execute("SELECT batch FROM batches").fetchall():
            live[batch] = [page.page for page in bench.presses.live_pages(batch)]
            counts = bench.batches.get(batch).counts
            numbers[batch] = (counts.captured, counts.replaced, counts.placeholders)

    numbers: dict[str, tuple[int, int, int]] = {}
    site.work(work, sides=("overhead",) if seed % 2 else ("left", "right"))
    for batch, pages in live.items():
        assert site.order(batch) == pages
        told = site.batch(batch)
        assert (told.captured, told.replaced, told.placeholders) == numbers[batch]
    with reading(site.centre.engine) as connection:
        assert len(connection.exec_driver_sql("SELECT id FROM pages").all()) == sum(
            len(one["pages"]) for one in records(site.folder, "press")
        )
    site.rebuilt_equal()
    site.centre.close()


def test_a_rejected_batch_goes_back_to_the_bench_and_is_closed_anew(site: Site) -> None:
    async def morning(bench: Bench) -> None:
        await bench.station.press("pedal")
        await bench.station.close_batch()

    site.work(morning)
    batch = records(site.folder, "batch")[0]["batch"]
    left, right = site.order(batch)
    site.act("batch.reject", batch=batch, reason="one page is blurred", pages=[left])
    assert site.batch(batch).state == "rejected"

    async def afternoon(bench: Bench) -> None:
        wanted = [{"page": left, "reason": "blurred"}]
        assert await obey(bench.station, "batch.rework", {"batch": batch, "pages": wanted, "reason": "rejected"}) == (True, None)
        assert [(page.page, why) for page, why in bench.station.facts.rework] == [(left, "blurred")]
        assert (await obey(bench.station, "batch.close", {}))[1] == "1 pages still to be taken again"

    site.work(afternoon)
    reworked = site.batch(batch)
    assert (reworked.state, reworked.rework, reworked.decided_by, reworked.closed) == ("rework", "rejected", "wang", None)

    async def evening(bench: Bench) -> None:
        await bench.station.take_page(RETAKE, page=left)
        assert bench.station.facts.rework == ()
        await bench.station.close_batch()

    site.work(evening)
    closed = site.batch(batch)
    assert (closed.state, closed.rework, closed.decided_by, closed.captured, closed.rejected) == ("closed", None, None, 2, 0)
    assert [(one.state, one.by, one.reason) for one in closed.decisions] == [("rejected", "wang", "one page is blurred")]
    site.act("batch.accept", batch=batch)
    assert [one.state for one in site.batch(batch).decisions] == ["rejected", "accepted"]
    assert right not in site.order(batch)  # the whole spread was taken again
    site.rebuilt_equal()


def test_provenance_tells_moves_placeholders_deletions_and_their_reasons(site: Site) -> None:
    async def work(bench: Bench) -> None:
        station = bench.station
        await station.open_batch(volume="A")
        await station.press("pedal")
        await station.press("pedal")
        await station.close_batch(confirmed=True)
        await station.open_batch(volume="B")
        await station.press("pedal")

    site.work(work)
    pages = [one["page"] for one in records(site.folder, "page")]
    first, second = list(dict.fromkeys(one["batch"] for one in records(site.folder, "page")))
    site.act("batch.accept", batch=first)

    async def mend(bench: Bench) -> None:
        moved = {"pages": pages[2:4], "volume": "B", "after": None, "reason": "belongs to B"}
        assert (await obey(bench.station, "page.move", moved))[0]
        placed = {"kind": "missing", "after": pages[3], "note": "torn out"}
        assert await obey(bench.station, "page.place", placed) == (True, None)
        assert await obey(bench.station, "page.delete", {"page": pages[4], "reason": "a hand"}) == (True, None)
        assert await obey(bench.station, "page.undo", {}) == (True, None)

    site.work(mend)
    placeholder = next(one["page"] for one in records(site.folder, "page") if "placeholder" in one)
    assert site.order(first) == pages[:2]
    assert site.order(second) == [pages[2], pages[3], placeholder, pages[4], pages[5]]
    assert (site.batch(second).captured, site.batch(second).placeholders) == (5, 1)
    with reading(site.centre.engine) as connection:
        moved = provenance_of(connection, pages[2], silence_s=300)
        back = provenance_of(connection, pages[4], silence_s=300)
        stands = provenance_of(connection, placeholder, silence_s=300)
    assert moved is not None
    assert [(one.kind, one.from_batch, one.batch, one.reason) for one in moved.changes] == [("moved", first, second, "belongs to B")]
    assert moved.page.moved_from == first
    assert back is not None
    assert [one.kind for one in back.changes][-2:] == ["deleted", "restored"]
    assert [one.reason for one in back.changes if one.kind == "deleted"] == ["a hand"]
    assert stands is not None
    assert (stands.page.placeholder, stands.page.reason, stands.page.pending, stands.page.sha256) == ("missing", "torn out", False, None)
    assert stands.press is not None
    assert (stands.press.outcome, stands.press.pages) == ("control", [placeholder])
    assert site.batch(first).state == "closed", "what was accepted is not what it is now"
    assert [one.state for one in site.batch(first).decisions] == ["accepted"]
    site.rebuilt_equal()


def test_presses_are_told_and_counted_by_who_worked(site: Site) -> None:
    async def work(bench: Bench) -> None:
        bench.presses.operator = "op-7"
        await bench.station.press("pedal")
        for camera in bench.cameras.values():
            camera.next_one.append("broken")
        await bench.station.press("pedal")
        bench.presses.operator = "op-8"
        first, second = bench.station.press("pedal"), bench.station.press("pedal")
        assert (await first, await second) == ("captured", "rejected")

    site.work(work)
    assert [one["operator"] for one in records(site.folder, "press")] == ["op-7", "op-7", "op-8", "op-8"]
    today = datetime.now(UTC).date()
    span = {"first": today - timedelta(days=1), "last": today, "zone": ZoneInfo("UTC")}
    with reading(site.centre.engine) as connection:
        found = yields(connection, **span, by="person", span="week")
        (bench,) = yields(connection, **span, by="station", span="week")
        provenance = provenance_of(connection, records(site.folder, "page")[0]["page"], silence_s=300)
    assert {one.who: (one.presses, one.taken) for one in found} == {"op-7": (2, 2), "op-8": (2, 2)}
    assert bench.presses == 4
    assert provenance is not None
    assert provenance.press is not None
    assert provenance.press.operator == "op-7"
    site.rebuilt_equal()


def test_commands_with_wrong_arguments_are_refused_with_words(site: Site) -> None:
    async def work(bench: Bench) -> None:
        await bench.station.press("pedal")
        for name, args, words in (
            ("page.delete", {"page": "../etc", "reason": "x"}, "page is the id of a page"),
            ("page.move", {"page": "x" * 36, "reason": "x"}, "page is the id of a page"),
            ("page.move", {"pages": [], "reason": "x"}, "pages is a list of 1 to 1000 ids"),
            ("page.move", {"page": 5, "reason": "x"}, "page is the id of a page"),
            ("page.place", {"kind": "lost"}, "kind is one of missing, oversize, other"),
            ("batch.rework", {"batch": 1, "reason": "x"}, "batch is the id of a batch"),
            ("batch.rework", {"batch": "0" * 32, "reason": " "}, "reason is a text"),
            ("batch.rework", {"batch": "0" * 32, "pages": "all", "reason": "x"}, "pages is a list of at most 1000 objects"),
            ("page.delete", {"page": "0" * 32, "reason": "x"}, "the bench does not know this page"),
            ("page.undo", {}, None),
            ("page.undo", {}, "there is nothing to take back"),
        ):
            assert await obey(bench.station, name, args) == (words is None, words)

    site.work(work)
