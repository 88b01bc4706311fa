"""The independent verifier: an export of the real ledger holds, and every kind of tampering is found at its entry."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from central.keys import public_bytes
from central.ledger import acts
from central.ledger.export import export_file
from central.ledger.verifier import BadEntry, main, verify
from central.store.engine import reading, writing
from tests.central.journals import Centre, Journal
from wire.records import record

NOW = 1_790_000_000_000
Lines = list[dict[str, Any]]


def doors(n: int, start: int = 1) -> list[dict[str, Any]]:
    return [record("contact", NOW + k, k, contact="room-101/door", state="open", kind="door") for k in range(start, start + n)]


@pytest.fixture
def export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Centre, Path]]:
    """A ledger with two agents, a gap, an epoch that changed, acts of people, one of them erased."""
    monkeypatch.setattr("central.ingest.writer.CHECKPOINT_S", 0.0)
    centre = Centre(tmp_path / "central")
    room = centre.enrol(Journal("room-101")).add("events", *doors(9), b"#" + b"ab" * 32, b"not json")
    centre.send(room.batch("events", 1, 3), room.batch("events", 6, 6, oldest=6))
    again = Journal("room-101", epoch="e2", key=room.key).add("events", *doors(2))
    vault = centre.enrol(Journal("vault-01"), "vault-01").add("events", *doors(4))
    centre.send(again.batch("events"), vault.batch("events", 1, 2), vault.batch("events", 2))
    with writing(centre.engine) as connection:
        erased = acts.record(connection, kind="view", actor="wang", body={"page": "p1", "purpose": "loan"})
        acts.record(connection, kind="login", actor="li", body={})
    centre.write()
    with writing(centre.engine) as connection:
        connection.exec_driver_sql("UPDATE acts SET body = NULL, salt = NULL WHERE id = ?", (erased,))
    file = tmp_path / "ledger.ndjson"
    with reading(centre.engine) as connection:
        export_file(connection, file, site="demo", public_key=public_bytes(centre.key))
    yield centre, file
    centre.close()


def change(file: Path, edit: Callable[[Lines], None]) -> Path:
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    edit(lines)
    changed = file.with_name("changed.ndjson")
    changed.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return changed


def nth(lines: Lines, kind: str, n: int) -> dict[str, Any]:
    return [line for line in lines if line["type"] == kind][n]


def test_a_true_export_holds(export: tuple[Centre, Path], capsys: pytest.CaptureFixture[str]) -> None:
    centre, file = export
    trusted = base64.b64encode(public_bytes(centre.key)).decode()
    assert main([str(file), "--key", trusted]) == 0
    summary = capsys.readouterr().out
    size = centre.one("SELECT count(*) FROM ledger_leaves")
    assert f"demo: {size} entries (5 batches, {size - 5} acts), 14 records, 1 withheld, 1 acts without body" in summary
    assert "younger" not in summary


def test_digests_are_enough(export: tuple[Centre, Path], tmp_path: Path) -> None:
    centre, _ = export
    file = tmp_path / "digests.ndjson"
    with reading(centre.engine) as connection:
        export_file(connection, file, site="demo", public_key=public_bytes(centre.key), digests_only=True)
    assert "room-101/door" not in file.read_text()
    assert "0 records, 15 withheld" in verify(file)


def test_entries_after_the_checkpoint_are_named(export: tuple[Centre, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    centre, file = export
    monkeypatch.setattr("central.ingest.writer.CHECKPOINT_S", 3600.0)
    with writing(centre.engine) as connection:
        acts.record(connection, kind="login", actor="li", body={})
    centre.write()
    with reading(centre.engine) as connection:
        export_file(connection, file, site="demo", public_key=public_bytes(centre.key))
    assert "the last 1 entries are younger than the checkpoint" in verify(file)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda ls: nth(ls, "batch", 0)["lines"].__setitem__(1, '{"k":"contact"}'), "its records do not lead to its head"),
        (lambda ls: nth(ls, "batch", 0)["lines"].pop(), "3 records are named, 2 are there"),
        (lambda ls: nth(ls, "batch", 0)["lines"].reverse(), "its records do not lead to its head"),
        (lambda ls: nth(ls, "batch", 0).update(sig=nth(ls, "batch", 1)["sig"]), "the signature is wrong"),
        (lambda ls: nth(ls, "batch", 0).update(sig="!"), "the signature is wrong"),
        (lambda ls: nth(ls, "batch", 0).update(agent="vault-01"), "does not continue its lane's chain"),
        (lambda ls: ls.remove(nth(ls, "batch", -1)), "was expected"),
        (lambda ls: ls.remove(nth(ls, "batch", 3)), "begins at 3, but its lane has come to 0"),
        (lambda ls: ls.remove(nth(ls, "act", 0)), "entry 0 was expected"),
        (lambda ls: nth(ls, "act", -1).update(body='{"actor":"nobody"}'), "the act's body was changed"),
        (lambda ls: nth(ls, "act", -2).update(t_ms=1), "are not the tree"),
        (lambda ls: nth(ls, "act", -1).update(kind="logout"), "are not the tree"),
        (lambda ls: nth(ls, "key", 0).update(public_key=nth(ls, "key", 1)["public_key"]), "is not the hash of the public key"),
        (lambda ls: ls.remove(nth(ls, "key", 1)), "is not the agent's"),
        (lambda ls: ls.remove(nth(ls, "checkpoint", 0)), "checkpoint: there is none"),
        (
            lambda ls: nth(ls, "checkpoint", 0).update(note=nth(ls, "checkpoint", 0)["note"].replace("muniment/demo", "muniment/x", 1)),
            "is of",
        ),
        (lambda ls: ls[0].update(key=base64.b64encode(b"k" * 32).decode()), "is signed with another key"),
        (lambda ls: ls[3].clear(), "line 4: is not what an export has there"),
        (lambda ls: nth(ls, "batch", 1).update(first="6"), "is not what an export has there"),
    ],
)
def test_tampering_is_found_at_its_entry(export: tuple[Centre, Path], edit: Callable[[Lines], None], words: str) -> None:
    with pytest.raises(BadEntry, match=words):
        verify(change(export[1], edit))


def test_no_part_stands_before_a_whole_that_nothing_signed(export: tuple[Centre, Path]) -> None:
    def forge(lines: Lines) -> None:
        whole, note = lines[0], nth(lines, "checkpoint", -1)
        act = {"type": "act", "index": 0, "t_ms": 1, "kind": "batch.accept", "digest": "0" * 64}
        lines[:] = [whole | {"extract": True}, note, whole, act]

    with pytest.raises(BadEntry, match="stands there twice"):
        verify(change(export[1], forge))


def test_another_centres_key_is_not_believed(export: tuple[Centre, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(export[1]), "--key", base64.b64encode(b"k" * 32).decode()]) == 1
    assert "not the one you trust" in capsys.readouterr().err
    assert main([str(export[1].with_name("nothing"))]) == 2


def test_it_is_one_file_that_runs_alone(export: tuple[Centre, Path], tmp_path: Path) -> None:
    alone = tmp_path / "alone.py"
    alone.write_text(Path("central/ledger/verifier.py").read_text())
    done = subprocess.run(
        [sys.executable, "-I", str(alone), str(export[1])], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    text = alone.read_text()
    assert "central" not in [line.split()[1].split(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))]
