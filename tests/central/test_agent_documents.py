"""What a replaced agent gets back: calibration and profiles as last in force, to that agent alone, the same after a rebuild."""

from typing import Any

from central.rebuild import rebuild
from central.times import now_ms
from tests.central.site import Site
from wire.records import record

CALIBRATION = {"room-101.climate.temperature": {"offset": -0.3, "gain": 1.0}}
PATH = "/api/v1/agents/room-101/documents"


def tell(site: Site, **facts: Any) -> None:
    site.room.add("events", record("config", now_ms(), 20_000_000, facts={"limits": {}, **facts}))
    site.send()


def documents(site: Site) -> dict[str, Any]:
    answer = site.get(PATH, "room-101")
    assert answer.status_code == 200 and isinstance(answer.json, dict)
    return answer.json


def test_an_agent_gets_what_was_last_in_force_and_a_start_on_an_empty_disk_forgets_nothing(site: Site) -> None:
    assert documents(site) == {
        "agent": "room-101",
        "t": None,
        "calibration": {},
        "profile": {},
        "limits": None,
        "works": [],
        "calendar": None,
        "operators": {},
    }
    tell(site, calibration=CALIBRATION, profile={"bench-1": {"skew_max_deg": 1.5}})
    tell(site)  # a new disk: it has yet to ask
    found = documents(site)
    assert (found["calibration"], found["profile"]) == (CALIBRATION, {"bench-1": {"skew_max_deg": 1.5}})
    assert found["t"] is not None
    rebuild(site.centre.engine)
    assert documents(site) == found
    tell(site, calibration={}, profile={})
    assert documents(site)["calibration"] == {}


def test_limits_works_and_calendar_come_back_and_those_of_the_file_do_not(site: Site) -> None:
    film = {"film": {"kind": "pairs", "sensor": "climate", "boxes": [{"t_max": 15.0}]}}
    works = [{"id": "w", "from": 1, "to": 2, "words": "cleaning"}]
    calendar = {"weekend": [5, 6], "days": {}}
    tell(site, calibration={}, profile={}, limits_source="centre", works=works, calendar=calendar, limits=film)
    tell(site, limits={"own": {"sensor": "climate", "quantity": "temperature", "above": 30.0}})  # a new disk: the file's, as yet
    found = documents(site)
    assert (found["limits"], found["works"], found["calendar"]) == (film, works, calendar)
    rebuild(site.centre.engine)
    assert documents(site) == found
    tell(site, calibration={}, profile={}, limits_source="file", works=7, calendar=None)
    found = documents(site)
    assert (found["limits"], found["works"], found["calendar"]) == (None, [], None)


def test_nobody_else_gets_them(site: Site) -> None:
    assert site.get(PATH, "bench-1").status_code == 404
    assert site.get(PATH, "admin").status_code == 403
    assert site.call("GET", PATH, "").status_code == 401
