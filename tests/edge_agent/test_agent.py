"""The agent as a program: a room works on its own, through crashes, faults and lost networks; people see it on the lamp."""

import base64
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from edge_agent.cli import main
from edge_agent.keys import AgentKey, write_private
from tests.edge_agent.centre import Centre
from tests.edge_agent.mqtt_parts import Broker, ListeningCentre
from tests.edge_agent.running import HEAD, RunningAgent
from tests.ports import free_port

CLIMATE = """
[sensor.climate]
driver = "sht4x"
transport = "sim"
bad_s = 0.5
"""
LAMP = """
[output.lamp]
driver = "gpio_lamp"
transport = "sim"
red = 5
yellow = 6
green = 13

[output.buzzer]
driver = "gpio_buzzer"
transport = "sim"
pin = 19
"""
DOOR = """
[contact.door]
driver = "gpio"
transport = "sim"
pin = 17
active = "high"
held_open_s = 0.5
"""
BROKER = """
[broker]
host = "127.0.0.1"
port = {port}
password_file = "{folder}/password"

[central]
url = "http://127.0.0.1:9"
public_key_file = "{folder}/centre.pub"
"""
BENCH = """
[bench.desk]
transport = "sim"
screen = "127.0.0.1:{screen}"
reserve_mb = 1

[bench.desk.camera.overhead]
transport = "sim"
"""
NO_CAMERA = """
[camera.lost]
driver = "stream"
url = "http://127.0.0.1:9/none"
"""
HOT = """
[limit.hot]
sensor = "climate"
quantity = "temperature"
above = 10
deadband = 0.5
priority = "high"
"""


def test_a_room_alone_measures_alarms_and_lights_its_lamp(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nobody = BROKER.format(port=9, folder=tmp_path)  # nothing listens there
    write_private(tmp_path / "centre.pub", AgentKey.load_or_create(tmp_path / "c").public_base64.encode())
    with RunningAgent(tmp_path, CLIMATE + DOOR + LAMP + nobody) as agent:
        agent.until(lambda: agent.rows().get("climate temperature", {}).get("quality") == "good", "a good temperature")
        assert agent.rows()["lamp gpio_lamp"]["value"] == "green"
        assert main(["probe", "--config", str(agent.config)]) == 0
        assert "the running agent" in capsys.readouterr().out
        agent.fault("climate unplugged")
        agent.until(lambda: agent.light() == "red", "a red lamp for the dead sensor")
        assert agent.rows()["lamp gpio_lamp"]["value"] == "red"
        assert main(["probe", "--config", str(agent.config)]) == 1
        agent.fault()
        agent.until(lambda: agent.light() == "green", "green again")
        agent.fault("door unplugged")  # the pull-up takes the pin high: open
        agent.until(lambda: agent.light() == "red", "a red lamp for the open door")
        agent.fault()
        agent.until(lambda: agent.light() == "green", "green again")
        assert agent.stop() == 0
    found = agent.records()
    alarms = [(r["rule"], r["state"]) for r in found["events"] if r["k"] == "alarm"]
    assert alarms == [(rule, state) for rule in ("climate-bad", "door-held-open") for state in ("active", "returned")]
    assert all(r["words"]["zh"] and r["words"]["en"] for r in found["events"] if r["k"] == "alarm")
    assert [r["state"] for r in found["events"] if r["k"] == "contact"] == ["closed", "open", "closed"]
    for lane in found:
        assert [r["k"] for r in found[lane][:2]] == ["clock", "health"]
    channels = {r["i"]: r for r in found["readings"] if r["k"] == "channel"}
    assert {(c["sensor"], c["q"]) for c in channels.values()} == {
        ("room-101/climate", "temperature"),
        ("room-101/climate", "relative_humidity"),
    }
    bad = [r for r in found["readings"] if r["k"] == "reading" and r.get("quality") == "bad"]
    assert bad and all(r["v"] is None and r["why"] for r in bad)


def test_sigkill_at_any_moment_loses_no_alarm_and_tells_none_twice(tmp_path: Path) -> None:
    with RunningAgent(tmp_path, CLIMATE + DOOR + LAMP + HOT) as agent:
        agent.until(lambda: agent.light() == "red", "the alarm")
        for n in range(4):
            agent.fault(*["door unplugged"] * (n % 2))
            time.sleep(0.1 * n)  # the moment of the kill is what is varied
            agent.kill()
            agent.start()
            agent.until(lambda: agent.light() == "red", "still the same alarm")
        agent.fault()
        agent.until(lambda: agent.rows()["door door"]["value"] == "closed", "the door shut")
        assert agent.stop() == 0
    found = agent.records()
    hot = [r for r in found["events"] if r["k"] == "alarm" and r["rule"] == "hot"]
    assert [r["state"] for r in hot] == ["active"]
    assert hot[0]["subject"] == "room-101.climate.temperature" and hot[0]["limit"] == 10
    index = found["events"].index(hot[0]) + 1
    assert hot[0]["id"].startswith("room-101:") and hot[0]["id"].endswith(f":{index}")
    door = [r for r in found["events"] if r["k"] == "alarm" and r["rule"] == "door-held-open"]
    assert [r["state"] for r in door] == ["active", "returned"] * (len(door) // 2)
    assert all(a["id"] == b["id"] for a, b in zip(door[::2], door[1::2], strict=True))
    numbers = {(r["sensor"], r["q"], r["i"]) for r in found["readings"] if r["k"] == "channel"}
    assert len(numbers) == 2  # a channel keeps its number


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[tuple[Broker, ListeningCentre]]:
    broker = Broker(tmp_path)
    broker.start()
    key = AgentKey.load_or_create(tmp_path / "centre-key")
    write_private(tmp_path / "centre.pub", key.public_base64.encode())
    write_private(tmp_path / "password", b"r-secret\n")
    listening = ListeningCentre(broker, Centre(key, site="demo", agent="room-101"))
    yield broker, listening
    listening.close()
    broker.close()


def test_the_centre_s_commands_are_done_once_and_answered(tmp_path: Path, centre: tuple[Broker, ListeningCentre]) -> None:
    broker, listening = centre
    expires = int(time.time() * 1000) + 600_000

    def answer(ident: str) -> dict[str, Any]:
        def done() -> list[dict[str, Any]]:
            return [r for r in listening.records("events") if r["k"] == "command.done" and r["id"] == ident]

        listening.wait(done)
        (only,) = done()
        return only

    with RunningAgent(tmp_path, CLIMATE + LAMP + HOT + BROKER.format(port=broker.port, folder=tmp_path)) as agent:
        listening.wait(lambda: any(r["k"] == "alarm" for r in listening.records("events")))
        alarm = next(r for r in listening.records("events") if r["k"] == "alarm")
        listening.wait(lambda: any(s.get("alarms") and s["alarms"][0]["id"] == alarm["id"] for s in listening.statuses))
        assert agent.rows()["buzzer gpio_buzzer"]["value"] == "alarm"

        listening.command("c1", "alarm.acknowledge", {"alarm": alarm["id"]}, expires)
        assert answer("c1")["ok"]
        agent.until(lambda: agent.light() == "yellow", "a yellow lamp once somebody knows")
        assert agent.rows()["buzzer gpio_buzzer"]["value"] == "off"

        listening.command("c2", "identify", {}, expires)
        listening.command("c2", "identify", {}, expires)  # repeated: done once
        assert answer("c2")["ok"]
        assert agent.rows()["lamp gpio_lamp"]["value"] == "identify"

        listening.command("c3", "output.set", {"output": "lamp", "state": "purple"}, expires)
        told = answer("c3")
        assert not told["ok"] and "purple" in told["why"]

        listening.command("c4", "batch.open", {"station": "room-101/nowhere"}, expires)
        assert "no bench" in answer("c4")["why"]

        listening.command("c5", "calibration.set", {"channel": "room-101.climate.temperature", "offset": -5.0}, expires)
        assert answer("c5")["ok"]
        listening.wait(lambda: any(r["k"] == "reading" and r.get("raw") is not None for r in listening.records("readings")))
        calibrated = next(r for r in listening.records("readings") if r.get("raw") is not None)
        assert calibrated["v"] == pytest.approx(calibrated["raw"] - 5.0)
        listening.wait(lambda: any(r["k"] == "config" and r["facts"]["calibration"] for r in listening.records("events")))

        listening.command(
            "c6", "output.set", {"output": "lamp", "state": "red"}, expires, signer=AgentKey.load_or_create(tmp_path / "other")
        )
        listening.command("c7", "config.get", {}, expires)
        assert answer("c7")["ok"]
        assert not any(r.get("id") == "c6" for r in listening.records("events"))
        assert (agent.ask("status") or {})["facts"]["messages"]["bad_commands"] == 1

        agent.kill()
        agent.start()  # acknowledged stays acknowledged, calibrated stays calibrated
        agent.until(lambda: agent.light() == "yellow", "still yellow after a crash")
        row = agent.until(lambda: agent.rows().get("climate temperature"), "a reading")
        assert row["value"] < 15
        broker.kill()
        agent.fault("climate unplugged")
        agent.until(lambda: agent.light() == "red", "a new alarm while the broker is down")
        broker.start()
        listening.wait(lambda: any(r["k"] == "alarm" and r["rule"] == "climate-bad" for r in listening.records("events")), 40)


def test_a_child_that_keeps_failing_is_an_alarm_and_harms_nobody_else(tmp_path: Path) -> None:
    camera = '\n[camera.door-cam]\ndriver = "stream"\nurl = "http://127.0.0.1:9/none"\ncontacts = ["door"]\n'
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "video").write_text("in the recorder's way")
    with RunningAgent(tmp_path, CLIMATE + DOOR + LAMP + camera) as agent:
        agent.until(lambda: agent.light() == "red", "an alarm about the recorder", timeout_s=60)
        status = agent.ask("status")
        assert status is not None and status["alarms"][0]["rule"] == "recorder-down"
        assert agent.rows()["climate temperature"]["quality"] == "good"
        assert not agent.rows()["recorder process"]["ok"]


def test_the_recorder_and_the_simulated_camera_end_with_the_agent(tmp_path: Path) -> None:
    camera = '\n[camera.door-cam]\ndriver = "stream"\ntransport = "sim"\ncontacts = ["door"]\n'
    with RunningAgent(tmp_path, DOOR + camera) as agent:
        agent.until(lambda: agent.rows()["recorder process"]["ok"], "the recorder is connected")
        family = psutil.Process(agent.pid).children(recursive=True)
        assert len(family) >= 2
        agent.kill()
        _, alive = psutil.wait_procs(family, timeout=30)
        assert not alive, "children outlive a killed core"
        agent.start()
        agent.until(lambda: agent.rows()["recorder process"]["ok"], "the recorder is back")
        family = psutil.Process(agent.pid).children(recursive=True)
        assert agent.stop() == 0
        assert not psutil.wait_procs(family, timeout=30)[1]


def test_ten_sensors_read_each_second_stay_under_80_mb(tmp_path: Path, centre: tuple[Broker, ListeningCentre]) -> None:
    broker, listening = centre
    sensors = "".join(f'\n[sensor.s{n}]\ndriver = "sht4x"\ntransport = "sim"\nbus = {n}\nsample_s = 1\n' for n in range(10))
    with RunningAgent(tmp_path, sensors + DOOR + LAMP + BROKER.format(port=broker.port, folder=tmp_path)) as agent:
        listening.wait(lambda: len({r["i"] for r in listening.records("readings") if r["k"] == "reading"}) == 20)
        core = psutil.Process(agent.pid)
        assert core.memory_full_info().uss < 80e6, "memory of its own; pages shared with other programs count as theirs too"


def test_probe_without_an_agent_reads_the_devices_and_fails_for_a_missing_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = '\n[sensor.gone]\ndriver = "modbus_th"\nport = "/dev/does-not-exist"\ntimeout_ms = 50\n'
    path = tmp_path / "agent.toml"
    path.write_text(HEAD.format(data=tmp_path / "data") + CLIMATE + DOOR)
    assert main(["probe", "--config", str(path)]) == 0
    out = capsys.readouterr().out
    assert "temperature" in out and "Cel" in out and "closed" in out and "ms" in out
    path.write_text(HEAD.format(data=tmp_path / "data") + CLIMATE + missing + BENCH.format(screen=8081) + NO_CAMERA)
    assert main(["probe", "--config", str(path), "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {row["device"] for row in rows if not row["ok"]} == {"gone", "lost"}
    assert all(row["value"] is None for row in rows if not row["ok"] and "value" in row)
    assert next(row for row in rows if row["device"] == "desk/overhead")["ok"]


def test_a_second_agent_on_the_same_folder_refuses_to_start(tmp_path: Path) -> None:
    with RunningAgent(tmp_path, CLIMATE) as agent:
        second = subprocess.run(
            [sys.executable, "-m", "edge_agent.cli", "run", "--config", str(agent.config)], capture_output=True, timeout=60, check=False
        )
        assert second.returncode == 1
        assert b"another agent is running" in second.stderr
        assert agent.ask("status") is not None


def test_key_prints_the_public_key_and_keeps_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(HEAD.format(data=tmp_path / "data"))
    assert main(["key", "--config", str(path)]) == 0
    first = capsys.readouterr().out.strip()
    assert len(base64.b64decode(first, validate=True)) == 32
    assert main(["key", "--config", str(path)]) == 0
    assert capsys.readouterr().out.strip() == first
    assert (tmp_path / "data" / "key").stat().st_mode & 0o777 == 0o600


def test_a_bench_works_for_the_centre_and_survives_its_process(tmp_path: Path, centre: tuple[Broker, ListeningCentre]) -> None:
    broker, listening = centre
    expires = int(time.time() * 1000) + 600_000
    tables = LAMP + BENCH.format(screen=free_port()) + BROKER.format(port=broker.port, folder=tmp_path)

    def command(ident: str, name: str, args: dict[str, Any]) -> dict[str, Any]:
        def done() -> list[dict[str, Any]]:
            return [r for r in listening.records("events") if r["k"] == "command.done" and r["id"] == ident]

        listening.command(ident, name, args, expires)
        listening.wait(done, 30)
        return done()[0]

    with RunningAgent(tmp_path, tables) as agent:
        agent.until(lambda: agent.rows()["station:desk process"]["ok"], "the station is connected", timeout_s=60)
        assert command("b1", "batch.open", {"declared": 3, "volume": "2026-0001"})["ok"]
        assert command("b2", "capture", {"station": "room-101/desk"})["ok"]
        (station,) = [p for p in psutil.Process(agent.pid).children() if "edge_agent.station" in " ".join(p.cmdline())]
        station.kill()
        agent.until(lambda: not agent.rows()["station:desk process"]["ok"], "the station is gone")
        assert not command("b3", "capture", {})["ok"]  # nobody there: said, not queued
        agent.until(lambda: agent.rows()["station:desk process"]["ok"], "the station is back", timeout_s=60)
        agent.until(lambda: command(f"t{time.monotonic_ns()}", "capture", {})["ok"], "a second page")
        assert "skew_max_deg" in command("b4", "profile.set", {"values": {"skew_max_degrees": 1}})["why"]
        assert command("b5", "profile.set", {"values": {"skew_max_deg": 1.5}})["ok"]
        listening.wait(lambda: any(r["k"] == "config" and r["facts"]["profile"] for r in listening.records("events")))
        agent.until(lambda: command(f"t{time.monotonic_ns()}", "capture", {})["ok"], "a third page, by the new profile", timeout_s=60)
        listening.wait(lambda: sum(r["k"] == "page" for r in listening.records("capture")) == 3)
        page = [r for r in listening.records("capture") if r["k"] == "page"][-1]
        assert next(check["limit"] for check in page["checks"] if check["name"] == "skew") == 1.5
        agent.until(lambda: command(f"t{time.monotonic_ns()}", "batch.close", {"confirm": True})["ok"], "closed")
        listening.wait(lambda: any(r["k"] == "batch" and r["state"] == "closed" for r in listening.records("capture")))
    pages = [r["page"] for r in listening.records("capture") if r["k"] == "page"]
    assert len(pages) == len(set(pages)) == 3
    closed = next(r for r in listening.records("capture") if r["k"] == "batch" and r["state"] == "closed")
    assert closed["declared"] == 3 and closed["counts"]["captured"] == 3


def test_a_lost_camera_is_an_alarm_until_it_is_back(tmp_path: Path) -> None:
    camera = '\n[camera.door-cam]\ndriver = "stream"\ntransport = "sim"\ncontacts = ["door"]\n'
    with RunningAgent(tmp_path, DOOR + LAMP + camera) as agent:
        agent.until(lambda: agent.rows()["recorder process"]["ok"], "the recorder is connected")
        agent.until(lambda: "recording" in agent.log.read_text(), "it records", timeout_s=40)
        (picture,) = [p for p in psutil.Process(agent.pid).children() if "sensors.sim.camera" in " ".join(p.cmdline())]
        picture.suspend()  # frozen: the connection stands, no picture comes
        agent.until(lambda: agent.light() == "red", "an alarm about the camera", timeout_s=60)
        status = agent.ask("status")
        assert status is not None and [alarm["rule"] for alarm in status["alarms"]] == ["camera-door-cam-down"]
        assert not agent.rows()["door-cam camera"]["ok"]
        picture.resume()
        agent.until(lambda: agent.light() == "green", "the camera is back", timeout_s=60)
        assert agent.rows()["door-cam camera"]["value"] == "recording"


def test_what_a_node_measured_while_its_cable_was_out_is_journalled_when_it_is_back(tmp_path: Path) -> None:
    node = '\n[sensor.climate]\ndriver = "node"\ntransport = "sim"\nsilent_s = 2\nbad_s = 0.5\n'
    with RunningAgent(tmp_path, node + LAMP) as agent:
        agent.until(lambda: agent.rows().get("climate temperature", {}).get("quality") == "good", "the node is heard", timeout_s=60)
        agent.fault("climate cable")
        agent.until(lambda: agent.light() == "red", "an alarm about the silent node")
        agent.fault()
        agent.until(lambda: agent.light() == "green", "the node is heard again", timeout_s=60)
        agent.until(lambda: agent.rows()["climate temperature"]["age_ms"] < 1500, "all is caught up")
        assert agent.stop() == 0
    found = agent.records()["readings"]
    (number,) = {r["i"] for r in found if r["k"] == "channel" and r["q"] == "temperature"}
    times = sorted(r["m"] for r in found if r["k"] == "reading" and r["i"] == number and r["v"] is not None)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert max(gaps) <= 2100, f"a hole of {max(gaps)} ms in a series reported each second"


def test_the_broker_s_password_may_come_from_the_environment(tmp_path: Path, centre: tuple[Broker, ListeningCentre]) -> None:
    broker, listening = centre
    tables = BROKER.format(port=broker.port, folder=tmp_path).replace(f'password_file = "{tmp_path}/password"\n', "")
    with RunningAgent(tmp_path, CLIMATE + tables, environment={"MUNIMENT_BROKER_PASSWORD": "r-secret"}):
        listening.wait(lambda: any(status.get("online") for status in listening.statuses))


def test_an_agent_whose_journal_breaks_ends_and_its_next_start_goes_on_with_a_new_one(tmp_path: Path) -> None:
    """What keeps the agent running (systemd, the demonstration) starts it again."""
    with RunningAgent(tmp_path, CLIMATE + DOOR) as agent:
        agent.until(lambda: agent.light() == "green", "a well room")
        with closing(sqlite3.connect(agent.data / "journal.db", isolation_level=None, timeout=10)) as rows:
            rows.execute("PRAGMA writable_schema=ON")
            rows.execute("UPDATE sqlite_schema SET sql = 'rubbish' WHERE name = 'records'")
            rows.execute("PRAGMA schema_version = 4711")
        agent.fault("door unplugged")
        assert agent.wait_end() == 1
        agent.fault()
        agent.start()
        agent.until(lambda: agent.rows().get("climate temperature", {}).get("quality") == "good", "it measures again")
        assert [path.name for path in agent.data.glob("journal.db.damaged*")]
        assert agent.stop() == 0
    assert next(r["k"] for r in agent.records()["events"]) == "epoch"
