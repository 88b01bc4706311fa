"""What the clock does for instruments and limits: a notice where a calibration is overdue, and again what an agent lacks."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, select

from central.environment.instruments.queries import Calibration, calibrations_of, correction_told, is_applied, standing, today_of
from central.environment.instruments.tables import calibrations
from central.environment.limits import sending
from central.environment.raising import PREFIX, open_alarm, raise_alarm, return_alarm
from central.environment.tables import alarms, channels
from central.health.queries import config_of
from central.ledger import commands

RULE = "calibration-due"
NAME = "calibration.set"
EVERY_MS = 60_000
LIFETIME_S = 600
RETRY_MS = 900_000
SYSTEM = "system"
WORDS = {
    "en": "The calibration was due on {}. Have the sensor calibrated against a certified instrument and record it on its page.",
    "zh": "校准已于 {} 到期。请用有证标准器校准该传感器，并在传感器页面登记。",
}


class Due(msgspec.Struct, frozen=True):
    """A channel whose calibration is overdue, and since which date."""

    channel: str
    agent: str
    room: str
    date: str


def _current(connection: Connection) -> list[tuple[Any, Calibration]]:
    """(channel row, calibration in question) of every channel that was ever calibrated."""
    ever = select(calibrations.c.channel).distinct()
    rows = connection.execute(select(channels).where(channels.c.channel.in_(ever)).order_by(channels.c.channel)).all()
    found = []
    for row in rows:
        mine = next((one for one in calibrations_of(connection, row.channel) if one.current), None)
        if mine is not None:
            found.append((row, mine))
    return found


def due(connection: Connection, now_ms: int) -> list[Due]:
    """Every channel whose calibration is overdue, by name."""
    today = today_of(now_ms)
    return [
        Due(row.channel, row.agent, row.room, mine.due)
        for row, mine in _current(connection)
        if mine.due is not None and standing(mine, today) == "overdue"
    ]


def arguments(calibration: Calibration) -> dict[str, Any]:
    """A calibration as an agent's command has it."""
    made: dict[str, Any] = {"channel": calibration.channel, "date": calibration.date}
    if len(calibration.points) == 2:
        made["points"] = [list(point) for point in calibration.points]
    else:
        made |= {"offset": calibration.offset, "gain": calibration.gain}
    return made | {name: value for name in ("certificate", "due", "serial") if (value := getattr(calibration, name))}


def send(connection: Connection, agent: str, calibration: Calibration, *, actor: str) -> str:
    """Ask an agent to apply a calibration; the command's id."""
    return commands.give(connection, agent=agent, name=NAME, args=arguments(calibration), actor=actor, lifetime_s=LIFETIME_S)


class Care:
    """Runs with the rules by clock, once a minute."""

    def __init__(self) -> None:
        """Due at once."""
        self._next_ms = 0

    def run(self, connection: Connection, now_ms: int) -> int:
        """Record the acts and commands that are due; how many there were."""
        if now_ms < self._next_ms:
            return 0
        self._next_ms = now_ms + EVERY_MS
        return self._notices(connection, now_ms) + sending.resend(connection, now_ms) + self._again(connection, now_ms)

    @staticmethod
    def _notices(connection: Connection, now_ms: int) -> int:
        overdue = {one.channel: one for one in due(connection, now_ms)}
        count = 0
        active = alarms.c.active & alarms.c.id.startswith(PREFIX, autoescape=True) & (alarms.c.rule == RULE)
        raised = {row.subject: row.id for row in connection.execute(select(alarms.c.subject, alarms.c.id).where(active))}
        for channel, one in overdue.items():
            if channel not in raised:
                words = {lang: text.format(one.date) for lang, text in WORDS.items()}
                about = {"rule": RULE, "subject": channel, "agent": one.agent, "room": one.room, "priority": "low"}
                count += raise_alarm(connection, **about, words=words, t_ms=now_ms, lasting=True)
        for channel in raised.keys() - overdue.keys():
            ident = open_alarm(connection, rule=RULE, subject=channel)
            if ident is not None:
                return_alarm(connection, ident, t_ms=now_ms)
                count += 1
        return count

    @staticmethod
    def _again(connection: Connection, now_ms: int) -> int:
        """Calibrations that an agent does not tell, one command an agent at a time."""
        busy: set[str] = set()
        count = 0
        for row, mine in _current(connection):
            facts = config_of(connection, row.agent)
            if not facts or row.agent in busy or is_applied(mine, correction_told(facts, row.channel, row.serial)):
                continue
            last = commands.last_given(connection, agent=row.agent, name=NAME)
            if last is not None and now_ms < max(last.expires_ms, last.created_ms + RETRY_MS):
                busy.add(row.agent)
                continue
            send(connection, row.agent, mine, actor=SYSTEM)
            busy.add(row.agent)
            count += 1
        return count
