"""What the recorder tells of its cameras stands beside the agent's own health, not in its place."""

from tests.central.site import MINUTE, Site
from wire.records import record


def test_cameras_and_the_core_are_told_apart(site: Site) -> None:
    t, m = site.t0 + 30 * MINUTE, 30_000_000
    camera = "room-101/door-cam"
    site.room.add(
        "events",
        record("health", t, m, facts={"camera": camera, "state": "recording", "why": ""}),
        record("health", t + 1000, m, facts={"version": "0.1", "disk_free_mb": 7}),
        record("health", t + 2000, m, facts={"camera": camera, "state": "down", "why": "no route to host"}),
        record("health", t + 3000, m, facts={"camera": "room-101/attic", "state": "recording", "why": ""}),
        record("health", t + 4000, m, facts={"station": "room-101/desk", "state": "idle"}),
    )
    site.send()
    answer = site.get("/api/v1/agents", "admin").json
    assert isinstance(answer, dict)
    (agent,) = (item for item in answer["items"] if item["name"] == "room-101")
    assert agent["health"] == {"version": "0.1", "disk_free_mb": 7}
    assert agent["disk_free"] == 7 << 20
    assert [(c["id"], c["state"], c["why"]) for c in agent["cameras"]] == [
        ("room-101/attic", "recording", None),
        (camera, "down", "no route to host"),
    ]
    assert agent["cameras"][0]["t"] > agent["cameras"][1]["t"]
