"""What the domains' tables show of what agents sent and people did, and that `rebuild` gives the same rows."""

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from central.environment.tables import SUM_SCALE
from central.ledger import acts
from central.ledger.tables import commands
from central.rebuild import rebuild
from central.store.engine import writing
from central.tables import projections
from tests.central.journals import Centre, Journal
from wire.records import record

T = 1_790_000_000_000 - 1_790_000_000_000 % 3_600_000
W = T - 50_000  # t - m


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    made = Centre(tmp_path / "central")
    yield made
    made.close()


def at(k: str, m: int, *, t: int | None = None, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = record(k, W + m if t is None else t, m, **fields)
    return made


def channel(i: int = 1, sensor: str = "climate", q: str = "temperature", u: str = "Cel", m: int = 1) -> dict[str, Any]:
    return at("channel", m, i=i, sensor=sensor, q=q, u=u, room="room-101")


def act(centre: Centre, kind: str, actor: str, **body: Any) -> None:
    with writing(centre.engine) as connection:
        acts.record(connection, kind=kind, actor=actor, body=body)
    centre.write()


def snapshot(centre: Centre) -> dict[str, list[Any]]:
    names = [table.name for table in projections()]
    return {name: sorted(centre.rows(f"SELECT * FROM {name}"), key=repr) for name in names}  # noqa: S608  names from our own code


def test_readings_land_in_their_channel_with_quality_and_rollups(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101"))
    agent.add("readings", channel(), channel(2, "climate", "relative_humidity", "%"))
    agent.add("readings", *[at("reading", 60_000 * k, i=1, v=20.0 + k / 10) for k in range(1, 6)])
    agent.add("readings", at("reading", 400_000, i=1, v=None, quality="bad", why="crc"), at("reading", 400_000, i=2, v=55.5))
    agent.add("readings", at("reading", 460_000, i=1, v=99.0, quality="suspect"), at("reading", 460_000, i=7, v=1))
    centre.send(agent.batch("readings"))
    assert centre.rows("SELECT channel, room, u FROM channels ORDER BY channel") == [
        ("room-101.climate.relative_humidity", "room-101", "%"),
        ("room-101.climate.temperature", "room-101", "Cel"),
    ]
    temperature = "SELECT {} FROM readings r JOIN channels c ON c.id = r.channel_id WHERE c.q = 'temperature' ORDER BY r.t_ms"
    assert centre.rows(temperature.format("t_ms, v, quality, why").replace("t_ms, v", "r.t_ms, v"))[-3:] == [
        (W + 300_000, 20.5, 0, None),
        (W + 400_000, None, 2, "crc"),
        (W + 460_000, 99.0, 1, None),
    ]
    rollup = centre.rows(
        "SELECT n, other, min, max, sum_n, sum FROM rollup_hour r JOIN channels c ON c.id = channel_id WHERE q = 'temperature'"
    )
    assert rollup == [(5, 2, 20.1, 20.5, 5, round(101.5 * SUM_SCALE))]
    assert centre.writer.counters.counts["record not projected"] == 1  # the reading of a channel that was never declared
    told = [json.loads(data) for (data,) in centre.rows("SELECT data FROM live WHERE event = 'reading' ORDER BY id")]
    assert {row["sensor"]: row["v"] for row in told} == {"room-101.climate.temperature": 99.0, "room-101.climate.relative_humidity": 55.5}


def test_records_from_before_the_clock_was_set_are_shown_at_their_true_time_and_raw_times_stay(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101"))
    wrong = 1_600_000_000_000  # what the Pi's clock said at boot
    agent.add("readings", at("clock", 1000, t=wrong, boot="b1", ok=False, source="none"), channel())
    agent.add("readings", *[at("reading", 1000 * k, t=wrong + 1000 * k, i=1, v=float(k)) for k in range(2, 6)])
    agent.add("events", at("clock", 1000, t=wrong, boot="b1", ok=False, source="none"))
    agent.add("events", at("contact", 4000, t=wrong + 4000, contact="room-101/door", state="open", kind="door"))
    agent.add("events", at("alarm", 4500, t=wrong + 4500, id="room-101:e1:3", rule="r", state="active", subject="room-101/door"))
    agent.add("events", at("clock", 6000, boot="b1", ok=True, source="ntp", step_ms=W - wrong))
    agent.add("events", at("contact", 7000, contact="room-101/door", state="closed", kind="door"))
    agent.add("readings", at("clock", 6500, boot="b1", ok=True, source="ntp"), at("reading", 7000, i=1, v=7.0))
    centre.send(agent.batch("readings", 1, 4), agent.batch("events", 1, 3))
    assert centre.one("SELECT min(t_ms) FROM readings") == wrong + 2000
    centre.send(agent.batch("events", 4))  # the clock becomes known in one lane
    assert centre.rows("SELECT t_ms, raw_ms FROM readings ORDER BY t_ms") == [(W + 2000, wrong + 2000), (W + 3000, wrong + 3000)]
    centre.send(agent.batch("readings", 5))  # and holds for what arrives later in another
    times = centre.rows("SELECT t_ms, raw_ms FROM readings ORDER BY t_ms")
    assert times[2:] == [(W + 4000, wrong + 4000), (W + 5000, wrong + 5000), (W + 7000, None)]
    assert centre.rows("SELECT t_ms, raw_ms FROM security_events ORDER BY t_ms") == [(W + 4000, wrong + 4000), (W + 7000, None)]
    assert centre.rows("SELECT since_ms, raw_ms FROM alarms") == [(W + 4500, wrong + 4500)]
    assert centre.rows("SELECT t_ms FROM reviews") == [(W + 4000,)]
    hour = W - W % 3_600_000
    assert centre.rows("SELECT hour_ms, n FROM rollup_hour") == [(hour, 5)]
    before = snapshot(centre)
    rebuild(centre.engine)
    assert snapshot(centre) == before


def test_an_alarm_comes_is_acknowledged_returns_and_is_normal_again(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101"))
    ident = "room-101:e1:1"
    agent.add(
        "events", at("alarm", 1, id=ident, rule="temperature-high", state="active", subject="room-101.climate.temperature", value=25.1)
    )
    agent.add("events", at("alarm", 9, id=ident, rule="temperature-high", state="returned", subject="room-101.climate.temperature"))
    centre.send(agent.batch("events", 1, 1))
    assert centre.rows("SELECT state, active, room, value FROM alarms") == [("unacknowledged", 1, "room-101", 25.1)]
    act(centre, "alarm.acknowledge", "wang", alarm=ident)
    assert centre.rows("SELECT state, acknowledged_by FROM alarms") == [("acknowledged", "wang")]
    centre.send(agent.batch("events", 2, 1))
    assert centre.rows("SELECT state, active, returned_ms FROM alarms") == [("normal", 0, W + 9)]
    notes = centre.rows("SELECT what, actor FROM alarm_notes ORDER BY leaf_idx")
    assert notes == [("raised", "agent:room-101"), ("acknowledged", "wang"), ("returned", "agent:room-101")]


def test_an_alarm_that_arrives_late_and_is_over_is_filed_as_returned_and_told_once(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101"))
    for state in ("active", "returned"):
        agent.add("events", at("alarm", 1, id="room-101:e1:1", rule="r", state=state, subject="s"))
    centre.send(agent.batch("events"))
    assert centre.alarms() == {"r": "returned"}
    told = [json.loads(data)["state"] for (data,) in centre.rows("SELECT data FROM live WHERE event = 'alarm'")]
    assert told == ["returned"]
    act(centre, "alarm.acknowledge", "wang", alarm="room-101:e1:1")
    assert centre.alarms() == {"r": "normal"}


def test_shelving_hides_an_alarm_for_a_time_that_the_clock_ends(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = centre.enrol(Journal("room-101"))
    agent.add("events", at("alarm", 1, id="room-101:e1:1", rule="r", state="active", subject="s"))
    centre.send(agent.batch("events"))
    act(centre, "alarm.shelve", "wang", alarm="room-101:e1:1", until_ms=int(time.time() * 1000) + 60_000, reason="filter is changed")
    assert centre.rows("SELECT state, shelved_by, shelved_reason FROM alarms") == [("shelved", "wang", "filter is changed")]
    centre.ahead_ms = 61_000
    monkeypatch.setattr("central.ingest.writer.RULES_S", 0.0)
    centre.write()
    assert centre.rows("SELECT state, shelved_by FROM alarms WHERE rule = 'r'") == [("unacknowledged", None)]


def test_each_door_opening_asks_for_a_review_and_its_clip_finds_it(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101"))
    agent.add("events", at("contact", 1, contact="room-101/door", state="open", kind="door"))
    agent.add("events", at("contact", 2, contact="room-101/door", state="closed", kind="door"))
    agent.add("events", at("contact", 3, contact="room-101/hall", state="active", kind="motion"))
    agent.add("events", at("card", 4, reader="room-101/reader", card="c-17", result="granted"))
    clip = str(uuid.uuid4())
    agent.add(
        "events",
        at(
            "clip",
            9,
            clip=clip,
            camera="room-101/door-cam",
            sha256="ab" * 32,
            bytes=1234,
            because=["room-101:e1:1"],
            holes=[],
            **{"from": W, "to": W + 8},
        ),
    )
    centre.send(agent.batch("events"))
    assert centre.rows("SELECT event_id, state, room FROM reviews") == [("room-101:e1:1", "open", "room-101")]
    assert centre.rows("SELECT event_id, clip_id FROM clip_events") == [("room-101:e1:1", clip)]
    assert centre.rows("SELECT kind, state, person FROM security_events ORDER BY t_ms") == [
        ("door", "open", None),
        ("door", "closed", None),
        ("motion", "active", None),
        ("card", "granted", "c-17"),
    ]
    assert centre.rows("SELECT sha256, kind, ref_id, bytes FROM object_refs") == [("ab" * 32, "clip", clip, 1234)]
    review = centre.one("SELECT id FROM reviews")
    act(centre, "review.set", "zhao", review=review, state="closed", owner="zhao", verdict="authorised", reason="patrol")
    assert centre.rows("SELECT state, verdict, changed_by FROM reviews") == [("closed", "authorised", "zhao")]


def page(n: int, batch: str, **fields: Any) -> dict[str, Any]:
    values = {"page": f"p{n}", "press": f"s{n}", "batch": batch, "sha256": f"{n:064x}", "bytes": 10, "width": 4, "height": 3}
    values |= {"checks": [{"name": "skew", "value": 0.1, "limit": 1, "ok": True, "words": ""}], "verdict": "good"}
    return at("page", n, **(values | {"station": "bench-1/bench-1"} | fields))


def test_a_batch_of_pages_is_counted_retaken_and_accepted(centre: Centre) -> None:
    agent = centre.enrol(Journal("bench-1"), "hall")
    open_ = at("batch", 1, batch="b1", state="open", counts={}, declared=3, station="bench-1/bench-1", volume="V-7")
    agent.add("capture", open_, page(1, "b1"), page(2, "b1", verdict="bad", after="p1"))
    agent.add("capture", at("press", 2, press="s2", station="bench-1/bench-1", pedal="foot", outcome="captured", pages=["p2"]))
    agent.add("capture", page(3, "b1", replaces="p2", after="p1", reason="blurred"), page(4, "b1", after="p3"))
    agent.add("capture", page(4, "b1", after="p3") | {"deleted": True, "reason": "thumb"})
    agent.add(
        "capture", at("batch", 9, batch="b1", state="closed", counts={"captured": 2}, declared=3, station="bench-1/bench-1", volume="V-7")
    )
    centre.send(agent.batch("capture"))
    assert centre.rows("SELECT id, arrival, verdict, replaced_by, deleted FROM pages ORDER BY arrival") == [
        ("p1", 1, "good", None, 0),
        ("p2", 2, "bad", "p3", 0),
        ("p3", 3, "good", None, 0),
        ("p4", 4, "good", None, 1),
    ]
    assert centre.rows("SELECT state, declared, volume, opened_ms, closed_ms FROM batches") == [("closed", 3, "V-7", W + 1, W + 9)]
    assert centre.rows("SELECT outcome FROM presses") == [("captured",)]
    assert centre.one("SELECT count(*) FROM object_refs") == 4
    act(centre, "batch.reject", "sun", batch="b1", reason="page 3 is cut", pages=["p3"])
    assert centre.rows("SELECT rejected_by, rejected_reason FROM pages WHERE id = 'p3'") == [("sun", "page 3 is cut")]
    act(centre, "batch.accept", "sun", batch="b1")
    assert centre.rows("SELECT state, decided_by FROM batches") == [("accepted", "sun")]


def test_an_agent_cannot_change_what_another_one_sent(centre: Centre) -> None:
    one, two = centre.enrol(Journal("bench-1"), "hall"), centre.enrol(Journal("bench-2"), "hall")
    one.add("capture", page(1, "b1"))
    two.add("capture", page(1, "b9", station="bench-2/x", verdict="bad"), page(2, "b1", station="bench-2/x"), page(3, "b9"))
    two.add("capture", at("batch", 9, batch="b1", state="closed", counts={}, station="bench-2/x"))
    centre.send(one.batch("capture"), two.batch("capture"))
    assert centre.rows("SELECT id, agent, batch_id, verdict FROM pages") == [("p1", "bench-1", "b1", "good")]
    assert centre.rows("SELECT id, agent, state FROM batches WHERE id = 'b1'") == [("b1", "bench-1", "open")]
    assert centre.writer.counters.counts["record not projected"] == 4


def test_configuration_health_gaps_and_answers(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101"))
    limit = {
        "sensor": "climate",
        "quantity": "temperature",
        "above": 24.0,
        "below": 14.0,
        "deadband": 0.5,
        "delay_s": 60,
        "priority": "high",
    }
    agent.add("readings", at("config", 1, facts={"limits": {"temperature-high": limit}}), at("health", 2, facts={"disk_free": 7}))
    agent.add("readings", {"k": "gap", "t": W + 3, "m": 3, "from": 10, "to": 20, "why": "quota"})
    agent.add("events", at("command.done", 4, id="c1", ok=True))
    agent.add("readings", at("health", 5, facts={"camera": "room-101/cam", "state": "recording"}))
    centre.send(agent.batch("readings"), agent.batch("events"))
    assert centre.rows("SELECT rule, channel, above, below FROM limits") == [
        ("temperature-high", "room-101.climate.temperature", 24.0, 14.0)
    ]
    assert centre.words("SELECT facts FROM health WHERE part = 'core'") == {"disk_free": 7}
    assert centre.rows("SELECT part FROM health ORDER BY part") == [("core",), ("room-101/cam",)]
    assert centre.rows("SELECT from_seq, to_seq, why FROM gaps") == [(10, 20, "quota")]
    assert centre.rows("SELECT id, ok FROM command_results") == [("c1", 1)]


def test_rebuilt_tables_are_equal_row_by_row_however_the_entries_came(centre: Centre) -> None:
    rooms = [centre.enrol(Journal(name), name) for name in ("room-101", "vault-01")]
    bench = centre.enrol(Journal("bench-1"), "hall")
    for agent in rooms:
        agent.add(
            "readings", at("clock", 1, t=5, boot="b", ok=False, source="none"), channel(), channel(2, "rack", "relative_humidity", "%")
        )
        agent.add("readings", *[at("reading", 977 * k, t=5 + 977 * k, i=1 + k % 2, v=20 + k / 7) for k in range(1, 200)])
        agent.add("readings", at("clock", 200_000, boot="b", ok=True, source="ntp"))
        agent.add(
            "readings", channel(3, "attic", "temperature", "Cel", 200_001), *[at("reading", 200_001 + k, i=3, v=k / 3) for k in range(50)]
        )
        agent.add(
            "events", *[at("contact", k, contact=f"{agent.agent}/door", state=("open", "closed")[k % 2], kind="door") for k in range(20)]
        )
        agent.add("events", at("alarm", 30, id=f"{agent.agent}:e1:21", rule="r", state="active", subject="s", words={"en": "x"}))
    bench.add("capture", at("batch", 1, batch="b1", state="open", counts={}, station="bench-1/bench-1"))
    bench.add("capture", *[page(k, "b1", **({"replaces": f"p{k - 1}"} if k % 5 == 0 else {})) for k in range(1, 40)])
    sent = [agent.batch("readings", first, 50) for first in range(1, 250, 50) for agent in rooms]
    sent += [agent.batch("events", first, 7) for first in range(1, 21, 7) for agent in rooms] + [bench.batch("capture")]
    centre.send(*sent[:3])
    for arrival in sent[3:9]:
        centre.send(arrival)
    centre.send(*sent[9:])
    act(centre, "alarm.acknowledge", "wang", alarm="room-101:e1:21")
    act(centre, "alarm.note", "wang", alarm="vault-01:e1:21", text="seen")
    act(centre, "batch.reject", "sun", batch="b1", reason="no", pages=["p3"])
    act(centre, "review.set", "zhao", review=centre.rows("SELECT id FROM reviews")[3][0], state="claimed", owner="zhao")
    act(centre, "review.set", "zhao", review="nonsense", state="claimed")
    act(centre, "login", "wang")
    before, live = snapshot(centre), centre.rows("SELECT * FROM live")
    assert all(before[name] for name in ("readings", "rollup_hour", "reviews", "pages", "alarms", "alarm_notes", "boots", "object_refs"))
    assert centre.one("SELECT count(*) FROM readings WHERE raw_ms IS NOT NULL") == 398
    assert rebuild(centre.engine) == centre.one("SELECT count(*) FROM ledger_leaves")
    after = snapshot(centre)
    for name, rows in before.items():
        assert after[name] == rows, name
    assert centre.rows("SELECT * FROM live") == live  # nobody is told again
    # and ingest goes on where it was
    centre.restart()
    rooms[0].add("readings", at("reading", 300_000, i=3, v=1.5))
    assert centre.send(rooms[0].batch("readings", 251))[0]["seq"] == 255
    assert centre.one("SELECT count(*) FROM readings WHERE v = 1.5") == 1


def test_a_command_is_sent_again_until_it_is_answered_or_has_expired(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("central.ingest.writer.RULES_S", 0.0)
    agent = centre.enrol(Journal("room-101"))
    now = int(time.time() * 1000)
    row = {"agent": "room-101", "name": "identify", "args": "{}", "actor": "wang", "created_ms": now}
    with writing(centre.engine) as connection:
        connection.execute(commands.insert().values(id="c1", expires_ms=now + 60_000, **row))
        connection.execute(commands.insert().values(id="c2", expires_ms=now + 15_000, **row))

    def sent() -> list[str]:
        return [json.loads(payload)["id"] for topic, payload in centre.write() if topic.endswith("/command")]

    assert sent() == ["c1", "c2"]
    assert sent() == []
    centre.ahead_ms = 11_000
    assert sent() == ["c1", "c2"]
    centre.ahead_ms = 22_000
    assert sent() == ["c1"]  # the other one has expired
    agent.add("events", at("command.done", 1, id="c1", ok=True))
    centre.send(agent.batch("events"))
    centre.ahead_ms = 33_000
    assert sent() == []


def test_records_that_come_again_in_a_new_epoch_are_shown_once(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101"))
    agent.add("readings", channel(), *[at("reading", 100 * k, i=1, v=20.0 + k) for k in range(1, 6)])
    door = at("contact", 10, contact="room-101/door", state="open", kind="door")
    alarm = at("alarm", 20, id="room-101:e1:2", rule="r", state="active", subject="s")
    clip = at(
        "clip", 40, clip="c1", camera="room-101/cam", sha256=None, bytes=0, because=["room-101:e1:1"], holes=[], **{"from": W, "to": W + 30}
    )
    agent.add("events", door, alarm, at("alarm", 30, id="room-101:e1:2", rule="r", state="returned", subject="s"), clip)
    agent.add("capture", page(1, "b1", station="room-101/x"))
    centre.send(*[agent.batch(lane) for lane in ("readings", "events", "capture")])
    act(centre, "alarm.acknowledge", "wang", alarm="room-101:e1:2")
    assert centre.alarms() == {"r": "normal"}
    again = Journal("room-101", epoch="e2", key=agent.key)
    second = at("contact", 600, contact="room-101/door", state="open", kind="door")
    span = {"from": W + 590, "to": W + 650}
    named = at("clip", 700, clip="c2", camera="room-101/cam", sha256=None, bytes=0, because=["room-101:e1:5"], holes=[], **span)
    for lane, more in (("readings", at("reading", 600, i=1, v=26.0)), ("events", second), ("capture", page(2, "b1", station="room-101/x"))):
        again.add(lane, at("epoch", 500, previous="e1", agreed_seq=0, why="head differs"), *agent.lines[lane], more)
    again.add("events", named)
    acks = centre.send(*[again.batch(lane) for lane in ("readings", "events", "capture")])
    assert all("refused" not in ack for ack in acks)
    assert [v for (v,) in centre.rows("SELECT v FROM readings ORDER BY t_ms")] == [21.0, 22.0, 23.0, 24.0, 25.0, 26.0]
    assert centre.one("SELECT sum(n) FROM rollup_hour") == 6
    assert centre.rows("SELECT id FROM security_events ORDER BY t_ms") == [("room-101:e1:1",), ("room-101:e2:6",)]
    assert centre.one("SELECT count(*) FROM reviews") == 2
    assert centre.alarms() == {"r": "normal"}  # nobody has to acknowledge it a second time
    assert centre.rows("SELECT event_id, clip_id FROM clip_events ORDER BY clip_id") == [("room-101:e1:1", "c1"), ("room-101:e2:6", "c2")]
    assert centre.rows("SELECT id, arrival FROM pages ORDER BY arrival") == [("p1", 1), ("p2", 2)]
    before = snapshot(centre)
    rebuild(centre.engine)
    assert snapshot(centre) == before
