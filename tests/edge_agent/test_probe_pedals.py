"""An installer tries the pedals of a bench: each switch is asked for, and whatever comes is told."""

import contextlib
import os
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.bench_tables import ScanLineTables
from edge_agent.config import Config, load_config
from edge_agent.probe import main as probe
from edge_agent.probe_pedals import main
from tests.scanner_line.test_pedals import key

CONFIG = """[agent]
name = "bench-1"
site = "s"
data = "{data}"
[bench.b]
[bench.b.camera.page]
driver = "picamera2"
transport = "sim"
serial = "P-1"
[bench.b.pedal.foot]
driver = "evdev"
device = "{device}"
switch.left = {{ key = "KEY_A", wish = "retake" }}
switch.right = {{ key = "KEY_B" }}
[bench.b.pedal.hand]
driver = "serial"
port = "{port}"
switch.only = {{ down = "41", wish = "mark" }}
"""


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Config]:
    os.mkfifo(tmp_path / "event-kbd")
    master, slave = os.openpty()
    tty.setraw(master)
    text = CONFIG.format(data=tmp_path / "data", device=tmp_path / "event-kbd", port=os.ttyname(slave))
    (tmp_path / "agent.toml").write_text(text)

    yield load_config(tmp_path / "agent.toml", benches=ScanLineTables())
    os.close(master)
    os.close(slave)


def test_each_switch_is_asked_for_and_what_comes_is_told(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    ended = threading.Event()

    def press() -> None:
        with Path(config.benches["b"].pedals["foot"]["device"]).open("wb", buffering=0) as wire:  # returns when the pedal is opened
            while not ended.wait(0.15):
                with contextlib.suppress(BrokenPipeError):  # the pedal was closed: the probe is done
                    wire.write(key(46, 1) + key(46, 0) + key(48, 1) + key(48, 0))

    foot = threading.Thread(target=press, daemon=True)
    foot.start()
    assert main(config, within_s=1.0) == 1
    ended.set()
    foot.join(10)
    told = capsys.readouterr().out
    assert "press b/foot.left (retake) within 1 s" in told
    assert "  foot.left: nothing came" in told
    assert "  foot.right came instead" in told
    assert "  foot.right: pressed" in told
    assert "  KEY_C (46) came, which is no switch of the configuration" in told
    assert "  hand.only: nothing came" in told


def test_the_probe_shows_pedals_and_cameras_with_what_they_are_known_by(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    assert probe(config, as_json=False) == 0
    told = capsys.readouterr().out
    camera, foot, hand = (line for line in told.splitlines() if line.startswith("b/"))
    assert "P-1" in camera
    assert "pedal evdev" in foot
    assert "found" in foot
    assert str(config.benches["b"].pedals["foot"]["device"]) in foot
    assert "pedal serial" in hand
    assert str(config.benches["b"].pedals["hand"]["port"]) in hand


def test_a_pedal_that_is_not_there_fails_the_probe(config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (tmp_path / "agent.toml").read_text().replace(str(tmp_path / "event-kbd"), "3553:b001")
    (tmp_path / "agent.toml").write_text(text)
    assert probe(load_config(tmp_path / "agent.toml", benches=ScanLineTables()), as_json=False) == 1
    assert "the pedal 3553:b001 is not connected" in capsys.readouterr().out
