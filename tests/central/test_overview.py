"""The overview asks as few questions for a hundred rooms as for a few, and says of each what the room's own page says."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert

from central.environment.queries import room_facts, room_ids, rooms_facts
from central.environment.tables import alarms, channels, limits, readings, rooms
from central.store.engine import reading, writing
from central.times import now_ms
from tests.central.web_fixtures import Centre, make_centre, sign_in

FEW, MANY = 5, 100


def add_rooms(centre: Centre, count: range) -> None:
    """Rooms with two channels each, every fifth with an alarm, every seventh silent."""
    now = now_ms()
    with writing(centre.engine) as connection:
        for n in count:
            room = f"store-{n:03d}"
            connection.execute(insert(rooms).values(id=room, agent=room))
            for i, (q, u, v) in enumerate((("temperature", "Cel", 20.0), ("relative_humidity", "%", 50.0))):
                name = f"{room}.climate.{q}"
                ident = 1000 + 2 * n + i
                row: dict[str, Any] = {"id": ident, "channel": name, "agent": room, "room": room, "sensor": "climate", "q": q, "u": u}
                connection.execute(insert(channels).values(**row, t_ms=now))
                connection.execute(insert(limits).values(agent=room, rule=f"{q}-high", channel=name, above=24.0 if i == 0 else 60.0))
                t = now - (3_600_000 if n % 7 == 3 else 30_000)
                connection.execute(insert(readings).values(channel_id=ident, t_ms=t, epoch_id=1, seq=ident, v=v, quality=0))
            if n % 5 == 0:
                alarm = {
                    "id": f"{room}:e:1",
                    "agent": room,
                    "room": room,
                    "rule": "temperature-high",
                    "subject": f"{room}.climate.temperature",
                }
                facts = {"priority": "high", "state": "unacknowledged", "active": True, "since_ms": now, "words": "{}"}
                connection.execute(insert(alarms).values(**alarm, **facts))


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A centre whose only person is of facility staff."""
    made = make_centre(Path(tmp_path_factory.mktemp("overview")), people=("facility",))
    yield made
    made.engine.dispose()


def test_a_hundred_rooms_take_as_many_questions_as_five_and_the_worst_come_first(centre: Centre) -> None:
    asked: list[str] = []
    event.listen(centre.engine, "before_cursor_execute", lambda _c, _u, statement, *_: asked.append(statement))
    browser = centre.app.test_client()
    sign_in(browser, "facility")

    def questions(path: str) -> tuple[int, str]:
        asked.clear()
        text = browser.get(path).text
        return len(asked), text

    add_rooms(centre, range(FEW))
    few, _ = questions("/rooms?view=list")
    few_api, _ = questions("/api/v1/rooms")
    add_rooms(centre, range(FEW, MANY))
    many, page = questions("/rooms?view=list")
    many_api, _ = questions("/api/v1/rooms?limit=100")
    assert many <= few, "not one question more for ninety-five rooms more"
    assert many_api <= few_api
    lights = [part.partition('"')[0] for part in page.split('data-light="')[1:] if part[0] in "rgy"]
    rows = lights[-MANY:]
    order = ["red", "yellow", "grey", "green"]
    assert rows == sorted(rows, key=order.index)
    assert rows.count("red") == 20


def test_what_is_asked_of_all_rooms_at_once_is_what_is_asked_of_each(centre: Centre) -> None:
    with reading(centre.engine) as connection:
        ids = room_ids(connection)
        together = rooms_facts(connection, ids, silence_s=180)
        apart = [room_facts(connection, ident, silence_s=180) for ident in ids]
    assert together == apart
    assert {facts.light for facts in together} == {"red", "green", "grey"}
