"""Commissioning a transmitter: a breath tells whether its registers are the right way round, and the agent remembers."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.breath import RIGHT, STILL, SWAPPED, UNCLEAR, judged
from edge_agent.cli import main
from edge_agent.config import load_config
from edge_agent.probe_breath import main as breathe
from edge_agent.probe_scan import main as scan
from tests.edge_agent.running import RunningAgent

RACK = """
[sensor.rack]
driver = "modbus"
transport = "sim"
preset = "xy-md02"
timeout_ms = 100
"""
ALONE = '[agent]\nname = "room-101"\nsite = "demo"\ndata = "{data}"\n[sim]\npeople = false\n' + RACK


@pytest.mark.parametrize(
    ("since", "outcome"),
    [
        ([(20.1, 50.2), (20.8, 71.0)], RIGHT),
        ([(20.1, 50.2), (41.0, 51.5)], SWAPPED),
        ([(20.1, 50.2), (20.3, 51.0)], STILL),
        ([(26.0, 57.0)], UNCLEAR),
        ([], STILL),
    ],
)
def test_what_a_breath_shows(since: list[tuple[float, float]], outcome: str) -> None:
    assert judged([(20.0, 50.0)] * 3, since).outcome == outcome


pairs = st.lists(st.tuples(st.floats(-20, 60), st.floats(0, 100)), min_size=1, max_size=10)


@given(before=pairs, since=pairs)
def test_swapping_the_registers_swaps_the_verdict(before: list[tuple[float, float]], since: list[tuple[float, float]]) -> None:
    other = {RIGHT: SWAPPED, SWAPPED: RIGHT, STILL: STILL, UNCLEAR: UNCLEAR}
    verdict = judged(before, since)
    turned = judged([(b, a) for a, b in before], [(b, a) for a, b in since])
    assert turned.outcome == other[verdict.outcome]


def faults(folder: Path, *lines: str) -> None:
    (folder / "sim").mkdir(parents=True, exist_ok=True)
    (folder / "sim" / "faults").write_text("".join(f"{line}\n" for line in lines))


@pytest.mark.parametrize(
    ("extra", "code", "words"),
    [("rack crc", 1, "gives no values"), ("rack swapped", 1, "look swapped"), ("rack unplugged", 1, "gives no values")],
)
def test_without_an_agent_the_device_itself_is_watched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, extra: str, code: int, words: str
) -> None:
    import edge_agent.probe_breath as module

    monkeypatch.setattr(module, "EVERY_S", 0.1)
    monkeypatch.setattr(module, "READ_S", 0.5)
    path = tmp_path / "agent.toml"
    path.write_text(ALONE.format(data=tmp_path / "data"))
    faults(tmp_path / "data", extra, "rack breath")
    assert main(["probe", "--config", str(path), "--breathe", "rack"]) == code
    out = capsys.readouterr()
    assert words in out.out + out.err


def test_the_running_agent_asks_for_the_breath_and_remembers_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with RunningAgent(tmp_path, RACK) as agent:
        row = agent.until(lambda: agent.rows().get("rack temperature"), "it is read")
        assert row["note"] == "never breathed on with this map: probe --breathe rack"
        assert main(["probe", "--config", str(agent.config)]) == 0
        assert "never breathed on" in capsys.readouterr().out
        assert breathe(load_config(agent.config), "rack", watch_s=1.5) == 1
        assert "nothing moved" in capsys.readouterr().out
        assert agent.rows()["rack temperature"]["note"].startswith("nothing moved")
        with ThreadPoolExecutor(1) as person:
            asked = person.submit(breathe, load_config(agent.config), "rack")
            agent.until(lambda: "Breathe on it now" in capsys.readouterr().out, "the breath is asked for")
            agent.fault("rack breath")
            assert asked.result(60) == 0
        said = capsys.readouterr().out
        assert "the registers are the right way round" in said and "the running agent has noted it" in said
        assert agent.rows()["rack temperature"]["note"] == ""
        agent.stop()
        facts = [one["facts"]["breath"] for one in agent.records()["events"] if one["k"] == "config"]
        assert facts[0] == {} and facts[-1]["rack"]["outcome"] == "right"
        agent.start()
        assert agent.until(lambda: agent.rows().get("rack temperature"), "it is read again")["note"] == ""


def test_a_sensor_that_cannot_be_tested_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(ALONE.format(data=tmp_path / "data") + '[sensor.wall]\ndriver = "ds18b20"\ntransport = "sim"\n')
    assert main(["probe", "--config", str(path), "--breathe", "rook"]) == 1
    assert "there is no [sensor.rook]; there are rack, wall" in capsys.readouterr().err
    assert main(["probe", "--config", str(path), "--breathe", "wall"]) == 1
    assert "does not measure both" in capsys.readouterr().err


def test_a_scan_finds_what_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "agent.toml"
    others = '[sensor.shelf]\ndriver = "sht4x"\ntransport = "sim"\n[sensor.lux]\ndriver = "veml7700"\ntransport = "sim"\n'
    wall = '[sensor.wall]\ndriver = "ds18b20"\ntransport = "sim"\n'
    path.write_text(ALONE.format(data=tmp_path / "data").replace('"xy-md02"', '"xy-md02"\nunit = 3') + others + wall)
    assert scan(load_config(path), units=range(1, 6)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any('address 0x44: driver = "sht4x", serial ' in line for line in lines)
    assert any('address 0x10: driver = "veml7700"' in line for line in lines)
    assert [line for line in lines if "unit" in line] == ["rack, 9600 8N1, timeout 100 ms: unit 3 answers"]
    assert '1-Wire: driver = "ds18b20", serial = "28-000000000001"' in lines
    assert len(lines) == 4, lines
