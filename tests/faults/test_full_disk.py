"""64 MiB under an agent, then under the centre, fill up: each step is announced, comes in the stated order, and nothing is lost."""

import json
import sqlite3
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.setup import tool
from edge_agent.handoff import request_core
from edge_agent.quota import MB
from tests.faults.disk import SIZE, SmallDisk
from tests.system.site import Site, until

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
AGENT = "bench-1"
RESERVE = SIZE // 10  # what the agent keeps for events on a disk so small
LONG_S = 120.0
STEPS = ["disk-notice", "disk-no-video", "disk-no-capture", "disk-thin-readings", "disk-events-only"]
ROOM = """
[sensor.climate]
driver = "node"
transport = "sim"

[contact.door]
driver = "gpio"
transport = "sim"
pin = 17
kind = "door"

[camera.door-cam]
driver = "stream"
transport = "sim"
contacts = ["door"]
pre_roll_s = 2
post_roll_s = 2
"""


def everything(text: str) -> str:
    """The bench with a room's devices beside it, so that one disk holds all that an agent can hold; nobody presses but the test."""
    text = text.replace("report_s = 10", "report_s = 1\nquota_mb = 64").replace("operator = true", "operator = false\ndoor_every_s = 5")
    return text.replace("screen = ", "reserve_mb = 1\nscreen = ") + ROOM


@pytest.fixture
def agent_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with SmallDisk(tmp_path / "site" / AGENT) as disk:
        yield disk


@pytest.fixture
def centre_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with SmallDisk(tmp_path / "site" / "central") as disk:
        yield disk


class Watch:
    """One agent of a site, seen from its own files, screen and socket."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.folder = site.data / AGENT

    def alarms(self) -> list[str]:
        """The rules of the disk's open alarms."""
        status = request_core(self.folder / "core.sock", {"op": "status"}, timeout_s=20)
        return [alarm["rule"] for alarm in status["alarms"] if alarm["rule"] in STEPS]

    def lane(self, lane: str) -> dict[str, int]:
        """last, acknowledged and held of a lane."""
        status = request_core(self.folder / "core.sock", {"op": "status"}, timeout_s=20)
        found: dict[str, int] = status["facts"]["lanes"][lane]
        return found

    def press(self) -> str:
        """Press by the screen's button; how the press ended."""
        screen = f"http://127.0.0.1:{self.site.ports['screen']}"
        request = urllib.request.Request(
            f"{screen}/api/press",
            data=b'{"wish": "capture"}',
            headers={"Origin": screen, "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                outcome: str = json.loads(answer.read())["outcome"]
                return outcome
        except urllib.error.URLError as error:
            return str(error)

    def taken(self) -> set[str]:
        """The ids of all pages on the bench."""
        with closing(sqlite3.connect(f"file:{self.folder / 'bench' / AGENT / 'spool.db'}?mode=ro", uri=True)) as rows:
            return {row[0] for row in rows.execute("SELECT page FROM pages")}

    def said(self) -> str:
        """Why the bench's screen says that it captures nothing; empty while it does."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.site.ports['screen']}/api/state", timeout=30) as answer:
            return str(json.loads(answer.read()))

    def segments(self) -> set[Path]:
        """The video on the disk."""
        return set((self.folder / "video" / "segments").rglob("*.mp4"))

    def lines(self, lane: int) -> list[bytes]:
        """The journal's lines of a lane, a digest where a record was thinned."""
        with closing(sqlite3.connect(f"file:{self.folder / 'journal.db'}?mode=ro", uri=True)) as rows:
            return [row[0] for row in rows.execute("SELECT line FROM records WHERE lane = ? ORDER BY epoch, seq", (lane,))]

    def thinned(self) -> int:
        return sum(line.startswith(b"#") for line in self.lines(2))


def one_chain(site: Site, tmp_path: Path) -> None:
    exported, config = tmp_path / "ledger.ndjson", str(site.configs / "central.toml")
    subprocess.run([tool("muniment-central"), "export-ledger", str(exported), "--config", config], check=True, timeout=60)
    done = subprocess.run([tool("muniment-verify"), str(exported)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def pages(site: Site) -> list[dict[str, Any]]:
    return [page for batch in site.items("/batches") for page in site.items(f"/batches/{batch['id']}/pages")]


def clips(site: Site) -> int:
    return sum(review["clip_state"] == "stored" for review in site.items("/security/reviews"))


def test_an_agent_s_disk_fills_up_in_the_stated_order_and_all_it_kept_arrives(tmp_path: Path, agent_disk: SmallDisk) -> None:
    site = Site(tmp_path, edits={AGENT: everything})
    agent = Watch(site)

    def press(expected: str) -> None:
        until(lambda: agent.press() == expected, f"a press is {expected}", timeout_s=LONG_S)

    def with_free(reserves: float, condition: Callable[[], Any], what: str) -> Any:
        def look() -> Any:
            agent_disk.leave(int(reserves * RESERVE))
            return condition()

        return until(look, f"with {reserves} reserves free: {what}", timeout_s=LONG_S)

    try:
        site.start("broker", "ingest", "web", AGENT)
        press("captured")
        until(lambda: [page for page in pages(site) if not page["pending"]], "the first page at the centre", timeout_s=LONG_S)
        until(lambda: clips(site), "a clip at the centre", timeout_s=LONG_S)
        site.stop("broker")  # from now on nothing leaves the agent's disk
        sent = agent.lane("readings")["last"]
        until(lambda: agent.lane("readings")["last"] > sent + 60, "readings that are not sent", timeout_s=LONG_S)
        assert agent.alarms() == []

        with_free(4.5, lambda: agent.alarms() == STEPS[:1], "somebody is told")
        with_free(3.4, lambda: agent.alarms() == STEPS[:2], "the end of video is announced")
        seen = agent.segments()
        with_free(3.4, lambda: agent.segments() - seen, "video goes on meanwhile")
        with_free(2.3, lambda: agent.alarms() == STEPS[:3], "the end of capturing is announced")
        log = site.data / "logs" / f"{AGENT}.log"
        with_free(2.3, lambda: "door-cam is paused" in log.read_text(), "video has stopped")
        press("captured")
        filmed = agent.segments()
        with_free(1.7, lambda: agent.alarms() == STEPS[:4], "the thinning of readings is announced")
        press("rejected")
        assert "disk" in agent.said()
        assert agent.thinned() == 0
        with_free(1.35, agent.thinned, "old readings become digests")
        lines = agent.lines(2)
        plain = [line for line in lines if line.startswith(b'{"k":"reading"')]
        first_plain = lines.index(plain[0]) if plain else len(lines)
        assert all(lines.index(line) < first_plain for line in lines if line.startswith(b"#")), "the oldest first"
        with_free(1.15, lambda: agent.alarms() == STEPS, "that only events are kept is announced")
        with_free(0.5, lambda: agent.lane("readings")["held"] > 4, "readings wait in memory")
        journalled, events = agent.lane("readings")["last"], agent.lane("events")["last"]
        with_free(0.5, lambda: agent.lane("events")["last"] >= events + 4, "events are still journalled")
        assert agent.lane("readings")["last"] == journalled
        assert agent.segments() <= filmed
        agent_disk.fill_up()
        waiting = agent.lane("readings")["held"]
        until(lambda: agent.lane("readings")["held"] >= waiting + 20, "not a byte is left, and the core goes on", timeout_s=LONG_S)
        until(lambda: agent.press() in ("rejected", "failed"), "no press is taken", timeout_s=LONG_S)

        agent_disk.empty()
        until(lambda: agent.alarms() == [], "the alarms end", timeout_s=LONG_S)
        until(lambda: agent.lane("readings")["held"] == 0, "what waited in memory is journalled", timeout_s=LONG_S)
        until(lambda: agent.segments() - filmed, "video goes on", timeout_s=LONG_S)
        press("captured")
        site.start("broker")
        site.wait_even([AGENT], timeout_s=LONG_S)
        taken = agent.taken()
        assert len(taken) >= 3
        until(lambda: {page["id"] for page in pages(site) if not page["pending"]} == taken, "each page that was taken", timeout_s=LONG_S)
        assert "killed by signal" not in log.read_text(), "no process fell over the full disk"
        doors = [json.loads(line)["state"] for line in agent.lines(0) if b'"k":"contact"' in line]
        assert all(one != next_ for one, next_ in pairwise(doors)), "no door event is missing"
        found = {alarm["rule"]: alarm["since"] for alarm in site.items("/alarms") if alarm["rule"] in STEPS}
        assert sorted(found, key=lambda rule: found[rule]) == STEPS
        one_chain(site, tmp_path)
    finally:
        site.stop()


def ready(site: Site) -> dict[str, str]:
    """What /readyz says of each part, whether ready or not."""
    try:
        with urllib.request.urlopen(f"{site.url}/readyz", timeout=20) as answer:
            status, body = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, body = error.code, error.read()
    checks: dict[str, str] = json.loads(body)["checks"]
    assert (status == 200) == all(word == "ok" for word in checks.values())
    return checks


def refused_upload(site: Site, page: dict[str, Any]) -> int:
    """The status that the agent itself gets for the bytes of a page."""
    token = (site.data / "enrolled" / AGENT / "token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0", "Upload-Length": str(page["bytes"])}
    request = urllib.request.Request(f"{site.url}/api/v1/uploads/{page['sha256']}", method="POST", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_the_centre_s_disk_fills_up_uploads_first_then_acknowledgements_and_all_arrives(tmp_path: Path, centre_disk: SmallDisk) -> None:
    uploads_mb, ledger_mb = 24, 12

    def limits(text: str) -> str:
        offset = centre_disk.offset_mb
        return f"{text}\n[limits]\nreserve_mb = {offset + uploads_mb}\nledger_reserve_mb = {offset + ledger_mb}\n"

    site = Site(tmp_path, edits={AGENT: lambda text: everything(text).replace("quota_mb = 64\n", ""), "central": limits})
    agent = Watch(site)

    def with_free(mb: float, condition: Callable[[], Any], what: str) -> Any:
        def look() -> Any:
            centre_disk.leave(int(mb * MB))
            return condition()

        return until(look, f"with {mb} MiB free: {what}", timeout_s=LONG_S)

    def stored() -> int:
        return sum(not page["pending"] for page in pages(site))

    def raised() -> set[str]:
        return {alarm["rule"] for alarm in site.items("/alarms") if alarm["subject"] == "centre" and alarm["active"]}

    try:
        site.start("broker", "ingest", "web", AGENT)
        until(lambda: agent.press() == "captured", "a press", timeout_s=LONG_S)
        until(lambda: stored() == len(agent.taken()), "the first page at the centre", timeout_s=LONG_S)
        assert set(ready(site).values()) == {"ok"}
        with_free(30, lambda: raised() == {"disk-low"}, "the end of uploads is announced")
        until(lambda: agent.press() == "captured", "a press", timeout_s=LONG_S)
        with_free(30, lambda: stored() == len(agent.taken()), "uploads go on meanwhile")
        centre_disk.leave(20 * MB)
        until(lambda: agent.press() == "captured", "a press", timeout_s=LONG_S)
        pending = with_free(20, lambda: [page for page in pages(site) if page["pending"]], "the third page's record")[0]
        with_free(20, lambda: refused_upload(site, pending) == 507, "uploads are refused")
        assert set(ready(site).values()) == {"ok"}
        with_free(16, lambda: raised() == {"disk-low", "disk-critical"}, "the end of acknowledgements is announced")
        acknowledged = agent.lane("events")["acknowledged"]
        with_free(16, lambda: agent.lane("events")["acknowledged"] > acknowledged, "records are acknowledged meanwhile")
        with_free(9, lambda: "reserve" in ready(site)["disk"], "the service says that it is not ready")
        acknowledged = agent.lane("events")["acknowledged"]
        last = agent.lane("events")["last"]
        with_free(9, lambda: agent.lane("events")["last"] >= last + 6, "the agent goes on by itself")
        assert agent.lane("events")["acknowledged"] <= acknowledged + 2, "at most what was under way"
        arrived = site.arrived(AGENT)
        centre_disk.fill_up()
        last = agent.lane("events")["last"]
        until(lambda: agent.lane("events")["last"] >= last + 4, "not a byte is left at the centre", timeout_s=LONG_S)
        until(lambda: agent.press() == "captured", "a press", timeout_s=LONG_S)
        assert site.arrived(AGENT) == arrived, "what the centre has can be read"
        assert "reserve" in ready(site)["disk"]

        centre_disk.empty()
        until(lambda: set(ready(site).values()) == {"ok"}, "ready again", timeout_s=LONG_S)
        held = site.held(AGENT)

        def whole() -> bool:
            now = site.arrived(AGENT)
            return all(now.get(place, 0) >= count for place, count in held.items())

        until(whole, "all records arrive", timeout_s=LONG_S)
        until(lambda: stored() == len(agent.taken()), "all pages arrive", timeout_s=2 * LONG_S)
        until(lambda: not raised(), "the alarms end", timeout_s=LONG_S)
        assert {page["id"] for page in pages(site)} == agent.taken()
        one_chain(site, tmp_path)
    finally:
        site.stop()
