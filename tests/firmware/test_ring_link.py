"""The node's ring and link, under CPython and under the real MicroPython."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sensors.sim.node_process import interpreter
from tests.firmware.check_ring_link import CHECKS, SCRATCH

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: str(check.__name__))
def test_under_cpython(check: Callable[[], None], tmp_path: Path) -> None:
    SCRATCH[0] = str(tmp_path)
    check()


def test_under_micropython(tmp_path: Path) -> None:
    (command,) = interpreter()
    assert command.endswith("micropython"), "this test wants the real interpreter"
    environment = {**os.environ, "MICROPYPATH": f"{ROOT}:.frozen"}
    arguments = [command, str(ROOT / "tests/firmware/check_ring_link.py"), str(tmp_path)]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{len(CHECKS)} checks passed" in done.stdout
