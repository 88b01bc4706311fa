"""What the centre sets at a room: taken or refused with words, in force at once, kept over a restart; relays and mains as one sees them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge_agent.calibration import calibration_of, fits, is_none
from edge_agent.errors import CommandRefused
from edge_agent.keys import AgentKey, write_private
from edge_agent.settings import calendar_of, works_of
from tests.edge_agent.centre import Centre
from tests.edge_agent.mqtt_parts import Broker, ListeningCentre
from tests.edge_agent.running import RunningAgent
from tests.edge_agent.test_agent import BROKER, CLIMATE, LAMP

ROOM = (
    CLIMATE
    + LAMP
    + """
[sensor.street]
driver = "sht4x"
transport = "sim"
address = 0x45
room = "outdoor"

[contact.mains]
driver = "gpio"
transport = "sim"
pin = 24
kind = "mains"

[output.dry]
driver = "gpio_relay"
transport = "sim"
pin = 26
kind = "dehumidifier"

[output.siren]
driver = "gpio_relay"
transport = "sim"
pin = 20
kind = "siren"
from_priority = "urgent"

[control.dry]
output = "dry"
sensor = "climate"
quantity = "relative_humidity"
on_above = 20.0
off_below = 10.0
min_off_s = 1
dead_s = 1
dead_state = "off"
"""
)


class Site:
    """One room's program and the centre that listens to it."""

    def __init__(self, agent: RunningAgent, listening: ListeningCentre) -> None:
        self.agent = agent
        self.listening = listening
        self._n = 0

    def ask(self, name: str, args: dict[str, Any]) -> dict[str, Any]:
        """Send a command once the agent can hear it; its answer."""
        self.agent.until(lambda: (self.agent.ask("status") or {}).get("facts", {}).get("link"), "the link")
        self._n += 1
        ident = f"c{self._n}-{time.time_ns()}"
        self.listening.command(ident, name, args, int(time.time() * 1000) + 600_000)
        (done,) = self.listening_for(lambda r: r["k"] == "command.done" and r["id"] == ident, "events")
        return done

    def listening_for(self, wanted: Any, lane: str) -> list[dict[str, Any]]:
        """The records that fit, once there is one."""
        self.listening.wait(lambda: any(wanted(r) for r in self.listening.records(lane)))
        return [r for r in self.listening.records(lane) if wanted(r)]


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    broker = Broker(folder)
    broker.start()
    key = AgentKey.load_or_create(folder / "centre-key")
    write_private(folder / "centre.pub", key.public_base64.encode())
    write_private(folder / "password", b"r-secret\n")
    listening = ListeningCentre(broker, Centre(key, site="demo", agent="room-101"))
    try:
        with RunningAgent(folder, ROOM + BROKER.format(port=broker.port, folder=folder)) as agent:
            yield Site(agent, listening)
    finally:
        listening.close()
        broker.close()


def test_a_room_takes_limits_works_and_calibration_and_switches_its_relays(tmp_path: Path) -> None:
    with site(tmp_path) as room:
        agent = room.agent
        # the humid room's dehumidifier runs by itself, and says so
        on = room.listening_for(lambda r: r["k"] == "contact" and r["contact"] == "room-101/dry" and r["state"] == "active", "events")[0]
        assert (on["kind"], on["room"]) == ("output", "room-101") and agent.rows()["dry gpio_relay"]["value"] == "on"
        (street,) = room.listening_for(
            lambda r: r["k"] == "channel" and r["sensor"] == "room-101/street" and r["q"] == "temperature", "readings"
        )
        assert street["room"] == "outdoor"

        refused = room.ask("limits.set", {"limits": {"hot": {"sensor": "climat", "quantity": "temperature", "above": 10}}})
        assert (
            not refused["ok"] and "hot.sensor: there is no [sensor.climat]" in refused["why"] and 'did you mean "climate"' in refused["why"]
        )

        # pairs from the centre are in force at once; works hold the siren back, and the record says so
        limits = {"film": {"kind": "pairs", "sensor": "climate", "boxes": [{"t_max": 5.0}], "priority": "urgent"}}
        now = int(time.time() * 1000)
        assert room.ask("works.set", {"works": [{"id": "w", "from": now - 1000, "to": now + 600_000, "words": "fumigation"}]})["ok"]
        assert room.ask("limits.set", {"limits": limits})["ok"]
        (alarm,) = room.listening_for(lambda r: r["k"] == "alarm" and r["rule"] == "film", "events")
        assert alarm["held"] is True and alarm["subject"] == "room-101/climate" and agent.light() == "yellow"
        assert agent.rows()["siren gpio_relay"]["value"] == "off"
        config = room.listening_for(lambda r: r["k"] == "config" and r["facts"].get("limits_source") == "centre", "events")[-1]["facts"]
        assert config["limits"]["film"]["boxes"] == [{"t_max": 5.0}] and config["works"][0]["id"] == "w"

        agent.kill()
        agent.start()
        agent.until(lambda: agent.light() == "yellow", "the limits of the centre and its works are still in force")
        assert room.ask("works.set", {"works": []})["ok"]
        agent.until(lambda: agent.rows()["siren gpio_relay"]["value"] == "on", "the siren, once the works are over")
        assert room.ask("alarm.acknowledge", {"alarm": alarm["id"]})["ok"]
        agent.until(lambda: agent.rows()["siren gpio_relay"]["value"] == "off", "silence")
        assert room.ask("limits.set", {"limits": None})["ok"]
        room.listening_for(lambda r: r["k"] == "alarm" and r["id"] == alarm["id"] and r["state"] == "returned", "events")
        assert len([r for r in room.listening.records("events") if r["k"] == "alarm" and r["rule"] == "film"]) == 2

        # a calibration of another sensor is kept, not applied, and told of
        points = [[0.0, 1.0], [100.0, 101.0]]
        channel = "room-101.climate.temperature"
        assert room.ask("calibration.set", {"channel": channel, "points": points, "serial": "another", "due": "2027-01-01"})["ok"]
        room.listening_for(lambda r: r["k"] == "alarm" and r["rule"] == "climate-calibration", "events")
        assert agent.rows()["climate temperature"]["value"] < 60 and not [
            r for r in room.listening.records("readings") if "raw" in r and r["k"] == "reading" and r.get("quality") != "bad"
        ]

        # a dead sensor puts the dehumidifier where its configuration says
        agent.fault("climate unplugged")
        off = room.listening_for(
            lambda r: r["k"] == "contact" and r["contact"] == "room-101/dry" and "no good value" in r.get("why", ""), "events"
        )
        assert off[0]["state"] == "inactive"

        # identify
        assert room.ask("identify", {"target": "room-101/lamp"})["ok"] and agent.rows()["lamp gpio_lamp"]["value"] == "identify"
        assert "no light of its own" in room.ask("identify", {"target": "room-101/climate"})["why"]

        # the mains fails (its contact is cut, which the pull-up shows as active): urgent, and what waited is on the disk
        agent.fault("mains unplugged")
        (mains,) = room.listening_for(lambda r: r["k"] == "alarm" and r["rule"] == "mains-mains", "events")
        assert mains["priority"] == "urgent" and "held" not in mains and "市电" in mains["words"]["zh"]
        assert agent.stop() == 0


def test_a_stop_in_the_first_moments_is_a_stop_in_order(tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(f'[agent]\nname = "room-101"\nsite = "demo"\ndata = "{tmp_path}/data"\n')
    for wait_s in (0.25, 0.4, 0.7):
        command = [sys.executable, "-c", "import sys; from edge_agent.cli import main; print(flush=True); sys.exit(main(sys.argv[1:]))"]
        process = subprocess.Popen([*command, "run", "--config", str(config)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout is not None and process.stdout.readline()
        time.sleep(wait_s)  # the moment of the signal is what is varied
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(20) == 0
        process.stdout.close()


def test_a_calibration_is_offset_and_gain_or_two_points() -> None:
    made = calibration_of({"points": [[0.3, 0.0], [75.9, 75.3]], "certificate": "C-7", "date": "2026-05-01", "due": "2027-05-01"})
    assert made["gain"] == pytest.approx(75.3 / 75.6, abs=1e-6)
    assert made["gain"] * 75.9 + made["offset"] == pytest.approx(75.3, abs=1e-3)
    assert calibration_of(made) == made, "what was told can be given back"
    assert calibration_of({"offset": -0.3}) == {"offset": -0.3, "gain": 1.0}
    assert is_none(calibration_of({})) and not is_none(calibration_of({"certificate": "C-8"}))
    assert fits({"serial": "a"}, "a") and fits({}, "b") and not fits({"serial": "a"}, "") and not fits({"serial": "a"}, "b")


@pytest.mark.parametrize(
    "given",
    [
        7,
        {"offset": 1e6},
        {"gain": 3},
        {"gain": True},
        {"points": [[1, 2]]},
        {"points": [[1, 2], [1, 3]]},
        {"points": [[1, 2], ["3", 4]]},
        {"points": [[0, 0], [10, 10]], "offset": 5},
        {"date": "1.5.2026"},
        {"due": "2026-13-01"},
        {"certificate": "x" * 101},
        {"serial": 5},
    ],
)
def test_a_calibration_out_of_bounds_is_refused(given: Any) -> None:
    with pytest.raises(CommandRefused):
        calibration_of(given)


def test_works_and_calendars_are_bounded() -> None:
    work = {"id": "w", "from": 1, "to": 2, "words": {"zh": "熏蒸", "en": "fumigation"}}
    assert works_of([work]) == [work]
    for bad in (
        None,
        [7],
        [work] * 17,
        [{**work, "to": 1}],
        [{**work, "to": 10**12}],
        [{**work, "id": ""}],
        [{**work, "words": "x" * 300}],
        [{**work, "from": True}],
    ):
        with pytest.raises(CommandRefused):
            works_of(bad)
    assert calendar_of({"weekend": [6, 5, 5], "days": {"2026-10-10": "work"}}) == {"weekend": [5, 6], "days": {"2026-10-10": "work"}}
    for wrong in (None, {"weekend": [7]}, {"weekend": 5}, {"days": {"2026-02-30": "off"}}, {"days": {"2026-02-20": "half"}}, {"days": 3}):
        with pytest.raises(CommandRefused):
            calendar_of(wrong)
