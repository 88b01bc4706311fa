"""The sensor node under the real MicroPython, on a serial wire that is pulled, damaged and put back."""

import asyncio
import os
import signal
import subprocess
import sys
import tty
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from sensors.drivers.node import NodeClock
from sensors.readings import Reading, Sensor, now
from sensors.registry import build_sensor
from sensors.sim.node_process import interpreter
from sensors.sim.room import SimRoom
from sensors.sim.world import RoomWorld
from sensors.transports.wires import DeviceWires
from tests.sensors.waiting import until, wait_until
from wire.frames import FrameReader, encode_frame

PERIOD_MS = 100
LATE_MS = 60  # how much later than its period a sample may be taken on a busy machine
COMMANDS = {"micropython": interpreter(), "cpython": [sys.executable]}


def room_in(folder: Path, **settings: Any) -> SimRoom:
    settings.setdefault("node_period_ms", PERIOD_MS)
    return SimRoom(folder, world=RoomWorld(people=False), **settings)


class Listener:
    """Reads a node all the time, as the agent does, and keeps what it gave."""

    def __init__(self, sensor: Sensor) -> None:
        self.readings: list[Reading] = []
        self._sensor = sensor
        self._task = asyncio.create_task(self._run(), name="listener")

    async def _run(self) -> None:
        while True:
            self.readings += await self._sensor.read()

    @property
    def temperatures(self) -> list[Reading]:
        return [reading for reading in self.readings if reading.quantity == "temperature"]

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._sensor.close()


def steps(readings: list[Reading]) -> list[int]:
    """Milliseconds between one measurement and the next."""
    times = [reading.m_ms for reading in readings]
    return [after - before for before, after in pairwise(times)]


def assert_whole(readings: list[Reading]) -> None:
    """Every sample of the node's steady pace is there, once and in order: no step is near zero or near two periods' length.

    Under load single samples come late; then the next ones come sooner, on the same grid.
    """
    assert len(readings) > 5
    assert all(step > 0 for step in steps(readings)), steps(readings)
    span_ms = readings[-1].m_ms - readings[0].m_ms
    missed = span_ms / PERIOD_MS - (len(readings) - 1)
    assert abs(missed) <= max(2, 0.1 * len(readings)), f"{missed:.1f} samples of {len(readings)} missed: {steps(readings)}"


@pytest.mark.parametrize("runs_under", COMMANDS)
async def test_samples_come_in_order_with_their_own_time(tmp_path: Path, runs_under: str) -> None:
    async with room_in(tmp_path, node_command=COMMANDS[runs_under]) as room:
        sensor = build_sensor("node", "climate", {}, wires=room)
        listener = Listener(sensor)
        await until(lambda: len(listener.temperatures) >= 20)
        assert_whole(listener.temperatures[:20])
        for reading in listener.readings:
            assert reading.quality == "good"
            assert abs((reading.t_ms - reading.m_ms) - (now().t_ms - now().m_ms)) <= 5
        assert all(15 < (reading.value or 0) < 22 for reading in listener.temperatures)
        assert all(45 < (reading.value or 0) < 55 for reading in listener.readings if reading.quantity == "relative_humidity")
        assert sensor.channels[0].serial == "10000000"
        await listener.close()


async def test_a_cable_pulled_for_seconds_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    async with room_in(tmp_path) as room:
        listener = Listener(build_sensor("node", "climate", {"silent_s": 60.0}, wires=room))
        await until(lambda: len(listener.temperatures) >= 10)
        for _ in range(2):
            room.set_fault("climate", "cable")
            pulled = now()
            await asyncio.sleep(2.5)  # the outage under test
            before = len(listener.temperatures)
            room.set_fault("climate", "cable", on=False)
            back = now()
            await until(lambda back=back: listener.temperatures[-1].m_ms > back.m_ms + 500)  # type: ignore[misc]
            meanwhile = [reading for reading in listener.temperatures[before:] if pulled.m_ms < reading.m_ms < back.m_ms]
            assert len(meanwhile) >= 20, "what was measured during the outage came afterwards, with its own time"
        assert all(reading.quality == "good" for reading in listener.readings)
        assert_whole(listener.temperatures)
        await listener.close()


async def test_a_ring_that_is_too_small_drops_the_oldest_and_says_how_many(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with room_in(tmp_path, node_ring=8) as room:
        sensor: Any = build_sensor("node", "climate", {"silent_s": 60.0}, wires=room)
        listener = Listener(sensor)
        await until(lambda: len(listener.temperatures) >= 5)
        room.set_fault("climate", "cable")
        await asyncio.sleep(2.0)  # the outage under test: 20 samples, 8 places
        room.set_fault("climate", "cable", on=False)
        back = now()
        await until(lambda: listener.temperatures[-1].m_ms > back.m_ms + 500)
        times = steps(listener.temperatures)
        assert sensor.lost >= 5
        assert len([step for step in times if step > 5 * PERIOD_MS]) == 1, "one gap, where the oldest were dropped"
        assert min(times) > 0
        said = [record.message for record in caplog.records if "dropped" in record.message]
        assert said == [f"climate: the node dropped {sensor.lost} samples that found no room in its ring"]
        await listener.close()


async def test_noise_on_the_wire_delays_samples_and_loses_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with room_in(tmp_path) as room:
        sensor: Any = build_sensor("node", "climate", {"silent_s": 60.0}, wires=room)
        listener = Listener(sensor)
        await until(lambda: len(listener.temperatures) >= 5)
        for fault in ("noise", "half"):
            room.set_fault("climate", fault)
            await asyncio.sleep(1.0)  # some damaged frames
            room.set_fault("climate", fault, on=False)
            clear = now()
            await until(lambda clear=clear: listener.temperatures[-1].m_ms > clear.m_ms + 300)  # type: ignore[misc]
        assert all(reading.quality == "good" for reading in listener.readings)
        assert_whole(listener.temperatures)
        assert sensor.damaged > 1
        assert len([record for record in caplog.records if "damaged frames" in record.message]) == 1
        await listener.close()


@pytest.mark.parametrize(("fault", "why"), [("crc", "wrong CRC from the chip"), ("unplugged", "the chip does not answer")])
async def test_a_failing_chip_gives_bad_readings_without_a_value_and_comes_back(tmp_path: Path, fault: str, why: str) -> None:
    async with room_in(tmp_path) as room:
        listener = Listener(build_sensor("node", "climate", {}, wires=room))
        await until(lambda: len(listener.temperatures) >= 3)
        room.set_fault("climate", fault)
        await until(lambda: listener.temperatures[-1].quality == "bad")
        bad_from = len(listener.readings)
        await until(lambda: len(listener.readings) > bad_from + 6)
        room.set_fault("climate", fault, on=False)
        await until(lambda: listener.temperatures[-1].quality == "good")
        bad = [reading for reading in listener.readings if reading.quality == "bad"]
        assert len(bad) >= 6
        assert {(reading.value, reading.why) for reading in bad} == {(None, why)}
        assert {reading.quantity for reading in bad} == {"temperature", "relative_humidity"}
        changes = [
            a.quality + ">" + b.quality
            for a, b in zip(listener.temperatures, listener.temperatures[1:], strict=False)
            if a.quality != b.quality
        ]
        assert changes == ["good>bad", "bad>good"]
        assert_whole(listener.temperatures)
        await listener.close()


async def test_a_node_killed_and_started_again_goes_on_with_a_new_boot(tmp_path: Path) -> None:
    async with room_in(tmp_path) as room:
        listener = Listener(build_sensor("node", "climate", {"silent_s": 60.0}, wires=room))
        await until(lambda: len(listener.temperatures) >= 5)
        first = room.nodes["climate"].pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        killed = now()
        await until(lambda: listener.temperatures[-1].m_ms > killed.m_ms + 500)
        assert room.nodes["climate"].pid != first
        assert all(step > 0 for step in steps(listener.temperatures))
        assert all(reading.m_ms <= now().m_ms for reading in listener.readings)
        await listener.close()


async def test_a_silent_node_is_missing_not_guessed(tmp_path: Path) -> None:
    async with room_in(tmp_path) as room:
        sensor = build_sensor("node", "climate", {"silent_s": 1.0}, wires=room)
        assert (await sensor.read())[0].value is not None
        room.set_fault("climate", "cable")
        readings: list[Reading] = []
        while not readings or readings[0].quality == "good":
            readings = await sensor.read()
        assert [(reading.value, reading.quality) for reading in readings] == [(None, "bad")] * 2
        assert "climate.tty" in readings[0].why
        await sensor.close()


async def test_an_agent_that_is_busy_for_a_while_still_gets_true_times(tmp_path: Path) -> None:
    async with room_in(tmp_path) as room:
        sensor = build_sensor("node", "climate", {}, wires=room)
        readings: list[Reading] = []
        while len(readings) < 10:
            readings += await sensor.read()
        await asyncio.sleep(1.5)  # nobody reads: frames wait in the port's buffer
        end = now()
        while readings[-1].m_ms < end.m_ms:
            readings += await sensor.read()
        assert_whole([reading for reading in readings if reading.quantity == "temperature"])
        await sensor.close()


def test_the_fastest_frame_sets_the_clock() -> None:
    clock = NodeClock()
    clock.heard(1000, 51_400)
    assert clock.m_ms(900) == 51_300
    clock.heard(2000, 52_010)
    assert clock.m_ms(1900) == 51_910
    clock.heard(3000, 58_000)
    assert abs(clock.m_ms(2900) - 52_910) <= 5, "one that waited five seconds changes little"


ROOM = """
import asyncio, sys
from pathlib import Path
from sensors.sim.room import SimRoom
from sensors.sim.world import RoomWorld
from sensors.registry import build_sensor

async def main():
    async with SimRoom(Path(sys.argv[1]), world=RoomWorld(), node_period_ms=100) as room:
        build_sensor("node", "climate", {}, wires=room)
        print(room.nodes["climate"].pid, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_node_ends_when_its_room_is_gone(tmp_path: Path, how: signal.Signals) -> None:
    room = subprocess.Popen([sys.executable, "-c", ROOM, str(tmp_path)], stdout=subprocess.PIPE)
    assert room.stdout is not None
    with room.stdout as lines:
        node = psutil.Process(int(lines.readline()))
        wait_until(lambda: "firmware.node" in node.cmdline())  # empty for a moment, while the interpreter is being started
        wait_until(lambda: node.cpu_times().user > 0)
        room.send_signal(how)
        room.wait(10)
        wait_until(lambda: not node.is_running() or node.status() == psutil.STATUS_ZOMBIE)


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """(our end, path of the other end) of a serial wire on which a test plays the node."""
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    yield master, Path(os.ttyname(slave))
    os.close(slave)
    os.close(master)


async def test_nonsense_on_the_wire_is_passed_over_and_good_samples_beside_it_are_taken(wire: tuple[int, Path]) -> None:
    master, path = wire
    sensor = build_sensor("node", "climate", {"port": str(path), "silent_s": 20.0}, wires=DeviceWires())
    listener = Listener(sensor)
    heard: list[dict[str, Any]] = []
    frames = FrameReader()

    def listen() -> list[dict[str, Any]]:
        try:
            heard.extend(frames.feed(os.read(master, 4096)))
        except BlockingIOError:
            pass
        return heard

    await until(listen)
    session = heard[0]["session"]
    sample = {"k": "sample", "seq": 7, "oldest": 7, "age": 100, "up": 5000, "t": 0x6666, "h": 0x8000}
    nonsense = [
        sample,  # before the hello
        {"k": "hello", "session": "another", "boot": "b1", "up": 4900},
        {"k": "hello", "session": session, "boot": 5, "up": 4900},
        {"k": "hello", "session": session, "boot": "b1", "up": 4900, "node": "n" * 500, "version": ["x"]},
        {**sample, "seq": "7"},
        {**sample, "age": -1},
        {**sample, "up": True},
        {**sample, "up": 10**400},
        {**sample, "age": 10**15},
        {**sample, "age": 5001},
        {"k": "hello", "session": session, "boot": "b2", "up": 10**400},
        {"k": "sample"},
        {"k": []},
    ]
    for message in nonsense:
        os.write(master, encode_frame(message) + b"\x00garbage\n")
    os.write(master, b"x" * 3000 + b"\n" + encode_frame(sample) + encode_frame(sample))
    os.write(master, encode_frame({**sample, "seq": 8, "t": 70000}) + encode_frame({**sample, "seq": 9, "t": 0x6666, "h": 0}))
    await until(lambda: len(listener.readings) >= 6)
    values = [(reading.value, reading.quality) for reading in listener.readings]
    assert values[:2] == [(25.0, "good"), (56.5, "good")]
    assert values[2:4] == [(None, "bad"), (None, "bad")]
    assert values[4:] == [(25.0, "good"), (0.0, "suspect")]
    assert listener.readings[5].why == "the chip gave -6.0 %, cropped"
    await until(lambda: {"k": "ack", "boot": "b1", "seq": 9} in listen())
    await listener.close()
