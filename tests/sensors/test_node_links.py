"""Sensor nodes under the real MicroPython on a shared line and on a real broker, through pulled lines, killed nodes and outages."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from central.enrol import node_user, password_line, rights
from deploy.broker import find_mosquitto
from sensors.drivers.node import NodeSensor
from sensors.readings import Reading, now
from sensors.registry import build_sensor
from sensors.sim.cable import SharedLine
from sensors.sim.chips import SimI2cBus, SimSht4x
from sensors.sim.node_process import NodeProcess
from sensors.transports.node_broker import NodeBroker
from sensors.transports.wires import DeviceWires
from tests.ports import free_port, wait_for_port
from tests.sensors.test_node import PERIOD_MS, Listener, assert_whole
from tests.sensors.waiting import until

SITE, AGENT = "demo", "room-101"


def powered(folder: Path, name: str, settings: dict[str, Any], *, temp_c: float = 18.0, cable: SharedLine | None = None) -> NodeProcess:
    """A running node with an SHT4x, a ring in flash and these settings."""
    file = folder / f"{name}.json"
    file.write_text(json.dumps({"name": name, "period_ms": PERIOD_MS, **settings}))
    bus = SimI2cBus()
    bus.chips[0x44] = SimSht4x(lambda: (temp_c, 50.0), serial=7)
    arguments = ["--settings", str(file), "--folder", str(folder / f"{name}.flash")]
    node = NodeProcess(name, folder=folder, bus=bus, period_ms=PERIOD_MS, ring=600, arguments=arguments, cable=cable)
    node.start()
    return node


def temperatures(listener: Listener) -> list[float | None]:
    return [None if reading.value is None else round(reading.value, 1) for reading in listener.temperatures]


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[tuple[SharedLine, list[NodeProcess], list[Any]]]:
    """A shared line with three nodes and the agent's three sensors on it."""
    names = ["a", "b", "c"]
    shared = SharedLine(tmp_path / "line", [tmp_path / f"{name}.node-tty" for name in names])
    nodes = [
        powered(tmp_path, name, {"link": "rs485", "address": number, "spill_samples": 8}, temp_c=10.0 * number, cable=shared)
        for number, name in enumerate(names, 1)
    ]
    wires = DeviceWires()
    options = {"port": str(tmp_path / "line"), "silent_s": 30.0}
    sensors = [build_sensor("node", name, {**options, "address": number}, wires=wires) for number, name in enumerate(names, 1)]
    yield shared, nodes, sensors
    for node in nodes:
        node.close()
    await wires.close()


def overlaps(shared: SharedLine) -> list[tuple[int, int]]:
    """Where a node spoke in another's turn: between the agent's poll of one and that one's end only that one may speak."""
    found = []
    turn = 0
    for end, data in shared.spoken:
        if end == 0:
            for part in data.split(b"\n"):
                if b'"k":"poll"' in part:
                    turn = int(part.partition(b'"a":')[2].partition(b",")[0])
        elif end != turn:
            found.append((turn, end))
    return found


async def test_three_nodes_share_a_line_and_none_speaks_out_of_turn(line: Any) -> None:
    shared, nodes, sensors = line
    listeners = [Listener(sensor) for sensor in sensors]
    await until(lambda: all(len(listener.temperatures) >= 20 for listener in listeners))
    shared.pull()
    await asyncio.sleep(1.5)  # the outage under test
    shared.plug()
    back = now()
    await until(lambda: all(listener.temperatures[-1].m_ms > back.m_ms + 500 for listener in listeners), timeout_s=20)
    for number, listener in enumerate(listeners, 1):
        assert set(temperatures(listener)) == {10.0 * number}
        assert_whole(listener.temperatures)
    assert overlaps(shared) == []
    assert not nodes[1].flashes
    assert sensors[1].identify(1.0)
    await until(lambda: nodes[1].flashes >= 2)
    assert (nodes[0].flashes, nodes[2].flashes) == (0, 0)
    for listener in listeners:
        await listener.close()


async def test_a_dead_node_on_a_line_does_not_stop_the_others(line: Any) -> None:
    _, nodes, sensors = line
    listeners = [Listener(sensor) for sensor in sensors]
    await until(lambda: all(len(listener.temperatures) >= 5 for listener in listeners))
    pid = nodes[0].pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    stopped = now()
    await until(lambda: all(listener.temperatures[-1].m_ms > stopped.m_ms + 2000 for listener in listeners[1:]), timeout_s=20)
    os.kill(pid, signal.SIGCONT)
    await until(lambda: listeners[0].temperatures[-1].m_ms > stopped.m_ms + 3000, timeout_s=20)
    for listener in listeners[1:]:
        assert_whole(listener.temperatures)
    for listener in listeners:
        await listener.close()


class Broker:
    """Mosquitto with the rights that enrolment writes; it can be killed and started again on its port."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        user = node_user(AGENT, "wall")
        lines = [password_line(AGENT, "a-secret"), password_line(user, "n-secret"), password_line(node_user(AGENT, "other"), "o-secret")]
        (folder / "passwords").write_text("\n".join(lines) + "\n")
        (folder / "acl").write_text(rights(SITE, "central", [AGENT], [user, node_user(AGENT, "other")]))
        self._config = folder / "mosquitto.conf"
        words = ["allow_anonymous false", "user root", "set_tcp_nodelay true", f"listener {self.port} 127.0.0.1"]
        words += [f"password_file {folder / 'passwords'}", f"acl_file {folder / 'acl'}"]
        self._config.write_text("\n".join(words) + "\n")
        for name in ("passwords", "acl"):
            (folder / name).chmod(0o600)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = find_mosquitto()
        assert program, "Mosquitto is missing"
        self._process = subprocess.Popen([str(program), "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.port, process=self._process)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path)
    made.start()
    yield made
    made.kill()


def wifi(broker: Broker, **more: Any) -> dict[str, Any]:
    return {"link": "mqtt", "site": SITE, "agent": AGENT, "host": "127.0.0.1", "port": broker.port, "password": "n-secret", **more}


@contextlib.asynccontextmanager
async def agent_of(broker: Broker, *, taken: str = "") -> AsyncIterator[tuple[Listener, NodeSensor]]:
    """The agent's side of one Wi-Fi node."""
    nodes = NodeBroker(host="127.0.0.1", port=broker.port, site=SITE, agent=AGENT, password=lambda: "a-secret")
    wires = DeviceWires(nodes=nodes)
    sensor: Any = build_sensor("node", "wall", {"link": "mqtt", "silent_s": 60.0}, wires=wires, taken=taken)
    listener = Listener(sensor)
    try:
        yield listener, sensor
    finally:
        await listener.close()
        await wires.close()


async def test_a_wifi_node_loses_nothing_while_the_broker_is_down(tmp_path: Path, broker: Broker) -> None:
    node = powered(tmp_path, "wall", wifi(broker, keepalive_s=5, spill_samples=8))
    try:
        async with agent_of(broker) as (listener, sensor):
            await until(lambda: len(listener.temperatures) >= 10, timeout_s=20)
            broker.kill()
            await asyncio.sleep(2.0)  # the outage under test
            broker.start()
            back = now()
            await until(lambda: listener.temperatures[-1].m_ms > back.m_ms + 500, timeout_s=40)
            assert_whole(listener.temperatures)
            assert sensor.lost == 0
            assert set(temperatures(listener)) == {18.0}
            assert sensor.identify(1.0)
            await until(lambda: node.flashes >= 2)
    finally:
        node.close()


async def test_a_wifi_node_killed_in_an_outage_keeps_what_was_in_flash_with_its_time(tmp_path: Path, broker: Broker) -> None:
    node = powered(tmp_path, "wall", wifi(broker, keepalive_s=5, spill_samples=8))
    try:
        async with agent_of(broker) as (listener, sensor):
            await until(lambda: len(listener.temperatures) >= 5, timeout_s=20)
            broker.kill()
            await until(lambda: len(list((tmp_path / "wall.flash").glob("*.seg"))) > 0, timeout_s=20)
            await asyncio.sleep(1.5)  # more of the outage under test
            pid = node.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            killed = now()
            broker.start()
            await until(lambda: listener.temperatures[-1].m_ms > killed.m_ms + 1500, timeout_s=40)
            times = [reading.m_ms for reading in listener.temperatures]
            assert times == sorted(set(times)), "in order and once"
            before = [reading for reading in listener.temperatures if reading.m_ms < killed.m_ms]
            assert killed.m_ms - before[-1].m_ms <= 8 * PERIOD_MS + 400, "at most one block of the ring in RAM is lost"
            assert_whole(before)
            assert sensor.boots == 2
            assert all(reading.quality == "good" for reading in listener.readings)
    finally:
        node.close()


async def test_a_node_may_only_write_its_own_topic(tmp_path: Path, broker: Broker) -> None:
    """A node with another node's password is refused at its topics, and nothing of it arrives."""
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    node = powered(tmp_path, "wall", wifi(broker))
    intruder = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="intruder")
    intruder.username_pw_set(node_user(AGENT, "other"), "o-secret")
    intruder.connect("127.0.0.1", broker.port)
    intruder.loop_start()
    heard: list[bytes] = []
    intruder.on_message = lambda _c, _d, message: heard.append(message.payload)
    intruder.subscribe(f"muniment/1/{SITE}/{AGENT}/node/#", 1)
    try:
        async with agent_of(broker) as (listener, sensor):
            await until(lambda: len(listener.temperatures) >= 3, timeout_s=20)
            intruder.publish(f"muniment/1/{SITE}/{AGENT}/node/wall", b"noise\n", qos=1).wait_for_publish(5)
            count = len(listener.temperatures)
            await until(lambda: len(listener.temperatures) >= count + 5, timeout_s=20)
            assert sensor.damaged == 0
            assert heard == []
    finally:
        await asyncio.to_thread(intruder.loop_stop)
        node.close()


async def test_samples_of_an_earlier_start_without_a_clock_are_marked(tmp_path: Path, broker: Broker) -> None:
    node = powered(tmp_path, "wall", wifi(broker, spill_samples=4))  # nobody greets it: it never hears what time it is
    try:
        await until(lambda: len(list((tmp_path / "wall.flash").glob("*.seg"))) > 0, timeout_s=20)
        pid = node.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await until(lambda: node.pid not in (None, pid), timeout_s=20)
        async with agent_of(broker) as (listener, _):
            await until(lambda: any(reading.quality == "good" for reading in listener.temperatures), timeout_s=20)
            unsure: list[Reading] = [reading for reading in listener.temperatures if reading.quality == "suspect"]
            assert len(unsure) >= 4
            assert {reading.why for reading in unsure} == {"measured before the node's restart, at this time or earlier"}
            assert all(abs((reading.value or 0) - 18.0) < 0.05 for reading in unsure)
    finally:
        node.close()
