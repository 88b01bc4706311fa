"""Contacts through gpiozero's pins: an opening counts once, from its first edge."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from sensors.drivers.contacts import Debouncer
from sensors.errors import OptionError
from sensors.readings import now
from sensors.registry import build_contact, build_output
from sensors.sim.room import SimRoom
from sensors.sim.world import RoomWorld
from sensors.transports.gpio import Pins
from tests.sensors.waiting import until


class Told:
    """What a contact has told."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, int, int]] = []

    def __call__(self, state: str, t_ms: int, m_ms: int) -> None:
        self.changes.append((state, t_ms, m_ms))

    @property
    def states(self) -> list[str]:
        return [state for state, _, _ in self.changes]


def empty_room(folder: Path) -> SimRoom:
    return SimRoom(folder, world=RoomWorld(people=False))


def test_the_debouncer_tells_an_opening_at_once_and_a_closing_when_it_has_settled() -> None:
    debouncer = Debouncer(0.05, active=False)
    assert debouncer.edge(True, 10.0) == [(True, 10.0)]
    assert debouncer.edge(False, 10.004) == []
    assert debouncer.edge(True, 10.008) == []
    assert debouncer.settle(10.04) == []
    assert debouncer.settle(10.06) == []
    assert debouncer.edge(False, 20.0) == []
    assert debouncer.edge(True, 20.01) == []
    assert debouncer.edge(False, 20.02) == []
    assert debouncer.settle(20.05) == []
    assert debouncer.settle(20.08) == [(False, 20.02)]


def test_the_debouncer_folds_a_glitch_of_an_open_door_and_keeps_a_short_opening() -> None:
    debouncer = Debouncer(0.05, active=True)
    assert debouncer.edge(False, 1.0) + debouncer.edge(True, 1.02) + debouncer.settle(2.0) == []
    debouncer = Debouncer(0.05, active=False)
    assert debouncer.edge(True, 1.0) + debouncer.edge(False, 1.01) + debouncer.settle(2.0) == [(True, 1.0), (False, 1.01)]


def test_the_debouncer_decides_what_is_due_before_it_takes_the_next_edge() -> None:
    debouncer = Debouncer(0.05, active=True)
    assert debouncer.edge(False, 1.0) == []
    assert debouncer.edge(True, 3.0) == [(False, 1.0), (True, 3.0)]


@pytest.mark.parametrize(("kind", "words"), [("door", ["closed", "open", "closed"]), ("leak", ["inactive", "active", "inactive"])])
async def test_a_contact_tells_its_state_and_its_changes(tmp_path: Path, kind: str, words: list[str]) -> None:
    told = Told()
    async with empty_room(tmp_path) as room:
        contact = build_contact("gpio", "it", {"pin": 17, "kind": kind, "active": "low"}, wires=room, on_change=told)
        await until(lambda: told.states == words[:1])
        pin = room.contact("it")
        pin.set(True)
        await until(lambda: told.states == words[:2])
        assert contact.state == words[1]
        pin.set(False)
        await until(lambda: told.states == words)
        contact.close()
        contact.close()


async def test_a_bouncing_door_opens_once_with_the_time_of_its_first_edge(tmp_path: Path) -> None:
    told = Told()
    async with empty_room(tmp_path) as room:
        contact = build_contact("gpio", "door", {"pin": 17}, wires=room, on_change=told)
        await until(lambda: told.states == ["closed"])
        room.set_fault("door", "bounce")
        before = now()
        opening = asyncio.create_task(room.contact("door").follow(True))
        await until(lambda: len(told.changes) == 2)
        assert not opening.done(), "it is told at the first edge, while the contact still bounces"
        first = told.changes[1]
        await opening
        await asyncio.sleep(0.2)  # long enough for anything that the bounces could still make
        assert told.states == ["closed", "open"]
        assert before.m_ms - 1 <= first[2] <= before.m_ms + 30
        await room.contact("door").follow(False)
        await until(lambda: told.states == ["closed", "open", "closed"])
        contact.close()


async def test_the_edges_own_time_counts_when_the_loop_is_late(tmp_path: Path) -> None:
    told = Told()
    async with empty_room(tmp_path) as room:
        contact = build_contact("gpio", "door", {"pin": 17}, wires=room, on_change=told)
        await until(lambda: told.states == ["closed"])
        before = now()
        room.contact("door").set(True)
        time.sleep(0.3)  # noqa: ASYNC251 the loop that stands still is what is tested
        await until(lambda: told.states == ["closed", "open"])
        assert abs(told.changes[1][2] - before.m_ms) <= 20
        contact.close()


async def test_a_cut_wire_reads_as_open(tmp_path: Path) -> None:
    told = Told()
    async with empty_room(tmp_path) as room:
        contact = build_contact("gpio", "door", {"pin": 17}, wires=room, on_change=told)
        await until(lambda: told.states == ["closed"])
        room.set_fault("door", "unplugged")
        await until(lambda: told.states == ["closed", "open"])
        contact.close()


async def test_people_open_the_door_and_set_off_the_motion_contact(tmp_path: Path) -> None:
    door, motion = Told(), Told()
    async with SimRoom(tmp_path, world=RoomWorld(door_every_s=2.0)) as room:
        contacts = [
            build_contact("gpio", "door", {"pin": 17}, wires=room, on_change=door),
            build_contact("gpio", "motion", {"pin": 22, "kind": "motion"}, wires=room, on_change=motion),
        ]
        await until(lambda: door.states[:3] == ["closed", "open", "closed"])
        await until(lambda: motion.states[:2] == ["inactive", "active"])
        for contact in contacts:
            contact.close()


async def test_a_lamp_and_a_contact_share_the_rooms_pins(tmp_path: Path) -> None:
    async with empty_room(tmp_path) as room:
        lamp: Any = build_output("gpio_lamp", "lamp", {"red": 5, "yellow": 6, "green": 13}, wires=room)
        lamp.show("red")
        pins: Pins = room.pins("gpio_lamp", "lamp", {})
        assert pins.pin(5).state
        lamp.close()
        with pytest.raises(OptionError, match="pin is missing"):
            build_output("gpio_buzzer", "buzzer", {}, wires=room)
        with pytest.raises(OptionError, match="known: gpio_buzzer, gpio_lamp"):
            build_output("lamp", "lamp", {}, wires=room)


async def test_faults_can_be_switched_from_outside_by_a_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    told = Told()
    async with empty_room(tmp_path) as room:
        contact = build_contact("gpio", "door", {"pin": 17}, wires=room, on_change=told)
        (tmp_path / "faults").write_text("door unplugged\nnobody crc\n")
        await until(lambda: told.states == ["closed", "open"])
        (tmp_path / "faults").write_text("")
        await until(lambda: told.states == ["closed", "open", "closed"])
        assert [record.message for record in caplog.records if "nobody" in record.message and "unknown" not in record.message][:1]
        contact.close()
