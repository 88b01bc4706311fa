"""What a rogue agent tells of its limits, works, clocks and days: no rule, no projection and no look back is stopped or kept busy by it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from central.environment.limits.boxes import Box, TooMany, combine
from central.environment.limits.queries import limits_of_room
from central.ledger import acts
from central.store.engine import reading, writing
from central.times import now_ms
from tests.central.journals import Centre, Journal
from wire.records import record

T = now_ms()
DAY = 86_400_000
SOON_S = 10  # what used to take minutes, or for ever, takes a blink


@pytest.fixture
def centre(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Centre]:
    monkeypatch.setattr("central.ingest.writer.RULES_S", 0.0)
    monkeypatch.setattr("central.environment.instruments.care.EVERY_MS", 0)
    made = Centre(tmp_path / "central")
    yield made
    made.close()


def line(kind: str, *, t: int = T, m: int = 1, **fields: Any) -> bytes:
    return json.dumps({"k": kind, "t": t, "m": m, **fields}).encode()


def climate(sensor: str = "s", first: int = 1) -> list[dict[str, Any]]:
    pair = (("temperature", "Cel"), ("relative_humidity", "%"))
    return [record("channel", T, 1, i=first + n, sensor=sensor, q=q, u=u) for n, (q, u) in enumerate(pair)]


def value(t: int, v: float = 20.0, i: int = 1) -> dict[str, Any]:
    return record("reading", t, 1, i=i, v=v)


def act(centre: Centre, what: str, **body: Any) -> None:
    with writing(centre.engine) as connection:
        acts.record(connection, kind=what, actor="li", body=body)
    centre.write()


def still_there(centre: Centre) -> None:
    honest = centre.enrol(Journal("honest"), room="room-102").add("events", record("health", T, 1, facts={}))
    (ack,) = centre.send(honest.batch("events"))
    assert ack["seq"] == 1


HOSTILE_LIMITS = {
    "a delay that no clock has": {"r": {"sensor": "s", "quantity": "temperature", "above": 1, "delay_s": 1e308}},
    "texts that read as numbers": {"r": {"sensor": "s", "quantity": "temperature", "above": "inf", "below": "nan", "delay_s": "inf"}},
    "a sensor that is a list": {"r": {"kind": "pairs", "sensor": [], "quantity": {}}},
    "a rule that is a list": {"r": []},
    "rules too long to be sent back": {f"r{n}": {"kind": "other", "sensor": "x", "w": "x" * 1500} for n in range(41)},
    "boxes by the thousand": {
        f"p{n}": {"kind": "pairs", "sensor": "s", "boxes": [{"t_min": k / 10, "rh_max": k / 10} for k in range(500)]} for n in range(2)
    },
    "many sets of boxes": {
        f"p{n}": {"kind": "pairs", "sensor": "s", "boxes": [{"t_min": k + n / 50, "rh_max": k + n / 50} for k in range(16)]}
        for n in range(40)
    },
}


@pytest.mark.parametrize("name", HOSTILE_LIMITS)
def test_hostile_limits_stop_neither_rules_nor_rooms(centre: Centre, name: str) -> None:
    rogue, began = centre.enrol(Journal("rogue")), time.monotonic()
    rogue.add("readings", *climate(), *(one for n in range(1, 40) for one in climate(f"s{n}", 1 + 2 * n)))
    rogue.add("readings", *(value(T - 3_600_000 + n * 60_000) for n in range(20)))
    rogue.add("events", line("config", facts={"limits": HOSTILE_LIMITS[name]}))
    centre.send(rogue.batch("events"), rogue.batch("readings"))
    act(centre, "room.limits", room="room-101", media=[], swing_c=2.0)
    centre.write()
    with reading(centre.engine) as connection:
        limits_of_room(connection, "room-101")
    still_there(centre)
    assert "rule failed" not in centre.writer.counters.counts
    assert time.monotonic() - began < SOON_S


def test_works_that_an_agent_tells_wrongly_are_told_again(centre: Centre) -> None:
    rogue = centre.enrol(Journal("rogue"))
    with writing(centre.engine) as connection:
        connection.exec_driver_sql("UPDATE agents SET online = 1")
    act(centre, "works.plan", works="w1", room="room-101", kind="other", from_ms=T, to_ms=T + DAY, reason="x")
    centre.write()
    command = centre.one("SELECT id FROM commands WHERE name = 'works.set'")
    rogue.add("events", line("command.done", id=command, ok=True), line("config", t=T + 3_600_000, facts={"works": [{"id": []}, []]}))
    centre.send(rogue.batch("events"))
    centre.ahead_ms = 600_000
    centre.write()
    assert centre.one("SELECT count(*) FROM commands WHERE name = 'works.set'") == 2
    assert "rule failed" not in centre.writer.counters.counts


def test_a_boot_of_a_million_years_is_corrected_in_a_blink(centre: Centre) -> None:
    rogue, began = centre.enrol(Journal("rogue")), time.monotonic()
    clocks = [line("clock", boot="b", ok=False, source="x"), value(T), line("clock", m=2**53 - 1, boot="b", ok=True, source="x")]
    rogue.add("readings", *climate(), *clocks, value(T))
    centre.send(rogue.batch("readings"))
    assert time.monotonic() - began < SOON_S
    still_there(centre)


def test_a_boot_that_was_over_does_not_begin_again(centre: Centre) -> None:
    rogue = centre.enrol(Journal("rogue")).add("readings", *climate())
    for n in range(20):
        rogue.add("readings", line("clock", boot=f"b{n % 2}", ok=False, source="x"), value(T + n))
    centre.send(rogue.batch("readings"))
    assert centre.one("SELECT count(*) FROM lane_boots") == 2
    assert centre.one("SELECT count(*) FROM readings") == 20


def test_a_day_of_long_reasons_stays_as_it_is(centre: Centre) -> None:
    rogue, day = centre.enrol(Journal("rogue")).add("readings", climate()[0]), T - T % DAY - 5 * DAY
    rogue.lines["readings"] += [line("reading", t=day + n, i=1, v=None, quality="bad", why=f"{n:04d}" * 1000) for n in range(300)]
    for first in range(1, 302, 50):
        centre.send(rogue.batch("readings", first, min(50, 302 - first)))
    rogue.add("readings", value(T - DAY), value(T), value(day + 500))
    centre.send(rogue.batch("readings", 302))
    assert centre.one("SELECT count(*) FROM reading_chunks") == 0
    assert centre.one("SELECT count(*) FROM readings") == 303
    still_there(centre)


def test_a_year_of_late_readings_is_looked_into_a_little_at_a_time(centre: Centre) -> None:
    rogue = centre.enrol(Journal("rogue"))
    rules = {f"r{n}": {"sensor": "s", "quantity": "temperature", "above": 25.0} for n in range(100)}
    rogue.add("events", line("config", facts={"limits": rules}))
    rogue.add("readings", climate()[0], *(value(T - n * DAY - k * 60_000, 30.0) for n in range(1, 40) for k in range(3)))
    began = time.monotonic()
    centre.send(rogue.batch("events"), rogue.batch("readings"))
    still_there(centre)
    assert time.monotonic() - began < SOON_S
    while centre.writer.due() and centre.writer._late:
        centre.write()
    assert centre.one("SELECT count(DISTINCT since_ms) FROM alarms WHERE found_later") == 39


def alarm(agent: str, n: int, rule: str, subject: str, **facts: Any) -> dict[str, Any]:
    return record("alarm", now_ms(), 1, id=f"{agent}:e1:{n}", rule=rule, state="active", subject=subject, priority="high", **facts)


@pytest.mark.parametrize("trick", ["door-held-open", "alarm-flood", "a flood", "agent-silent", "hall-mains"])
def test_a_rogue_agent_hides_nobody_elses_alarms(centre: Centre, trick: str) -> None:
    honest, rogue = centre.enrol(Journal("honest"), room="vault-01"), centre.enrol(Journal("rogue"), room="room-101")
    honest.add("events", alarm("honest", 1, "too-hot", "honest.climate.temperature"))
    centre.send(honest.batch("events"))
    names = [f"r{n}" for n in range(30)] if trick == "a flood" else [trick]
    for n, rule in enumerate(names):
        subject = "rogue.s.temperature" if trick == "a flood" else "rogue/door"
        rogue.add("events", alarm("rogue", n, rule, subject, room="vault-01"))
    centre.send(rogue.batch("events"))
    centre.write()
    honest.add("events", alarm("honest", 2, "too-damp", "honest.climate.relative_humidity"))
    centre.send(honest.batch("events", 2))
    centre.write()
    assert centre.rows("SELECT state FROM alarms WHERE agent = 'honest'") == [("unacknowledged",)] * 2
    if trick == "a flood":
        assert centre.one("SELECT count(*) FROM alarms WHERE agent = 'rogue' AND state = 'suppressed'") == 20


def test_alarms_by_the_thousand_are_cut_off(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("central.environment.alarm_projection.ACTIVE_MAX", 20)
    rogue = centre.enrol(Journal("rogue"))
    rogue.add("events", *(alarm("rogue", n, "door-held-open", "rogue/door") for n in range(30)))
    centre.send(rogue.batch("events"))
    assert centre.one("SELECT count(*) FROM alarms WHERE agent = 'rogue'") == 20
    still_there(centre)


def test_alternatives_beyond_what_anybody_sets_are_refused() -> None:
    with pytest.raises(TooMany):
        combine([[Box(t_min=n + m / 9, rh_max=n + m / 9) for n in range(25)] for m in range(2)])
