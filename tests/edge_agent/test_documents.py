"""Documents on disk: a change is told, a power cut or SIGKILL never leaves half a file."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge_agent.documents import Documents, open_documents, stored
from edge_agent.errors import DocumentError


def test_a_change_is_kept_and_told_once(tmp_path: Path) -> None:
    told: list[tuple[str, str, object]] = []
    documents = Documents(tmp_path / "documents.json", listener=lambda *change: told.append(change))
    assert documents.put("calibration", "climate.temperature", {"offset": -0.3, "gain": 1.0})
    assert not documents.put("calibration", "climate.temperature", {"offset": -0.3, "gain": 1.0})
    documents.close()
    again = Documents(tmp_path / "documents.json", listener=lambda *change: told.append(change))
    assert again.all("calibration") == {"climate.temperature": {"offset": -0.3, "gain": 1.0}}
    assert again.remove("calibration", "climate.temperature")
    assert again.get("calibration", "climate.temperature") is None
    assert told == [
        ("calibration", "climate.temperature", {"offset": -0.3, "gain": 1.0}),
        ("calibration", "climate.temperature", None),
    ]
    again.close()


def test_a_file_that_is_not_ours_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "documents.json"
    path.write_text("{half")
    with pytest.raises(DocumentError, match=r"documents\.json"):
        Documents(path).get("a", "b")
    assert path.read_text() == "{half"


def test_a_damaged_file_is_set_aside_so_that_the_room_starts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "documents.json"
    path.write_text("{half")
    documents = open_documents(path)
    assert documents.all("calibration") == {} and documents.put("calibration", "a", 1)
    assert (tmp_path / "documents.json.damaged").read_text() == "{half"
    assert "must be set again" in caplog.text
    assert stored(path, "calibration") == {"a": 1}
    documents.close()


WRITER = """
import sys
from pathlib import Path
from edge_agent.documents import Documents
documents = Documents(Path(sys.argv[1]))
n = documents.get("n", "n") or 0
print("up", flush=True)
while True:
    n += 1
    documents.put("n", "n", n)
    documents.put("bulk", str(n % 50), "x" * 2000)
"""


def test_sigkill_at_any_moment_leaves_a_whole_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "documents.json"
    last = 0
    for round_ in range(8):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None and writer.stdout.readline() == b"up\n"
        time.sleep(0.02 + 0.013 * round_)  # the moment of the kill is what is varied
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait(10)
        writer.stdout.close()
        documents = Documents(path)
        value = documents.get("n", "n") or 0
        assert value >= last
        last = value
        documents.close()
        assert [name.name for name in tmp_path.iterdir()] in ([], ["documents.json"])
    assert last > 0
