"""A bench for tests: real spool, books and outbox table, a camera and a judge whose next doings the test decides."""

import asyncio
import json
import sqlite3
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from central.digitization.order import ordered
from scanner_line.batches import BatchBook
from scanner_line.cameras.base import CAPTURE_TIMEOUT_S, Frame
from scanner_line.checks.results import CHECK_NAMES, CheckResult, Judgement
from scanner_line.errors import CameraError
from scanner_line.presses import PressBook
from scanner_line.roles import Judge
from scanner_line.shutter import Shutter
from scanner_line.signals import Signals
from scanner_line.sources import Source
from scanner_line.spool import Spool
from scanner_line.states import Settings
from scanner_line.station import Station
from wire.codec import decode_record, encode_record

NAME = "bench-1/bench-1"
QUICK = Settings(verdict_s=0.3, camera_s=0.3, hold_s=0.25, late_s=2.0)


class RecordTable:
    """An outbox in the spool's own database: what was added there and committed is what the core would be handed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        connection.execute("CREATE TABLE IF NOT EXISTS outbox(n INTEGER PRIMARY KEY AUTOINCREMENT, lane TEXT, line TEXT, files TEXT)")

    def add(self, lane: str, record: Mapping[str, Any], files: Iterable[Mapping[str, Any]] = ()) -> int:
        line = encode_record(dict(record)).decode()
        cursor = self._db.execute("INSERT INTO outbox(lane, line, files) VALUES (?, ?, ?)", (lane, line, json.dumps(list(files))))
        return int(cursor.lastrowid or 0)


class TestCamera:
    """A camera whose pictures are small JPEGs, each different; `next_one` may be words (it fails), None (it hangs) or a JPEG."""

    __test__ = False

    def __init__(self, serial: str, size: tuple[int, int] = (64, 90)) -> None:
        self.serial = serial
        self.size = size
        self.next_one: deque[str | bytes | None] = deque()
        self.shots = 0

    async def start(self) -> None: ...

    async def capture(self, after_monotonic_ns: int, *, timeout_s: float = CAPTURE_TIMEOUT_S) -> Frame:
        self.shots += 1
        given = self.next_one.popleft() if self.next_one else jpeg(self.serial, self.shots, self.size)
        if given is None:
            await asyncio.sleep(timeout_s + 60)
        if isinstance(given, str):
            raise CameraError(given)
        assert given is not None
        return Frame(given, time.monotonic_ns(), *self.size)

    async def preview(self) -> bytes:
        return jpeg(self.serial, 0, self.size)

    async def close(self) -> None: ...


class TestJudge:
    """A judge that says what the test put into `next_one`: a verdict, (verdict, code), an error, or an event to wait for; else good."""

    __test__ = False

    def __init__(self) -> None:
        self.next_one: deque[str | tuple[str, str] | Exception | Callable[[], Awaitable[str]]] = deque()
        self.known: dict[str, Mapping[str, Any]] = {}
        self.asked: list[tuple[str, str | None]] = []

    async def start(self) -> None: ...

    def prime(self, batch: str, known: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        self.known = dict(known)

    def ahead(self, scan: Path) -> None: ...

    async def judge(self, path: Path, *, page: str, replaces: str | None, scan: Path | None = None) -> tuple[Judgement, Mapping[str, Any]]:
        assert await asyncio.to_thread(path.is_file), "an image is on disk before it is judged"
        self.asked.append((page, replaces))
        given = self.next_one.popleft() if self.next_one else "good"
        if isinstance(given, Exception):
            raise given
        if callable(given):
            given = await given()
        verdict, code = given if isinstance(given, tuple) else (given, None)
        self.known = {one: facts for one, facts in self.known.items() if one != replaces} | {page: {"page": page}}
        return judgement(verdict, code), {"page": page}

    async def close(self) -> None: ...


class Light:
    """A lamp and buzzer in one: remembers what it was told."""

    def __init__(self) -> None:
        self.state = "off"
        self.sounds: list[str] = []

    def show(self, state: str) -> None:
        self.state = state

    def sound(self, sound: str) -> None:
        self.sounds.append(sound)


class Bench:
    """One bench over a folder; open it again over the same folder and it is the bench after a restart."""

    def __init__(
        self,
        folder: Path,
        *,
        sides: Sequence[str] = ("only",),
        settings: Settings = QUICK,
        refuse: Callable[[], str | None] = lambda: None,
        source: Callable[[Spool], Source] | None = None,
        judge: Judge | None = None,
    ) -> None:
        self.spool = Spool(folder)
        outbox = RecordTable(self.spool.connection)
        self.cameras = {side: TestCamera(f"{side}-1") for side in sides}
        self.judge = TestJudge()
        self.light = Light()
        self.batches = BatchBook(self.spool, outbox, station=NAME)
        self.presses = PressBook(self.spool, outbox, station=NAME)
        self.station = Station(
            name=NAME,
            spool=self.spool,
            batches=self.batches,
            presses=self.presses,
            source=Shutter(self.cameras, timeout_s=settings.camera_s) if source is None else source(self.spool),
            judge=judge or self.judge,
            signals=Signals(self.light, self.light),
            settings=settings,
            refuse=refuse,
        )

    async def close(self) -> None:
        await self.station.close()
        self.spool.close()


def jpeg(serial: str, number: int, size: tuple[int, int] = (64, 90)) -> bytes:
    """A small valid JPEG, different for each serial and number."""
    made = BytesIO()
    Image.new("RGB", size, "white").save(made, "JPEG", comment=f"{serial} {number}".encode())
    return made.getvalue()


def judgement(verdict: str, code: str | None = None) -> Judgement:
    """A judgement with this verdict: the first check fails unless it is good."""
    checks = tuple(
        CheckResult(name, None, None, name != "sharpness" or verdict == "good", f"{name}", f"{name}", text=code if name == "code" else None)
        for name in CHECK_NAMES
    )
    return Judgement(verdict, checks)  # type: ignore[arg-type]


def records(folder: Path, kind: str | None = None) -> list[dict[str, Any]]:
    """What a bench has durably handed over, in order, each checked against the contract."""
    with sqlite3.connect(folder / "spool.db") as connection:
        rows = connection.execute("SELECT lane, line FROM outbox ORDER BY n").fetchall()
    connection.close()
    made = [decode_record(line.encode(), lane) for lane, line in rows]
    return [one for one in made if kind is None or one["k"] == kind]


@dataclass
class Row:
    """A page as the centre's order knows it."""

    id: str
    batch: str
    after: str | None
    replaces: str | None
    deleted: bool


def told_order(folder: Path) -> dict[str, list[str]]:
    """{batch: its counting pages in order}, as the centre makes it of the records alone."""
    rows: dict[str, Row] = {}
    for one in records(folder, "page"):
        made = Row(one["page"], one["batch"], one.get("after"), one.get("replaces"), one.get("deleted") is True)
        if made.id in rows and rows[made.id].batch != made.batch:
            del rows[made.id]  # it arrives anew in its other batch
        rows[made.id] = made
    order = {}
    for batch in {row.batch for row in rows.values()}:
        mine = [row for row in rows.values() if row.batch == batch]
        replaced = {row.replaces for row in mine}
        places = {page: place for page, place in ordered(mine).items() if page not in replaced}
        order[batch] = sorted(places, key=places.__getitem__)
    return order


def check_books(folder: Path) -> Counter[str]:
    """The invariants of a bench at rest: every press ended once, pages = sum of `pages`, every page record's file is there and whole.
    Returns the outcomes."""
    presses = records(folder, "press")
    assert len({one["press"] for one in presses}) == len(presses), "a press was recorded twice"
    named = [page for one in presses for page in one["pages"]]
    pages = {one["page"]: one for one in records(folder, "page")}
    assert sorted(named) == sorted(set(named)) == sorted(pages), "pages are the sum of the presses' `pages`"
    first: dict[str, dict[str, Any]] = {}
    for one in records(folder, "page"):
        before = first.setdefault(one["page"], one)
        rank = ["bad", "look", "good"].index
        assert rank(one["verdict"]) <= rank(before["verdict"]), "a verdict was raised"
        assert (one["sha256"], one["press"]) == (before["sha256"], before["press"]), "a page's image or press changed"
    spool = Spool(folder)
    try:
        for one in pages.values():
            assert (one["sha256"] is None) == ("placeholder" in one), "a page without an image is a placeholder"
            if one["sha256"] is None:
                continue
            path = spool.path_of(one["sha256"])
            assert path.stat().st_size == one["bytes"]
        assert PressBook(spool, RecordTable(spool.connection), station=NAME).unfinished() == []
        assert spool.sweep() == 0, "a file without a row was left"
        book = PressBook(spool, RecordTable(spool.connection), station=NAME)
        for (batch,) in spool.connection.execute("SELECT batch FROM batches").fetchall():
            live = [page.page for page in book.live_pages(batch)]
            assert told_order(folder).get(batch, []) == live, "the centre has the pages in the bench's own order"
            assert len({page.seq for page in book.live_pages(batch)}) == len(live)
        rows = spool.connection.execute("SELECT count(*) FROM presses").fetchone()[0]
        assert rows == len(presses), "presses are the sum of outcomes"
    finally:
        spool.close()
    return Counter(one["outcome"] for one in presses)
