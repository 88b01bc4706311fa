"""The journal: what is appended is durable, chained and signed; what the centre acknowledges has the effect the contract names."""

import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge_agent.errors import JournalError, KeyFileError
from edge_agent.file_queue import FileRef
from edge_agent.journal import AckOutcome, Journal
from edge_agent.keys import AgentKey, CentreKey
from edge_agent.memory import Errand
from edge_agent.retention import Thinned
from tests.edge_agent.journal_parts import HOUR_MS, Room, T, channel, contact, reading
from wire import chain, codec
from wire.errors import WireError
from wire.records import record

DAY_MS = 24 * HOUR_MS


@pytest.fixture
def room(tmp_path: Path) -> Any:
    made = Room(tmp_path)
    yield made
    made.journal.close()


def own_ack(room: Room, lane: str, seq: int, *, refused: dict[str, Any] | None = None, head: bytes | None = None) -> dict[str, Any]:
    """An acknowledgement at `seq` with the head that the agent itself has there, unless another is given."""
    if head is None:
        batch = room.journal.batch(lane, 0, max_records=seq) if seq else None
        head = (
            chain.raw_of(codec.split_batch(batch.payload)[0]["head"])
            if batch
            else chain.start("demo", room.agent, lane, room.journal.epoch)
        )
    return room.centre.ack(lane, room.journal.epoch, seq, head, refused)


# -- keys


def test_the_first_start_makes_a_private_key_that_others_cannot_read(tmp_path: Path) -> None:
    made = AgentKey.load_or_create(tmp_path / "a" / "key")
    assert stat.S_IMODE((tmp_path / "a" / "key").stat().st_mode) == 0o600
    assert AgentKey.load_or_create(tmp_path / "a" / "key").public_base64 == made.public_base64
    assert made.ident == hashlib.sha256(made.public_bytes).hexdigest()[:16]


def test_a_key_that_others_can_read_or_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    AgentKey.load_or_create(tmp_path / "key")
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(KeyFileError, match="others may read"):
        AgentKey.load_or_create(tmp_path / "key")
    (tmp_path / "short").write_bytes(b"x" * 31)
    (tmp_path / "short").chmod(0o600)
    with pytest.raises(KeyFileError, match="32 bytes"):
        AgentKey.load_or_create(tmp_path / "short")
    (tmp_path / "centre.pub").write_text("not base64!\n")
    with pytest.raises(KeyFileError, match=r"centre\.pub"):
        CentreKey.load(tmp_path / "centre.pub")


# -- appending and batches


def test_each_lane_counts_from_one_in_an_epoch_that_is_random(room: Room, tmp_path: Path) -> None:
    assert room.journal.append("events", [contact(0), contact(1)]) == [1, 2]
    assert room.journal.append("readings", [reading(0)]) == [1]
    assert room.journal.append("events", [contact(2)]) == [3]
    other = Room(tmp_path / "other")
    assert other.journal.epoch != room.journal.epoch
    other.journal.close()


def test_a_batch_is_signed_and_its_chain_leads_from_the_names_to_the_head(room: Room) -> None:
    room.journal.append("events", [contact(n) for n in range(3)])
    batch = room.journal.batch("events", 0)
    assert batch is not None
    header, lines = codec.split_batch(batch.payload)
    assert header["prev"] == chain.hex_of(chain.start("demo", "room-101", "events", room.journal.epoch))
    assert header["head"] == chain.hex_of(chain.head_of(chain.raw_of(header["prev"]), lines))
    assert (header["first"], header["n"], header["oldest"], header["key"], header["seen"]) == (1, 3, 1, room.key.ident, 0)
    text = chain.batch_text("demo", "room-101", "events", room.journal.epoch, 3, header["head"])
    import base64

    Ed25519PublicKey.from_public_bytes(room.key.public_bytes).verify(base64.b64decode(header["sig"]), text)


def test_a_batch_has_at_most_a_thousand_records_and_256_kib(room: Room) -> None:
    room.journal.append("readings", [reading(n) for n in range(1500)])
    small = room.journal.batch("readings", 0)
    assert small is not None
    assert (small.first, small.last) == (1, 1000)
    room.journal.append("events", [record("config", T, 0, facts={"words": "温" * 15_000}) for _ in range(12)])
    large = room.journal.batch("events", 0)
    assert large is not None
    assert len(large.payload) <= codec.BATCH_BYTES_MAX
    assert 3 <= large.last < 12
    rest = room.journal.batch("events", large.last)
    assert rest is not None
    assert rest.first == large.last + 1


def test_a_record_that_breaks_the_contract_stores_nothing(room: Room) -> None:
    with pytest.raises(WireError):
        room.journal.append("events", [contact(0), reading(1)])
    assert room.journal.append("events", [contact(2)]) == [1]
    assert room.kept("events") == [contact(2)]


def test_an_alarm_can_carry_the_sequence_that_it_gets(room: Room) -> None:
    room.journal.append("events", [contact(0)])

    def alarm(epoch: str, seq: int) -> dict[str, Any]:
        return record("alarm", T, 0, id=f"room-101:{epoch}:{seq}", rule="r", state="active", subject="room-101.a.temperature")

    room.journal.append("events", [alarm])
    assert room.kept("events")[1]["id"] == f"room-101:{room.journal.epoch}:2"


def test_what_was_appended_is_there_after_opening_again(room: Room) -> None:
    room.journal.append("capture", [record("health", T, 0, facts={})])
    epoch = room.journal.epoch
    room.reopen()
    assert room.journal.epoch == epoch
    assert room.journal.append("capture", [record("health", T, 1, facts={})]) == [2]
    assert len(room.kept("capture")) == 2


def test_a_record_of_a_source_is_taken_once(room: Room) -> None:
    assert room.journal.append("capture", [record("health", T, 0, facts={})], source=("outbox-1", 7)) == [1]
    room.reopen()
    assert room.journal.append("capture", [record("health", T, 0, facts={})], source=("outbox-1", 7)) == []
    assert room.journal.append("capture", [record("health", T, 0, facts={})], source=("outbox-2", 7)) == [2]
    assert room.journal.memory.source_n("outbox-1") == 7


def test_an_errand_is_kept_until_it_is_done(room: Room) -> None:
    errand = Errand(id="e1", child="recorder", name="clip.pin", args={"contact": "room-101/door"})
    room.journal.append("events", [contact(0)], errands=[errand])
    assert room.reopen().memory.errands("recorder") == [errand]
    room.journal.memory.errand_done("e1")
    room.journal.memory.errand_done("e1")
    assert room.reopen().memory.errands("recorder") == []


def test_a_command_is_remembered_until_it_expires(room: Room) -> None:
    assert room.journal.memory.remember_command("c1", expires_ms=T + HOUR_MS, now_ms=room.clock.t_ms)
    assert not room.reopen().memory.remember_command("c1", expires_ms=T + HOUR_MS, now_ms=room.clock.t_ms)
    room.clock.forward(2 * HOUR_MS)
    assert room.journal.memory.remember_command("c1", expires_ms=T + 3 * HOUR_MS, now_ms=room.clock.t_ms)


def test_a_damaged_file_is_set_aside_and_a_new_epoch_says_so(room: Room) -> None:
    room.journal.append("events", [contact(0)])
    room.journal.close()
    (room.folder / "journal.db").write_bytes(b"no database at all" * 1000)
    journal = room.reopen()
    assert journal.damaged is not None
    assert journal.damaged.read_bytes().startswith(b"no database")
    first = room.kept("events")[0]
    assert (first["k"], first["previous"], first["agreed_seq"]) == ("epoch", "", 0)
    assert "set aside" in first["why"]
    journal.append("events", [contact(1)])
    assert room.drain("events") == [AckOutcome.ADVANCED]


def test_a_journal_of_a_newer_layout_is_left_alone(room: Room) -> None:
    import sqlite3

    room.journal.close()
    with sqlite3.connect(room.folder / "journal.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(JournalError, match="another version"):
        room.open()
    with sqlite3.connect(room.folder / "journal.db") as db:
        db.execute("PRAGMA user_version = 1")
    db.close()


# -- acknowledgements


def test_an_acknowledgement_with_the_own_hash_advances_and_a_duplicate_changes_nothing(room: Room) -> None:
    room.journal.append("events", [contact(n) for n in range(5)])
    ack = own_ack(room, "events", 3)
    assert room.journal.acknowledge("events", ack) is AckOutcome.ADVANCED
    assert room.journal.acknowledge("events", ack) is AckOutcome.REPEATED
    assert room.reopen().lane("events").acked_seq == 3
    assert len(room.kept("events")) == 5, "acknowledged records are kept for a restored, older centre"


def test_an_acknowledgement_of_another_epoch_or_signer_is_ignored(room: Room, tmp_path: Path) -> None:
    room.journal.append("events", [contact(0)])
    ack = own_ack(room, "events", 1)
    before = room.journal.epoch
    assert room.journal.acknowledge("readings", ack) is AckOutcome.BAD_SIGNATURE, "the signature binds the lane"
    assert room.journal.acknowledge("events", {**ack, "seq": 0}) is AckOutcome.BAD_SIGNATURE
    old = room.centre.ack("events", "0" * 32, 9, bytes(32))
    assert room.journal.acknowledge("events", old) is AckOutcome.OTHER_EPOCH
    assert (room.journal.epoch, room.journal.lane("events").acked_seq) == (before, 0)


def test_nothing_is_believed_before_the_centre_is_pinned(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.journal.append("events", [contact(0)])
    ack = own_ack(room, "events", 1)
    room.journal.close()
    alone = Journal.open(tmp_path / "journal.db", site="demo", agent="room-101", key=room.key)
    assert alone.acknowledge("events", ack) is AckOutcome.BAD_SIGNATURE
    alone.close()


@pytest.mark.parametrize("how", ["wrong head", "beyond", "refused"])
def test_a_disagreement_starts_a_new_epoch_that_journals_again(room: Room, how: str) -> None:
    room.journal.append("events", [contact(n) for n in range(6)])
    room.journal.append("readings", [reading(n) for n in range(4)])
    assert room.send("events", max_records=2) is AckOutcome.ADVANCED
    old = room.journal.epoch
    if how == "wrong head":
        ack = own_ack(room, "events", 5, head=bytes(32))
    elif how == "beyond":
        ack = own_ack(room, "events", 50, head=bytes(32))
    else:
        ack = own_ack(room, "events", 5, head=bytes(32), refused={"why": "overlap", "agreed_seq": 2})
    assert room.journal.acknowledge("events", ack) is AckOutcome.NEW_EPOCH
    assert room.journal.epoch != old
    first, *rest = room.kept("events")
    assert (first["k"], first["previous"], first["agreed_seq"]) == ("epoch", old, 2)
    assert first["why"]
    assert rest == [contact(n) for n in range(2, 6)], "what the two sides agree on is not sent twice, the rest is all there"
    first, *rest = room.kept("readings")
    assert (first["k"], first["previous"], first["agreed_seq"]) == ("epoch", old, 0)
    assert rest == [reading(n) for n in range(4)]
    assert room.drain("events") == [AckOutcome.ADVANCED]
    assert [r for lane, r in room.centre.order if lane == "events" and r["k"] == "contact"] == [contact(n) for n in range(6)]


def test_disagreement_after_disagreement_does_not_make_epochs_without_end(room: Room) -> None:
    room.journal.append("events", [contact(0)])
    made = 0
    for _ in range(100):
        refused = {"why": "wrong signature", "agreed_seq": 0}
        outcome = room.journal.acknowledge("events", own_ack(room, "events", 0, refused=refused))
        made += outcome is AckOutcome.NEW_EPOCH
        assert outcome in (AckOutcome.NEW_EPOCH, AckOutcome.WAITING)
        room.clock.forward(10_000)
    assert 2 <= made <= 6
    assert contact(0) in room.kept("events")


def test_an_agent_put_back_to_an_old_disk_image_loses_nothing_it_still_has(room: Room) -> None:
    room.journal.append("events", [contact(n) for n in range(3)])
    room.drain("events")
    image = room.image()
    room.journal.append("events", [contact(n) for n in range(3, 8)])
    room.drain("events")
    room.put_back(image)
    room.journal.append("events", [contact(100), contact(101)])  # the sequences 4 and 5 a second time
    outcomes = room.drain("events")
    assert AckOutcome.NEW_EPOCH in outcomes
    stored = [r for lane, r in room.centre.order if r["k"] == "contact"]
    assert stored == [contact(n) for n in [*range(8), 100, 101]]
    (epoch,) = [r for _, r in room.centre.order if r["k"] == "epoch"]
    assert epoch["agreed_seq"] == 3


def test_a_lost_acknowledgement_costs_one_more_sending_and_no_record(room: Room) -> None:
    room.journal.append("events", [contact(n) for n in range(4)])
    batch = room.journal.batch("events", 0)
    assert batch is not None
    room.centre.receive("events", batch.payload)  # its acknowledgement is lost
    room.reopen()
    room.journal.append("events", [contact(4)])
    assert room.drain("events") == [AckOutcome.ADVANCED]
    assert [r for _, r in room.centre.order] == [contact(n) for n in range(5)]


def test_a_centre_put_back_to_a_backup_asks_again_and_gets_it(room: Room, tmp_path: Path) -> None:
    picture = FileRef(sha256="ab" * 32, path=str(tmp_path / "p.jpg"), bytes=3)
    room.journal.append("capture", [record("health", T, n, facts={"n": n}) for n in range(3)])
    room.drain("capture")
    room.centre.backup()
    room.journal.append("capture", [record("health", T, n, facts={"n": n}) for n in range(3, 6)], files=[picture])
    room.drain("capture")
    room.journal.files.mark_sent(picture.sha256)
    room.centre.restore()
    room.journal.append("capture", [record("health", T, 6, facts={"n": 6})])
    assert AckOutcome.REWOUND in room.drain("capture")
    assert [r["facts"]["n"] for _, r in room.centre.order] == list(range(7))
    assert room.journal.files.state_of(picture.sha256) == "queued", "its bytes may be lost there too: they are offered again"


def test_a_centre_that_never_heard_of_the_epoch_gets_the_end_of_the_one_before(room: Room) -> None:
    room.journal.append("events", [contact(n) for n in range(2)])
    room.drain("events")
    room.centre.backup()
    room.journal.append("events", [contact(2)])
    room.drain("events")
    room.journal.new_epoch("by hand")
    room.journal.append("events", [contact(3)])
    room.drain("events")
    room.centre.restore()
    room.journal.append("events", [contact(4)])
    room.drain("events")
    stored = {json.dumps(r, sort_keys=True) for _, r in room.centre.order}
    assert all(json.dumps(contact(n), sort_keys=True) in stored for n in range(5))


# -- keeping house


def test_acknowledged_records_go_after_the_keep_time_and_oldest_says_so(room: Room) -> None:
    room.journal.append("events", [contact(n) for n in range(3)])
    room.drain("events")
    room.clock.forward(10 * DAY_MS)
    room.journal.append("events", [contact(n) for n in range(3, 5)])
    assert room.journal.prune(14) == 0
    room.clock.forward(5 * DAY_MS)
    assert room.journal.prune(14) == 3
    assert room.kept("events") == [contact(3), contact(4)], "what is not acknowledged is never pruned"
    batch = room.reopen().batch("events", 0)
    assert batch is not None
    header, _ = codec.split_batch(batch.payload)
    assert (header["first"], header["oldest"]) == (4, 4)
    assert room.drain("events") == [AckOutcome.ADVANCED]


def test_nothing_is_pruned_by_a_clock_that_is_not_set(room: Room) -> None:
    room.clock.t_ms = 1_000  # January 1970
    room.journal.append("events", [contact(0)])
    room.drain("events")
    room.clock.forward(20 * DAY_MS)
    assert room.journal.prune(14) == 0
    room.clock.t_ms = T  # now the clock is set: 14 days from here
    assert room.journal.prune(14) == 0
    room.clock.forward(15 * DAY_MS)
    assert room.journal.prune(14) == 1


def test_a_centre_older_than_what_is_kept_gets_a_flagged_gap(room: Room) -> None:
    room.centre.backup()
    room.journal.append("events", [contact(n) for n in range(3)])
    room.drain("events")
    room.clock.forward(15 * DAY_MS)
    room.journal.prune(14)
    room.centre.restore()
    room.journal.append("events", [contact(3)])
    room.drain("events")
    assert room.centre.tip("events", room.journal.epoch).gaps == [(1, 3)]
    assert [r for _, r in room.centre.order] == [contact(3)]


def test_a_new_epoch_declares_again_what_later_readings_lean_on(room: Room) -> None:
    clock = record("clock", T, 0, boot="b1", ok=True, source="kernel")
    room.journal.append("readings", [channel(1, "old"), clock, channel(1), channel(2), reading(0)])
    room.drain("readings")
    room.clock.forward(15 * DAY_MS)
    assert room.journal.prune(14) == 5
    room.journal.append("readings", [channel(3), reading(1, 3), reading(2, 2)])
    room.send("readings", max_records=1)
    room.journal.new_epoch("by hand")
    epoch, *rest = room.kept("readings")
    assert epoch["agreed_seq"] == 6
    assert rest == [clock, channel(1), channel(2), channel(3), reading(1, 3), reading(2, 2)]


def test_an_agreement_on_less_than_is_held_leaves_a_gap_record(room: Room) -> None:
    room.journal.append("events", [contact(n) for n in range(3)])
    room.drain("events")
    room.clock.forward(15 * DAY_MS)
    room.journal.prune(14)
    room.journal.append("events", [contact(3)])
    room.journal.acknowledge("events", own_ack(room, "events", 4, refused={"why": "other digests", "agreed_seq": 1}))
    epoch, gap, rest = room.kept("events")
    assert epoch["agreed_seq"] == 1
    assert (gap["k"], gap["from"], gap["to"]) == ("gap", 2, 3)
    assert rest == contact(3)


def test_thinned_readings_leave_their_digests_and_an_unbroken_chain(room: Room) -> None:
    room.journal.append("readings", [channel(1), *(reading(n) for n in range(1200))])
    whole = codec.split_batch(room.journal.batch("readings", 0).payload)[0]["head"]  # type: ignore[union-attr]
    thinned = room.journal.thin(900)
    assert thinned is not None
    assert thinned == Thinned(count=900, from_seq=2, to_seq=901, from_ms=T, to_ms=T + 899)
    room.reopen()
    assert codec.split_batch(room.journal.batch("readings", 0).payload)[0]["head"] == whole  # type: ignore[union-attr]
    for after in (0, 1, 57, 899, 900):
        batch = room.journal.batch("readings", after)
        assert batch is not None
        codec.decode_batch(batch.payload, "readings")  # checks the chain
    assert room.kept("readings") == [channel(1), *([None] * 900), *(reading(n) for n in range(900, 1200))]
    assert room.drain("readings") == [AckOutcome.ADVANCED, AckOutcome.ADVANCED]
    assert room.journal.thin(900) is None, "what is acknowledged is pruned by time, not thinned"


def test_thinning_frees_most_of_the_space(room: Room) -> None:
    room.journal.append("readings", [reading(n) for n in range(20_000)])
    size = (room.folder / "journal.db").stat().st_size + (room.folder / "journal.db-wal").stat().st_size
    before = room.journal.free_bytes()
    while room.journal.thin(2_000):
        pass
    assert room.journal.free_bytes() - before > 600_000, size


# -- files


def test_files_follow_their_record_and_leave_only_when_all_is_confirmed_and_the_time_over(room: Room, tmp_path: Path) -> None:
    picture = tmp_path / "objects" / "p.jpg"
    picture.parent.mkdir()
    picture.write_bytes(b"abc")
    ref = FileRef(sha256=hashlib.sha256(b"abc").hexdigest(), path=str(picture), bytes=3)
    room.journal.append("capture", [record("health", T, 0, facts={})], files=[ref])
    files = room.journal.files

    def tidy() -> int:
        return files.delete_kept(root=tmp_path, keep_days=14, now_ms=room.clock.t_ms)

    assert files.due(5) == [], "a file goes out once the centre has its record"
    room.drain("capture")
    assert files.due(5) == [ref]
    room.clock.forward(15 * DAY_MS)
    assert tidy() == 0, "not uploaded"
    files.mark_sent(ref.sha256)
    room.journal.prune(14)
    assert tidy() == 1
    assert not picture.exists()


def test_a_file_stays_while_its_record_is_not_acknowledged(room: Room, tmp_path: Path) -> None:
    picture = tmp_path / "p.jpg"
    picture.write_bytes(b"abc")
    ref = FileRef(sha256=hashlib.sha256(b"abc").hexdigest(), path=str(picture), bytes=3)
    room.journal.append("capture", [record("health", T, 0, facts={})], files=[ref])
    room.journal.files.mark_sent(ref.sha256)
    room.clock.forward(100 * DAY_MS)
    assert room.journal.files.delete_kept(root=tmp_path, keep_days=14, now_ms=room.clock.t_ms) == 0
    assert picture.exists()


def test_clips_go_before_images_and_the_newest_event_first(room: Room) -> None:
    def ref(n: int) -> FileRef:
        return FileRef(sha256=f"{n:064x}", path=f"/x/{n}", bytes=1)

    for n in (1, 2):
        room.journal.append("capture", [record("health", T, n, facts={})], files=[ref(n)])
    for n in (3, 4):
        room.journal.append("events", [contact(n)], files=[ref(n)])
    room.drain("capture")
    room.drain("events")
    assert [int(f.sha256, 16) for f in room.journal.files.due(9)] == [4, 3, 1, 2]
    assert [int(f.sha256, 16) for f in room.journal.files.due(1, without=[f"{4:064x}"])] == [3]


def test_files_outside_the_data_folder_are_never_deleted(room: Room, tmp_path: Path) -> None:
    outside = tmp_path / "outside.jpg"
    outside.write_bytes(b"abc")
    ref = FileRef(sha256="ab" * 32, path=str(tmp_path / "data" / ".." / "outside.jpg"), bytes=3)
    room.journal.append("capture", [record("health", T, 0, facts={})], files=[ref])
    room.drain("capture")
    room.journal.files.mark_sent(ref.sha256)
    room.clock.forward(100 * DAY_MS)
    room.journal.files.delete_kept(root=tmp_path / "data", keep_days=14, now_ms=room.clock.t_ms)
    assert outside.exists()
