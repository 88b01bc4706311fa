"""Pedals on their wires: bouncing contacts, a keyboard's event bytes, a serial line; one press each, whatever bounces, goes or comes."""

import asyncio
import os
import struct
import tty
from collections.abc import Awaitable, Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_line.errors import ScannerLineError
from scanner_line.pedals.foot import FootPedal
from scanner_line.pedals.registry import PEDALS, PedalDriver, pedal_from, pedals_of
from scanner_line.states import CAPTURE, Edge
from sensors.drivers.input_events import EventDecoder, KeyEdge, Lost, devices_in, key_of, keys_down, name_of
from sensors.drivers.pedal_evdev import EvdevPedal
from sensors.drivers.pedal_serial import SerialPedal, SerialSwitch, WordDecoder
from sensors.drivers.switch import Switch
from sensors.transports.gpio import simulated_pins

MS = 1_000_000
SETTLE_MS = 30
PRESS = st.fixed_dictionaries(
    {
        "held": st.integers(0, 3000),
        "apart": st.integers(SETTLE_MS, 2000),
        "bounce_down": st.lists(st.integers(1, SETTLE_MS - 1), max_size=6),
        "bounce_up": st.lists(st.integers(1, SETTLE_MS - 1), max_size=6),
    }
)


def edges_of(presses: list[dict[str, Any]]) -> Iterator[tuple[bool, int, bool]]:
    """(closed, at ms, whether it is a press's first edge): each move of the foot, and its bounce, which ends as the foot is."""
    at = 1000
    for press in presses:
        yield True, at, True
        for part in press["bounce_down"]:
            yield False, at, False
            at += part
            yield True, at, False
        at += press["held"]
        yield False, at, False
        for part in press["bounce_up"]:
            yield True, at, False
            at += part
            yield False, at, False
        at += press["apart"]


@given(st.lists(PRESS, max_size=8), st.booleans())
def test_bounce_on_either_edge_never_makes_a_second_press(presses: list[dict[str, Any]], on_time: bool) -> None:
    switch, moves, first = Switch(settle_ms=SETTLE_MS), [], []
    for closed, at_ms, is_first in edges_of(presses):
        if is_first:
            first.append(at_ms * MS)
        if on_time and switch.due_ns is not None and switch.due_ns <= at_ms * MS:
            moves += switch.tick(switch.due_ns)
        moves += switch.edge(closed, at_ms * MS)
    moves += switch.tick(10**18)
    assert [move.at_ns for move in moves if move.down] == first
    assert [move.down for move in moves] == [True, False] * len(presses)
    assert all(down.at_ns <= up.at_ns for down, up in zip(moves[::2], moves[1::2], strict=True))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 200)), max_size=60), st.sets(st.integers(0, 59)))
def test_presses_and_releases_alternate_whatever_edges_are_lost(edges: list[tuple[bool, int]], asked: set[int]) -> None:
    switch, moves, at = Switch(settle_ms=SETTLE_MS), [], 0
    for number, (closed, later) in enumerate(edges):
        at += later * MS
        moves += switch.edge(closed, at)
        if number in asked:
            moves += switch.tick(at)
    assert [move.down for move in moves] == ([True, False] * len(moves))[: len(moves)]
    downs = [move.at_ns for move in moves if move.down]
    assert all(later - earlier >= SETTLE_MS * MS for earlier, later in pairwise(downs))


def event(kind: int, code: int, value: int, *, wide: bool = True, at_us: int = 5_000_250) -> bytes:
    """One `struct input_event` as the kernel writes it."""
    return struct.pack("<qqHHi" if wide else "<iiHHi", at_us // 10**6, at_us % 10**6, kind, code, value)


def key(code: int, value: int, *, wide: bool = True) -> bytes:
    return event(4, 4, 0x70000 + code, wide=wide) + event(1, code, value, wide=wide) + event(0, 0, 0, wide=wide)


@pytest.mark.parametrize("wide", [True, False])
def test_input_events_are_read_in_both_layouts_and_autorepeat_is_no_press(wide: bool) -> None:
    wire = key(48, 1, wide=wide) + 3 * key(48, 2, wide=wide) + key(48, 0, wide=wide)
    expected = [KeyEdge(48, True, 5_000_250), KeyEdge(48, False, 5_000_250)]
    assert list(EventDecoder(wide=wide).feed(wire)) == expected
    decoder = EventDecoder(wide=wide)
    assert [edge for byte in wire for edge in decoder.feed(bytes([byte]))] == expected


def test_what_was_dropped_is_void_up_to_the_next_report() -> None:
    decoder = EventDecoder(wide=True)
    wire = key(48, 1) + event(0, 3, 0) + event(1, 48, 0) + event(1, 30, 1) + event(0, 0, 0) + key(30, 0)
    found = list(decoder.feed(wire))
    assert [type(one) for one in found] == [KeyEdge, Lost, KeyEdge]
    assert found[2] == KeyEdge(30, False, 5_000_250)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_survived(data: bytes, wide: bool) -> None:
    list(EventDecoder(wide=wide).feed(data))
    keys_down(data)
    devices_in(data.decode("latin-1"))
    WordDecoder({"a": SerialSwitch(b"AB", b"CD"), "b": SerialSwitch(b"x")}).feed(data)


def test_keys_have_names_or_numbers() -> None:
    assert (key_of("KEY_B"), key_of("key_b"), key_of("48"), key_of("KEY_F12"), key_of("BTN_LEFT")) == (48, 48, 48, 88, 272)
    assert key_of("KEY_NO") is key_of("") is key_of("0") is key_of("99999") is None
    assert (name_of(48), name_of(700)) == ("KEY_B", "700")
    assert keys_down(bytes([0, 0b10, 0, 0, 0, 0, 1])) == {9, 48}


DEVICES = """I: Bus=0003 Vendor=3553 Product=B001 Version=0110
N: Name="PCsensor FootSwitch Keyboard"
P: Phys=usb-0000:01:00.0-1.2/input0
U: Uniq=
H: Handlers=sysrq kbd event3 leds
B: EV=120013

I: Bus=0003 Vendor=3553 Product=b001 Version=0110
N: Name="PCsensor FootSwitch Mouse"
U: Uniq=
H: Handlers=mouse0 event4

I: Bus=0019 Vendor=0000 Product=0001 Version=0000
N: Name="Power Button"
H: Handlers=kbd event0
"""


def test_a_pedal_is_found_by_its_ids_never_by_its_place(tmp_path: Path) -> None:
    proc = tmp_path / "devices"
    proc.write_text(DEVICES)
    found = EvdevPedal("3553:b001", {"only": 48}, dev=Path("/dev/input"), proc=proc)
    assert found.paths() == [Path("/dev/input/event3"), Path("/dev/input/event4")]
    assert EvdevPedal("1111:2222", {"only": 48}, proc=proc).paths() == []
    (tmp_path / "by-id").mkdir()
    (tmp_path / "by-id" / "usb-Foot-event-kbd").touch()
    assert EvdevPedal("usb-Foot-event-kbd", {}, dev=tmp_path).paths() == [tmp_path / "by-id" / "usb-Foot-event-kbd"]
    assert EvdevPedal("../../etc/passwd", {}, dev=tmp_path).paths() == []


class Heard:
    """Stands where the station stands: remembers what a pedal asked for, and when something changed."""

    def __init__(self) -> None:
        self.moves: list[tuple[str, str]] = []
        self.changed = asyncio.Event()

    def down(self, pedal: str, wish: str = CAPTURE, *, edge: Edge | None = None) -> None:
        assert edge is not None
        self.moves.append((pedal, wish))
        self.changed.set()

    def up(self, pedal: str, *, at_ns: int | None = None) -> None:
        self.moves.append((pedal, "up"))
        self.changed.set()

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not true():
                await self.changed.wait()
                self.changed.clear()


async def listening(driver: PedalDriver, wishes: dict[str, str], use: Callable[[FootPedal, Heard], Awaitable[None]]) -> None:
    heard = Heard()
    pedal = FootPedal(
        driver, {name: {"wish": wish} for name, wish in wishes.items()}, station=heard, name="foot", changed=heard.changed.set
    )
    pedal.start()
    try:
        await use(pedal, heard)
    finally:
        await asyncio.to_thread(pedal.close)
        pedal.close()


async def test_a_gpio_pedal_of_three_switches_asks_for_what_each_is_for() -> None:
    pins = simulated_pins()
    switches = {"left": {"pin": 5, "wish": "retake"}, "middle": {"pin": 6}, "right": {"pin": 13, "wish": "mark"}}

    async def use(pedal: FootPedal, heard: Heard) -> None:
        assert pedal.names() == ["foot.left", "foot.middle", "foot.right"]
        for number in (6, 5, 13):
            for _ in range(3):  # bounce
                pins.pin(number).drive_low()
                pins.pin(number).drive_high()
            pins.pin(number).drive_low()
        await heard.until(lambda: len(heard.moves) == 3)
        for number in (6, 5, 13):
            pins.pin(number).drive_high()
        await heard.until(lambda: len(heard.moves) == 6)
        assert heard.moves[:3] == [("foot.middle", "capture"), ("foot.left", "retake"), ("foot.right", "mark")]
        assert {move for _, move in heard.moves[3:]} == {"up"}
        assert pedal.fault == ""

    table = {"driver": "gpio", "switch": switches}
    await listening(pedal_from(table, pins=pins), {name: one.get("wish", CAPTURE) for name, one in switches.items()}, use)


async def test_a_usb_pedal_is_pressed_unplugged_and_plugged_in_again(tmp_path: Path) -> None:
    """The wire is a FIFO: the kernel's bytes in, end of file when the cable is pulled."""
    fifo = tmp_path / "event-kbd"

    async def use(pedal: FootPedal, heard: Heard) -> None:
        for _ in range(2):
            await heard.until(lambda: "not connected" in pedal.fault)
            os.mkfifo(fifo)
            wire = await asyncio.to_thread(fifo.open, "wb", buffering=0)
            await heard.until(lambda: pedal.fault == "")
            heard.moves.clear()
            wire.write(key(48, 1) + 2 * key(48, 2) + key(99, 1) + key(99, 0))
            await heard.until(lambda: heard.moves == [("foot.middle", "capture")])
            wire.write(key(30, 1))  # two switches at once: each is told, the station decides
            await heard.until(lambda: len(heard.moves) == 2)
            wire.write(key(48, 0))
            await heard.until(lambda: heard.moves[2:] == [("foot.middle", "up")])
            fifo.unlink()
            wire.close()  # pulled while a foot is down
            await heard.until(lambda: heard.moves[3:] == [("foot.left", "up")])

    await listening(
        EvdevPedal(str(fifo), {"middle": 48, "left": 30}, wide=True, again_s=0.02), {"middle": "capture", "left": "retake"}, use
    )


async def test_a_usb_pedal_whose_events_were_dropped_is_taken_as_up(tmp_path: Path) -> None:
    """A FIFO cannot tell which keys are down, as a device could: then none is."""
    fifo = tmp_path / "event-kbd"
    os.mkfifo(fifo)

    async def use(pedal: FootPedal, heard: Heard) -> None:
        with await asyncio.to_thread(fifo.open, "wb", buffering=0) as wire:
            await heard.until(lambda: pedal.fault == "")
            wire.write(key(48, 1) + event(0, 3, 0) + event(1, 48, 0) + event(0, 0, 0))
            await heard.until(lambda: heard.moves == [("foot.only", "capture"), ("foot.only", "up")])

    await listening(EvdevPedal(str(fifo), {"only": 48}, wide=True, again_s=0.02), {"only": "capture"}, use)


async def test_a_usb_pedal_that_is_not_there_says_so(tmp_path: Path) -> None:
    async def use(pedal: FootPedal, heard: Heard) -> None:
        await heard.until(lambda: "not connected" in pedal.fault)

    await listening(EvdevPedal("usb-None", {"only": 48}, again_s=0.02, dev=tmp_path), {"only": "capture"}, use)


async def test_a_serial_pedal_sends_bytes_and_survives_its_cable() -> None:
    master, slave = os.openpty()
    tty.setraw(master)
    path = os.ttyname(slave)
    switches = {"left": SerialSwitch(b"L1", b"L0"), "tap": SerialSwitch(b"T")}

    async def use(pedal: FootPedal, heard: Heard) -> None:
        await heard.until(lambda: pedal.fault == "")
        os.write(master, b"noiseL")
        os.write(master, b"1")
        await heard.until(lambda: heard.moves == [("foot.left", "capture")])
        os.write(master, b"L0T")
        await heard.until(lambda: len(heard.moves) == 4)
        assert sorted(heard.moves[1:]) == [("foot.left", "up"), ("foot.tap", "mark"), ("foot.tap", "up")]
        os.write(master, b"L1")
        await heard.until(lambda: heard.moves[4:] == [("foot.left", "capture")])
        os.close(master)
        await heard.until(lambda: heard.moves[5:] == [("foot.left", "up")])
        await heard.until(lambda: "cannot be used" in pedal.fault)

    try:
        await listening(SerialPedal(path, switches, again_s=0.02), {"left": "capture", "tap": "mark"}, use)
    finally:
        os.close(slave)


def test_words_of_a_serial_pedal_are_found_in_noise() -> None:
    decoder = WordDecoder({"a": SerialSwitch(b"\x01\x02", b"\x01\x03"), "b": SerialSwitch(b"\xff")})
    assert decoder.feed(b"\x00\x01") == []
    assert decoder.feed(b"\x02\x01\x03\x01\xff") == [("a", True), ("a", False), ("b", True), ("b", False)]


@pytest.mark.parametrize(
    ("driver", "table", "words"),
    [
        ("gpio", {}, "no switch"),
        ("evdev", {"switch": {"a": {"key": "KEY_NO"}}}, "no key of that name"),
        ("evdev", {"switch": {"a": {"key": "KEY_B"}, "b": {"key": "48"}}}, "the switch a has this key"),
        ("serial", {"switch": {"a": {}}}, "either `down`"),
        ("serial", {"switch": {"a": {"down": "41", "line": "cts"}}}, "either `down`"),
        ("serial", {"switch": {"a": {"down": "4"}}}, "bytes in hex"),
        ("serial", {"switch": {"a": {"down": "41"}, "b": {"down": "4142"}}}, "cannot be told from a down"),
        ("serial", {"switch": {"a": {"line": "cts"}, "b": {"line": "cts"}}}, "has this line already"),
    ],
)
def test_a_table_that_cannot_work_says_why(driver: str, table: dict[str, Any], words: str) -> None:
    judge = PEDALS[driver].mistakes
    assert judge is not None
    assert words in "; ".join(mistake for _, mistake in judge(table))


def test_the_two_plain_pins_are_pedals_of_one_switch() -> None:
    made = pedals_of({"pedal_pin": 23, "retake_pin": 24, "pedal": {"foot": {"driver": "evdev"}}})
    assert sorted(made) == ["foot", "pedal", "retake-pedal"]
    assert made["retake-pedal"]["switch"][""] == {"pin": 24, "wish": "retake"}
    with pytest.raises(ScannerLineError, match="unknown pedal driver"):
        pedal_from({"driver": "mouth"})
