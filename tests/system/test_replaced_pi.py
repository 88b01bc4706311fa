"""A Pi that takes the place of a broken one gets calibration and bench profile back by itself, before it measures or judges anything."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from central.ledger import commands
from central.store.engine import open_engine, writing
from deploy.demo.setup import tool
from tests.system.site import Site, until

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]
AGENTS = ("room-101", "bench-1")
CHANNEL = "room-101.rack.temperature"
OFFSET = 20.0
PROFILE = {"skew_max_deg": 1.7}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, edits={"room-101": lambda text: text.replace("report_s = 10", "report_s = 1")})
    site.start("broker", "ingest", "web", *AGENTS)
    yield site
    site.stop()


def command(site: Site, agent: str, name: str, args: dict[str, Any]) -> None:
    """Give an agent a command and wait until it is done."""
    engine = open_engine(site.data / "central" / "muniment.db")
    with writing(engine) as connection:
        ident = commands.give(connection, agent=agent, name=name, args=args, actor="admin", lifetime_s=60)
    engine.dispose()
    done = until(lambda: (c := site.get(f"/commands/{ident}"))["state"] in ("done", "failed") and c, f"{name} is answered")
    assert done["state"] == "done", done


def documents(site: Site, agent: str) -> dict[str, Any]:
    """What the centre keeps for the agent."""
    token = (site.data / "enrolled" / agent / "token").read_text().strip()
    request = urllib.request.Request(f"{site.url}/api/v1/agents/{agent}/documents", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        found: dict[str, Any] = json.loads(answer.read())
    return found


def values(site: Site, since: datetime) -> list[float]:
    """Every raw value of the channel since then, as the centre has it."""
    start = since.isoformat().replace("+", "%2B")
    request = urllib.request.Request(
        f"{site.url}/api/v1/readings?sensor={CHANNEL}&from={start}&format=csv",
        headers={"Authorization": f"Bearer {site.users['facility']['token']}"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        rows = list(csv.DictReader(io.StringIO(answer.read().decode())))
    return [float(row["value"]) for row in rows if row["value"]]


def skew_limits(site: Site, before: set[str]) -> set[float]:
    """The limits by which pages that are none of those were judged."""
    pages = [page for batch in site.items("/batches") for page in site.items(f"/batches/{batch['id']}/pages")]
    fresh = [page for page in pages if page["id"] not in before]
    return {check["limit"] for page in fresh for check in page["checks"] if check["name"] == "skew"}


def new_disk(site: Site, agent: str) -> None:
    """Take the agent's disk away and enrol what is there instead, under the same name with its new key."""
    shutil.rmtree(site.data / agent)
    key = subprocess.run(
        [tool("muniment-agent"), "key", "--config", str(site.configs / f"{agent}.toml")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.strip()
    enrol = [tool("muniment-central"), "agent", "enrol", agent, "--key", key, "--room", agent, "--out", str(site.data / "enrolled")]
    subprocess.run([*enrol, "--config", str(site.configs / "central.toml")], capture_output=True, timeout=60, check=True)


def test_a_replaced_pi_is_calibrated_and_its_bench_judges_as_before(site: Site) -> None:
    began = datetime.now(UTC)
    until(lambda: any(r["sensor"] == CHANNEL for room in site.items("/rooms") for r in room["readings"]), "the room's first values")
    assert max(values(site, began)) < OFFSET + 10
    command(site, "room-101", "calibration.set", {"channel": CHANNEL, "offset": OFFSET})
    until(lambda: site.items("/stations"), "the bench")
    command(site, "bench-1", "profile.set", {"station": "bench-1", "values": PROFILE})
    until(lambda: documents(site, "room-101")["calibration"] == {CHANNEL: {"offset": OFFSET, "gain": 1.0}}, "calibration at the centre")
    until(lambda: documents(site, "bench-1")["profile"] == {"bench-1": PROFILE}, "profile at the centre")

    site.stop(*AGENTS)
    for agent in AGENTS:
        new_disk(site, agent)
    os.kill(site.programs["broker"].pid, signal.SIGHUP)  # the new passwords
    old_pages = {page["id"] for batch in site.items("/batches") for page in site.items(f"/batches/{batch['id']}/pages")}
    replaced = datetime.now(UTC)
    site.start(*AGENTS)
    until(lambda: len(values(site, replaced)) >= 5, "values of the new Pi")
    assert min(values(site, replaced)) > OFFSET + 10, "not one of them is uncalibrated"
    until(lambda: skew_limits(site, old_pages), "pages judged by the new Pi")
    assert skew_limits(site, old_pages) == {PROFILE["skew_max_deg"]}
    assert documents(site, "room-101")["calibration"] and documents(site, "bench-1")["profile"], "and all of it is still in force"
