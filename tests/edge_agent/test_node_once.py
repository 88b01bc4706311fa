"""A sensor node that outlives its agent's core: what a killed core had journalled and not acknowledged is not journalled again."""

import asyncio
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sensors.sim.cable import CHUNK_BYTES, Pty
from sensors.sim.chips import SimI2cBus, SimSht4x
from sensors.sim.node_process import NodeProcess
from tests.edge_agent.running import RunningAgent
from wire.frames import FrameReader, encode_frame

PERIOD_MS = 1000  # the agent reports each second: every sample becomes a record
NODE = """
[sensor.climate]
driver = "node"
port = "{port}"
silent_s = 20
"""


class Line:
    """A serial line of the test's own between agent and node; while `deaf`, the agent's acknowledgements are lost on it."""

    def __init__(self, path: Path, node: Path) -> None:
        """path: the agent's end; node: the node's own line, opened here."""
        self.deaf = True
        self._from_agent = FrameReader()
        self._node = os.open(node, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self._pty = Pty(path, self._agent_said)
        asyncio.get_running_loop().add_reader(self._node, lambda: self._pty.send(os.read(self._node, CHUNK_BYTES)))

    def _agent_said(self, data: bytes) -> None:
        for message in self._from_agent.feed(data):
            if not (self.deaf and message.get("k") == "ack"):
                os.write(self._node, encode_frame(message))

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._node)
        self._pty.close()
        os.close(self._node)


def journalled(agent: RunningAgent) -> int:
    """How many records of the lane `readings` are on the agent's disk."""
    status: dict[str, Any] = agent.ask("status") or {}
    return int(status["facts"]["lanes"]["readings"]["last"])


def times_by_channel(agent: RunningAgent) -> list[list[int]]:
    """When the samples of each channel were measured, in the order of the journal, in ms since the boot."""
    found = [r for r in agent.records()["readings"] if r["k"] == "reading" and r["v"] is not None]
    return [[r["m"] for r in found if r["i"] == number] for number in sorted({r["i"] for r in found})]


@pytest.mark.timeout(240)
async def test_samples_that_a_killed_core_could_not_acknowledge_are_journalled_once(tmp_path: Path) -> None:
    bus = SimI2cBus()
    bus.chips[0x44] = SimSht4x(lambda: (18.0, 50.0), serial=7)
    node = NodeProcess("climate", folder=tmp_path, bus=bus, period_ms=PERIOD_MS)
    node.start()
    line = Line(tmp_path / "agent-tty", node.path)
    agent = RunningAgent(tmp_path, NODE.format(port=tmp_path / "agent-tty"))
    try:
        await asyncio.to_thread(agent.start)
        await asyncio.to_thread(agent.until, lambda: journalled(agent) >= 12, "samples are journalled, and none acknowledged", timeout_s=90)
        agent.kill()
        line.deaf = False
        await asyncio.to_thread(agent.start)
        before = await asyncio.to_thread(journalled, agent)
        await asyncio.to_thread(agent.until, lambda: journalled(agent) >= before + 12, "the node goes on with the new core", timeout_s=90)
        agent.kill()  # once more, with what it heard acknowledged
        await asyncio.to_thread(agent.start)
        before = await asyncio.to_thread(journalled, agent)
        await asyncio.to_thread(agent.until, lambda: journalled(agent) >= before + 6, "and with the next", timeout_s=90)
        assert await asyncio.to_thread(agent.stop) == 0
        first_pid = node.pid
        assert first_pid is not None
        channels = await asyncio.to_thread(times_by_channel, agent)
        assert len(channels) == 2
        for times in channels:
            steps = [later - earlier for earlier, later in pairwise(times)]
            assert min(steps) > PERIOD_MS / 2, f"a sample is there twice: {steps}"
        assert "dropped" not in agent.log.read_text(), "what was acknowledged to the core before is not reported as lost"
    finally:
        await asyncio.to_thread(agent.__exit__)
        line.close()
        node.close()
