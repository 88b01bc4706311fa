"""Alarms that only a clock can raise: silence, missing bytes, a full disk; and the centre's order of giving up when its disk is full."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from central.ingest.writer import Arrival
from central.ledger.tables import checkpoints
from central.store.engine import writing
from central.times import now_ms
from tests.central.journals import Centre, Journal
from wire.records import record

MB = 1024 * 1024


@pytest.fixture
def centre(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Centre]:
    monkeypatch.setattr("central.ingest.writer.RULES_S", 0.0)
    made = Centre(tmp_path / "central", silence_s=60, upload_wait_s=60, escalate_s=60)
    yield made
    made.close()


def room(centre: Centre) -> Journal:
    agent = centre.enrol(Journal("room-101"))
    agent.add("readings", record("channel", now_ms(), 1, i=1, sensor="climate", q="temperature", u="Cel"))
    return agent.add("readings", record("reading", now_ms(), 2, i=1, v=20.0))


def later(centre: Centre, seconds: int) -> None:
    centre.ahead_ms += seconds * 1000
    centre.write()


def test_a_silent_agent_is_one_alarm_and_its_channels_raise_none(centre: Centre) -> None:
    agent = room(centre)
    centre.send(agent.batch("readings"))
    later(centre, 30)
    assert centre.alarms() == {}
    later(centre, 40)
    assert centre.alarms() == {"agent-silent": "unacknowledged"}
    later(centre, 5)
    assert centre.one("SELECT count(*) FROM alarms") == 1  # raised once
    words = centre.words("SELECT words FROM alarms")
    assert "Check its power and network" in words["en"]
    assert "供电" in words["zh"]
    agent.add("readings", record("reading", now_ms() + centre.ahead_ms, 3, i=1, v=20.0))
    centre.send(agent.batch("readings", 3))
    centre.write()
    assert centre.alarms() == {"agent-silent": "returned"}
    later(centre, 70)
    assert centre.rows("SELECT rule, state FROM alarms") == [("agent-silent", "unacknowledged")]  # the same one, raised again


def test_a_channel_without_readings_is_missing_while_its_agent_is_alive(centre: Centre) -> None:
    agent = room(centre)
    centre.send(agent.batch("readings"))
    centre.ahead_ms += 70_000
    agent.add("events", record("health", now_ms(), 1, facts={}))
    centre.send(agent.batch("events"))
    assert centre.rows("SELECT rule, subject, room, state FROM alarms") == [
        ("missing-data", "room-101.climate.temperature", "room-101", "unacknowledged")
    ]
    agent.add("readings", record("reading", now_ms() + centre.ahead_ms, 3, i=1, v=None, quality="bad", why="crc"))
    centre.send(agent.batch("readings", 3))
    centre.write()
    assert centre.alarms() == {"missing-data": "returned"}


def test_what_an_agent_kept_while_it_was_cut_off_is_not_missed_while_it_arrives(centre: Centre) -> None:
    agent = room(centre)
    centre.send(agent.batch("readings"))
    later(centre, 3600)
    for n in range(4):  # an hour of readings in four batches, the newest last, and slower than the centre's patience
        agent.add("readings", record("reading", now_ms() + centre.ahead_ms - (4 - n) * 800_000, 3 + n, i=1, v=20.0))
        centre.send(agent.batch("readings", 3 + n))
        later(centre, 40)
    assert centre.alarms() == {"agent-silent": "returned"}
    agent.add("events", record("health", now_ms(), 1, facts={}))
    centre.ahead_ms += 30_000
    centre.send(agent.batch("events"))  # alive, and nothing came after what it had kept
    assert centre.alarms() == {"agent-silent": "returned", "missing-data": "unacknowledged"}


def test_a_channel_that_is_rarely_reported_or_no_longer_configured_is_not_missed(centre: Centre) -> None:
    agent = room(centre).add("readings", record("config", now_ms(), 3, facts={"report_s": 600, "sensors": {"climate": {}}}))
    centre.send(agent.batch("readings"))
    centre.ahead_ms += 300_000
    agent.add("events", record("health", now_ms(), 1, facts={}))
    centre.send(agent.batch("events"))
    assert centre.alarms() == {}
    centre.ahead_ms += 3600_000
    agent.add("readings", record("config", now_ms(), 3, facts={"report_s": 600, "sensors": {"other": {}}}))
    centre.send(agent.batch("readings", 4))
    centre.write()
    assert centre.alarms() == {}


def test_silence_counts_from_the_start_of_the_centre_at_the_earliest(centre: Centre) -> None:
    centre.send(room(centre).batch("readings"))
    centre.ahead_ms += 3600_000
    centre.restart()
    centre.write()
    assert centre.alarms() == {}
    later(centre, 61)
    assert centre.alarms() == {"agent-silent": "unacknowledged"}


def test_a_page_without_its_bytes_for_too_long_is_an_alarm_until_they_come(centre: Centre) -> None:
    agent = centre.enrol(Journal("bench-1"), "hall")
    page: dict[str, Any] = {"page": "p1", "press": "s1", "batch": "b1", "sha256": "ab" * 32, "bytes": 10, "width": 4, "height": 3}
    page |= {"checks": [], "verdict": "good", "station": "bench-1/bench-1"}
    agent.add("capture", record("page", now_ms(), 1, **page))
    centre.send(agent.batch("capture"))
    centre.ahead_ms += 50_000
    agent.add("events", record("health", now_ms(), 1, facts={}))
    centre.send(agent.batch("events"))
    later(centre, 31)
    assert centre.alarms() == {"upload-pending": "unacknowledged"}
    with centre.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO objects (sha256, bytes, state, received, agent, path, created_ms) VALUES (?, 10, 'stored', 10, 'bench-1', 'x', 1)",
            ("ab" * 32,),
        )
    later(centre, 31)
    assert centre.alarms()["upload-pending"] == "returned"


def test_a_loud_alarm_that_nobody_acknowledges_is_escalated_once(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101"))
    agent.add(
        "events", record("alarm", now_ms(), 1, id="room-101:e1:1", rule="leak", state="active", subject="room-101/leak", priority="high")
    )
    centre.send(agent.batch("events"))
    for _ in range(3):
        later(centre, 50)
    assert centre.rows("SELECT priority, escalated_ms IS NOT NULL FROM alarms WHERE rule = 'leak'") == [("urgent", 1)]
    assert centre.one("SELECT count(*) FROM acts WHERE kind = 'alarm.escalate' AND actor = 'system'") == 1


def test_what_went_wrong_is_counted_where_others_can_read_it(centre: Centre) -> None:
    centre.enrol(Journal("room-101"))
    centre.write(Arrival("muniment/1/demo/room-101/events", b"garbage"), Arrival("muniment/1/demo/nobody/events", b"garbage"))
    centre.write()
    assert centre.words("SELECT value FROM ingest_state WHERE key = 'counters'") == {"bad message": 1, "unknown agent": 1}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of 64 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], check=True, timeout=20)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True, timeout=20)


def fill(folder: Path, free_mb: float) -> None:
    """Leave so much free."""
    ballast = folder / "ballast"
    have = ballast.stat().st_size if ballast.exists() else 0
    size = have + shutil.disk_usage(folder).free - int(free_mb * MB)
    with ballast.open("ab") as file:
        if size < have:
            file.truncate(max(size, 0))
        while file.tell() < size:
            file.write(b"\1" * min(MB, size - file.tell()))


def test_a_full_disk_is_told_twice_before_acknowledgements_stop_and_nothing_acknowledged_is_lost(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central.ingest.writer.RULES_S", 0.0)
    centre = Centre(small_disk / "central", reserve_mb=20, ledger_reserve_mb=8)
    agent = centre.enrol(Journal("room-101"))
    agent.add("events", *[record("contact", now_ms(), k, contact="room-101/door", state="open", kind="door") for k in range(400)])
    assert centre.send(agent.batch("events", 1, 100))[0]["seq"] == 100
    assert centre.alarms() == {}
    fill(small_disk, 28)
    centre.write()
    assert centre.alarms() == {"disk-low": "unacknowledged"}  # uploads are not refused yet
    fill(small_disk, 11)
    centre.write()
    assert centre.alarms() == {"disk-low": "unacknowledged", "disk-critical": "unacknowledged"}
    assert centre.send(agent.batch("events", 101, 100))[0]["seq"] == 200  # uploads are refused by now, the ledger goes on
    fill(small_disk, 6)
    assert centre.send(agent.batch("events", 201, 100)) == []  # no acknowledgement, no promise
    assert centre.writer.counters.counts["acknowledgements stopped"] == 1
    fill(small_disk, 0.02)  # even where somebody else takes the last byte
    careful = centre.config
    centre.config = replace(careful, limits=replace(careful.limits, ledger_reserve_mb=0))
    centre.restart()
    agent.add("events", *[record("contact", now_ms(), k, contact="room-101/" + "x" * 3000, state="open") for k in range(80)])
    assert centre.send(agent.batch("events", 201, 260)) == []
    assert centre.writer.counters.counts["commit failed"] == 1
    (small_disk / "ballast").unlink()
    centre.config = careful
    centre.restart()
    assert centre.send(agent.batch("events", 201, 200))[0]["seq"] == 400  # sent again
    assert centre.one("SELECT count(*) FROM security_events") == 400
    assert centre.rows("PRAGMA integrity_check") == [("ok",)]
    centre.close()


def test_of_older_checkpoints_one_an_hour_is_kept(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("central.ingest.writer.TIDY_S", 0.0)
    hour = 3_600_000
    old = now_ms() // hour * hour - 5 * hour
    with writing(centre.engine) as connection:
        for size, t_ms in enumerate((old, old + 1000, old + hour - 1, old + hour, old + hour + 1), 1000):
            connection.execute(insert(checkpoints).values(size=size, root="0" * 64, t_ms=t_ms, note=""))
    centre.write()
    assert centre.rows("SELECT size FROM checkpoints WHERE size >= 1000 ORDER BY size") == [(1002,), (1004,)]


def test_a_sensor_with_an_interval_of_its_own_is_missed_by_that(centre: Centre) -> None:
    facts = {"report_s": 20, "sensors": {"climate": {"driver": "sht4x", "report_s": 600}}}
    agent = room(centre).add("readings", record("config", now_ms(), 3, facts=facts))
    centre.send(agent.batch("readings"))
    for ahead_ms, missed in ((900_000, {}), (1_900_000, {"missing-data": "unacknowledged"})):
        centre.ahead_ms = ahead_ms
        agent.add("events", record("health", now_ms(), ahead_ms, facts={}))
        centre.send(agent.batch("events", len(agent.lines["events"])))
        assert {rule: state for rule, state in centre.alarms().items() if rule == "missing-data"} == missed
