"""Excursions found in readings that came late: history for reports, never a live alarm."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, or_, select

from central.environment.alarm_projection import PRIORITIES, SYSTEM
from central.environment.limits.boxes import Box
from central.environment.limits.queries import PAIR, limits_over, number
from central.environment.limits.told import Rules, told_over
from central.environment.relations import sensor_of
from central.environment.tables import alarms, channels
from central.environment.values import values
from central.ledger import acts

LATE_MS = 10 * 60_000  # readings that come so long after they were measured raise nothing
TOO_OLD_MS = 400 * 86_400_000  # such a time comes from a clock that nobody had set
LOOK_BACK_MS = 3_600_000  # an excursion may have begun before the readings that came now
GAP_MS = 30 * 60_000  # values further apart than this are not one excursion
SLACK_MS = 5 * 60_000  # an alarm so close to an excursion is its alarm
PAIR_MS = 90_000  # values of one sensor so close together are one measurement
LASTS_MS = 60_000  # a shorter one is none, where the rule says nothing else
RULES_MAX = 16  # of one channel
DELAY_S_MAX = 7 * 86_400.0
ROOM_RULE = "room-limits"
WORDS = {
    "en": "Found later, in readings that arrived late: outside the limits of the room. For the record; nothing is to be done now.",
    "zh": "事后发现（迟到数据）：超出库房限值。仅作记录，无需处理。",
}


@dataclass(frozen=True)
class Excursion:
    """A span outside a limit, with its worst value and the limit that it left (None for a pair of values)."""

    from_ms: int
    to_ms: int
    value: float | None
    limit: float | None


@dataclass(frozen=True)
class Late:
    """The span of readings of one channel and day that came late."""

    from_ms: int
    to_ms: int

    def and_also(self, other: Late | None) -> Late:
        """Both spans in one."""
        return self if other is None else Late(min(self.from_ms, other.from_ms), max(self.to_ms, other.to_ms))


def late_of(times_ms: Iterable[int], now_ms: int) -> Late | None:
    """The late ones among the times of a batch's readings; None where there are none."""
    found = [t for t in times_ms if now_ms - TOO_OLD_MS < t < now_ms - LATE_MS]
    return Late(min(found), max(found)) if found else None


def excursions(points: Sequence[tuple[int, float, float | None]], *, lasts_ms: int) -> list[Excursion]:
    """Spans of points that are out, from [(t_ms, value, the limit it left or None)] in order of time; a single value is none."""
    found: list[Excursion] = []
    run: list[tuple[int, float, float]] = []
    before: int | None = None

    def close() -> None:
        if len(run) > 1 and run[-1][0] - run[0][0] >= lasts_ms:
            worst = max(run, key=lambda point: abs(point[1] - point[2]))
            found.append(Excursion(run[0][0], run[-1][0], worst[1], worst[2]))
        run.clear()

    for t, value, limit in points:
        if before is not None and t - before > GAP_MS:
            close()
        if limit is None:
            close()
        else:
            run.append((t, value, limit))
        before = t
    close()
    return found


def _left(value: float, above: float | None, below: float | None) -> float | None:
    if above is not None and value > above:
        return above
    return below if below is not None and value < below else None


def _by_rules(connection: Connection, agent: str, channel: Any, late: Late) -> list[tuple[dict[str, Any], Excursion]]:
    """Excursions from the limits that were in force for the channel at the agent when its values were measured."""
    span = {"from_ms": late.from_ms - LOOK_BACK_MS, "to_ms": late.to_ms + 1}
    told = [(t_ms, _of_channel(rules, channel)) for t_ms, rules in told_over(connection, agent, **span)]
    starts = [t_ms for t_ms, _ in told]
    names = sorted({name for _, rules in told for name in rules})[:RULES_MAX]
    read = [(t, v) for t, v, quality in values(connection, channel.id, **span) if v is not None and quality == 0] if names else []
    found = []
    for name in names:
        then = [rules.get(name) for _, rules in told]
        points = []
        for t, v in read:
            rule = then[max(bisect_right(starts, t) - 1, 0)]
            points.append((t, v, None if rule is None else _left(v, number(rule.get("above")), number(rule.get("below")))))
        last = next(rule for rule in reversed(then) if rule is not None)
        priority = last.get("priority") if last.get("priority") in PRIORITIES else "medium"
        about = {"rule": name, "subject": channel.channel, "room": channel.room, "priority": priority}
        lasts_ms = max(round(min(number(last.get("delay_s")) or 0, DELAY_S_MAX) * 1000), LASTS_MS)
        found += [(about, one) for one in excursions(points, lasts_ms=lasts_ms)]
    return found


def _of_channel(rules: Rules, channel: Any) -> Rules:
    """The rules with fixed limits that judge a channel."""
    about = (channel.sensor, channel.q, "value")
    return {name: rule for name, rule in rules.items() if (rule.get("sensor"), rule.get("quantity"), rule.get("kind", "value")) == about}


Value = tuple[int, float | None, int]


def _pairs(temperature: Sequence[Value], humidity: Sequence[Value]) -> list[tuple[int, float, float]]:
    """(t_ms, temp_c, rh_pct) of good values that were measured together."""
    good = [[(t, v) for t, v, quality in side if v is not None and quality == 0] for side in (temperature, humidity)]
    made, at = [], 0
    for t, temp in good[0]:
        while at < len(good[1]) and good[1][at][0] < t - PAIR_MS:
            at += 1
        if at < len(good[1]) and good[1][at][0] <= t + PAIR_MS:
            made.append((t, temp, good[1][at][1]))
    return made


def _inside(box: Box, temp: float, rh: float) -> bool:
    return _left(temp, box.t_max, box.t_min) is None and _left(rh, box.rh_max, box.rh_min) is None


def _by_room(connection: Connection, agent: str, channel: Any, late: Late) -> list[tuple[dict[str, Any], Excursion]]:
    """Excursions from what was set for the room, as it was then: a pair of values that lies in no box."""
    if channel.q not in PAIR:
        return []
    wanted = channels.c.q.in_(PAIR) & (channels.c.agent == agent) & (channels.c.sensor == channel.sensor)
    having = {
        row.q: row.id for row in connection.execute(select(channels.c.q, channels.c.id).where(wanted & (channels.c.room == channel.room)))
    }
    span = {"from_ms": late.from_ms - LOOK_BACK_MS, "to_ms": late.to_ms + 1}
    asked = [(t_ms, then.boxes if then.origin == "room" else []) for t_ms, then in limits_over(connection, channel.room, **span)]
    if len(having) < len(PAIR) or not any(boxes for _, boxes in asked):
        return []
    starts = [t_ms for t_ms, _ in asked]
    points = []
    for t, temp, rh in _pairs(*(values(connection, having[q], **span) for q in PAIR)):
        boxes = asked[max(bisect_right(starts, t) - 1, 0)][1]
        out = bool(boxes) and not any(_inside(box, temp, rh) for box in boxes)
        points.append((t, temp, temp if out else None))  # the time counts
    about = {"rule": ROOM_RULE, "subject": f"{agent}/{channel.sensor}", "room": channel.room, "priority": "medium"}
    return [(about, Excursion(one.from_ms, one.to_ms, None, None)) for one in excursions(points, lasts_ms=GAP_MS)]


def _told_already(one: Excursion, by_rules: Sequence[tuple[dict[str, Any], Excursion]]) -> bool:
    """Whether a rule of the same channel found the excursion: one excursion is one alarm."""
    return any(rule.from_ms <= one.to_ms + SLACK_MS and rule.to_ms >= one.from_ms - SLACK_MS for _, rule in by_rules)


def file_late(connection: Connection, agent: str, channel_id: int, late: Late, *, now_ms: int) -> int:
    """Record as history what the late readings of a channel show and nobody alarmed; how many acts."""
    channel = connection.execute(select(channels).where(channels.c.id == channel_id, channels.c.agent == agent)).first()
    if channel is None:
        return 0
    count = 0
    by_rules = _by_rules(connection, agent, channel, late)
    by_room = [found for found in _by_room(connection, agent, channel, late) if not _told_already(found[1], by_rules)]
    for about, one in by_rules + by_room:
        if one.to_ms >= late.from_ms and (body := _history(connection, agent, about, one)) is not None:
            acts.record(connection, kind="alarm.history", actor=SYSTEM, body=body, t_ms=now_ms)
            count += 1
    return count


def _history(connection: Connection, agent: str, about: dict[str, Any], one: Excursion) -> dict[str, Any] | None:
    """The act's body; None for an excursion that an alarm tells of already. One that goes on from a known one makes that one longer."""
    near = (alarms.c.since_ms <= one.to_ms + SLACK_MS) & or_(alarms.c.active, alarms.c.returned_ms >= one.from_ms - SLACK_MS)
    live = near & (alarms.c.agent == agent) & ~alarms.c.found_later & (alarms.c.kind == "limit")
    subjects = connection.scalars(select(alarms.c.subject).where(live)).all()
    if any(about["subject"] == subject or sensor_of(about["subject"]) == subject for subject in subjects):
        return None
    if about["rule"] == ROOM_RULE and any(sensor_of(subject) == about["subject"] for subject in subjects):
        return None
    same = alarms.c.found_later & (alarms.c.rule == about["rule"]) & (alarms.c.subject == about["subject"])
    known = same & (alarms.c.since_ms <= one.to_ms + GAP_MS) & (alarms.c.returned_ms >= one.from_ms - GAP_MS)
    old = connection.execute(select(alarms).where(known).order_by(alarms.c.since_ms).limit(1)).first()
    body = {"agent": agent, **about, "value": one.value, "limit": one.limit, "words": WORDS, "from_ms": one.from_ms, "to_ms": one.to_ms}
    if old is None:
        return body | {"alarm": f"centre:later:{about['rule']}:{about['subject']}:{one.from_ms}"}
    if old.since_ms <= one.from_ms and old.returned_ms >= one.to_ms:
        return None
    if None not in (one.value, one.limit, old.value, old.limit) and abs(old.value - old.limit) > abs(one.value - one.limit):  # type: ignore[operator]
        body |= {"value": old.value, "limit": old.limit}
    return body | {"alarm": old.id, "from_ms": min(old.since_ms, one.from_ms), "to_ms": max(old.returned_ms, one.to_ms)}
