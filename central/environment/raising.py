"""The centre's own alarms, as acts of "system": raised once while one of the same rule and subject is open."""

from collections.abc import Mapping

from sqlalchemy import Connection, select

from central.environment.tables import alarms
from central.ledger import acts

SYSTEM = "system"
CENTRE = "centre"  # the agent of alarms that are about no one agent
PREFIX = "centre:"  # of the centre's own alarms' ids; an agent's begin with its name
Words = Mapping[str, str]  # language -> text, saying what is wrong and what to do


def open_alarm(connection: Connection, *, rule: str, subject: str) -> str | None:
    """The id of the centre's own alarm of this rule and subject that a person or the condition keeps open; no agent's stands for it."""
    own = alarms.c.id.startswith(PREFIX, autoescape=True)
    same = own & (alarms.c.rule == rule) & (alarms.c.subject == subject) & (alarms.c.state != "normal")
    found = connection.scalar(select(alarms.c.id).where(same).order_by(alarms.c.since_ms.desc()).limit(1))
    return None if found is None else str(found)


def own_alarms(connection: Connection) -> dict[tuple[str, str], tuple[str, bool]]:
    """(rule, subject) -> (id, whether the condition holds) of every alarm of the centre's own that is open, in one question."""
    own = alarms.c.id.startswith(PREFIX, autoescape=True) & (alarms.c.state != "normal")
    rows = connection.execute(select(alarms.c.rule, alarms.c.subject, alarms.c.id, alarms.c.active).where(own).order_by(alarms.c.since_ms))
    return {(row.rule, row.subject): (row.id, row.active) for row in rows}


def raise_alarm(
    connection: Connection, *, rule: str, subject: str, agent: str, room: str, priority: str, words: Words, t_ms: int, lasting: bool
) -> bool:
    """Record the raising, unless the alarm is open; whether it was recorded.

    One that tells of a moment (not lasting) returns at once and waits for a person. A lasting one that had returned and was not
    acknowledged is raised again as the same alarm.
    """
    known = open_alarm(connection, rule=rule, subject=subject)
    if known is not None and (not lasting or connection.scalar(select(alarms.c.active).where(alarms.c.id == known))):
        return False
    ident = known or f"{PREFIX}{rule}:{subject}:{t_ms}"
    body = {"alarm": ident, "rule": rule, "subject": subject, "agent": agent, "room": room, "priority": priority, "words": dict(words)}
    acts.record(connection, kind="alarm.raise", actor=SYSTEM, body=body, t_ms=t_ms)
    if not lasting:
        acts.record(connection, kind="alarm.return", actor=SYSTEM, body={"alarm": ident}, t_ms=t_ms)
    return True


def return_alarm(connection: Connection, ident: str, *, t_ms: int) -> None:
    """Record that an alarm's condition is over."""
    acts.record(connection, kind="alarm.return", actor=SYSTEM, body={"alarm": ident}, t_ms=t_ms)
