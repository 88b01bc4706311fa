"""An agent that lies reaches no further than its own things, and a wrong clock hides nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from central.environment.climate import CHANNELS_MAX
from central.environment.projection import ROOMS_MAX
from central.environment.queries import room_facts
from central.ingest import writer
from central.security.queries import contacts_of
from central.store.engine import reading
from central.times import now_ms
from tests.central.journals import Centre, Journal
from wire.records import record

DAY_MS = 86_400_000
NOW = now_ms()


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    made = Centre(tmp_path / "central")
    yield made
    made.close()


@pytest.fixture
def rogue(centre: Centre) -> Journal:
    return centre.enrol(Journal("rogue"), room="yard")


def at(what: str, t_ms: int, /, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = record(what, t_ms, t_ms - NOW + DAY_MS, **fields)
    return made


def test_it_speaks_for_no_other_agents_doors_cards_and_cameras(centre: Centre, rogue: Journal) -> None:
    honest = centre.enrol(Journal("room-101"))
    honest.add("events", at("contact", NOW - 2000, contact="room-101/door", state="open", kind="door"))
    rogue.add(
        "events",
        at("contact", NOW - 1000, contact="room-101/door", state="closed", kind="door", room="room-101"),
        at("card", NOW - 1000, reader="room-101/reader", card="c", result="granted"),
        at("clip", NOW, clip="c1", camera="room-101/door-cam", sha256=None, bytes=0, because=[], holes=[], **{"from": NOW, "to": NOW}),
        at("clip", NOW, clip="c2", camera="rogue/cam", sha256=None, bytes=0, because=["room-101:e1:1"], holes=[], **{"from": 1, "to": 2}),
    )
    centre.send(honest.batch("events"), rogue.batch("events"))
    with reading(centre.engine) as connection:
        assert [(contact.id, contact.state) for contact in contacts_of(connection, "room-101")] == [("room-101/door", "open")]
    assert centre.rows("SELECT agent, door FROM security_events") == [("room-101", "room-101/door")]
    assert centre.rows("SELECT id FROM clips") == [("c2",)]  # its own camera, but it proves nothing about the other room's door
    assert centre.one("SELECT count(*) FROM clip_events") == 0


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "../../etc", "a b", "x" * 300, "door\u2028"])
def test_what_is_no_name_becomes_none(centre: Centre, rogue: Journal, name: str) -> None:
    rogue.add("events", at("contact", NOW, contact=f"rogue/{name}", state="open", kind="door"))
    rogue.add("events", at("contact", NOW, contact="rogue/gate", state="open", kind="door", room=name))
    rogue.add("readings", at("channel", NOW, i=1, sensor=name, q="temperature", u="Cel"))
    rogue.add("readings", at("channel", NOW, i=2, sensor="climate", q="temperature", u="Cel", room=name))
    centre.send(rogue.batch("events"), rogue.batch("readings"))
    assert centre.rows("SELECT door, room FROM security_events") == [("rogue/gate", "yard")]
    assert centre.rows("SELECT channel, room FROM channels") == [("rogue.climate.temperature", "yard")]
    assert centre.rows("SELECT id FROM rooms") == [("yard",)]


def test_rooms_and_channels_of_one_agent_are_bounded(centre: Centre, rogue: Journal) -> None:
    rogue.add("events", *[at("contact", NOW, contact="rogue/gate", state="open", room=f"r{k}") for k in range(ROOMS_MAX + 20)])
    for first in (0, CHANNELS_MAX):
        declared = [at("channel", NOW, i=k, sensor=f"s{k}", q="temperature", u="Cel") for k in range(first, first + CHANNELS_MAX)]
        rogue.add("readings", *declared)
    centre.send(rogue.batch("events"), rogue.batch("readings", 1, CHANNELS_MAX), rogue.batch("readings", CHANNELS_MAX + 1))
    assert centre.one("SELECT count(*) FROM rooms") == ROOMS_MAX
    assert centre.one("SELECT count(*) FROM channels") == CHANNELS_MAX


def test_an_agents_alarm_does_not_stand_for_the_centres_own(centre: Centre, rogue: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "RULES_S", 0.0)
    centre.enrol(Journal("vault-01"), room="vault-01")
    rogue.add("events", at("alarm", NOW, id="rogue:e1:1", rule="agent-silent", subject="vault-01", state="active", priority="low"))
    centre.send(rogue.batch("events"))
    centre.ahead_ms = 1000 * 1000
    centre.write()
    centre.write()
    raised = centre.rows("SELECT subject FROM alarms WHERE rule = 'agent-silent' AND id LIKE 'centre:%' ORDER BY subject")
    assert raised == [("rogue",), ("vault-01",)]


def test_a_reading_from_the_future_is_neither_current_nor_a_proof_of_life(
    centre: Centre, rogue: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "RULES_S", 0.0)
    rogue.add("readings", at("channel", NOW, i=1, sensor="climate", q="temperature", u="Cel"))
    rogue.add("readings", at("reading", NOW - 5000, i=1, v=19.0), at("reading", NOW + 400 * DAY_MS, i=1, v=20.0))
    rogue.add("events", at("contact", NOW + 400 * DAY_MS, contact="rogue/gate", state="closed", kind="door"))
    rogue.add("events", at("contact", NOW - 1000, contact="rogue/gate", state="open", kind="door"))
    centre.send(rogue.batch("readings"), rogue.batch("events"))
    with reading(centre.engine) as connection:
        facts = room_facts(connection, "yard", silence_s=86_400)  # this module may have been read long before it runs
        assert facts is not None
        assert [(value.v, value.fresh) for value in facts.readings] == [(19.0, True)]
        assert [contact.state for contact in contacts_of(connection, "yard")] == ["open"]
    centre.ahead_ms = 400_000
    rogue.add("events", at("health", NOW + 400_000, facts={}))
    centre.send(rogue.batch("events", 3))
    centre.write()
    assert centre.alarms()["missing-data"] == "unacknowledged"
