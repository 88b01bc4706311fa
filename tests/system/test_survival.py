"""What is killed, cut off or put back to an older state loses nothing it was told is safe, and says what it did."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.setup import tool
from edge_agent.handoff import request_core
from tests.system.site import Site, until

AGENTS = ("room-101", "vault-01", "bench-1")
pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


def quicker(text: str) -> str:
    """Readings each second, doors often: more to lose."""
    return text.replace("report_s = 10", "report_s = 1").replace("door_every_s = 25", "door_every_s = 6")


def too_warm(text: str) -> str:
    """A limit that the simulated room is over from the start."""
    return quicker(text).replace("above = 24.0\nbelow = 14.0\ndeadband = 0.5\ndelay_s = 30", "above = 15.0\ndeadband = 0.5\ndelay_s = 3")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, edits={"room-101": quicker})
    yield site
    site.stop()


def has_grown(site: Site, agent: str, by: int) -> None:
    """Return when the centre has so many more records of the agent."""
    before = sum(site.arrived(agent).values())
    until(lambda: sum(site.arrived(agent).values()) >= before + by, f"{by} more records of {agent}")


def no_page_or_press_twice(site: Site) -> None:
    pages = [page["id"] for batch in site.items("/batches") for page in site.items(f"/batches/{batch['id']}/pages")]
    assert pages and len(pages) == len(set(pages))
    kept = {batch["id"]: batch["captured"] + batch["replaced"] for batch in site.items("/batches")}
    assert {ident: len(site.items(f"/batches/{ident}/pages")) for ident in kept} == kept


def one_chain(site: Site, tmp_path: Path) -> str:
    """The stand-alone verifier's word on the whole ledger."""
    exported = tmp_path / "ledger.ndjson"
    subprocess.run(
        [tool("muniment-central"), "export-ledger", str(exported), "--config", str(site.configs / "central.toml")], check=True, timeout=60
    )
    done = subprocess.run([tool("muniment-verify"), str(exported)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_any_one_process_killed_and_started_again_loses_and_doubles_nothing(site: Site, tmp_path: Path) -> None:
    site.start("broker", "ingest", "web", *AGENTS)
    until(lambda: any(batch["captured"] >= 2 for batch in site.items("/batches")), "the bench at work")
    for victim in ("ingest", "broker", "web", "room-101", "bench-1"):
        site.kill(victim)
        site.start(victim)
        has_grown(site, "room-101" if victim != "bench-1" else "bench-1", 5)
    for agent, child in (("room-101", "edge_agent.recorder"), ("room-101", "firmware.node"), ("bench-1", "edge_agent.station")):
        site.kill_child(agent, child)
        has_grown(site, agent, 5)
    stored = len([r for r in site.items("/security/reviews") if r["clip_state"] == "stored"])
    until(lambda: len([r for r in site.items("/security/reviews") if r["clip_state"] == "stored"]) > stored, "clips go on")
    site.stop(*AGENTS)
    held = {agent: site.held(agent) for agent in AGENTS}
    site.start(*AGENTS)  # what waited at the stop is sent now
    until(
        lambda: all(site.arrived(agent).get(place, 0) >= count for agent in AGENTS for place, count in held[agent].items()),
        "the centre has all that the agents hold",
    )
    site.stop(*AGENTS)
    assert all(len({epoch for epoch, _ in site.arrived(agent)}) == 1 for agent in AGENTS), "nobody had to begin a new epoch"
    no_page_or_press_twice(site)
    one_chain(site, tmp_path)


def test_with_the_broker_gone_rooms_alarm_and_the_bench_works_and_then_all_arrives_alarms_first(tmp_path: Path) -> None:
    site = Site(tmp_path, edits={"room-101": too_warm})
    try:
        site.start("ingest", "web", *AGENTS)
        socket = site.data / "room-101" / "core.sock"
        until(socket.exists, "the core listens")
        status = until(lambda: (s := request_core(socket, {"op": "status"})) and s["alarms"] and s, "a local alarm")
        assert status["light"] == "red"
        until(lambda: sum(site.held("bench-1").values()) >= 20, "the bench captures on")
        until(lambda: sum(site.held("room-101").values()) >= 40, "the room measures on")
        assert site.get("/ledger/entries")["items"] == [] or all(e["type"] == "act" for e in site.items("/ledger/entries"))
        site.start("broker")
        until(lambda: site.items("/alarms"), "the alarm at the centre")
        site.wait_even(AGENTS)
        entries = sorted((e for e in site.items("/ledger/entries") if e["type"] == "batch"), key=lambda e: e["index"])
        assert next(e["lane"] for e in entries if e["agent"] == "room-101") == "events"
        assert "room-101.climate.temperature" in {alarm["subject"] for alarm in site.items("/alarms")}
    finally:
        site.stop()


def test_an_agent_put_back_to_an_older_disk_image_begins_a_new_epoch_and_loses_nothing_it_still_has(site: Site, tmp_path: Path) -> None:
    site.start("broker", "ingest", "web", "room-101")
    until(lambda: sum(site.arrived("room-101").values()) >= 20, "records before the image")
    site.stop("room-101")
    shutil.copytree(site.data / "room-101", tmp_path / "image", symlinks=True)
    site.start("room-101")
    has_grown(site, "room-101", 20)
    site.stop("room-101")
    before = site.arrived("room-101")
    shutil.rmtree(site.data / "room-101")
    shutil.copytree(tmp_path / "image", site.data / "room-101", symlinks=True)
    site.start("room-101")
    until(lambda: len({epoch for epoch, _ in site.arrived("room-101")}) == 2, "a new epoch", timeout_s=90)
    has_grown(site, "room-101", 10)
    after = site.arrived("room-101")
    assert all(after[place] == count for place, count in before.items()), "what the centre had it still has"
    one_chain(site, tmp_path)


def test_a_centre_put_back_to_an_older_backup_asks_again_for_what_it_lost(site: Site, tmp_path: Path) -> None:
    config = str(site.configs / "central.toml")
    site.start("broker", "ingest", "web", "room-101")
    until(lambda: sum(site.arrived("room-101").values()) >= 20, "records before the backup")
    subprocess.run([tool("muniment-central"), "backup", str(tmp_path / "backup"), "--config", config], check=True, timeout=60)
    has_grown(site, "room-101", 20)
    site.stop("web", "ingest")
    held = site.held("room-101")
    shutil.move(site.data / "central" / "muniment.db", tmp_path / "newer.db")
    for leftover in ("muniment.db-wal", "muniment.db-shm"):
        (site.data / "central" / leftover).unlink(missing_ok=True)
    subprocess.run([tool("muniment-central"), "restore", str(tmp_path / "backup"), "--config", config], check=True, timeout=60)
    site.start("ingest", "web")

    def whole() -> bool:
        arrived: dict[Any, int] = site.arrived("room-101")
        return all(arrived.get(place, 0) >= count for place, count in held.items())

    until(whole, "the agent sends again what the restored centre lacks", timeout_s=90)
    assert len({epoch for epoch, _ in site.arrived("room-101")}) == 1
    one_chain(site, tmp_path)


def test_an_agent_that_lost_its_journal_begins_another_epoch_and_both_are_kept(site: Site, tmp_path: Path) -> None:
    site.start("broker", "ingest", "web", "room-101")
    until(lambda: sum(site.arrived("room-101").values()) >= 10, "records of the first journal")
    site.stop("room-101")
    first = site.arrived("room-101")
    for name in ("journal.db", "journal.db-wal", "journal.db-shm"):
        (site.data / "room-101" / name).unlink(missing_ok=True)
    site.start("room-101")  # same key and name, another journal
    until(lambda: len({epoch for epoch, _ in site.arrived("room-101")}) == 2, "a second epoch")
    site.stop("room-101")
    after = site.arrived("room-101")
    assert all(after[place] == count for place, count in first.items())
    one_chain(site, tmp_path)
