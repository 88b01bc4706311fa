"""Everything that goes onto a microcontroller compiles under the real MicroPython, the adapter for the RP2040 included."""

import subprocess
from pathlib import Path

import pytest

from sensors.sim.node_process import interpreter

ROOT = Path(__file__).parent.parent.parent
FILES = sorted(path.relative_to(ROOT) for folder in ("firmware", "wire", "sensors/chips") for path in (ROOT / folder).glob("*.py"))


@pytest.mark.parametrize("file", [*FILES, Path("sensors/errors.py")], ids=str)
def test_compiles(file: Path) -> None:
    done = subprocess.run([*interpreter(), "-X", "compile-only", str(ROOT / file)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
