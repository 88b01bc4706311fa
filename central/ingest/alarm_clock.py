"""What the clock does with alarms: ends shelving, escalates, repeats, holds back during works, files a flood, sets free again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from central.config import AlarmTimes, Limits
from central.environment import relations
from central.environment.alarm_projection import ALARM, PRIORITIES, SYSTEM, WORKS
from central.environment.raising import CENTRE, open_alarm, raise_alarm, return_alarm
from central.environment.tables import alarms
from central.environment.works.queries import works_on
from central.ledger import acts

FLOOD = "alarm-flood"
FLOOD_WORDS = {
    "en": "{} alarms of this room within {} minutes. Look for what they have in common: power, air conditioning, an open door. "
    "Those beyond the first {} are filed under this one.",
    "zh": "本库房在 {1} 分钟内出现 {0} 个报警。请查找共同原因：供电、空调、未关的门。前 {2} 个之后的报警归入本条。",
}
FEW = 2  # a flood is over when no more than this share (one half) of its number came lately


class AlarmClock:
    """Decides by the tables and the clock; every decision is an act of "system"."""

    def __init__(self, limits: Limits, times: AlarmTimes) -> None:
        """Times are the centre's configuration."""
        self._times = times
        self._steps_s = {
            "low": times.escalate_low_s,
            "medium": times.escalate_medium_s,
            "high": limits.escalate_s,
            "urgent": limits.escalate_s,
        }
        self._count = 0

    def run(self, connection: Connection, now_ms: int) -> int:
        """Record the acts that are due; how many there were."""
        self._count = 0
        self._shelves(connection, now_ms)
        self._release(connection, now_ms)
        self._works(connection, now_ms)
        self._flood(connection, now_ms)
        self._waiting(connection, now_ms)
        return self._count

    def _act(self, connection: Connection, kind: str, now_ms: int, **body: Any) -> None:
        acts.record(connection, kind=kind, actor=SYSTEM, body=body, t_ms=now_ms)
        self._count += 1

    def _shelves(self, connection: Connection, now_ms: int) -> None:
        for ident in connection.scalars(select(alarms.c.id).where(alarms.c.shelved_until_ms <= now_ms)).all():
            self._act(connection, "alarm.unshelve", now_ms, alarm=ident, text="the time is over")

    def _works(self, connection: Connection, now_ms: int) -> None:
        """Works that begin hold back what stands already; what comes later is filed as it comes."""
        for works in works_on(connection, now_ms=now_ms):
            open_ = alarms.c.active & (alarms.c.room == works.room) & alarms.c.suppressed_by.is_(None)
            held = alarms.c.kind.in_(relations.HELD_BY_WORKS)
            for ident in connection.scalars(select(alarms.c.id).where(open_ & held)).all():
                self._act(connection, "alarm.suppress", now_ms, alarm=ident, by=f"{WORKS}{works.id}")

    def _release(self, connection: Connection, now_ms: int) -> None:
        """Set free what no works and no cause holds back any more."""
        on = {works.id for works in works_on(connection, now_ms=now_ms)}
        for row in connection.execute(select(alarms.c.id, alarms.c.suppressed_by).where(alarms.c.suppressed_by.is_not(None))).all():
            if row.suppressed_by.startswith(WORKS):
                done, text = row.suppressed_by.removeprefix(WORKS) not in on, "the works are over"
            else:
                of = alarms.c.id == row.suppressed_by.removeprefix(ALARM)
                done, text = relations.over(connection.execute(select(alarms).where(of)).one_or_none(), t_ms=now_ms), "the cause is over"
            if done:
                self._act(connection, "alarm.release", now_ms, alarm=row.id, text=text)

    def _flood(self, connection: Connection, now_ms: int) -> None:
        """More than so many alarms of a room in so short a time are one alarm, and those beyond the first ones are filed under it."""
        most, since_ms = self._times.flood_count, now_ms - self._times.flood_s * 1000
        recent = (alarms.c.since_ms >= since_ms) & (alarms.c.since_ms <= now_ms) & (alarms.c.room != "") & ~alarms.c.found_later
        query = select(alarms.c.id, alarms.c.room, alarms.c.agent, alarms.c.kind, alarms.c.state)
        rows = connection.execute(query.where(recent & (alarms.c.kind != "flood")).order_by(alarms.c.since_ms, alarms.c.id)).all()
        home = {room: relations.at_home(connection, room) for room in {row.room for row in rows}}
        floods: dict[str, list[Any]] = {}  # subject -> its alarms: an agent that is not at home in a room floods itself alone
        for row in rows:
            floods.setdefault(row.room if row.agent in home[row.room] else f"{row.room}/{row.agent}", []).append(row)
        standing = connection.execute(select(alarms.c.subject, alarms.c.id).where(alarms.c.active & (alarms.c.kind == "flood"))).all()
        for subject, mine in floods.items():
            if len(mine) > most:
                agent = CENTRE if subject == mine[0].room else mine[0].agent
                self._raise_flood(connection, {"subject": subject, "agent": agent, "room": mine[0].room}, len(mine), now_ms)
                if flood := open_alarm(connection, rule=FLOOD, subject=subject):
                    for row in mine[most:]:
                        if row.state == "unacknowledged" and row.kind not in relations.LOUD:
                            self._act(connection, "alarm.suppress", now_ms, alarm=row.id, by=f"{ALARM}{flood}")
        for flooded in standing:
            if len(floods.get(flooded.subject, ())) <= most // FEW:
                return_alarm(connection, flooded.id, t_ms=now_ms)
                self._count += 1

    def _raise_flood(self, connection: Connection, about: dict[str, str], count: int, now_ms: int) -> None:
        figures = (count, self._times.flood_s // 60 or 1, self._times.flood_count)
        words = {language: text.format(*figures) for language, text in FLOOD_WORDS.items()}
        self._count += raise_alarm(connection, rule=FLOOD, priority="high", **about, words=words, t_ms=now_ms, lasting=True)

    def _again(self, last_ms: int, now_ms: int) -> bool:
        return self._times.repeat_s > 0 and last_ms < now_ms - self._times.repeat_s * 1000

    def _waiting(self, connection: Connection, now_ms: int) -> None:
        """Step by step to the top while nobody acknowledges, then again and again."""
        times = alarms.c.since_ms, alarms.c.escalated_ms, alarms.c.uncovered_ms, alarms.c.repeated_ms
        query = select(alarms.c.id, alarms.c.priority, *times)
        for row in connection.execute(query.where(alarms.c.state == "unacknowledged")).all():
            last = max(row.since_ms, row.escalated_ms or 0, row.uncovered_ms or 0)
            step_s = self._steps_s.get(row.priority, 0)
            top = row.priority == PRIORITIES[-1]
            if step_s and not (top and row.escalated_ms is not None) and last < now_ms - step_s * 1000:
                higher = PRIORITIES[min(PRIORITIES.index(row.priority) + 1, len(PRIORITIES) - 1)]
                self._act(connection, "alarm.escalate", now_ms, alarm=row.id, priority=higher)
            elif top and row.escalated_ms is not None and self._again(max(last, row.repeated_ms or 0), now_ms):
                self._act(connection, "alarm.repeat", now_ms, alarm=row.id)
