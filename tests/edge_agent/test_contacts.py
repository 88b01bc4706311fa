"""Doors: durable at once, a clip asked for with the event's own id, in the order in which they happened."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from edge_agent.alarms import AlarmDesk
from edge_agent.async_journal import AsyncJournal
from edge_agent.contacts import ContactDesk
from edge_agent.journal import Journal
from edge_agent.keys import AgentKey
from edge_agent.memory import Errand
from edge_agent.panel import Panel
from edge_agent.rule import Rule
from sensors.registry import build_contact
from sensors.sim.room import SimRoom
from sensors.sim.world import RoomWorld
from wire.codec import decode_batch

DEVICE_LIMIT_MS = 20.0  # the design's figure, where an fsync takes under 5 ms


@dataclass
class Door:
    """A door contact on a simulated pin, its desk and its journal."""

    pin: Any
    desk: ContactDesk
    journal: Journal
    errands: list[Errand]
    durable: asyncio.Queue[float]
    writer: AsyncJournal
    treated: asyncio.Event

    def events(self) -> list[dict[str, Any]]:
        batch = self.journal.batch("events", 0)
        return [] if batch is None else list(decode_batch(batch.payload, "events")[1])


@asynccontextmanager
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with SimRoom(tmp_path / "sim", world=RoomWorld(people=False)) as room:
        key = AgentKey.load_or_create(tmp_path / "key")
        journal = AsyncJournal(Journal.open(tmp_path / "journal.db", site="demo", agent="room-101", key=key))
        panel = Panel({})
        rules = [Rule("door-after-hours", "after_hours", "room-101/door", "high", "room-101/door", hours="00:00-23:59")]
        alarms = AlarmDesk(rules, journal=journal, panel=panel, agent="room-101", room="room-101", saved=None)
        errands: list[Errand] = []
        durable: asyncio.Queue[float] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        journal.journal.on_append(lambda _lane: loop.call_soon_threadsafe(durable.put_nowait, time.monotonic()))

        async def errand(asked: Errand) -> None:
            errands.append(asked)

        desk = ContactDesk(
            {"door": "door"}, watched=frozenset({"door"}), journal=journal, desk=alarms, agent="room-101", room="room-101", on_errand=errand
        )
        options = {"pin": 17, "kind": "door", "active": "high", "pull": "up", "settle_ms": 5.0}

        def changed(state: str, t: int, m: int) -> None:
            desk.changed("door", state, t, m)

        contact = build_contact("gpio", "door", options, wires=room, on_change=changed)
        running = asyncio.create_task(desk.run())
        await asyncio.wait_for(durable.get(), 5)  # the state at the start
        treated = asyncio.Event()
        desk.on_state(lambda *_: treated.set())
        pin = room.pins("", "", {}).pin(17)
        yield Door(pin=pin, desk=desk, journal=journal.journal, errands=errands, durable=durable, writer=journal, treated=treated)
        contact.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await journal.close()


def fsync_ms(folder: Path) -> float:
    """The median of what an fsync takes here."""
    took = []
    with (folder / "probe").open("wb") as file:
        for _ in range(20):
            file.write(b"x" * 4096)
            file.flush()
            began = time.monotonic()
            os.fsync(file.fileno())
            took.append((time.monotonic() - began) * 1000)
    return median(took)


async def test_an_opening_is_durable_within_twenty_milliseconds(tmp_path: Path) -> None:
    async with door(tmp_path) as bench:
        took = []
        for _ in range(20):
            began = time.monotonic()
            bench.pin.drive(True)
            took.append((await asyncio.wait_for(bench.durable.get(), 5) - began) * 1000)
            await asyncio.wait_for(bench.durable.get(), 5)  # the alarm
            bench.pin.drive(False)
            for _ in range(2):
                await asyncio.wait_for(bench.durable.get(), 5)
        limit = max(DEVICE_LIMIT_MS, 4 * fsync_ms(tmp_path))
        assert median(took) < limit, f"median {median(took):.1f} ms"


async def test_an_opening_asks_for_a_clip_by_its_own_id_and_comes_before_its_alarm(tmp_path: Path) -> None:
    async with door(tmp_path) as bench:
        bench.pin.drive(True)
        for _ in range(2):
            await asyncio.wait_for(bench.durable.get(), 5)
        closed, opened, alarm = bench.events()
        assert (closed["state"], opened["state"], alarm["k"]) == ("closed", "open", "alarm")
        (errand,) = bench.errands
        epoch = bench.journal.epoch
        assert errand.child == "recorder" and errand.name == "clip.pin"
        assert errand.args == {
            "contact": "room-101/door",
            "event": f"room-101:{epoch}:2",
            "t": opened["t"],
            "state": "open",
            "contacts": ["door"],
        }
        assert [kept.id for kept in bench.journal.memory.errands("recorder")] == [errand.id]  # durable until the recorder has done it


async def test_what_happened_before_the_stop_is_journalled_at_the_stop(tmp_path: Path) -> None:
    async with door(tmp_path) as bench:
        for n in range(5):
            bench.desk.changed("door", "open" if n % 2 == 0 else "closed", 1_790_000_000_000 + n, n)
        journal = bench.journal
        for _ in range(5):
            await asyncio.wait_for(bench.durable.get(), 5)
        assert journal.lane("events").last_seq >= 6


async def test_with_a_full_disk_events_wait_and_keep_their_order(tmp_path: Path) -> None:
    async with door(tmp_path) as bench:
        bench.writer.shut(["events"])  # what the disk's guard does to a lane when nothing more may be written
        for level in (True, False, True):
            treated = bench.desk.changes
            bench.pin.drive(level)
            async with asyncio.timeout(5):
                while bench.desk.changes == treated:
                    await bench.treated.wait()
                    bench.treated.clear()
        assert len(bench.events()) == 1 and bench.writer.held("events") == 3
        bench.writer.shut([])
        bench.pin.drive(False)
        while len(bench.events()) < 9:
            await asyncio.wait_for(bench.durable.get(), 5)
        contacts = [r for r in bench.events() if r["k"] == "contact"]
        assert [r["state"] for r in contacts] == ["closed", "open", "closed", "open", "closed"]
        assert [r["m"] for r in contacts] == sorted(r["m"] for r in contacts)
        alarms = [r["state"] for r in bench.events() if r["k"] == "alarm"]
        assert alarms == ["active", "returned", "active", "returned"]
