"""The sample messages, under CPython and under the real MicroPython."""

import json
import os
import subprocess
from pathlib import Path

from sensors.sim.node_process import interpreter
from tests.wire.check_samples import check

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent.parent


def test_the_samples_agree_under_cpython() -> None:
    samples = json.loads((FOLDER / "samples.json").read_text(encoding="utf-8"))
    kinds = {sample["record"]["k"] for sample in samples["records"]}
    from wire.records import SCHEMA

    assert kinds == set(SCHEMA), "every kind of record has a sample"
    assert check(samples) > 30


def test_the_samples_agree_under_micropython() -> None:
    (command,) = interpreter()
    assert command.endswith("micropython"), "this test wants the real interpreter"
    environment = {**os.environ, "MICROPYPATH": f"{ROOT}:.frozen"}
    arguments = [command, str(FOLDER / "check_samples.py"), str(FOLDER / "samples.json")]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "samples agree" in done.stdout
