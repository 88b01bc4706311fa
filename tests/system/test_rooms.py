"""Storerooms end to end: what people set at the centre reaches the agents, what happens in a room reaches people; real programs."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from deploy.demo.setup import tool
from edge_agent.handoff import request_core
from tests.system.site import Site, until

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]
ZONE = ZoneInfo("Asia/Shanghai")
AGENTS = ("room-101", "vault-01")
TEMPERATURE = "room-101.rack.temperature"
ASKED = {"media": ["jgj25-paper"], "set_point_c": 18.0, "swing_c": 2.0}


def quick(text: str) -> str:
    """A vault without people, whose limits wait for nothing and whose relay may switch at once."""
    text = text.replace("door_every_s = 40", "people = false").replace("report_s = 10", "report_s = 1")
    text = text.replace("delay_s = 30", "delay_s = 1").replace("delay_s = 60", "delay_s = 1")
    text = text.replace("min_on_s = 300\nmin_off_s = 300", "min_on_s = 0\nmin_off_s = 0.1").replace("dead_s = 120", "dead_s = 2")
    return text.replace('kind = "mains"', 'kind = "mains"\nactive = "high"')  # a cut wire counts as a failure


def still(text: str) -> str:
    """A paper store without people, whose door's wire counts as open when it is cut."""
    text = text.replace("door_every_s = 25", "people = false").replace("report_s = 10", "report_s = 1")
    return text.replace('kind = "door"', 'kind = "door"\nactive = "high"')


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all of this module: both rooms, no bench."""
    made = Site(tmp_path_factory.mktemp("rooms"), edits={"room-101": still, "vault-01": quick})
    made.start("broker", "ingest", "web", *AGENTS)
    yield made
    made.stop()


def ask(site: Site, path: str, body: Any, *, method: str = "POST") -> Any:
    """What the API answers facility staff."""
    headers = {"Authorization": f"Bearer {site.users['facility']['token']}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{site.url}/api/v1{path}", data=json.dumps(body).encode(), headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())


def fault(site: Site, agent: str, *lines: str) -> None:
    """Exactly these faults are on in the room's simulated wires, such as "climate breath"."""
    (site.data / agent / "sim" / "faults").write_text("".join(f"{line}\n" for line in lines))


def output(site: Site, agent: str, name: str) -> Any:
    """What an output of the agent shows, asked of the agent itself."""
    rows = request_core(site.data / agent / "core.sock", {"op": "probe"}, timeout_s=5)["rows"]
    return next(row["value"] for row in rows if row["device"] == name)


def room(site: Site, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in site.get("/rooms")["items"] if one["id"] == name)
    return found


def alarms(site: Site, rule: str, *, show: str = "all") -> list[dict[str, Any]]:
    return [one for one in site.items(f"/alarms?show={show}") if one["rule"] == rule]


def in_state(site: Site, rule: str, state: str) -> Callable[[], Any]:
    """The newest alarm of a rule, once it is in a state."""
    return lambda: (found := alarms(site, rule)[:1]) and found[0]["state"] == state and found[0]


def value(site: Site, channel: str) -> dict[str, Any]:
    """A channel as an instrument; waited for where it has not reported yet."""
    found: dict[str, Any] = until(lambda: next((one for one in site.get("/sensors")["items"] if one["channel"] == channel), None), channel)
    return found


def marks(site: Site, name: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    span = [quote((now + timedelta(minutes=minutes)).isoformat()) for minutes in (-60, 1)]
    found: dict[str, Any] = site.get(f"/rooms/{name}/marks?from={span[0]}&to={span[1]}", user="facility")
    return found


def journalled(site: Site, agent: str, rule: str) -> list[str]:
    """The states of a rule's alarms in the agent's own journal, in order."""
    with sqlite3.connect(f"file:{site.data / agent / 'journal.db'}?mode=ro", uri=True) as rows:
        found = rows.execute("SELECT line FROM records WHERE lane = 0 ORDER BY epoch, seq").fetchall()
    lines = [json.loads(line) for (line,) in found if line[:1] == b"{"]
    return [line["state"] for line in lines if line["k"] == "alarm" and line["rule"] == rule]


def test_an_excursion_in_the_film_vault_from_breath_to_acknowledgement(site: Site) -> None:
    until(lambda: [one["light"] for one in site.get("/rooms")["items"] if one["readings"]] == ["green", "green"], "both rooms green")
    fault(site, "vault-01", "climate breath")
    alarm = until(in_state(site, "film", "unacknowledged"), "the pair of temperature and humidity leaves every box")
    assert {"zh", "en"} <= alarm["words"].keys() and alarm["subject"] == "vault-01/climate"
    humidity = until(in_state(site, "humidity", "unacknowledged"), "the humidity's own limit")
    assert humidity["value"] > humidity["limit"] == 40.0 and "%" in humidity["words"]["en"] + humidity["words"]["zh"]
    assert room(site, "vault-01")["light"] == "red"
    until(lambda: output(site, "vault-01", "lamp") == "red", "the vault's own lamp")
    until(lambda: output(site, "vault-01", "buzzer") == "alarm", "and its buzzer")
    until(lambda: output(site, "vault-01", "dehumidifier") == "on", "and its dehumidifier")

    for one in until(lambda: site.items("/alarms?show=open"), "all open alarms"):
        ask(site, f"/alarms/{one['id']}/acknowledge", {"text": "went to look"})
    until(in_state(site, "film", "acknowledged"), "acknowledged at the centre")
    until(lambda: output(site, "vault-01", "buzzer") == "off", "the agent hears of it")
    fault(site, "vault-01")
    until(in_state(site, "film", "normal"), "back to normal")
    until(
        lambda: output(site, "vault-01", "lamp") == "green" and output(site, "vault-01", "dehumidifier") == "off", "lamp and relay follow"
    )
    until(lambda: [one for one in marks(site, "vault-01")["outputs"] if one["to_ms"]], "the dehumidifier's run stands beside the chart")
    assert not [one for one in site.items("/security/reviews") if "dehumidifier" in one["door"]], "and nobody of security reviews it"


def test_a_dead_sensor_leaves_the_dehumidifier_as_configured_and_mains_failure_is_told(site: Site) -> None:
    fault(site, "vault-01", "climate breath")
    until(lambda: output(site, "vault-01", "dehumidifier") == "on", "the dehumidifier runs")
    fault(site, "vault-01", "climate breath", "climate unplugged", "mains unplugged")
    until(lambda: output(site, "vault-01", "dehumidifier") == "off", "dead_state is off")
    mains = until(lambda: [one for one in site.items("/alarms?show=open") if "mains" in one["rule"]], "mains failure")[0]
    assert mains["priority"] in ("high", "urgent")
    fault(site, "vault-01")
    until(in_state(site, mains["rule"], "returned"), "the mains is back")
    until(lambda: value(site, "vault-01.climate.temperature")["quality"] == "good", "and so is the sensor")


def test_works_hold_an_alarm_back_and_it_goes_live_at_their_end(site: Site) -> None:
    now = datetime.now(ZONE)
    span = {"from": (now - timedelta(minutes=1)).isoformat(), "to": (now + timedelta(hours=1)).isoformat()}
    works = ask(site, "/rooms/vault-01/works", {"kind": "cleaning", "reason": "floor", **span})
    documents = site.data / "vault-01" / "documents.json"
    until(lambda: documents.exists() and works["id"] in documents.read_text(), "the agent knows of the works")
    fault(site, "vault-01", "climate breath")
    held = until(in_state(site, "film", "suppressed"), "held back, and shown as such")
    assert output(site, "vault-01", "buzzer") == "off" and output(site, "vault-01", "lamp") != "red"
    ask(site, f"/works/{works['id']}/end", {})
    live = until(in_state(site, "film", "unacknowledged"), "live at the works' end")
    assert live["id"] == held["id"]
    until(lambda: output(site, "vault-01", "lamp") == "red", "on the agent as well")
    fault(site, "vault-01")
    until(in_state(site, "film", "returned"), "over")


def test_what_is_set_at_the_centre_is_in_force_and_comes_back_on_a_new_disk(site: Site) -> None:
    ask(site, "/rooms/room-101/limits", ASKED)
    before = value(site, TEMPERATURE)
    points = [[10.0, 12.0], [30.0, 33.0]]
    today = datetime.now(UTC).date().isoformat()
    ask(site, f"/sensors/{TEMPERATURE}/calibrations", {"points": points, "date": today, "person": "Li", "certificate": "C-1"})
    days = {datetime.now(zone).date().isoformat() for zone in (ZONE, UTC, None)}  # today, wherever this machine's clock says it is
    ask(site, "/calendar", {"weekend": [5, 6], "days": dict.fromkeys(days, "off")}, method="PUT")
    until(lambda: [one["state"] for one in site.get("/rooms/room-101/limits")["agents"]] == ["kept"], "limits in force")
    moved = until(lambda: (now := value(site, TEMPERATURE))["v"] > before["v"] + 1 and now["applied"] and now, "the readings move")
    assert abs(moved["raw"] - before["v"]) < 1 and moved["calibration"]["certificate"] == "C-1"
    given = ask(site, "/sensors/room-101.climate.temperature/identify", {})["id"]
    done = until(lambda: (c := site.get(f"/commands/{given}"))["state"] in ("done", "failed") and c, "identify is answered")
    assert done["state"] == "done", done

    kept = site.data / "room-101" / "documents.json"
    until(lambda: all(day in kept.read_text() for day in days), "the agent has the calendar")
    fault(site, "room-101", "door unplugged")
    until(lambda: [one for one in site.items("/alarms?show=open") if "after-hours" in one["rule"]], "an off day is after hours all day")
    fault(site, "room-101")

    site.stop("room-101")
    shutil.rmtree(site.data / "room-101")
    config = site.configs / "room-101.toml"  # another sensor on the bus before it: this one gets another serial number, as a new one has
    config.write_text(
        config.read_text().replace("[sensor.climate]", '[sensor.other]\ndriver = "node"\ntransport = "sim"\n\n[sensor.climate]')
    )
    key = subprocess.run([tool("muniment-agent"), "key", "--config", str(config)], capture_output=True, text=True, timeout=60, check=True)
    enrol = [tool("muniment-central"), "agent", "enrol", "room-101", "--key", key.stdout.strip(), "--room", "room-101"]
    enrol += ["--out", str(site.data / "enrolled"), "--config", str(site.configs / "central.toml")]
    subprocess.run(enrol, capture_output=True, timeout=60, check=True)
    os.kill(site.programs["broker"].pid, signal.SIGHUP)  # the new passwords
    site.start("room-101")
    wanted = ("limits", "calendar", TEMPERATURE)
    until(lambda: kept.exists() and all(word in kept.read_text() for word in wanted), "limits, calendar and calibration are back")
    until(lambda: value(site, TEMPERATURE)["applied"], "the calibration is in force")
    until(lambda: [one["state"] for one in site.get("/rooms/room-101/limits")["agents"]] == ["kept"], "and so are the limits")
    swapped = until(
        lambda: len((found := value(site, "room-101.climate.temperature"))["instruments"]) == 2 and found, "the exchanged sensor"
    )
    assert swapped["instruments"][0]["serial"] != swapped["instruments"][1]["serial"], "in the channel of the one before"


def test_an_excursion_while_the_network_is_down_is_filed_and_nothing_is_lost(site: Site) -> None:
    until(lambda: not [one for one in site.items("/alarms?show=open") if one["rule"] == "film" and one["active"]], "a quiet vault")
    known, count = journalled(site, "vault-01", "film"), len(alarms(site, "film"))
    site.stop("broker")
    fault(site, "vault-01", "climate breath")
    until(lambda: journalled(site, "vault-01", "film") == [*known, "active"], "the vault alarms by itself")
    until(lambda: output(site, "vault-01", "lamp") == "red", "on the spot")
    fault(site, "vault-01")
    until(lambda: journalled(site, "vault-01", "film") == [*known, "active", "returned"], "and sees it end")
    held = site.held("vault-01")
    site.start("broker")
    filed = until(lambda: (found := alarms(site, "film")) and len(found) == count + 1 and found[0], "the alarm is told")
    assert filed["state"] == "returned", "filed as over, for somebody to know of"
    until(lambda: all(site.arrived("vault-01").get(place, 0) >= last for place, last in held.items()), "nothing is lost")
    assert not [one for one in site.items("/alarms?show=open") if one["rule"] == "film" and one["active"]], "and nothing is live"
