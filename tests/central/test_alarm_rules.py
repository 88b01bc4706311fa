"""Planned works, causes, floods, escalation, late readings: what becomes of alarms, and that a rebuild finds them as they were."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from central.config import AlarmTimes
from central.environment.alarm_projection import ALARM_FIELDS
from central.environment.limits.media import shipped
from central.environment.limits.queries import limits_over
from central.ledger import acts
from central.rebuild import rebuild
from central.store.engine import reading, writing
from central.times import now_ms
from tests.central.journals import Centre, Journal
from wire.records import record

MINUTE = 60_000
TABLES = (
    "SELECT * FROM alarms ORDER BY id",
    "SELECT * FROM alarm_notes ORDER BY id",
    "SELECT * FROM works ORDER BY id",
    "SELECT * FROM calendar_days ORDER BY day",
)


@pytest.fixture
def centre(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Centre]:
    monkeypatch.setattr("central.ingest.writer.RULES_S", 0.0)
    made = Centre(tmp_path / "central", silence_s=86400, escalate_s=600)
    yield made
    before = [made.rows(rows) for rows in TABLES]
    rebuild(made.engine)
    assert [made.rows(rows) for rows in TABLES] == before
    made.close()


class Room:
    """An agent that raises and returns alarms."""

    def __init__(self, centre: Centre, name: str = "room-101") -> None:
        self.centre, self.journal = centre, centre.enrol(Journal(name), room=name)
        self._sent = 0

    def send(self, *records: dict[str, Any]) -> None:
        self.journal.add("events", *records)
        self.centre.send(self.journal.batch("events", self._sent + 1))
        self._sent += len(records)

    def alarm(self, rule: str, subject: str = "", *, ident: str | None = None, state: str = "active", **facts: Any) -> str:
        name = self.journal.agent
        known = ident or f"{name}:e1:{self._sent + 1}"
        t = now_ms() + self.centre.ahead_ms
        told = {"id": known, "rule": rule, "state": state, "subject": subject or f"{name}.climate.temperature", "priority": "high"}
        self.send(record("alarm", t, t, **{**told, **facts}))
        return known


def act(centre: Centre, what: str, **body: Any) -> None:
    with writing(centre.engine) as connection:
        acts.record(connection, kind=what, actor="li", body=body, t_ms=now_ms() + centre.ahead_ms)
    centre.write()


def later(centre: Centre, minutes: float) -> None:
    centre.ahead_ms += round(minutes * MINUTE)
    centre.write()
    centre.write()  # what one turn decides, the next one sees


def state(centre: Centre, ident: str) -> str:
    return str(centre.one("SELECT state FROM alarms WHERE id = ?", ident))


def told(centre: Centre, ident: str) -> list[str]:
    return [what for (what,) in centre.rows("SELECT what FROM alarm_notes WHERE alarm_id = ? ORDER BY leaf_idx, t_ms", ident)]


def plan(centre: Centre, *, minutes: int, begins: int = 0, room: str = "room-101") -> None:
    now = now_ms() + centre.ahead_ms
    span = {"from_ms": now + begins * MINUTE, "to_ms": now + (begins + minutes) * MINUTE}
    act(centre, "works.plan", works=f"w-{begins}", room=room, kind="fumigation", reason="beetles", **span)


def test_works_hold_back_a_rooms_alarms_and_what_is_still_wrong_at_their_end_goes_live(centre: Centre) -> None:
    room = Room(centre)
    film = {"kind": "pairs", "sensor": "climate", "boxes": [{"t_max": 15.0, "rh_max": 40.0}]}
    room.send(record("config", now_ms(), 1, facts={"limits": {"film": film}}))
    plan(centre, minutes=60)
    assert state(centre, room.alarm("film", "room-101/climate")) == "suppressed"
    hot = room.alarm("too-hot")
    open_door = room.alarm("door-held-open", "room-101/door")
    leak = room.alarm("floor-leak", "room-101/floor", priority="urgent")
    assert [state(centre, one) for one in (hot, open_door, leak)] == ["suppressed", "suppressed", "unacknowledged"]
    room.alarm("door-held-open", "room-101/door", ident=open_door, state="returned")
    later(centre, 30)
    assert centre.one("SELECT escalations FROM alarms WHERE id = ?", hot) == 0
    assert centre.one("SELECT priority FROM alarms WHERE id = ?", leak) == "urgent"
    later(centre, 31)
    assert [state(centre, one) for one in (hot, open_door)] == ["unacknowledged", "normal"]
    assert told(centre, hot) == ["raised", "suppressed", "released"]


def test_works_that_begin_hold_back_what_stands_and_can_be_ended_early(centre: Centre) -> None:
    room = Room(centre)
    hot = room.alarm("too-hot")
    elsewhere = Room(centre, "vault-01").alarm("too-hot")
    plan(centre, minutes=60, begins=5)
    assert state(centre, hot) == "unacknowledged"
    later(centre, 5.1)
    assert (state(centre, hot), state(centre, elsewhere)) == ("suppressed", "unacknowledged")
    act(centre, "works.end", works="w-5")
    later(centre, 0)
    assert state(centre, hot) == "unacknowledged"
    plan(centre, minutes=10, begins=20)
    act(centre, "works.cancel", works="w-20")
    later(centre, 21)
    assert state(centre, hot) == "unacknowledged"


def test_agents_are_told_of_works_and_calendar_until_they_answer(centre: Centre) -> None:
    room = Room(centre)
    plan(centre, minutes=60)
    centre.write()
    assert centre.rows("SELECT name FROM commands") == []  # it is away
    with centre.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE agents SET online = 1")
    act(centre, "calendar.set", weekend=[5, 6], days={"2026-10-01": "off", "2026-10-10": "work"})
    centre.write()
    assert centre.rows("SELECT name, agent FROM commands ORDER BY name") == [("calendar.set", "room-101"), ("works.set", "room-101")]
    args = centre.words("SELECT args FROM commands WHERE name = 'works.set'")
    assert [(one["id"], one["to"] - one["from"], one["words"]) for one in args["works"]] == [("w-0", 60 * MINUTE, "beetles")]
    later(centre, 61)  # nobody answered within the hour, and the works are over by now
    assert centre.words("SELECT args FROM commands WHERE name = 'works.set' ORDER BY created_ms DESC, rowid DESC LIMIT 1") == {"works": []}
    ident = centre.one("SELECT command FROM commands_kept WHERE name = 'works.set'")
    count = centre.one("SELECT count(*) FROM commands WHERE name = 'works.set'")
    room.send(record("command.done", now_ms(), 1, id=ident, ok=True))
    later(centre, 90)
    assert centre.one("SELECT count(*) FROM commands WHERE name = 'works.set'") == count
    plan(centre, minutes=600, begins=60)
    later(centre, 1)
    ident = centre.one("SELECT command FROM commands_kept WHERE name = 'works.set'")
    room.send(record("command.done", now_ms() + centre.ahead_ms, 1, id=ident, ok=True))
    later(centre, 10)
    count = centre.one("SELECT count(*) FROM commands WHERE name = 'works.set'")
    room.send(record("config", now_ms() + centre.ahead_ms, 1, facts={"works": [], "calendar": {}}))  # a new disk: it has lost them
    later(centre, 1)
    assert centre.one("SELECT count(*) FROM commands WHERE name = 'works.set'") == count + 1


def test_a_bad_sensor_explains_its_limits_and_a_door_held_open_those_of_its_room(centre: Centre) -> None:
    room = Room(centre)
    hot = room.alarm("too-hot")
    bad = room.alarm("climate-bad", "room-101/climate")
    assert (state(centre, hot), state(centre, bad)) == ("suppressed", "unacknowledged")
    assert centre.one("SELECT cause FROM alarms WHERE id = ?", hot) == bad
    room.alarm("climate-bad", "room-101/climate", ident=bad, state="returned")
    later(centre, 0)
    assert state(centre, hot) == "unacknowledged"
    room.alarm("too-hot", ident=hot, state="returned")
    door = room.alarm("door-held-open", "room-101/door")
    damp = room.alarm("too-damp", "room-101.climate.relative_humidity")
    room.alarm("door-held-open", "room-101/door", ident=door, state="returned")
    later(centre, 20)
    assert state(centre, damp) == "suppressed"
    later(centre, 11)
    assert state(centre, damp) == "unacknowledged"


def test_an_excursion_that_stood_before_its_sensor_failed_stays_as_it_is(centre: Centre) -> None:
    room = Room(centre)
    hot = room.alarm("too-hot")
    later(centre, 3)
    bad = room.alarm("climate-bad", "room-101/climate")
    later(centre, 1)
    assert (state(centre, hot), state(centre, bad)) == ("unacknowledged", "unacknowledged")


def test_a_flood_is_one_alarm_and_loses_none(centre: Centre) -> None:
    room = Room(centre)
    first = [room.alarm(f"rule-{n}", f"room-101.s{n}.temperature") for n in range(14)]
    later(centre, 0)
    assert centre.rows("SELECT state, count(*) FROM alarms WHERE kind = 'limit' GROUP BY state ORDER BY state") == [
        ("suppressed", 4),
        ("unacknowledged", 10),
    ]
    flood = centre.one("SELECT id FROM alarms WHERE rule = 'alarm-flood' AND state = 'unacknowledged'")
    more = room.alarm("rule-99", "room-101.s99.temperature")
    smoke = room.alarm("hall-smoke", "room-101/hall")
    assert (state(centre, more), state(centre, smoke)) == ("suppressed", "unacknowledged")
    assert centre.one("SELECT count(*) FROM alarms WHERE cause = ?", flood) == 5
    later(centre, 11)
    later(centre, 0)
    assert state(centre, flood) == "returned"
    assert {state(centre, one) for one in first} == {"unacknowledged"}


def test_what_nobody_acknowledges_climbs_by_steps_and_is_said_again(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    object.__setattr__(centre.config, "alarms", AlarmTimes(escalate_low_s=60, escalate_medium_s=120, repeat_s=300))
    centre.restart()
    room = Room(centre)
    low = room.alarm("draughty", priority="low")
    seen = []
    for _ in range(4):
        later(centre, 2.1)
        seen.append(centre.one("SELECT priority FROM alarms WHERE id = ?", low))
    assert seen == ["medium", "high", "high", "high"]
    later(centre, 10)
    assert centre.rows("SELECT priority, escalations FROM alarms WHERE id = ?", low) == [("urgent", 3)]
    later(centre, 5.1)
    later(centre, 5.1)
    assert centre.one("SELECT repeats FROM alarms WHERE id = ?", low) == 2
    act(centre, "alarm.acknowledge", alarm=low)
    later(centre, 20)
    assert centre.one("SELECT repeats FROM alarms WHERE id = ?", low) == 2


def test_what_lies_within_the_sensors_tolerance_says_so_until_it_grows(centre: Centre) -> None:
    room = Room(centre)
    ident = room.alarm("too-hot", uncertain=True, value=24.3, limit=24.0)
    assert centre.one("SELECT uncertain FROM alarms WHERE id = ?", ident) == 1
    act(centre, "alarm.acknowledge", alarm=ident, text="seen")
    centre.ahead_ms += 1000
    room.alarm("too-hot", ident=ident, uncertain=False, value=25.1, limit=24.0)
    assert centre.rows("SELECT uncertain, value, state FROM alarms") == [(0, 25.1, "acknowledged")]
    assert told(centre, ident) == ["raised", "acknowledged", "certain"]


def test_shelving_ends_by_hand_and_outlives_a_restart(centre: Centre) -> None:
    ident = Room(centre).alarm("too-hot")
    act(centre, "alarm.shelve", alarm=ident, until_ms=now_ms() + 60 * MINUTE, reason="the repairman comes at four")
    centre.restart()
    later(centre, 30)
    assert state(centre, ident) == "shelved"
    act(centre, "alarm.unshelve", alarm=ident, text="mended")
    assert state(centre, ident) == "unacknowledged"


def readings(journal: Journal, start: int, values: list[float]) -> None:
    for n, value in enumerate(values):
        t = start + n * MINUTE
        journal.add("readings", record("reading", t, 1 + n, i=1, v=value))


def test_late_readings_that_left_a_limit_are_history_and_nobody_is_called(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = centre.enrol(Journal("room-101"))
    limit = {"too-hot": {"sensor": "climate", "quantity": "temperature", "above": 24.0, "delay_s": 120, "priority": "high"}}
    start = now_ms() - 5 * 60 * MINUTE
    agent.add("readings", record("config", start, 1, facts={"limits": limit}))
    agent.add("readings", record("channel", start, 1, i=1, sensor="climate", q="temperature", u="Cel", room="room-101"))
    readings(agent, start, [20.0] * 30 + [26.0] * 20 + [27.5] * 10)
    centre.send(agent.batch("readings"))
    assert centre.rows("SELECT state, found_later, value, returned_ms - since_ms FROM alarms") == [("normal", 1, 27.5, 29 * MINUTE)]
    readings(agent, start + 60 * MINUTE, [26.0] * 5 + [20.0] * 30)  # it went on in what came next: the same one, longer
    monkeypatch.setattr("central.ingest.writer.HISTORY_S", 3600.0)
    centre.send(agent.batch("readings", 63))  # while batches come, none of them waits for that look
    assert centre.rows("SELECT returned_ms - since_ms FROM alarms") == [(29 * MINUTE,)]
    centre.write()  # nothing else came
    assert centre.rows("SELECT state, found_later, value, returned_ms - since_ms FROM alarms") == [("normal", 1, 27.5, 34 * MINUTE)]
    centre.write()
    assert centre.rows("SELECT count(*) FROM live WHERE event = 'alarm'") == [(0,)]
    assert centre.one("SELECT count(*) FROM acts WHERE kind = 'alarm.escalate'") == 0
    assert "found_later" not in ALARM_FIELDS


def test_late_readings_outside_what_was_set_for_the_room_then_are_history(centre: Centre) -> None:
    agent = centre.enrol(Journal("vault-01"), room="vault-01")
    start = now_ms() - 5 * 60 * MINUTE
    film = next(one for one in shipped().values() if len(one.boxes) == 1 and one.boxes[0].t_max is not None and one.boxes[0].t_max < 25)
    with writing(centre.engine) as connection:
        body = {"room": "vault-01", "media": [film.id], "profiles": [msgspec.to_builtins(film)]}
        acts.record(connection, kind="room.limits", actor="li", body=body, t_ms=start - MINUTE)
    centre.write()
    for i, q, u in ((1, "temperature", "Cel"), (2, "relative_humidity", "%")):
        agent.add("readings", record("channel", start, i, i=i, sensor="climate", q=q, u=u, room="vault-01"))
    for n in range(120):
        t = start + n * MINUTE
        agent.add("readings", record("reading", t, n, i=1, v=30.0), record("reading", t, n, i=2, v=45.0))
    centre.send(agent.batch("readings"))
    assert centre.rows("SELECT rule, subject, state, found_later, returned_ms - since_ms FROM alarms") == [
        ("room-limits", "vault-01/climate", "normal", 1, 119 * MINUTE)
    ]


def test_an_excursion_that_the_agent_alarmed_is_not_found_again(centre: Centre) -> None:
    room = Room(centre)
    start = now_ms() - 5 * 60 * MINUTE
    limit = {"too-hot": {"sensor": "climate", "quantity": "temperature", "above": 24.0}}
    t = start + 10 * MINUTE
    words = {"rule": "too-hot", "subject": "room-101.climate.temperature"}
    room.send(record("config", start, 1, facts={"limits": limit}))
    room.send(record("alarm", t, 2, id="room-101:e1:2", state="active", **words))
    room.send(record("alarm", t + 20 * MINUTE, 3, id="room-101:e1:2", state="returned", **words))
    room.journal.add("readings", record("channel", start, 1, i=1, sensor="climate", q="temperature", u="Cel", room="room-101"))
    readings(room.journal, start, [20.0] * 10 + [26.0] * 20 + [20.0] * 5)
    centre.send(room.journal.batch("readings"))
    assert centre.rows("SELECT state, found_later FROM alarms") == [("returned", 0)]


def test_late_readings_are_held_against_the_limits_of_their_own_time(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101"))
    start = now_ms() - 6 * 60 * MINUTE

    def told(t: int, above: float) -> None:
        limit = {"too-hot": {"sensor": "climate", "quantity": "temperature", "above": above, "delay_s": 120, "priority": "high"}}
        agent.add("readings", record("config", t, t - start + 1, facts={"limits": limit}))

    told(start, 24.0)
    told(start + 120 * MINUTE, 30.0)  # loosened: what was 26 before was an excursion, and is none from now on
    agent.add("readings", record("channel", start, 1, i=1, sensor="climate", q="temperature", u="Cel", room="room-101"))
    readings(agent, start, [26.0] * 180)
    centre.send(agent.batch("readings"))
    assert centre.rows('SELECT rule, found_later, "limit", since_ms, returned_ms FROM alarms') == [
        ("too-hot", 1, 24.0, start, start + 119 * MINUTE)
    ]
    told(start + 181 * MINUTE, 20.0)  # tightened afterwards: what came before is judged as it was
    readings(agent, start + 182 * MINUTE, [18.0] * 5)
    centre.send(agent.batch("readings", 184))
    assert centre.one("SELECT count(*) FROM alarms") == 1


def test_late_readings_of_a_room_whose_limits_changed_meanwhile(centre: Centre) -> None:
    agent = centre.enrol(Journal("vault-01"), room="vault-01")
    start = now_ms() - 6 * 60 * MINUTE
    for t, t_max in ((start - MINUTE, 35.0), (start + 60 * MINUTE, 25.0)):
        glass = {"id": "glass", "medium_en": "glass", "medium_zh": "玻璃", "boxes": [{"t_max": t_max}]}
        with writing(centre.engine) as connection:
            body = {"room": "vault-01", "media": ["glass"], "profiles": [glass]}
            acts.record(connection, kind="room.limits", actor="li", body=body, t_ms=t)
    centre.write()
    for i, q, u in ((1, "temperature", "Cel"), (2, "relative_humidity", "%")):
        agent.add("readings", record("channel", start, i, i=i, sensor="climate", q=q, u=u, room="vault-01"))
    for n in range(120):
        t = start + n * MINUTE
        agent.add("readings", record("reading", t, n, i=1, v=30.0), record("reading", t, n, i=2, v=45.0))
    centre.send(agent.batch("readings"))
    assert centre.rows("SELECT rule, since_ms, returned_ms FROM alarms") == [("room-limits", start + 60 * MINUTE, start + 119 * MINUTE)]


def test_before_anything_was_set_a_room_is_judged_by_what_its_agent_told_then(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101"))
    start = now_ms() - 300 * MINUTE
    agent.add("readings", record("channel", start, 1, i=1, sensor="climate", q="temperature", u="Cel", room="room-101"))
    for n, above in enumerate((24.0, 24.0, 20.0)):
        limit = {"warm": {"sensor": "climate", "quantity": "temperature", "above": above}}
        agent.add("readings", record("config", start + n * 60 * MINUTE, 1 + n, facts={"limits": limit}))
    centre.send(agent.batch("readings"))
    with reading(centre.engine) as connection:
        spans = limits_over(connection, "room-101", from_ms=start - MINUTE, to_ms=now_ms())
    assert [(t_ms, then.origin, then.boxes[0].t_max) for t_ms, then in spans] == [
        (start - MINUTE, "agent", 24.0),
        (start + 120 * MINUTE, "agent", 20.0),
    ]


def test_a_mains_failure_explains_what_goes_silent_with_it(centre: Centre) -> None:
    room = Room(centre)
    room.send(record("channel", now_ms(), 1, i=1, sensor="climate", q="temperature", u="Cel", room="room-101"))
    mains = room.alarm("mains-mains", "room-101/mains", priority="urgent")
    bad = room.alarm("climate-bad", "room-101/climate")
    hot = room.alarm("too-hot")  # of the same sensor: its own cause is the nearer one
    assert [state(centre, one) for one in (mains, bad, hot)] == ["unacknowledged", "suppressed", "suppressed"]
    centre.ahead_ms += 86_400_000 + 700_000  # its battery is empty: nothing is heard any more
    later(centre, 0)
    silent = centre.one("SELECT id FROM alarms WHERE rule = 'agent-silent'")
    assert (state(centre, silent), centre.one("SELECT cause FROM alarms WHERE id = ?", silent)) == ("suppressed", mains)
    room.alarm("climate-bad", "room-101/climate", ident=bad, state="returned")
    room.alarm("mains-mains", "room-101/mains", ident=mains, state="returned")
    later(centre, 1)
    assert [state(centre, one) for one in (mains, bad, hot)] == ["returned", "normal", "unacknowledged"]


def test_a_silent_agent_explains_its_sensors_and_no_one_elses(centre: Centre) -> None:
    room, other = Room(centre), Room(centre, "vault-01")
    centre.ahead_ms += 86_400_000 + 700_000
    other.send(record("health", now_ms() + centre.ahead_ms, 1, facts={}))
    later(centre, 0)
    silent = centre.one("SELECT id FROM alarms WHERE rule = 'agent-silent'")
    bad = room.alarm("climate-bad", "room-101/climate")  # told before the line was cut for good
    elsewhere = other.alarm("climate-bad", "vault-01/climate")
    assert state(centre, elsewhere) == "unacknowledged"
    assert centre.one("SELECT cause FROM alarms WHERE id = ?", bad) == silent
    later(centre, 1)  # it was heard again: what still holds is shown
    assert (state(centre, silent), state(centre, bad)) == ("returned", "unacknowledged")


def test_an_agent_that_lost_its_calendar_is_told_again(centre: Centre) -> None:
    room = Room(centre)
    with centre.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE agents SET online = 1")
    act(centre, "calendar.set", weekend=[5, 6], days={})
    later(centre, 0)

    def given() -> int:
        return int(centre.one("SELECT count(*) FROM commands WHERE name = 'calendar.set'"))

    def answer(**facts: Any) -> None:
        t = now_ms() + centre.ahead_ms
        ident = centre.one("SELECT command FROM commands_kept WHERE name = 'calendar.set'")
        room.send(record("command.done", t, 1, id=ident, ok=True), record("config", t + 1, 2, facts=facts))

    assert given() == 1
    answer(calendar={"weekend": [5, 6], "days": {}})
    later(centre, 10)
    assert given() == 1  # it keeps what it was told
    room.send(record("config", now_ms() + centre.ahead_ms, 3, facts={"calendar": None}))  # a new disk
    later(centre, 1)
    assert given() == 2
    later(centre, 1)
    assert given() == 2  # not at every turn
