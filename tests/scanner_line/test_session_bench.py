"""A whole bench that demands cards: two cameras, a pedal of three switches on real pins, a restart in the middle of the session."""

import json
import urllib.request
from pathlib import Path

from tests.scanner_line.bench import check_books, records
from tests.scanner_line.real_bench import RunningBench, running_bench
from tests.scanner_line.session_parts import photograph

SWITCHES = {"left": {"pin": 7, "wish": "retake"}, "middle": {"pin": 8, "wish": "capture"}, "right": {"pin": 9, "wish": "mark"}}
OPTIONS = {
    "session_required": "cards",
    "pedal": {
        "foot": {"driver": "gpio", "switch": SWITCHES},
        "gone": {"driver": "evdev", "device": "usb-None", "switch": {"a": {"key": "KEY_A"}}},
    },
}


def view(running: RunningBench) -> dict[str, object]:
    with urllib.request.urlopen(f"{running.url.rstrip(chr(47))}/api/state", timeout=20) as answer:
        told: dict[str, object] = json.load(answer)
    return told


def test_cards_first_then_pages_and_a_restart_carries_the_session_on(tmp_path: Path, photo) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    for number, picture in enumerate((photograph("MUNIMENT CARD LEFT"), photograph("MUNIMENT CARD RIGHT"), photo(2), photo(3), photo(4))):
        (pages / f"{number}.jpg").write_bytes(picture)
    spool = tmp_path / "spool"
    with running_bench(spool, sides=("left", "right"), camera={"pages": str(pages)}, **OPTIONS) as running:
        running.turn()
        running.tap(8)
        assert running.bench.station.last.code == "session"
        told = view(running)
        assert told["session"]["cards"] == {"left": "waiting", "right": "waiting"}
        running.until(lambda bench: "gone" in bench.pedal_faults)
        assert "not connected" in view(running)["pedals"]["gone"]
        running.turn(-1)
        running.tap(8)
        assert running.bench.session.ready
        running.turn()
        running.tap(8)
        assert running.bench.station.facts.batch.counts.captured == 2
        assert view(running)["session"]["drift"] == []
    with running_bench(spool, sides=("left", "right"), camera={"pages": str(pages)}, **OPTIONS) as running:
        assert running.bench.session.ready
        running.turn()
        running.tap(7)
        assert running.bench.station.facts.batch.counts.captured == 2
        running.tap(9)
        assert running.bench.station.facts.batch.counts.captured == 0
    assert check_books(spool) == {"rejected": 1, "control": 2, "captured": 2}
    assert [press["pedal"] for press in records(spool, "press")] == ["foot.middle", "foot.middle", "foot.middle", "foot.left", "foot.right"]
