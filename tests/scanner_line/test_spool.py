"""The spool's files and rows, on a real disk: what is kept stays, what a crash left goes, what the disk refuses is said."""

import sqlite3
from pathlib import Path

import pytest

from scanner_line.errors import SpoolError
from scanner_line.spool import IMAGE_BYTES_MAX, Spool


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
