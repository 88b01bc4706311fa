"""The main job as a newcomer sees it: rooms, a bench and doors reach the console's API through real programs; and it all can be checked."""

import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.setup import tool
from tests.system.site import Site, until

AGENTS = ("room-101", "vault-01", "bench-1")
PRE_ROLL_MS = 4_500


@pytest.fixture(params=["mosquitto", "embedded"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, embedded=request.param == "embedded")
    site.start("broker", "ingest", "web", *AGENTS)
    yield site
    site.stop()


def lights(site: Site) -> dict[str, str]:
    return {room["id"]: room["light"] for room in site.get("/rooms")["items"] if room["readings"]}


def reviews_with_clip(site: Site) -> list[dict[str, Any]]:
    """Door openings whose clip can be played and shows what was before (the first door may open before the camera has run that long)."""
    reviews = [review for review in site.items("/security/reviews") if review["clips"] and review["clip_state"] == "stored"]
    return [review for review in reviews if review["clips"][0]["from_ms"] <= review["t_ms"] - PRE_ROLL_MS]


def closed_batches(site: Site) -> list[dict[str, Any]]:
    return [batch for batch in site.items("/batches") if batch["state"] == "closed" and not batch.get("pending")]


def fetch(site: Site, path: str, user: str, *, span: str = "") -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {site.users[user]['token']}", "Muniment-Purpose": "test"}
    if span:
        headers["Range"] = span
    with urllib.request.urlopen(urllib.request.Request(site.url + path, headers=headers), timeout=20) as answer:
        return answer.status, answer.read()


@pytest.mark.system
@pytest.mark.timeout(300)
def test_rooms_doors_and_pages_arrive_and_an_outsider_can_check_them(site: Site, tmp_path: Path) -> None:
    started = time.monotonic()
    until(lambda: lights(site).keys() == {"room-101", "vault-01"} and "grey" not in lights(site).values(), "both rooms live")
    before = {room["id"]: room["readings"][0]["t"] for room in site.get("/rooms")["items"] if room["readings"]}
    review = until(lambda: reviews_with_clip(site), "a door opening with a clip from before it")[0]
    batch = until(lambda: closed_batches(site), "a closed batch", timeout_s=90)[0]
    assert time.monotonic() - started < 90
    after = {room["id"]: room["readings"][0]["t"] for room in site.get("/rooms")["items"] if room["readings"]}
    assert all(after[room] > before[room] for room in before), "values go on"

    clip = review["clips"][0]
    status, video = fetch(site, clip["url"], "security")
    assert (status, len(video)) == (200, clip["bytes"])
    assert fetch(site, clip["url"], "security", span="bytes=0-99") == (206, video[:100])

    assert batch["captured"] >= 20 and batch["replaced"] >= 1
    pages = site.items(f"/batches/{batch['id']}/pages")
    assert len({page["id"] for page in pages}) == len(pages)
    kept = [page for page in pages if not page["replaced"]]
    assert len(kept) == batch["captured"] and "bad" not in {page["verdict"] for page in kept}
    assert {page["verdict"] for page in pages if page["replaced"]} & {"bad", "look"}, "what was retaken had a real defect"
    status, image = fetch(site, f"/api/v1/pages/{kept[0]['id']}/image", "operator")
    assert (status, len(image)) == (200, kept[0]["bytes"])

    site.stop(*AGENTS, "ingest")
    shown = {path: site.get(path) for path in ("/rooms", "/batches", "/security/events", "/security/reviews", "/alarms")}
    exported = tmp_path / "ledger.ndjson"
    central = str(site.configs / "central.toml")
    subprocess.run([tool("muniment-central"), "export-ledger", str(exported), "--config", central], check=True, timeout=60)
    verified = subprocess.run([tool("muniment-verify"), str(exported)], capture_output=True, text=True, timeout=60, check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    lines = exported.read_bytes()
    spot = lines.index(b'\\"v\\":') + 6
    exported.write_bytes(lines[:spot] + (b"9" if lines[spot : spot + 1] != b"9" else b"8") + lines[spot + 1 :])
    assert subprocess.run([tool("muniment-verify"), str(exported)], capture_output=True, timeout=60, check=False).returncode == 1

    subprocess.run([tool("muniment-central"), "rebuild", "--config", central], check=True, timeout=60)
    assert {path: without_age(site.get(path)) for path in shown} == {path: without_age(value) for path, value in shown.items()}


def without_age(value: Any) -> Any:
    """What a list says, less what depends on the moment it is asked (a light goes grey when its room falls silent)."""
    text = json.loads(json.dumps(value))
    for item in text["items"]:
        for name in ("light", "why"):
            item.pop(name, None)
        for reading in item.get("readings", ()):
            reading.pop("fresh", None)
    return text
