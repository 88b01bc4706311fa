"""A journal and a centre through every mishap in any order: in the end the centre has all that the agent ever could still give."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge_agent.journal import AckOutcome
from tests.edge_agent.journal_parts import HOUR_MS, Room, T, reading
from wire import chain, codec
from wire.records import record
from wire.topics import LANES

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own in it; thousands of commits need not wear a disk
SMALL = ("events", "readings")


class JournalMachine(RuleBasedStateMachine):
    """Model: per lane the numbers that the agent's disk holds; whatever happens, they reach the centre."""

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="muniment-machine-", dir=MEMORY if MEMORY.is_dir() else None))
        self.room = Room(self.folder)
        self.count = 0
        self.held: dict[str, list[int]] = {lane: [] for lane in SMALL}
        self.image: tuple[bytes, dict[str, list[int]]] | None = None
        self.backed_up = self.put_back = False
        self.thinned: set[int] = set()
        self.old_acks: list[tuple[str, dict[str, Any]]] = []

    def teardown(self) -> None:
        if hasattr(self, "room"):
            self.settle()
            self.room.journal.close()
            shutil.rmtree(self.folder)

    def settle(self) -> None:
        for lane in LANES:  # the next health record shows a centre that was put back what it lacks
            self.room.clock.forward(HOUR_MS)
            self.room.journal.append(lane, [record("health", T, 0, facts={})])
            self.room.drain(lane)
        for lane in SMALL:
            stored = {int(r["v"]) for name, r in self.room.centre.order if name == lane and r["k"] == "reading"} | {
                r["facts"]["n"] for name, r in self.room.centre.order if name == lane and r["k"] == "config"
            }
            missing = set(self.held[lane]) - stored - self.thinned
            assert not missing, f"lane {lane}: the agent held {sorted(missing)}, the centre never got them"

    @rule(lane=st.sampled_from(SMALL), n=st.integers(1, 4))
    def append(self, lane: str, n: int) -> None:
        numbers = list(range(self.count, self.count + n))
        self.count += n
        if lane == "readings":
            self.room.journal.append(lane, [reading(k) for k in numbers])
        else:
            self.room.journal.append(lane, [{"k": "config", "t": reading(k)["t"], "m": k, "facts": {"n": k}} for k in numbers])
        self.held[lane] += numbers

    @rule(lane=st.sampled_from(SMALL), most=st.integers(1, 5))
    def send(self, lane: str, most: int) -> None:
        self.room.send(lane, max_records=most)

    @rule(lane=st.sampled_from(SMALL), most=st.integers(1, 5))
    def send_and_lose_the_acknowledgement(self, lane: str, most: int) -> None:
        batch = self.room.journal.batch(lane, self.room.journal.lane(lane).acked_seq, max_records=most)
        if batch is not None:
            self.old_acks.append((lane, self.room.centre.receive(lane, batch.payload)))

    @precondition(lambda self: self.old_acks)
    @rule(data=st.data())
    def a_late_or_repeated_acknowledgement(self, data: st.DataObject) -> None:
        lane, ack = data.draw(st.sampled_from(self.old_acks))
        self.room.journal.acknowledge(lane, ack)

    @rule(lane=st.sampled_from(SMALL), most=st.integers(1, 5), skip=st.integers(1, 4))
    def a_batch_is_lost_and_the_next_arrives(self, lane: str, most: int, skip: int) -> None:
        state = self.room.journal.lane(lane)
        self.room.send(lane, after=min(state.acked_seq + skip, state.last_seq), max_records=most)

    # a centre that was put back *and* contradicts itself is two faults at once: what it forgot cannot be told from what it denies
    @precondition(lambda self: not self.put_back)
    @rule(lane=st.sampled_from(SMALL), wrong=st.integers(0, 12))
    def the_centre_has_another_hash(self, lane: str, wrong: int) -> None:
        ack = self.room.centre.ack(lane, self.room.journal.epoch, wrong, bytes(32))
        self.room.clock.forward(HOUR_MS)
        outcome = self.room.journal.acknowledge(lane, ack)
        assert outcome is AckOutcome.NEW_EPOCH
        for name in SMALL:  # a centre put back before it ever heard of the new epoch cannot be told from one that was not
            self.room.send(name)

    @rule()
    def put_the_disk_image_aside(self) -> None:
        self.image = self.room.image(), {lane: list(numbers) for lane, numbers in self.held.items()}

    @precondition(lambda self: self.image is not None)
    @rule()
    def put_the_agent_back(self) -> None:
        assert self.image is not None
        self.room.put_back(self.image[0])
        self.held = {lane: list(numbers) for lane, numbers in self.image[1].items()}

    @rule()
    def back_the_centre_up(self) -> None:
        self.room.centre.backup()
        self.backed_up = True

    @precondition(lambda self: self.backed_up)
    @rule()
    def put_the_centre_back(self) -> None:
        self.room.centre.restore()
        self.put_back = True

    @rule()
    def open_again(self) -> None:
        self.room.reopen()

    @rule(most=st.integers(1, 5))
    def thin(self, most: int) -> None:
        before = self.heads()
        thinned = self.room.journal.thin(most)
        assert self.heads() == before, "thinning must not change the chain"
        if thinned is not None:
            held = {int(r["v"]) for r in self.room.kept("readings") if r is not None and r["k"] == "reading"}
            # its text cannot be had back, its digest may be at the centre: an older image does not put it there
            self.thinned |= set(self.held["readings"]) - held

    def heads(self) -> dict[str, str]:
        found = {}
        for lane in LANES:
            batch = self.room.journal.batch(lane, 0)
            found[lane] = codec.split_batch(batch.payload)[0]["head"] if batch else ""
        return found

    @invariant()
    def every_batch_has_an_unbroken_chain(self) -> None:
        if not hasattr(self, "room"):
            return
        for lane in SMALL:
            batch = self.room.journal.batch(lane, 0)
            if batch is not None:
                header, _ = codec.decode_batch(batch.payload, lane)
                if header["first"] == 1:
                    assert header["prev"] == chain.hex_of(chain.start("demo", "room-101", lane, self.room.journal.epoch))


TestJournalMachine = JournalMachine.TestCase
TestJournalMachine.settings = settings(
    max_examples=100, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
