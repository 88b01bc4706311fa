"""One cause, one alarm: what kind of alarm explains which others, and which kinds nothing may hold back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, or_, select

from central.environment.raising import CENTRE
from central.environment.tables import agent_rooms, alarms, rooms
from central.health.queries import config_of

# kind -> how a rule's name ends; agents name a contact's and a sensor's rules `{name}-{what}`
ENDINGS = {
    "held_open": "-held-open",
    "after_hours": "-after-hours",
    "leak": "-leak",
    "smoke": "-smoke",
    "mains": "-mains",
    "ups": "-ups",
    "forced": "-forced",
    "tamper": "-tamper",
}
OWN = {  # the centre's own rules
    "agent-silent": "silent",
    "missing-data": "missing",
    "alarm-flood": "flood",
    "patrol-missed": "patrol",
    "calibration-due": "calibration",
}
LIMIT_SUBJECT_PARTS = 3  # {agent}.{sensor}.{quantity}
HELD_BY_WORKS = ("limit", "sensor", "held_open", "after_hours", "missing")
LOUD = ("leak", "smoke", "mains", "ups", "forced", "tamper", "")  # nothing holds these back; "" is every other condition, as a full disk
MINUTE_MS = 60_000


BEFORE_MS = 15 * MINUTE_MS  # a consequence may be noticed so long before its cause is
FAILING_MS = 2 * MINUTE_MS  # a sensor that fails gives wrong values at most so long before it is called bad; an older excursion was real


@dataclass(frozen=True)
class Relation:
    """Alarms of kind `cause` explain those of the kinds `explains` within the same `scope`, until `tail_ms` after the cause is over.

    A consequence may have been raised up to `before_ms` before its cause.
    """

    cause: str
    explains: tuple[str, ...]
    scope: str  # agent, sensor or room
    tail_ms: int = 0
    before_ms: int = BEFORE_MS


RELATIONS = (  # the first that fits counts
    Relation("mains", ("silent", "missing", "sensor"), "agent"),
    Relation("silent", ("missing", "sensor"), "agent"),
    Relation("sensor", ("missing",), "sensor"),
    Relation("sensor", ("limit",), "sensor", before_ms=FAILING_MS),
    Relation("held_open", ("limit",), "room", 30 * MINUTE_MS),
    Relation("flood", ("limit", "sensor", "missing", "silent", "held_open", "after_hours"), "room"),
)
KINDS = ("limit", "sensor", "calibration", "patrol", "flood", "silent", "missing", *ENDINGS, "")
LOOKED_MAX = 200  # alarms looked at for one; what a flood hides beyond them stands by itself


def kind_of(connection: Connection, *, agent: str, rule: str, subject: str, own: bool) -> str:
    """The kind of an alarm by its rule's name and subject; "" for a condition that none of the tables knows.

    Only the centre's `own` alarms have its own kinds, whatever an agent calls a rule.
    """
    if own and rule in OWN:
        return OWN[rule]
    for kind, ending in ENDINGS.items():
        if rule.endswith(ending):
            return kind
    if rule.endswith("-bad") and subject == f"{agent}/{rule.removesuffix('-bad')}":
        return "sensor"
    if subject.count(".") >= LIMIT_SUBJECT_PARTS - 1:
        return "limit"
    told = config_of(connection, agent).get("limits")  # pairs, swings and rates are about a sensor, not about a channel
    return "limit" if isinstance(told, dict) and rule in told else ""


def sensor_of(subject: str) -> str:
    """`{agent}/{sensor}` of a channel or a sensor as an alarm's subject names it."""
    agent, dot, rest = subject.partition(".")
    return f"{agent}/{rest.partition('.')[0]}" if dot and "/" not in subject else subject


def at_home(connection: Connection, room: str) -> frozenset[str]:
    """Who may explain the alarms of others in a room: the agents that were enrolled for it (or, if none was, the one that named it first)
    and the centre itself. Any agent may name any room; one that is not at home there explains its own alarms alone."""
    enrolled = connection.scalars(select(agent_rooms.c.agent).where(agent_rooms.c.room == room)).all()
    return frozenset(enrolled or connection.scalars(select(rooms.c.agent).where(rooms.c.id == room)).all()) | {CENTRE}


def _within(scope: str, cause: Any, consequence: Mapping[str, Any], home: frozenset[str]) -> bool:
    if scope == "room":
        return bool(cause.room) and cause.room == consequence["room"] and (cause.agent in home or cause.agent == consequence["agent"])
    if scope == "sensor":
        return sensor_of(cause.subject) == sensor_of(consequence["subject"])
    return bool(cause.agent == consequence["agent"])


def _explained(relation: Relation, cause: Any, row: Any, t_ms: int, home: frozenset[str]) -> bool:
    """Whether a cause raised at t_ms explains an alarm that was there before it."""
    fits = row.kind in relation.explains and row.since_ms >= t_ms - relation.before_ms
    return fits and _within(relation.scope, cause, dict(row._mapping), home)


def cause_of(connection: Connection, alarm: Mapping[str, Any], *, t_ms: int) -> str | None:
    """The id of the alarm that explains one raised at t_ms; None where none does. `alarm` has id, agent, room, kind and subject."""
    fitting = [relation for relation in RELATIONS if alarm["kind"] in relation.explains]
    if not fitting:
        return None
    longest = max(relation.tail_ms for relation in fitting)
    kinds = alarms.c.kind.in_({relation.cause for relation in fitting}) & (alarms.c.id != alarm["id"]) & ~alarms.c.found_later
    near = or_(alarms.c.room == alarm["room"], alarms.c.agent == alarm["agent"])
    asked = [alarms.c.active & near & kinds]
    if longest:  # what explains others after it is over does so in its room
        over = (alarms.c.returned_ms > t_ms - longest) & (alarms.c.returned_ms <= t_ms)
        asked.append((alarms.c.room == alarm["room"]) & over & ~alarms.c.active & kinds)
    found: list[Any] = []
    for which in asked:  # two questions, each by an index
        found += connection.execute(select(alarms).where(which).order_by(alarms.c.since_ms, alarms.c.id).limit(LOOKED_MAX)).all()
    found.sort(key=lambda row: (row.since_ms, row.id))
    home = at_home(connection, alarm["room"])
    for relation in fitting:
        for cause in found:
            current = cause.active or (cause.returned_ms or 0) > t_ms - relation.tail_ms
            fits = cause.kind == relation.cause and cause.since_ms <= t_ms + relation.before_ms and current
            if fits and _within(relation.scope, cause, alarm, home):
                return str(cause.id)
    return None


def consequences_of(connection: Connection, cause: Any, *, t_ms: int) -> list[str]:
    """Ids of open, unacknowledged alarms raised shortly before t_ms that a newly raised cause explains."""
    relations = [relation for relation in RELATIONS if relation.cause == cause.kind and relation.cause != "flood"]
    near = or_(alarms.c.room == cause.room, alarms.c.agent == cause.agent)
    query = select(alarms).where((alarms.c.state == "unacknowledged") & near & (alarms.c.since_ms >= t_ms - BEFORE_MS))
    found = connection.execute(query.order_by(alarms.c.since_ms, alarms.c.id).limit(LOOKED_MAX)).all() if relations else []
    home = at_home(connection, cause.room)
    return [str(row.id) for row in found if row.id != cause.id and any(_explained(one, cause, row, t_ms, home) for one in relations)]


def over(cause: Any, *, t_ms: int) -> bool:
    """Whether a cause no longer explains anything: its condition ended, and the time after it is past. `cause` is its row or None."""
    if cause is None:
        return True
    tail = max((relation.tail_ms for relation in RELATIONS if relation.cause == cause.kind), default=0)
    return not cause.active and (cause.returned_ms or 0) + tail <= t_ms
