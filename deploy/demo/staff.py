"""Does in the demonstration what facility staff does in the first week: names, limits, works, calendar, patrol, calibration, plan.

All of it is asked of the centre's API as one of the demonstration's own people, once, at the first start: what is changed
afterwards stays changed.
"""

import json
import time
import urllib.request
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")  # as in central.toml
DONE = "staff-done"
SEEN_S = 40.0
NAMES = {"room-101": ("Paper store 101", "101 纸质档案库"), "vault-01": ("Film and tape vault", "胶片与磁带库")}
LIMITS: dict[str, dict[str, Any]] = {
    "room-101": {"media": ["jgj25-paper"], "set_point_c": 18.5, "set_point_pct": 50.0, "swing_c": 2.0, "swing_pct": 5.0},
    "vault-01": {  # film in any of its pairs, glass plates from 30 %, tape below 11 °C: together at most 11 °C and 30 to 40 %
        "media": ["gb11821-bw-negative-long", "iso18918-glass-extended", "iso18923-tape"],
        "set_point_c": 9.5,
        "set_point_pct": 35.0,
        "swing_c": 1.5,
        "swing_pct": 5.0,
        "condensation_margin_k": 2.0,
        "surface": "wall",
    },
}
ROUND = {
    "name": "每日巡检 Daily round",
    "times": ["09:30", "16:30"],
    "grace_min": 90,
    "checkpoints": [
        {"room": "room-101", "name": "101 库门与温湿度 Door and display", "look_at": "门关严，显示正常 door shut, display alive"},
        {"room": "room-101", "name": "101 漏水检测线 Leak cable", "look_at": "干燥 dry"},
        {"room": "vault-01", "name": "胶片库除湿机 Dehumidifier", "look_at": "水箱未满 tank not full"},
    ],
}
PLACES: list[dict[str, Any]] = [
    {"item": "room:room-101", "x": 0.05, "y": 0.1, "w": 0.5, "h": 0.8},
    {"item": "room:vault-01", "x": 0.6, "y": 0.1, "w": 0.35, "h": 0.8},
    {"item": "sensor:room-101.climate", "x": 0.3, "y": 0.35},
    {"item": "sensor:room-101.rack", "x": 0.14, "y": 0.7},
    {"item": "sensor:room-101.light", "x": 0.45, "y": 0.62},
    {"item": "contact:room-101/door", "x": 0.3, "y": 0.9},
    {"item": "camera:room-101/door-cam", "x": 0.46, "y": 0.82},
    {"item": "sensor:vault-01.climate", "x": 0.78, "y": 0.35},
    {"item": "sensor:vault-01.wall", "x": 0.87, "y": 0.65},
    {"item": "contact:vault-01/door", "x": 0.72, "y": 0.9},
]


class Refused(Exception):
    """The centre refused something of the demonstration; the text says what and why."""


class Centre:
    """The centre's API, as one of the demonstration's people."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token

    def ask(self, path: str, body: Any = None, *, method: str | None = None) -> Any:
        """The JSON of an answer; Refused for an error."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._url}/api/v1{path}", data=data, headers=headers, method=method)  # noqa: S310  our own loopback address
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
                text = answer.read()
        except HTTPError as error:
            raise Refused(f"{path}: {error.read().decode(errors='replace')[:500]}") from error
        return json.loads(text) if text else None


def _await(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SEEN_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.3)
    return True


def set_up(data: Path, url: str, users: dict[str, dict[str, str]]) -> None:
    """Do all of it unless it was done; Refused where the centre will not."""
    if (data / DONE).exists():
        return
    facility = Centre(url, users["facility"]["token"])
    wanted = {place["item"].removeprefix("sensor:") for place in PLACES if place["item"].startswith("sensor:")}

    def reporting() -> bool:
        sensors = facility.ask("/sensors")["items"]
        return wanted <= {f"{one['agent']}.{one['sensor']}" for one in sensors if one["fresh"]}

    if not _await(reporting):
        raise Refused(f"not all sensors report within {SEEN_S:.0f} s")
    now = datetime.now(ZONE)
    for room, (english, chinese) in NAMES.items():
        facility.ask(f"/rooms/{room}", {"name_en": english, "name_zh": chinese})
        facility.ask(f"/rooms/{room}/limits", LIMITS[room])
    _calendar(facility, now)
    starts = (now + timedelta(days=5)).replace(hour=9, minute=0, second=0, microsecond=0)
    works = {"kind": "fumigation", "from": starts.isoformat(), "to": (starts + timedelta(hours=30)).isoformat()}
    facility.ask("/rooms/room-101/works", works | {"reason": "年度熏蒸消毒 Yearly fumigation"})
    _calibrate(facility, now)
    _patrol(facility, now)
    for alarm in facility.ask("/alarms?show=open")["items"]:
        facility.ask(f"/alarms/{alarm['id']}/acknowledge", {"text": "空调已检修 The air conditioning was seen to (demonstration)"})
    plan = facility.ask("/plans", {"name": "一层库区 Ground floor", "building": "档案楼 Archive", "floor": "1"})
    for place in PLACES:
        facility.ask(f"/plans/{plan['id']}/places", place)
    (data / DONE).write_text(f"{now.isoformat()}\n")


def _calendar(facility: Centre, now: datetime) -> None:
    try:
        days = facility.ask(f"/calendar/proposal?year={now.year}")["days"]
    except Refused:  # the package that knows China's calendar ends before this year
        days = {}
    facility.ask("/calendar", {"weekend": [5, 6], "days": days}, method="PUT")


def _calibrate(facility: Centre, now: datetime) -> None:
    today = now.date()
    done = {"person": "演示 Demonstration", "note": "演示数据 made up for the demonstration"}
    kept = [
        ("room-101.climate.temperature", [[10.2, 10.0], [30.1, 30.0]], 40, 325, "DEMO-T-0117"),
        ("room-101.climate.relative_humidity", [[33.6, 33.0], [75.9, 75.3]], 40, 325, "DEMO-H-0117"),
        ("vault-01.climate.relative_humidity", [[33.3, 33.0]], 350, 15, "DEMO-H-0032"),
    ]
    for channel, points, ago, ahead, certificate in kept:
        dates = {"date": (today - timedelta(days=ago)).isoformat(), "due": (today + timedelta(days=ahead)).isoformat()}
        facility.ask(f"/sensors/{channel}/calibrations", done | dates | {"points": points, "certificate": certificate})


def _patrol(facility: Centre, now: datetime) -> None:
    walked = facility.ask("/patrols", ROUND)
    for back in range(5, 0, -1):
        at = (now - timedelta(days=back)).replace(hour=9, minute=34, second=0, microsecond=0)
        for place, point in enumerate(walked["checkpoints"]):
            wrong = back == 3 and place == 2
            told = {"note": "水箱已满，已倒空 tank was full, emptied"} if wrong else {}
            check = {"id": str(uuid.uuid4()), "code": point["code"], "ok": not wrong, "scanned": True, **told}
            facility.ask("/patrols/checks", check | {"t": (at + timedelta(minutes=3 * place)).isoformat()})
