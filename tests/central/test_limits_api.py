"""A room's limits as staff set them: by medium, told to every agent of the room and told again where one lacks them, every change kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from central.environment.limits import sending
from central.environment.limits.asked import Asked
from central.environment.limits.boxes import Box
from central.environment.limits.media import Profile, shipped
from central.environment.limits.queries import limits_of_room, outdoor_channels
from central.environment.limits.rules import is_in_force, rule_name, rules_of, to_agent
from central.environment.limits.tables import PROJECTIONS
from central.rebuild import rebuild
from central.store.engine import reading, writing
from central.times import now_ms
from edge_agent.limit_tables import Known, facts_of, judge_limits
from tests.central.site import MINUTE, Site, running
from wire.records import record
from wire.topics import valid_name

ROOM = "/api/v1/rooms/room-101"
BOTH = frozenset(("temperature", "relative_humidity"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of this module's own: limits are set in it."""
    with running(tmp_path_factory.mktemp("limits")) as made:
        yield made


def post(site: Site, path: str, body: object, role: str = "facility") -> TestResponse:
    return site.call("POST", path, role, json=body)


def set_limits(site: Site, *media: str, **more: Any) -> dict[str, Any]:
    answer = post(site, f"{ROOM}/limits", {"media": list(media), **more})
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json, dict)
    return answer.json


def told(site: Site, limits: dict[str, Any], source: str = "centre", **more: Any) -> None:
    """What the agent says that it keeps."""
    site.room.add("events", record("config", now_ms(), 20_000_000, facts={"limits": limits, "limits_source": source, **more}))
    site.send()


def last_command(site: Site, agent: str = "room-101") -> dict[str, Any] | None:
    rows = site.centre.rows("SELECT args FROM commands WHERE agent = ? AND name = 'limits.set' ORDER BY created_ms DESC, rowid DESC", agent)
    return json.loads(rows[0][0])["limits"] if rows else None


def commands(site: Site) -> int:
    return int(site.centre.rows("SELECT count(*) FROM commands WHERE name = 'limits.set'")[0][0])


def test_before_anything_is_set_the_agents_own_limits_stand(site: Site) -> None:
    with reading(site.centre.engine) as connection:
        found = limits_of_room(connection, "room-101")
    assert (found.origin, found.boxes, found.set_by) == ("agent", [Box(14.0, 24.0, None, None)], None)
    with reading(site.centre.engine) as connection:
        assert limits_of_room(connection, "room-404").origin == "none"


def test_what_staff_set_is_sent_kept_and_shown_with_who_and_when(site: Site) -> None:
    before = now_ms()
    made = set_limits(site, "jgj25-paper", "jgj25-tape", set_point_c=20, set_point_pct=52, swing_c=2, swing_pct=5)
    assert made["limits"]["boxes"] == [{"t_min": 14.0, "t_max": 24.0, "rh_min": 45.0, "rh_max": 60.0}]
    assert [source["standard"] for source in made["limits"]["sources"]] == ["JGJ 25-2010 table 5.2.1", "JGJ 25-2010 table 5.2.2"]
    assert (made["limits"]["set_by"], made["history"][0]["actor"]) == ("facility", "facility")
    assert made["agents"][0]["state"] in ("waiting", "sent")
    rules = last_command(site)
    assert rules is not None
    assert set(rules) == {"climate-temperature", "climate-humidity", "climate-swing-t", "climate-swing-rh"}
    assert "temperature-high" not in rules, "the file's own rule about the same gives way"
    assert (rules["climate-temperature"]["below"], rules["climate-temperature"]["above"]) == (14.0, 24.0)
    assert rules["climate-swing-rh"] == rules["climate-swing-rh"] | {"kind": "swing", "within": 5.0, "set_point": 52.0}
    told(site, rules)
    assert site.get(f"{ROOM}/limits", "auditor").json["agents"][0]["state"] == "kept"
    room = site.get(ROOM, "facility").json
    assert room["climate"]["set_point_c"] == 20 and room["climate"]["origin"] == "room"
    assert room["dew_points"][0]["v"] == pytest.approx(7.2, abs=0.1)
    with reading(site.centre.engine) as connection:
        assert limits_of_room(connection, "room-101", at_ms=before - 1).origin == "agent", "then nothing had been set"


def test_paired_film_limits_become_pairs_on_the_agent(site: Site) -> None:
    set_limits(site, "gb11821-bw-negative-long")
    rules = last_command(site)
    assert rules is not None and set(rules) == {"climate-pairs"}
    assert rules["climate-pairs"]["boxes"] == [
        {"t_max": 21.0, "rh_min": 20.0, "rh_max": 30.0},
        {"t_max": 15.0, "rh_min": 20.0, "rh_max": 40.0},
        {"t_max": 10.0, "rh_min": 20.0, "rh_max": 50.0},
    ]
    told(site, rules)
    room = site.get(ROOM, "facility").json
    assert len(room["climate"]["boxes"]) == 3


def test_media_that_exclude_each_other_are_refused_with_the_reason(site: Site) -> None:
    answer = post(site, f"{ROOM}/limits", {"media": ["jgj25-paper", "gb11821-colour-negative-long"]})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "media")
    assert "exclude each other" in answer.json["detail"] and "互相冲突" in answer.json["detail"]
    combined = site.get("/api/v1/limits/combine?media=jgj25-paper,gb11821-colour-negative-long", "facility").json
    assert combined["boxes"] == [] and "≤ 2 °C" in combined["conflict"]["en"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"media": ["no-such"]}, 400),
        ({"media": ["jgj25-paper"], "set_point_c": 30}, 422),
        ({"media": ["jgj25-paper"], "swing_c": -1}, 400),
        ({"media": ["jgj25-paper"] * 20}, 400),
        ({"media": [], "condensation_margin_k": 2}, 422),
        ({}, 400),
    ],
)
def test_what_cannot_be_is_refused(site: Site, body: dict[str, Any], status: int) -> None:
    count = commands(site)
    assert post(site, f"{ROOM}/limits", body).status_code == status
    assert commands(site) == count


def test_only_facility_staff_sets_limits_and_rooms_have_to_exist(site: Site) -> None:
    for role in ("security", "auditor", "archivist", "operator"):
        assert post(site, f"{ROOM}/limits", {"media": []}, role).status_code == 403
        assert site.get(f"{ROOM}/limits", role).status_code == 200
    assert site.get(f"{ROOM}/limits", "admin").status_code == 403
    assert post(site, "/api/v1/rooms/room-404/limits", {"media": []}).status_code == 404


def test_an_agent_that_lacks_them_gets_them_again_but_no_more_often_than_it_helps(site: Site) -> None:
    set_limits(site, "jgj25-paper")
    wanted = last_command(site)
    assert wanted is not None
    co2 = {"sensor": "air", "quantity": "co2", "above": 1000.0, "priority": "low"}
    told(
        site, {"temperature-high": {"sensor": "climate", "quantity": "temperature", "above": 30.0}, "co2": co2}, source="file"
    )  # another Pi
    later = now_ms() + sending.RETRY_S * 1000 + 1

    def again(at_ms: int) -> int:
        with writing(site.centre.engine) as connection:
            return sending.resend(connection, at_ms)

    assert again(now_ms()) == 0, "the first command is still on its way"
    assert again(later) == 1
    assert again(later) == 0
    sent = last_command(site)
    assert sent == wanted | {"co2": co2}, "what is none of the room's climate stays"
    told(site, {**sent, "co2": co2 | {"words_en": "Open a window."}})
    assert again(later + 10**9) == 0
    assert site.get(f"{ROOM}/limits", "facility").json["agents"][0]["state"] == "kept"


def test_taking_all_of_it_back_gives_the_agents_file_its_word_again(site: Site) -> None:
    made = set_limits(site)
    assert last_command(site) is None and made["limits"]["origin"] in ("agent", "none")
    own = {"temperature-high": {"sensor": "climate", "quantity": "temperature", "above": 24.0, "below": 14.0}}
    told(site, own, source="file")
    found = site.get(f"{ROOM}/limits", "facility").json
    assert (found["agents"][0]["state"], found["limits"]["origin"]) == ("own", "agent")
    told(
        site,
        {"film": {"kind": "pairs", "sensor": "climate", "boxes": [{"t_max": 15, "rh_max": 40}, {"t_max": 10, "rh_max": 50}]}},
        source="file",
    )
    with reading(site.centre.engine) as connection:
        assert limits_of_room(connection, "room-101").boxes == [Box(t_max=15, rh_max=40), Box(t_max=10, rh_max=50)]


def test_a_copy_of_a_profile_is_edited_used_and_retired_and_a_room_keeps_what_it_chose(site: Site) -> None:
    paper = site.get("/api/v1/limits/profiles", "facility").json["items"][0]
    assert paper["profile"]["id"] == "jgj25-paper" and paper["confirmation"]["zh"] == "见于二手来源"
    names = {"medium_en": "our ledgers", "medium_zh": "本馆账册", "copied_from": "jgj25-paper", "standard": "JGJ 25-2010, stricter"}
    answer = post(site, "/api/v1/limits/profiles", {**names, "boxes": [{"t_min": 16, "t_max": 20, "rh_min": 48, "rh_max": 55}]})
    assert answer.status_code == 201, answer.text
    copy = answer.json["profile"]
    assert copy["id"].startswith("own-jgj25-paper") and answer.json["own"] is True
    set_limits(site, copy["id"])
    changed = post(site, "/api/v1/limits/profiles", {**names, "id": copy["id"], "boxes": [{"t_min": 16, "t_max": 18}]})
    assert changed.status_code == 201
    with reading(site.centre.engine) as connection:
        assert limits_of_room(connection, "room-101").boxes == [Box(16, 20, 48, 55)], "an edit changes no room silently"
    assert post(site, f"/api/v1/limits/profiles/{copy['id']}/retire", {}).status_code == 204
    assert copy["id"] not in [item["profile"]["id"] for item in site.get("/api/v1/limits/profiles", "facility").json["items"]]
    assert post(site, "/api/v1/limits/profiles/jgj25-paper/retire", {}).status_code == 404
    assert post(site, "/api/v1/limits/profiles", {**names, "id": "jgj25-paper", "boxes": [{}]}).status_code == 409
    assert [json.loads(body)["retired"] for _, body in site.acts("limits.profile")][-3:] == [False, False, True]
    history = site.get(f"/api/v1/limits/profiles/{copy['id']}/history", "facility").json["items"]
    assert [(one["retired"], one["actor"], one["profile"]["boxes"][0]["t_max"]) for one in history] == [
        (True, "facility", 18),
        (False, "facility", 18),
        (False, "facility", 20),
    ]
    assert site.get("/api/v1/limits/profiles/jgj25-paper/history", "facility").status_code == 404


def test_a_room_has_names_and_the_outdoors_is_judged_by_nothing(site: Site) -> None:
    answer = post(site, ROOM, {"name_en": "Paper store 101", "name_zh": "101 纸质库房"})
    assert answer.json["name_zh"] == "101 纸质库房"
    assert site.get(ROOM, "facility", headers={"Accept-Language": "zh"}).json["name"] == "101 纸质库房"
    assert site.get(ROOM, "facility").json["name"] == "Paper store 101"
    with reading(site.centre.engine) as connection:
        assert outdoor_channels(connection) == []
    post(site, ROOM, {"outdoor": True})
    with reading(site.centre.engine) as connection:
        assert outdoor_channels(connection) == ["room-101.climate.relative_humidity", "room-101.climate.temperature"]
    assert site.get(ROOM, "facility").json["climate"]["origin"] == "none"
    post(site, ROOM, {"name_en": "Paper store 101", "name_zh": "101 纸质库房"})


def test_history_comes_back_equal_from_the_ledger(site: Site) -> None:
    def rows() -> list[list[tuple[object, ...]]]:
        with reading(site.centre.engine) as connection:
            return [[tuple(row) for row in connection.execute(table.select().order_by(*table.primary_key))] for table in PROJECTIONS]

    before = rows()
    assert all(before)
    rebuild(site.centre.engine)
    assert rows() == before
    assert len(site.get(f"{ROOM}/limits", "facility").json["history"]) == len(before[1])


def test_a_light_says_when_the_sensor_cannot_tell(site: Site) -> None:
    t, m = now_ms(), 30_000_000
    place = {"i": 9, "sensor": "probe", "q": "temperature", "u": "Cel", "room": "hall"}
    site.room.add("readings", record("channel", t, m, **place, tolerance=0.5), record("reading", t, m, i=9, v=24.3))
    site.send()
    rule = {"sensor": "probe", "quantity": "temperature", "above": 24.0}
    told(site, {"probe-high": rule}, source="file")
    assert (
        site.get("/api/v1/rooms/hall", "facility").json["why"] == "room-101.probe.temperature is above 24, within the sensor's uncertainty"
    )
    site.room.add("readings", record("reading", t + MINUTE // 60, m, i=9, v=24.6))
    site.send()
    assert site.get("/api/v1/rooms/hall", "facility").json["why"] == "room-101.probe.temperature is above 24"


some_asked = st.builds(
    lambda ids, c, pct, swing, rate, dew: Asked(
        media=ids,
        profiles=[shipped()[one] for one in ids],
        set_point_c=c,
        set_point_pct=pct,
        swing_c=swing,
        swing_pct=swing,
        rate_c_h=rate,
        dew_point_max_c=dew,
        condensation_margin_k=swing,
        surface="wall",
    ),
    st.lists(st.sampled_from(sorted(shipped())), max_size=3, unique=True),
    st.none() | st.floats(-20, 40),
    st.none() | st.floats(0, 100),
    st.none() | st.floats(0.1, 10),
    st.none() | st.floats(0.1, 10),
    st.none() | st.floats(-10, 20),
)


@given(some_asked, st.from_regex(r"[a-z][a-z0-9-]{0,38}[a-z0-9]", fullmatch=True))
def test_every_rule_is_one_that_an_agent_can_keep(asked: Asked, sensor: str) -> None:
    rules = rules_of(asked, sensor, BOTH)
    for name, rule in rules.items():
        assert valid_name(name), name
        assert rule["sensor"] == sensor
        if rule.get("kind") == "pairs":
            for box in rule["boxes"]:
                assert box and rule["deadband_rh"] * 2 < box.get("rh_max", 1e9) - box.get("rh_min", -1e9)
                assert rule["deadband_t"] * 2 < box.get("t_max", 1e9) - box.get("t_min", -1e9)
        elif "kind" not in rule:
            assert rule.get("above") is not None or rule.get("below") is not None
            assert rule["deadband"] * 2 < rule.get("above", 1e9) - rule.get("below", -1e9)
        else:
            assert rule["deadband"] < rule.get("within", rule.get("per_h"))
    assert is_in_force(rules, json.loads(json.dumps(rules))), "what comes back as it was sent is in force"
    kept, refused = judge_limits(rules, Known({sensor: sorted(BOTH), "wall": ("temperature",)}))
    assert refused == [], "an agent takes them"
    assert is_in_force(rules, json.loads(json.dumps({name: facts_of(rule) for name, rule in kept.items()}))), "and tells them so"
    for name in rules:
        assert not is_in_force(rules, {other: rule for other, rule in rules.items() if other != name})
        assert not is_in_force(rules, {**rules, name: {**rules[name], "priority": "low"}})


def test_long_sensor_names_keep_their_rules_apart() -> None:
    one, two = (rule_name("a" * 39 + tail, "condensation") for tail in "xy")
    assert one != two and valid_name(one) and valid_name(two)


def test_a_probe_on_a_wall_and_sensors_of_other_rooms_are_left_alone() -> None:
    asked = Asked(media=["jgj25-paper"], profiles=[shipped()["jgj25-paper"]], condensation_margin_k=2, surface="wall")
    sensors = {"climate": ("store", BOTH), "wall": ("store", frozenset({"temperature"})), "office": ("office", BOTH)}
    office = {"office-high": {"sensor": "office", "quantity": "temperature", "above": 28}}
    rules = to_agent({"store": asked}, sensors, office | {"old": {"sensor": "climate", "quantity": "temperature", "above": 30}})
    assert set(rules) == {"office-high", "climate-temperature", "climate-humidity", "climate-condensation"}
    assert rules["climate-condensation"]["surface"] == "wall"


def test_a_room_with_only_a_swing_gets_only_that(site: Site) -> None:
    profile = Profile(id="swing", medium_en="x", medium_zh="x", boxes=[Box()])
    assert set(rules_of(Asked(media=["swing"], profiles=[profile], swing_c=2), "climate", BOTH)) == {"climate-swing-t"}
