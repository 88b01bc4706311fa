"""The spool's files and rows, on a real disk: what is kept stays, what a crash left goes, what the disk refuses is said."""

import sqlite3
from pathlib import Path

import pytest

from scanner_line.batches import BatchBook
from scanner_line.errors import SpoolError
from scanner_line.presses import Judged, Picture, PressBook
from scanner_line.spool import IMAGE_BYTES_MAX, SCHEMA_VERSION, Kept, Spool
from tests.scanner_line.bench import NAME, RecordTable

VERSION_1 = """
CREATE TABLE IF NOT EXISTS batches(
  batch TEXT PRIMARY KEY, state TEXT NOT NULL, declared INTEGER, volume TEXT, operator TEXT,
  opened_ms INTEGER NOT NULL, closed_ms INTEGER, opened_by TEXT) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS one_open_batch ON batches(state) WHERE state = 'open';
CREATE TABLE IF NOT EXISTS presses(
  press TEXT PRIMARY KEY, t_ms INTEGER NOT NULL, m_ms INTEGER NOT NULL, pedal TEXT NOT NULL, wish TEXT NOT NULL,
  batch TEXT, outcome TEXT, why TEXT) STRICT;
CREATE INDEX IF NOT EXISTS presses_by_time ON presses(t_ms);
CREATE INDEX IF NOT EXISTS presses_unfinished ON presses(press) WHERE outcome IS NULL;
CREATE TABLE IF NOT EXISTS pages(
  page TEXT PRIMARY KEY, press TEXT NOT NULL, spread TEXT NOT NULL, batch TEXT NOT NULL, seq INTEGER NOT NULL, after TEXT,
  side TEXT NOT NULL, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, dpi REAL,
  t_ms INTEGER NOT NULL, m_ms INTEGER NOT NULL, checks TEXT, verdict TEXT, facts TEXT, operator TEXT,
  replaces TEXT, reason TEXT, replaced_by TEXT, deleted INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX IF NOT EXISTS pages_by_batch ON pages(batch, seq);
CREATE INDEX IF NOT EXISTS pages_by_press ON pages(press);
CREATE INDEX IF NOT EXISTS pages_by_spread ON pages(spread);
CREATE INDEX IF NOT EXISTS pages_by_digest ON pages(sha256);
"""  # as the first release made it


def test_an_image_is_kept_once_under_its_digest(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    first, second = spool.keep(b"page"), spool.keep(b"page")
    assert first == second
    assert first.path == tmp_path / "objects" / first.sha256[:2] / f"{first.sha256}.jpg"
    assert first.path.read_bytes() == b"page"
    assert [path.name for path in tmp_path.rglob("*.part")] == []
    spool.close()
    spool.close()


def test_a_torn_file_of_an_earlier_crash_is_written_anew(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    kept = spool.keep(b"whole page")
    kept.path.write_bytes(b"whole")
    assert spool.keep(b"whole page").path.read_bytes() == b"whole page"
    spool.close()


@pytest.mark.parametrize("image", [b"", bytes(IMAGE_BYTES_MAX + 1)])
def test_an_image_of_no_sensible_size_is_refused(tmp_path: Path, image: bytes) -> None:
    spool = Spool(tmp_path)
    with pytest.raises(SpoolError, match="is not within"):
        spool.keep(image)
    spool.close()


def test_the_sweep_removes_what_no_row_names(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    orphan = spool.keep(b"orphan")
    part = orphan.path.with_name(".half.part")
    part.write_bytes(b"ha")
    assert spool.sweep() == 2
    assert not orphan.path.exists()
    assert not part.exists()
    spool.close()


def test_a_transaction_that_raises_leaves_nothing_and_tells_nobody(tmp_path: Path) -> None:
    told: list[int] = []
    spool = Spool(tmp_path, on_commit=lambda: told.append(1))
    with pytest.raises(RuntimeError), spool.transaction() as connection:
        connection.execute("INSERT INTO presses(press, t_ms, m_ms, pedal, wish) VALUES ('p', 1, 1, 'pedal', 'capture')")
        raise RuntimeError
    assert told == []
    assert spool.connection.execute("SELECT count(*) FROM presses").fetchone()[0] == 0
    with spool.transaction():
        pass
    assert told == [1]
    spool.close()


def test_a_spool_of_a_newer_version_or_no_spool_at_all_is_an_error(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.connection.execute("PRAGMA user_version = 99")
    spool.close()
    with pytest.raises(SpoolError, match="newer version"):
        Spool(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match="cannot be opened"):
        Spool(tmp_path / "file" / "spool")


def test_old_rows_go_when_their_files_have_gone(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    kept = {name: spool.keep(name.encode()) for name in ("sent", "waiting")}
    for name, image in kept.items():
        spool.connection.execute("INSERT INTO batches(batch, state, opened_ms, closed_ms) VALUES (?, 'closed', 1, 2)", (name,))
        spool.connection.execute(
            "INSERT INTO presses(press, t_ms, m_ms, pedal, wish, outcome) VALUES (?, 1, 1, 'pedal', 'capture', 'captured')", (name,)
        )
        spool.connection.execute(
            "INSERT INTO pages(page, press, spread, batch, seq, side, sha256, bytes, width, height, t_ms, m_ms)"
            " VALUES (?, ?, ?, ?, 1, 'only', ?, ?, 1, 1, 1, 1)",
            (name, name, name, name, image.sha256, image.bytes),
        )
    kept["sent"].path.unlink()
    assert spool.forget(before_ms=3) == 1
    assert [row[0] for row in spool.connection.execute("SELECT batch FROM batches")] == ["waiting"]
    assert [row[0] for row in spool.connection.execute("SELECT press FROM presses")] == ["waiting"]
    spool.close()


def test_the_database_is_durable_at_every_commit(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    assert spool.connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert spool.connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    spool.close()
    with pytest.raises(sqlite3.ProgrammingError):
        spool.connection.execute("SELECT 1")


@pytest.mark.parametrize("cut_short", [False, True])
def test_a_spool_of_version_1_is_carried_on_with_all_its_pages(tmp_path: Path, cut_short: bool) -> None:
    old = sqlite3.connect(tmp_path / "spool.db", isolation_level=None)
    old.executescript(VERSION_1)
    if not cut_short:
        old.execute("PRAGMA user_version = 1")
    old.execute("INSERT INTO batches(batch, state, declared, volume, opened_ms) VALUES ('b', 'open', 9, 'V', 1)")
    for press, outcome in (("p1", "captured"), ("p2", "captured"), ("p3", None)):
        old.execute(
            "INSERT INTO presses(press, t_ms, m_ms, pedal, wish, batch, outcome) VALUES (?, 1, 1, 'pedal', 'capture', 'b', ?)",
            (press, outcome),
        )
    for n, (page, press, seq, after, replaced_by, deleted) in enumerate(
        [
            ("a", "p1", 1, None, None, 0),
            ("x", "p1", 2, "a", "y", 0),
            ("y", "p2", 2, "a", None, 0),
            ("d", "p2", 3, "y", None, 1),
            ("z", "p3", 3, "y", None, 0),
        ]
    ):
        old.execute(
            "INSERT INTO pages(page, press, spread, batch, seq, after, side, sha256, bytes, width, height, t_ms, m_ms, verdict,"
            " replaced_by, deleted)"
            " VALUES (?, ?, ?, 'b', ?, ?, 'only', ?, 1, 1, 1, ?, 1, ?, ?, ?)",
            (page, press, page, seq, after, f"{n:064x}", n, None if page == "z" else "good", replaced_by, deleted),
        )
    old.close()
    spool = Spool(tmp_path)
    records = RecordTable(spool.connection)
    presses, batches = PressBook(spool, records, station=NAME), BatchBook(spool, records, station=NAME)
    assert spool.connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
    assert [(page.page, page.told, page.placeholder) for page in presses.live_pages("b")] == [
        ("a", True, None),
        ("y", True, None),
        ("z", False, None),
    ]
    assert [press.press for press, _ in presses.unfinished()] == ["p3"]
    batch = batches.current()
    assert batch is not None
    assert (batch.declared, batch.volume, batch.counts.captured, batch.counts.replaced, batch.counts.deleted) == (9, "V", 3, 1, 1)
    spool.close()
    again = Spool(tmp_path)
    assert again.connection.execute("SELECT count(*) FROM pages").fetchone()[0] == 5
    again.close()


@pytest.mark.parametrize(
    ("image", "suffix"),
    [(b"\xff\xd8\xff\xe0", ".jpg"), (b"\x89PNG\r\n", ".png"), (b"II*\x00.", ".tif"), (b"MM\x00*.", ".tif"), (b"?", ".jpg")],
)
def test_an_image_lies_under_the_ending_of_its_kind(tmp_path: Path, image: bytes, suffix: str) -> None:
    spool = Spool(tmp_path)
    kept = spool.keep(image)
    assert kept.path.suffix == suffix
    assert spool.path_of(kept.sha256) == kept.path
    spool.drop(kept.sha256)
    assert not kept.path.exists()
    assert spool.sweep() == 0
    spool.keep(image)
    assert spool.sweep() == 1
    spool.close()


def test_a_press_at_a_batchs_thousandth_page_reads_no_more_than_at_its_first(tmp_path: Path) -> None:
    """Counted in steps of the database's own machine, which do not depend on how fast this one is."""
    spool = Spool(tmp_path)
    records = RecordTable(spool.connection)
    presses, batches = PressBook(spool, records, station=NAME), BatchBook(spool, records, station=NAME)
    batch, taken = batches.open().batch, 0

    def press() -> None:
        nonlocal taken
        taken += 1
        made = presses.begin(pedal="pedal", wish="capture", t_ms=taken, m_ms=taken)
        kept = Kept(f"{taken:064x}", 1, tmp_path)
        (page,) = presses.store(made, batch, [Picture(kept, 1, 1, "only")], sides=("only",))
        presses.finish(made, "captured", judged={page.page: Judged("good")})
        presses.last_pages(batch)

    def steps() -> int:
        """Hundreds of steps that one press takes."""
        counted = 0

        def count() -> int:
            nonlocal counted
            counted += 1
            return 0

        spool.connection.set_progress_handler(count, 100)
        press()
        spool.connection.set_progress_handler(None, 0)
        return counted

    press()
    first = steps()
    with spool.transaction() as connection:
        columns = "press, spread, batch, side, bytes, width, height, t_ms, m_ms, verdict"
        connection.executemany(
            f"INSERT INTO pages(page, seq, after, told, {columns}) SELECT ?, ?, ?, 1, {columns} FROM pages WHERE seq = 1",  # noqa: S608
            [(f"page-{n}", n + 10, f"page-{n - 1}" if n else None) for n in range(3000)],
        )
        presses.rows.relink(connection, batch)
    assert steps() <= first + 20, "2,000 steps more, for 3,000 pages more"
    assert (batches.get(batch).counts.captured, presses.count(batch)) == (3003, 3003)
    everything = presses.live_pages(batch)
    assert presses.window(batch, first=2990, count=100) == everything[2989:]
    assert [presses.number(page) for page in everything[2989:]] == list(range(2990, 3004))
    spool.close()
