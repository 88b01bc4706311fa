"""The folder for a board runs under the real MicroPython from that folder alone, with a shim for the board's own modules."""

import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deploy.firmware import BOARDS, BuildError, build, main
from firmware.chips import MAKERS
from sensors.sim.node_process import interpreter
from wire.frames import FrameReader, encode_frame

SHIM = Path(__file__).parent / "shim"
PERIOD_MS = 50
SETTINGS: dict[str, Any] = {"name": "wall", "period_ms": PERIOD_MS, "segments": 0}


def run(folder: Path, *words: str, **options: Any) -> "subprocess.Popen[str]":
    """MicroPython in a folder, which sees this folder and the shim only."""
    environment = {"PATH": os.environ["PATH"], "MICROPYPATH": f"{folder}:{SHIM}:.frozen"}
    return subprocess.Popen([*interpreter(), *words], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True, **options)


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("compiled", [False, True], ids=["source", "compiled"])
def test_every_file_imports_from_the_folder_alone(tmp_path: Path, board: str, compiled: bool) -> None:
    out = tmp_path / "node"
    chips = [{"chip": "sht4x"}, {"chip": "veml7700"}]
    build(board, {**SETTINGS, "chips": chips}, out, compiled=compiled)
    names = [path.relative_to(out).with_suffix("").as_posix().replace("/", ".") for path in out.rglob("*.*py") if path.stem != "main"]
    names = [name.removesuffix(".__init__") for name in names]
    assert "sensors.chips.veml7700" in names
    assert "sensors.chips.bme280" not in names, "only the chips that it carries"
    done = run(out, "-c", "\n".join(f"import {name}" for name in names) + "\nprint('all')", stdout=subprocess.PIPE)
    said, wrong = done.communicate(timeout=30)
    assert (done.returncode, said, wrong) == (0, "all\n", "")


@pytest.mark.parametrize("compiled", [False, True], ids=["source", "compiled"])
@pytest.mark.parametrize("board", BOARDS)
def test_main_measures_and_speaks_on_usb(tmp_path: Path, board: str, compiled: bool) -> None:
    out = tmp_path / "node"
    build(board, SETTINGS, out, compiled=compiled)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        node = run(out, "main.py", stdin=theirs.fileno(), stdout=theirs.fileno())
        try:
            ours.settimeout(10)
            ours.sendall(encode_frame({"k": "hello", "session": "s1", "t": 1_700_000_000_000}))
            frames, heard = FrameReader(), list[dict[str, Any]]()
            while len(heard) < 5:
                data = ours.recv(4096)
                assert data, node.communicate()[1]
                heard += frames.feed(data)
        finally:
            node.kill()
            node.communicate(timeout=10)
    assert heard[0]["k"] == "hello"
    assert (heard[0]["node"], heard[0]["chips"]) == ("wall", [["sht4x", "00000007", ["temperature", "relative_humidity"]]])
    assert {message["v"][0] for message in heard[1:]} == {25000}


def test_what_cannot_be_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["rp2", "--out", str(tmp_path / "node"), "--name", "wall"]
    for wrong in (
        ["--chips", "sht9x"],
        ["--chips", "sht4x,ds18b20"],
        ["--link", "mqtt"],
        ["--set", "period_ms=5"],
        ["--set", "pins.sda=99"],
        ["--set", "nonsense"],
    ):
        assert main([*arguments, *wrong]) == 2
    assert "unknown chip 'sht9x'" in capsys.readouterr().err
    (tmp_path / "photographs").mkdir()
    (tmp_path / "photographs/one.jpg").write_bytes(b"1")
    with pytest.raises(BuildError):
        build("rp2", SETTINGS, tmp_path / "photographs")
    assert (tmp_path / "photographs/one.jpg").exists()


def test_settings_reach_the_node(tmp_path: Path) -> None:
    out = tmp_path / "node"
    words = ["esp32", "--out", str(out), "--name", "wall", "--link", "rs485", "--set", "address=5", "--set", "pins.sda=21"]
    assert main([*words, "--chips", "sht3x:relative_humidity,ds18b20", "--set", "pins.onewire=4"]) == 0
    given = json.loads((out / "node.json").read_text())
    assert given == {
        "name": "wall",
        "link": "rs485",
        "address": 5,
        "pins": {"sda": 21, "onewire": 4},
        "chips": [{"chip": "sht3x", "give": ["relative_humidity"]}, {"chip": "ds18b20"}],
    }
    assert (out / "node.json").stat().st_mode & 0o077 == 0
    assert {"sht3x", "ds18b20"} <= set(MAKERS)
