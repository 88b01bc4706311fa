"""A database of an earlier release with data in it becomes today's schema: nothing is lost, and the new tables know the old days."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config

import central.store.migrate
from central.cli import main
from central.environment.limits.media import shipped
from central.ledger import acts
from central.rebuild import rebuild
from central.store.engine import open_engine, writing
from central.tables import projections
from tests.central.journals import SITE, Centre, Journal
from wire.records import record

RELEASED = ("0002", "0008")  # the newest migrations of the last releases
MINUTE, DAY = 60_000, 86_400_000
NOW = int(time.time() * 1000)
T = NOW - NOW % DAY - 5 * DAY
BENCH = "bench-1/bench-1"
EMPTY = {"metric_dirty", "clips", "clip_events", "rejournals", "reading_thinned"}


def at(k: str, ms: int, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = record(k, T + ms, 1000 + ms, **fields)
    return made


def what_rooms_send(agent: Journal) -> None:
    """Three days of a room: climate with a gap, a door, alarms, health, an answer."""
    agent.add("readings", at("clock", 0, boot="b1", ok=False, source="none"), at("clock", 0, boot="b1", ok=True, source="ntp"))
    for i, q, u, tolerance in ((1, "temperature", "Cel", 0.2), (2, "relative_humidity", "%", 1.8)):
        told = {"room": "room-101", "serial": "A1", "resolution": 0.01, "tolerance": tolerance}
        agent.add("readings", at("channel", 1, i=i, sensor="climate", q=q, u=u, **told))
    for k in range(0, 3 * 24 * 60, 10):
        if not 900 < k < 1100:
            agent.add("readings", at("reading", k * MINUTE, i=1, v=20 + k % 70 / 10), at("reading", k * MINUTE, i=2, v=50 + k % 430 / 10))
    limit = {"sensor": "climate", "quantity": "temperature", "above": 24.0, "delay_s": 60.0, "priority": "high"}
    facts = {"limits": {"warm": limit}, "sensors": {"climate": {"driver": "sht4x"}}, "report_s": 600, "calibration": {}, "profile": {}}
    agent.add("events", at("clock", 0, boot="b1", ok=True, source="ntp"), at("config", 1, facts=facts))
    about = {"rule": "warm", "subject": "room-101.climate.temperature", "value": 25.1, "limit": 24.0, "priority": "high"}
    agent.add("events", at("alarm", 5 * MINUTE, id="room-101:e1:3", state="active", **about))
    agent.add("events", at("alarm", 9 * MINUTE, id="room-101:e1:3", state="returned", **about))
    agent.add("events", at("alarm", 30 * MINUTE, id="room-101:e1:5", state="active", **about))
    for k, state in enumerate(("open", "closed")):
        agent.add("events", at("contact", (40 + k) * MINUTE, contact="room-101/door", state=state, kind="door"))
    agent.add("events", at("health", 50 * MINUTE, boot="b1", facts={"disk_free_mb": 9000}))
    agent.add("events", at("command.done", 51 * MINUTE, id="c1", ok=True))


def what_a_bench_sends(agent: Journal) -> None:
    """A closed batch of three pages, of which one was taken again and one was moved; counts that differ from what was declared."""
    told = {"batch": "b1", "station": BENCH, "operator": "o1", "volume": "A-1", "declared": 4}
    agent.add("capture", at("clock", 0, boot="b1", ok=True, source="ntp"), at("batch", 1, state="open", counts={}, **told))
    page: dict[str, Any] = {"batch": "b1", "bytes": 9, "width": 9, "height": 12, "checks": [], "verdict": "good", "station": BENCH}
    for n, more in enumerate(({}, {"after": "p1"}, {"after": "p1", "replaces": "p2", "reason": "bad"}, {"after": "p3"}), 1):
        told_of = {"page": f"p{n}", "press": f"x{n}", "sha256": f"{n:064x}", "operator": "o1", **page, **more}
        press = {"press": f"x{n}", "station": BENCH, "pedal": "foot", "outcome": "captured", "pages": [f"p{n}"]}
        agent.add("capture", at("page", n * 1000, **told_of), at("press", n * 1000 + 1, **press))
    moved = {"page": "p4", "press": "x4", "sha256": f"{4:064x}", "operator": "o1", **page, "reason": "order"}
    agent.add("capture", at("page", 6000, **moved))
    agent.add("capture", at("page", 6001, **{**moved, "page": "p1", "press": "x1", "sha256": f"{1:064x}", "after": "p4"}))
    agent.add("capture", at("batch", 9000, state="closed", counts={"captured": 3}, **told))


def what_people_do(centre: Centre) -> None:
    """One act of each kind that changes a table of rooms or of the line."""
    paper = next(iter(shipped().values()))
    profile = {
        "id": "own",
        "medium_en": "glass",
        "medium_zh": "玻璃",
        "boxes": [{"t_min": 1.0, "t_max": 9.0, "rh_min": 20.0, "rh_max": 40.0}],
    }
    filed = {"sha256": "ab" * 32, "bytes": 9, "tree_size": 9}
    point = {"code": "p1", "room": "room-101", "name": "north wall", "look_at": "damp"}
    done: list[tuple[str, dict[str, Any]]] = [
        ("alarm.acknowledge", {"alarm": "room-101:e1:5", "text": "seen"}),
        ("alarm.history", {"alarm": "centre:later:x", "rule": "x", "subject": "s", "agent": "room-101", "room": "room-101", "words": {}}),
        ("works.plan", {"works": "w1", "room": "room-101", "kind": "cleaning", "from_ms": NOW, "to_ms": NOW + DAY, "reason": "floor"}),
        ("calendar.set", {"weekend": [5, 6], "days": {"2026-10-01": "off", "2026-10-10": "work"}}),
        ("patrol.round", {"round": "r1", "name": "day", "times": ["09:00"], "zone": "UTC", "grace_min": 30, "checkpoints": [point]}),
        ("patrol.check", {"check": "k1", "code": "p1", "t_ms": NOW, "ok": True}),
        ("plan.set", {"plan": "g", "name": "ground floor", "width": 800, "height": 600}),
        ("plan.place", {"plan": "g", "item": "sensor:room-101.climate", "x": 0.5, "y": 0.25}),
        ("limits.profile", {"profile": profile, "retired": False}),
        ("room.set", {"room": "room-101", "name_en": "Paper", "outdoor": False}),
        ("room.limits", {"room": "room-101", "media": [paper.id], "profiles": [profile]}),
        ("calibration.record", {"channel": "room-101.climate.temperature", "offset": 0.1, "date": "2026-01-02", "person": "li"}),
        ("report.file", {"report": "f1", "room": "room-101", "month": "2026-01", "lang": "zh", **filed}),
        ("report.schedule", {"room": "room-101", "on": True, "day": 2, "lang": "*", "from_month": "2026-01"}),
        ("readings.policy", {"class": "climate", "keep_raw_days": 400, "then": "hour"}),
        ("volume.register", {"volume": "v1", "number": "A-1", "unit": "north", "consignment": "c", "declared": 4}),
        ("step.begin", {"volume": "v1", "step": "receive"}),
        ("step.finish", {"volume": "v1", "step": "receive", "count": 3, "note": "one missing"}),
        ("consignment.set", {"consignment": "c", "witness": True}),
        ("process.limits", {"limits": {"sort": {"yellow_h": 8, "red_h": 24}}}),
        ("acceptance.plan", {"plan": "ours", "name": "ours", "rules": {"sampling": "percent", "percent": 50}, "retired": False}),
        ("acceptance.choose", {"scope": "site", "name": "", "plan": "ours"}),
        ("acceptance.choose", {"scope": "batch", "name": "b1", "plan": "every-page"}),
        ("page.review", {"page": "p3", "ok": True}),
        ("batch.accept", {"batch": "b1"}),
        ("page.sequence", {"page": "p3", "batch": "b1", "ok": False, "read": "9", "words": "odd", "words_zh": "异常"}),
        ("volume.describe", {"batch": "b1", "volume": "A-1", "state": "edited", "title": "Contract", "number": "A-1", "suggested": {}}),
        ("package.ask", {"package": "k1", "batch": "b1", "kind": "bagit", "recipients": []}),
        ("package.made", {"package": "k1", "sha256": "cd" * 32, "bytes": 9, "files": 3, "tree_size": 9}),
        ("gap", {"agent": "room-101", "lane": "readings", "epoch": "e0", "from": 1, "to": 2}),
    ]
    with writing(centre.engine) as connection:
        for kind, body in done:
            span = {"from_ms": T, "to_ms": T + DAY, "value": 1.0, "limit": 0.5, "priority": "low"} if kind == "alarm.history" else {}
            acts.record(connection, kind=kind, actor="wang", body={**body, **span}, t_ms=NOW)
    centre.write()


def tables(centre: Centre) -> dict[str, list[Any]]:
    names = [table.name for table in projections()]
    return {name: sorted(centre.rows(f"SELECT * FROM {name}"), key=repr) for name in names}  # noqa: S608  names from our own code


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    made = Centre(Path(tmp_path_factory.mktemp("full")) / "central", silence_s=86_400)
    agent = made.enrol(Journal("room-101"))
    what_rooms_send(agent)
    made.send(*(agent.batch("readings", first, 200) for first in range(1, len(agent.lines["readings"]), 200)), agent.batch("events"))
    bench = made.enrol(Journal("bench-1"), room="scan-hall")
    what_a_bench_sends(bench)
    made.send(bench.batch("capture"))
    what_people_do(made)
    yield made
    made.close()


def test_every_table_comes_back_row_by_row(full: Centre) -> None:
    before = tables(full)
    assert {name for name, rows in before.items() if not rows} <= EMPTY
    assert full.one("SELECT count(*) FROM reading_chunks") > 0
    rebuild(full.engine)
    after = tables(full)
    for name, rows in before.items():
        assert after[name] == rows, name


@pytest.mark.parametrize("released", RELEASED)
def test_a_database_of_a_release_is_brought_forward_with_all_that_is_in_it(full: Centre, tmp_path: Path, released: str) -> None:
    data = tmp_path / "central"
    data.mkdir()
    engine = open_engine(data / "muniment.db")
    with writing(engine) as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(central.store.migrate.__file__).with_name("migrations")))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, released)
    engine.dispose()
    old = open_engine(data / "muniment.db")
    with old.connect() as connection:  # the ledger and people as the release kept them, its own projections too
        connection.exec_driver_sql("ATTACH DATABASE ? AS whole", (str(full.config.database),))
        for (name,) in connection.exec_driver_sql("SELECT name FROM main.sqlite_master WHERE type = 'table'").all():
            if name.startswith(("sqlite_", "alembic_")):
                continue
            columns = ", ".join(f'"{row[1]}"' for row in connection.exec_driver_sql(f"PRAGMA main.table_info({name})").all())
            connection.exec_driver_sql(f"INSERT INTO main.{name} ({columns}) SELECT {columns} FROM whole.{name}")  # noqa: S608
        connection.commit()
    old.dispose()
    toml = tmp_path / "central.toml"
    toml.write_text(f'[central]\nsite = "{SITE}"\ndata = "{data}"\n[limits]\nreserve_mb = 2\nledger_reserve_mb = 1\n')
    assert main(["migrate", "--config", str(toml)]) == 0
    made = Centre(data)
    assert made.one("SELECT count(*) FROM ledger_leaves") == full.one("SELECT count(*) FROM ledger_leaves")
    wanted, found = tables(full), tables(made)
    for name, rows in wanted.items():
        assert found[name] == rows, name
    made.close()
    assert main(["check", "--config", str(toml)]) == 0
