"""The centre's side of the acknowledgement protocol, one test a sentence of the contract."""

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from central.ingest.writer import Arrival
from central.ledger import acts
from central.store.engine import writing
from tests.central.journals import Centre, Journal
from wire.chain import hex_of, line_digest
from wire.records import record

NOW = 1_790_000_000_000


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    made = Centre(tmp_path / "central")
    yield made
    made.close()


def door(seq: int, state: str = "closed", agent: str = "room-101") -> dict[str, Any]:
    made: dict[str, Any] = record("contact", NOW + seq * 1000, seq * 1000, contact=f"{agent}/door", state=state, kind="door")
    return made


def doors(n: int, start: int = 1) -> list[dict[str, Any]]:
    return [door(seq) for seq in range(start, start + n)]


def stored(centre: Centre) -> list[tuple[str, int, int]]:
    """(epoch, first, n) of what is in the ledger, in order."""
    return centre.rows("SELECT e.epoch, b.first, b.n FROM ledger_batches b JOIN epochs e ON e.id = b.epoch_id ORDER BY b.id")


def test_what_is_committed_is_acknowledged_with_the_chains_hash_there(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101")).add("events", *doors(5))
    acks = centre.send(agent.batch("events", 1, 2), agent.batch("events", 3, 3))
    assert [(ack["seq"], ack["head"]) for ack in acks] == [(2, agent.head("events", 2)), (5, agent.head("events", 5))]
    assert stored(centre) == [("e1", 1, 2), ("e1", 3, 3)]
    assert centre.one("SELECT count(*) FROM security_events") == 5


def test_a_duplicate_is_acknowledged_again_and_stored_once(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101")).add("events", *doors(5))
    acks = centre.send(agent.batch("events"), agent.batch("events"))
    centre.restart()
    acks += centre.send(agent.batch("events"), agent.batch("events", 2, 3))  # a lost acknowledgement; and cut differently
    assert [ack["seq"] for ack in acks] == [5, 5, 5, 5]
    assert all(ack["head"] == agent.head("events", 5) and "refused" not in ack for ack in acks)
    assert stored(centre) == [("e1", 1, 5)]
    assert centre.one("SELECT count(*) FROM security_events") == 5


def test_lanes_are_apart(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101")).add("events", *doors(2))
    agent.add("readings", record("health", NOW, 5, facts={}))
    acks = centre.send(agent.batch("readings"), agent.batch("events"))
    assert [ack["seq"] for ack in acks] == [1, 2]


def test_a_batch_too_far_ahead_stores_nothing_while_the_agent_holds_what_is_missing(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101")).add("events", *doors(9))
    acks = centre.send(agent.batch("events", 1, 2), agent.batch("events", 5, 5), agent.batch("events", 3, 7, oldest=2))
    assert [(ack["seq"], ack["head"]) for ack in acks[:2]] == [(2, agent.head("events", 2))] * 2
    assert acks[2]["seq"] == 9
    assert stored(centre) == [("e1", 1, 2), ("e1", 3, 7)]


def test_the_very_first_batch_too_far_ahead_is_answered_with_the_beginning_of_the_chain(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101")).add("events", *doors(4))
    (ack,) = centre.send(agent.batch("events", 3))
    assert (ack["seq"], ack["head"]) == (0, agent.head("events", 0))
    assert stored(centre) == []


def test_what_the_agent_no_longer_has_becomes_a_gap_entry_before_the_batch_and_an_alarm(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101")).add("events", *doors(9))
    acks = centre.send(agent.batch("events", 1, 2), agent.batch("events", 6, 4, oldest=6))
    assert [ack["seq"] for ack in acks] == [2, 9]
    assert acks[1]["head"] == agent.head("events", 9)
    assert centre.rows("SELECT lane, from_seq, to_seq FROM ledger_gaps") == [("events", 3, 5)]
    assert centre.rows("SELECT lane, from_seq, to_seq FROM gaps") == [("events", 3, 5)]
    order = centre.rows("SELECT l.type, a.kind FROM ledger_leaves l LEFT JOIN acts a ON l.type = 'act' AND a.id = l.ref_id ORDER BY idx")
    assert order[1:4] == [("batch", None), ("act", "gap"), ("batch", None)]
    assert centre.alarms() == {"lost-records": "returned"}
    # the chain goes on from there, and a duplicate from inside the gap changes nothing
    agent.add("events", door(10))
    assert [ack["seq"] for ack in centre.send(agent.batch("events", 4, 2), agent.batch("events", 10))] == [9, 10]


def test_an_overlap_with_equal_digests_stores_the_rest(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101")).add("events", *doors(8))
    acks = centre.send(agent.batch("events", 1, 5), agent.batch("events", 2, 7))
    assert [ack["seq"] for ack in acks] == [5, 8]
    assert stored(centre) == [("e1", 1, 5), ("e1", 6, 3)]
    assert centre.one("SELECT count(*) FROM security_events") == 8
    assert centre.alarms() == {}


def test_a_withheld_record_keeps_its_place_in_the_chain(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101")).add("events", *doors(3))
    centre.send(agent.batch("events", 1, 2))
    whole = agent.batch("events")
    lines = whole.payload.split(b"\n")
    lines[2] = b"#" + hex_of(line_digest(lines[2])).encode()  # known to the centre as it was
    (ack,) = centre.send(Arrival(whole.topic, b"\n".join(lines)))
    assert (ack["seq"], ack["head"]) == (3, agent.head("events", 3))
    erased = centre.enrol(Journal("vault-01"), "vault-01").add("events", b"#" + b"ab" * 32, door(2, agent="vault-01"))
    (ack,) = centre.send(erased.batch("events"))
    assert ack["seq"] == 2
    assert centre.one("SELECT count(*) FROM security_events WHERE agent = 'vault-01'") == 1


def test_an_overlap_with_other_digests_is_quarantined_told_and_refused(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101")).add("events", *doors(4))
    image = agent.copy()  # yesterday's disk image
    agent.add("events", *doors(3, 5))
    centre.send(agent.batch("events"))
    image.add("events", door(5), door(6, "open"))  # 5 was the same, 6 was not
    (ack,) = centre.send(image.batch("events", 4))
    assert ack["refused"] == {"why": "other records were committed under these numbers", "agreed_seq": 5}
    assert (ack["seq"], ack["head"]) == (7, agent.head("events", 7))
    assert centre.alarms() == {"refused-batch": "returned"}
    assert centre.rows("SELECT agent, lane FROM quarantine") == [("room-101", "events")]
    assert stored(centre) == [("e1", 1, 7)]
    # the agent starts a new epoch whose first record says so, and journals again from there: nothing is lost
    again = Journal("room-101", epoch="e2", key=agent.key)
    again.add("events", record("epoch", NOW, 1, previous="e1", agreed_seq=5, why="refused"), door(6, "open"))
    (ack,) = centre.send(again.batch("events"))
    assert (ack["epoch"], ack["seq"], ack["head"]) == ("e2", 2, again.head("events", 2))
    assert centre.one("SELECT count(*) FROM security_events") == 8
    assert centre.alarms() == {"refused-batch": "returned"}  # a new epoch is no alarm


def test_a_wrong_signature_is_quarantined_told_and_refused(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101")).add("events", *doors(4))
    centre.send(agent.batch("events", 1, 2))
    stranger = Journal("room-101")
    other = agent.payload("events", 3).replace(b'"sig":"', b'"sig":"AA')
    forged = agent.batch("events", 3, sig=stranger.payload("events", 1, 0).split(b'"sig":"')[1].split(b'"')[0].decode())
    acks = centre.send(Arrival(forged.topic, other), forged)
    assert [ack["refused"] for ack in acks] == [{"why": "the signature is wrong", "agreed_seq": 2}] * 2
    assert stored(centre) == [("e1", 1, 2)]
    assert centre.one("SELECT count(*) FROM quarantine") == 2
    assert centre.alarms() == {"refused-batch": "returned"}
    (ack,) = centre.send(agent.batch("events", 3))  # the true one is taken all the same
    assert ack["seq"] == 4


def test_a_key_of_another_agent_does_not_sign_here(centre: Centre) -> None:
    agent, other = centre.enrol(Journal("room-101")), centre.enrol(Journal("vault-01"), "vault-01")
    thief = Journal("room-101", key=other.key).add("events", door(1))
    (ack,) = centre.send(thief.batch("events"))
    assert ack["refused"]["why"].endswith("is not this agent's")
    agent.add("events", door(1))
    assert centre.send(agent.batch("events"))[0]["seq"] == 1


def test_changed_or_reordered_records_break_the_chain_and_are_refused(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101")).add("events", *doors(3))
    good = agent.batch("events")
    lines = good.payload.split(b"\n")
    swapped = b"\n".join([lines[0], lines[2], lines[1], *lines[3:]])
    changed = good.payload.replace(b'"closed"', b'"open"', 1)
    acks = centre.send(Arrival(good.topic, swapped), Arrival(good.topic, changed))
    assert all(ack["refused"]["why"].startswith("the hash chain is broken") for ack in acks)
    assert stored(centre) == []
    assert centre.send(good)[0]["seq"] == 3


def test_two_epochs_alternating_under_one_name_are_an_alarm_and_both_are_kept(centre: Centre) -> None:
    first = centre.enrol(Journal("room-101")).add("events", *doors(4))
    second = Journal("room-101", epoch="e2", key=first.key).add("events", *doors(4))
    centre.send(first.batch("events", 1, 2), second.batch("events", 1, 2))
    assert centre.alarms() == {}  # one followed the other
    centre.send(first.batch("events", 1, 2))
    assert centre.alarms() == {}  # a late duplicate is no sign of life
    acks = centre.send(first.batch("events", 3, 2), second.batch("events", 3, 2))
    assert [(ack["epoch"], ack["seq"]) for ack in acks] == [("e1", 4), ("e2", 4)]
    assert centre.alarms() == {"two-epochs": "returned"}
    assert stored(centre) == [("e1", 1, 2), ("e2", 1, 2), ("e1", 3, 2), ("e2", 3, 2)]


def test_a_centre_put_back_to_yesterday_asks_again_and_gets_everything(tmp_path: Path) -> None:
    centre = Centre(tmp_path / "central")
    agent = centre.enrol(Journal("room-101")).add("events", *doors(3))
    centre.send(agent.batch("events"))
    centre.close()
    shutil.copytree(tmp_path / "central", tmp_path / "backup")
    centre = Centre(tmp_path / "central")
    agent.add("events", *doors(4, 4))
    assert centre.send(agent.batch("events", 4))[0]["seq"] == 7
    centre.close()
    restored = Centre(tmp_path / "backup")
    agent.add("events", door(8))
    (ack,) = restored.send(agent.batch("events", 8))
    assert (ack["seq"], ack["head"]) == (3, agent.head("events", 3))  # its older tip
    assert restored.send(agent.batch("events", 4))[0]["seq"] == 8
    assert restored.one("SELECT count(*) FROM security_events") == 8
    assert restored.alarms() == {}
    restored.close()


def test_bad_messages_are_counted_and_stop_nothing(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101")).add("events", door(1))
    good = agent.batch("events")
    header, line = good.payload.rstrip(b"\n").split(b"\n")
    stranger = Journal("stranger").add("events", door(1))
    bad = [
        b"",
        b"\n",
        b"\xff\xfe\n",
        b"{}\n",
        b"[" * 5000 + b"\n",
        good.payload[:-1],
        good.payload + b"\n",
        header + b"\n",
        b"x" * (256 * 1024) + b"\n",
        header.replace(b'"first":1', b'"first":0') + b"\n" + line + b"\n",
        header.replace(b'"first":1', b'"first":1e400') + b"\n" + line + b"\n",
        header.replace(b'"epoch":"e1"', b'"epoch":"e\\n1"') + b"\n" + line + b"\n",
        header + b"\n" + line[:-1] + b"x" * 70_000 + b"}\n",
    ]
    arrivals = [Arrival(good.topic, payload) for payload in bad]
    arrivals += [
        Arrival("muniment/1/other/room-101/events", good.payload),
        Arrival("muniment/1/demo/Room 101/events", good.payload),
        Arrival("muniment/1/demo/room-101/nothing", good.payload),
        Arrival("muniment/1/demo/room-101/status", b"[]"),
    ]
    acks = centre.send(*arrivals, stranger.batch("events"), good)
    assert [ack["seq"] for ack in acks] == [1]
    assert centre.writer.counters.counts == {"bad message": len(arrivals), "unknown agent": 1}
    assert centre.one("SELECT count(*) FROM quarantine") == 0


def test_each_cause_is_logged_once(centre: Centre, caplog: pytest.LogCaptureFixture) -> None:
    centre.enrol(Journal("room-101"))
    garbage = Arrival("muniment/1/demo/room-101/events", b"garbage\n")
    for _ in range(5):
        centre.send(garbage)
    assert len([entry for entry in caplog.records if "bad message" in entry.message]) == 1
    assert centre.writer.counters.counts["bad message"] == 5


def test_a_malformed_or_unknown_record_inside_a_signed_batch_is_kept_and_flagged(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101"))
    agent.add(
        "events",
        door(1),
        b'{"k":"tomorrow","t":1,"m":1,"x":[1,2]}',
        b"not json at all",
        b'{"k":"contact","t":"yesterday","m":1,"contact":"room-101/door","state":"open"}',
        b'{"k":"alarm","t":1790000000000,"m":1,"id":"other:e1:1","rule":"r","state":"active","subject":"s"}',
        b'{"k":"alarm","t":1790000000000,"m":1,"id":"room-101:e1:6","rule":"r","state":"active","subject":"s","value":1' + b"0" * 40 + b"}",
        b'{"k":"contact","t":1790000000000,"m":1,"contact":"\\ud800","state":"open"}',
        door(8),
    )
    (ack,) = centre.send(agent.batch("events"))
    assert ack["seq"] == 8
    assert "refused" not in ack
    flags = centre.words("SELECT flags FROM ledger_batches")
    assert [flag.split(":")[0] for flag in flags] == ["2", "3", "4", "7"]
    assert centre.one("SELECT count(*) FROM security_events") == 2
    assert centre.rows("SELECT id FROM alarms") == [("room-101:e1:6",)]  # a number of any size is a number
    assert centre.writer.counters.counts["record not projected"] == 1


def test_quarantine_is_bounded(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101")).add("events", door(1))
    forged = agent.batch("events", sig="AAAA")
    for _ in range(11):
        centre.send(*[forged] * 100)
    assert centre.one("SELECT count(*) FROM quarantine") == 1000
    assert len(centre.alarms()) == 1


def test_a_new_key_announced_under_the_old_one_is_valid_from_then_on(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101"))
    renewed = Journal("room-101")
    agent.add("events", record("key", NOW, 1, new=base64.b64encode(renewed.public).decode()), door(2))
    renewed.lines = agent.lines
    acks = centre.send(agent.batch("events", 1, 1), renewed.batch("events", 2, 1))
    assert [ack["seq"] for ack in acks] == [1, 2]
    assert all("refused" not in ack for ack in acks)


def test_who_came_and_went_while_nothing_could_be_committed_is_known_afterwards(centre: Centre) -> None:
    agent = centre.enrol(Journal("room-101"))
    topic = "muniment/1/demo/room-101/status"
    with centre.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")  # the pool's one connection, and the writer's: full from now on
    agent.add("events", *doors(900))
    full = [agent.batch("events"), Arrival(topic, b'{"online": true, "version": "7"}')]
    assert centre.send(Arrival(topic, b'{"online": false}'), *full) == []
    assert centre.one("SELECT online FROM agents") == 0
    with centre.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    centre.write()
    assert centre.rows("SELECT online, status LIKE '%7%' FROM agents") == [(1, 1)]


def test_an_import_of_thousands_of_volumes_holds_up_no_acknowledgement(centre: Centre) -> None:
    centre.enrol(journal := Journal("room-101").add("events", *doors(2)))
    with writing(centre.engine) as connection:
        for n in range(800):
            body = {"volume": f"v{n}", "number": f"A-{n}", "unit": "North office", "consignment": "x", "declared": 3}
            acts.record(connection, kind="volume.register", actor="wang", body=body)
    waiting = "SELECT count(*) FROM acts WHERE leaf_idx IS NULL"
    assert len(centre.writer.write([journal.batch("events", 1, 1)])) == 1
    left = centre.one(waiting)
    assert 0 < left < 800, "some were taken in, the others did not hold up the commit"
    assert len(centre.writer.write([journal.batch("events", 2, 1)])) == 1
    assert centre.one(waiting) < left
    centre.write()
    assert (centre.one(waiting), centre.one("SELECT count(*) FROM volumes")) == (0, 800)
    assert centre.rows("SELECT id FROM acts ORDER BY leaf_idx") == centre.rows("SELECT id FROM acts ORDER BY id")
