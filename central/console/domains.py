"""Answers the pages' questions by the domains' public query functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from central.console import formats, shapes
from central.console.facts import Item, Page
from central.console.language import language
from central.digitization import queries as digitization
from central.digitization import stations
from central.digitization.provenance import provenance_of
from central.environment import alarms as alarm_queries
from central.environment import overview
from central.environment import queries as environment
from central.environment.limits.queries import limits_of_room
from central.environment.marks import marks_of
from central.environment.metrics import queries as preservation
from central.environment.plans import queries as plan_queries
from central.environment.series import Span, channel_named, series
from central.environment.works.queries import works_of_room
from central.health import queries as health
from central.ledger import queries as ledger
from central.security import queries as security
from central.store.engine import reading
from central.times import now_ms
from central.web import paging
from central.web.state import config, engine

PAGE = 50  # rows a page of a list
QUEUE_PAGE = 40
STATIONS_MAX = 100
AGENTS_MAX = 500
MB = 1024 * 1024


def _item(found: Any) -> Item:
    """A query's answer as the JSON API would write it."""
    built: Item = msgspec.to_builtins(found)
    return built


def _before(cursor: str | None) -> tuple[int, str] | None:
    key = paging.decode(cursor, int, str)
    return (int(key[0]), str(key[1])) if key else None


def _cut(rows: Sequence[tuple[int, Any]], limit: int, key: Callable[[Any], Sequence[int | str]] | None = None) -> Page:
    page, following = paging.cut(rows, limit, key or (lambda row: (row[0], row[1].id)))
    return [_item(row[1]) for row in page], following


class DomainFacts:
    """The facts of the application that serves this request."""

    def rooms(self) -> list[Item]:
        with reading(engine()) as connection:
            idents = environment.room_ids(connection)
            benches = {
                ledger.room_of(connection, bench.agent) for bench in stations.stations_after(connection, after="", limit=STATIONS_MAX)
            }
            contacts = security.contacts_by_room(connection)
            facts = environment.rooms_facts(connection, idents, silence_s=config().limits.silence_s)
            found = [self._shown(room, contacts.get(room.id, [])) for room in facts]
        # a bench stands in a room of its own name unless told otherwise; where nothing is measured it is no storeroom
        return [room for room in found if room["readings"] or room["contacts"] or room["alarms"] or room["id"] not in benches]

    def room(self, room_id: str) -> Item | None:
        with reading(engine()) as connection:
            found = environment.room_facts(connection, room_id, silence_s=config().limits.silence_s)
            return None if found is None else self._shown(found, security.contacts_of(connection, room_id))

    @staticmethod
    def _shown(found: environment.RoomFacts, contacts: Sequence[security.Contact]) -> Item:
        room = _item(found) | {"contacts": [_item(contact) for contact in contacts]}
        room["readings"] = shapes.in_order(room["readings"])
        room["name"] = room["names"][language()]
        return room

    def courses(self, names: Sequence[str], *, from_ms: int) -> dict[str, list[list[Any]]]:
        with reading(engine()) as connection:
            return overview.courses_since(connection, names, from_ms=from_ms)

    def channels(self) -> list[Item]:
        with reading(engine()) as connection:
            return [_item(channel) for channel in overview.site_channels(connection)]

    def first_ms(self, room_id: str) -> int | None:
        with reading(engine()) as connection:
            return overview.first_ms(connection, room_id)

    def preservation(self, room_id: str, *, from_ms: int, to_ms: int) -> list[Item]:
        begin, end = preservation.whole_days(from_ms, to_ms, now_ms=to_ms)
        with reading(engine()) as connection:
            sensors = preservation.sensors_of_room(connection, room_id)
            return [_item(preservation.metrics_of_sensor(connection, room_id, one, from_ms=begin, to_ms=end)) for one in sensors]

    def room_limits(self, room_id: str) -> Item:
        with reading(engine()) as connection:
            return _item(limits_of_room(connection, room_id))

    def marks(self, room_id: str, *, from_ms: int, to_ms: int) -> Item | None:
        with reading(engine()) as connection:
            found = marks_of(connection, room_id, from_ms=from_ms, to_ms=to_ms)
            planned = works_of_room(connection, room_id, from_ms=from_ms, to_ms=to_ms)
        if found is None:
            return None
        works = [{"id": one.id, "kind": one.kind, "reason": one.reason, "from_ms": one.from_ms, "to_ms": one.over_ms} for one in planned]
        return _item(found) | {"works": works}

    def works_now(self, room_id: str) -> list[Item]:
        now = now_ms()
        with reading(engine()) as connection:
            return [_item(one) for one in works_of_room(connection, room_id, from_ms=now, to_ms=now + 1)]

    def course(self, sensor: str, *, from_ms: int, to_ms: int, points: int) -> list[list[Any]]:
        with reading(engine()) as connection:
            channel = channel_named(connection, sensor)
            if channel is None:
                return []
            span = Span(from_ms=from_ms, to_ms=to_ms, points=points, gap_ms=config().limits.silence_s * 1000)
            return [list(point) for point in series(connection, channel, span).points]

    def plans(self) -> list[Item]:
        with reading(engine()) as connection:
            found = [_item(plan) for plan in plan_queries.plans_after(connection)]
        return sorted(found, key=lambda plan: (plan["building"] or "", plan["floor"] or "", plan["name"]))

    def plan(self, plan_id: str) -> Item | None:
        with reading(engine()) as connection:
            found = plan_queries.plan_named(connection, plan_id)
            return (
                None if found is None else {"plan": _item(found), "places": [_item(p) for p in plan_queries.places_of(connection, plan_id)]}
            )

    def plans_with(self, items: list[str]) -> list[str]:
        with reading(engine()) as connection:
            return plan_queries.plans_with(connection, items)

    def cameras(self) -> dict[str, list[str]]:
        made: dict[str, list[str]] = {}
        with reading(engine()) as connection:
            for agent in ledger.agents_after(connection, after="", limit=AGENTS_MAX):
                made.setdefault(agent.room, []).extend(security.cameras_of(connection, [agent.name]))
        return made

    def alarms(self, *, show: str, room: str | None = None, cursor: str | None = None) -> Page:
        with reading(engine()) as connection:
            found = alarm_queries.alarms_before(connection, before=_before(cursor), limit=PAGE + 1, show=show, room=room)
            items, following = _cut(found, PAGE)
            for alarm in items:
                alarm["notes"] = [_item(note) for note in alarm_queries.notes_of(connection, alarm["id"])]
        return items, following

    def open_alarms(self) -> int:
        with reading(engine()) as connection:
            return len(alarm_queries.alarms_before(connection, before=None, limit=PAGE, show="open"))

    def events(self, *, room: str, limit: int) -> list[Item]:
        with reading(engine()) as connection:
            return [_item(event) for _, event in security.events_before(connection, before=None, limit=limit, room=room)]

    def benches(self) -> list[Item]:
        with reading(engine()) as connection:
            return [_item(bench) for bench in stations.stations_after(connection, after="", limit=STATIONS_MAX)]

    def batches(self, *, cursor: str | None = None) -> Page:
        with reading(engine()) as connection:
            rows = digitization.batches_before(connection, before=_before(cursor), limit=PAGE + 1)
        page, following = paging.cut(rows, PAGE, lambda row: (row.opened_ms, row.id))
        return [_item(row) for row in page], following

    def batch(self, batch_id: str) -> Item | None:
        with reading(engine()) as connection:
            found = digitization.batch_named(connection, batch_id)
        return None if found is None else _item(found)

    def pages(self, batch_id: str) -> list[Item]:
        with reading(engine()) as connection:
            return [_item(page) for page in digitization.pages_of(connection, batch_id)]

    def provenance(self, page_id: str) -> Item | None:
        with reading(engine()) as connection:
            found = provenance_of(connection, page_id, silence_s=config().limits.silence_s)
        return None if found is None else _item(found)

    def reviews(self, *, show: str, cursor: str | None = None) -> Page:
        with reading(engine()) as connection:
            return _cut(security.reviews_before(connection, before=_before(cursor), limit=QUEUE_PAGE + 1, show=show), QUEUE_PAGE)

    def review(self, review_id: str) -> Item | None:
        with reading(engine()) as connection:
            found = security.review_named(connection, review_id)
        if found is None:
            return None
        review = _item(found)
        for clip in review["clips"]:
            clip.update(_marks(clip, review["t_ms"]))
        return review

    def ledger(self, *, cursor: str | None = None) -> Page:
        key = paging.decode(cursor, int)
        after = int(key[0]) if key else None
        with reading(engine()) as connection:
            rows = ledger.entries(connection, after=after, limit=PAGE + 1, newest_first=True, with_body=False)
        page, following = paging.cut(rows, PAGE, lambda row: (row.index,))
        return [_item(row) for row in page], following

    def checkpoint(self) -> Item | None:
        with reading(engine()) as connection:
            found = ledger.checkpoint(connection)
        return None if found is None else _item(found)

    def agents(self) -> list[Item]:
        with reading(engine()) as connection:
            found = [_item(agent) for agent in ledger.agents_after(connection, after="", limit=AGENTS_MAX)]
            for agent in found:
                facts = health.health_of(connection, agent["name"])
                agent["version"] = agent["status"].get("version") or facts.get("version")
                free_mb = facts.get("disk_free_mb")
                agent["disk_free"] = free_mb * MB if isinstance(free_mb, int) else None
        return found


def _marks(clip: Item, moment_ms: int) -> dict[str, Any]:
    """Where the event and what is missing lie on the clip's track, in percent."""
    start, length = clip["from_ms"], clip["to_ms"] - clip["from_ms"]
    holes = []
    for hole in clip["holes"]:
        ends = [hole.get("from"), hole.get("to")] if isinstance(hole, dict) else list(hole)[:2] if isinstance(hole, list) else []
        spans = [formats.to_ms(end) for end in ends]
        if len(spans) == 2 and spans[0] is not None and spans[1] is not None:
            holes.append([formats.share(spans[0] - start, length), formats.share(spans[1] - start, length)])
    return {
        "moment": formats.share(moment_ms - start, length),
        "pre_roll_s": formats.number(max(0, moment_ms - start) / 1000, 0),
        "hole_marks": holes,
    }
