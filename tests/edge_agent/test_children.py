"""Child processes end with their core, also one whose core died before it first looked."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.edge_agent.running import HEAD
from tests.ports import free_port

TABLES = """
[camera.lost]
driver = "stream"
url = "http://127.0.0.1:9/none"

[bench.desk]
transport = "sim"
screen = "127.0.0.1:{screen}"

[bench.desk.camera.overhead]
transport = "sim"
"""
CHILDREN = {"recorder": ["edge_agent.recorder"], "station": ["edge_agent.station", "--bench", "desk"]}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "agent.toml"
    path.write_text(HEAD.format(data=tmp_path / "data") + TABLES.format(screen=free_port()))
    (tmp_path / "data").mkdir()
    return path


@pytest.mark.parametrize("child", CHILDREN)
def test_a_child_whose_core_is_gone_before_it_looks_ends_at_once_and_touches_nothing(child: str, config: Path) -> None:
    core = subprocess.Popen([sys.executable, "-c", ""])
    core.wait(20)
    command = [sys.executable, "-m", *CHILDREN[child], "--config", str(config), "--core", str(core.pid)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, "is gone" in done.stderr) == (0, True), done.stderr
    assert not list((config.parent / "data").iterdir())


def test_children_just_started_end_when_their_core_is_killed(config: Path) -> None:
    core = psutil.Popen([sys.executable, "-m", "edge_agent.cli", "run", "--config", str(config)], stderr=subprocess.DEVNULL)
    children: list[psutil.Process] = []
    try:
        deadline = time.monotonic() + 30
        while len(children) < len(CHILDREN) and time.monotonic() < deadline:
            children = core.children()
            time.sleep(0.002)  # they are seen within their first milliseconds
    finally:
        os.kill(core.pid, signal.SIGKILL)
        core.wait(10)
    assert len(children) == len(CHILDREN)
    _, left = psutil.wait_procs(children, timeout=20)
    assert not left
