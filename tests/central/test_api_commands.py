"""What people ask of agents: kept, signed by ingest, and read again by whoever asked."""

import json

import pytest

from tests.central.site import Site


@pytest.mark.parametrize("who", ["facility", "admin"])
def test_a_sensor_is_calibrated_from_the_centre(site: Site, who: str) -> None:
    body = {"name": "calibration.set", "args": {"channel": "room-101.climate.temperature", "offset": -0.3}}
    given = site.call("POST", "/api/v1/agents/room-101/commands", who, json=body)
    assert given.status_code == 202
    kept = site.centre.rows("SELECT agent, name, args, actor FROM commands WHERE id = ?", given.json["id"])
    assert [(row[0], row[1], json.loads(row[2]), row[3]) for row in kept] == [("room-101", "calibration.set", body["args"], who)]
    assert site.get(f"/api/v1/commands/{given.json['id']}", who).json["state"] in ("waiting", "sent")


def test_security_asks_for_a_clip(site: Site) -> None:
    span = {"camera": "room-101/door-cam", "from": "2026-03-04T05:06:07+08:00", "to": "2026-03-04T05:06:37+08:00"}
    given = site.call("POST", "/api/v1/security/clips", "security", json=span)
    assert given.status_code == 202
    ((name, args),) = site.centre.rows("SELECT name, args FROM commands WHERE id = ?", given.json["id"])
    assert name == "clip.request"
    assert json.loads(args) == {"camera": "room-101/door-cam", "from": 1_772_571_967_000, "to": 1_772_571_997_000}


@pytest.mark.parametrize(
    ("path", "who", "body", "status"),
    [
        ("/api/v1/agents/nobody/commands", "facility", {"name": "identify"}, 404),
        ("/api/v1/agents/room-101/commands", "facility", {"name": "batch.open"}, 400),
        ("/api/v1/agents/room-101/commands", "facility", {"name": "identify", "args": {"x": "y" * 5000}}, 400),
        ("/api/v1/agents/room-101/commands", "operator", {"name": "identify"}, 403),
        ("/api/v1/security/clips", "security", {"camera": "attic/door-cam", "from": "1000", "to": "2000"}, 404),
        ("/api/v1/security/clips", "security", {"camera": "room-101/door-cam", "from": "2000", "to": "1000"}, 400),
        ("/api/v1/security/clips", "security", {"camera": "room-101/door-cam", "from": "1000", "to": "200000"}, 400),
        ("/api/v1/security/clips", "facility", {"camera": "room-101/door-cam", "from": "1000", "to": "2000"}, 403),
    ],
)
def test_what_makes_no_sense_is_not_asked(site: Site, path: str, who: str, body: dict[str, object], status: int) -> None:
    before = site.centre.one("SELECT count(*) FROM commands")
    assert site.call("POST", path, who, json=body).status_code == status
    assert site.centre.one("SELECT count(*) FROM commands") == before
