"""The rule of the clock about patrols: a round that was due and not walked is an alarm until the next one is whole."""

from __future__ import annotations

from sqlalchemy import Connection, select

from central.environment.patrols import queries
from central.environment.raising import open_alarm, raise_alarm, return_alarm
from central.environment.tables import alarms

RULE = "patrol-missed"
NAMES_MAX = 10
WORDS = {
    "en": "Patrol {} was not walked in time; not checked: {}. Walk it now, or note why it was left out.",
    "zh": "巡检“{}”未按时完成；未检查：{}。请立即巡检，或注明原因。",
}


def run(connection: Connection, now_ms: int) -> int:
    """Record the alarms that are due; how many acts."""
    count = 0
    known = queries.rounds(connection)
    for one in known:
        walk = queries.last_walk(connection, one, now_ms=now_ms)
        if walk is None or walk.due_ms < queries.round_began_ms(connection, one.id):
            continue
        left = queries.missed(connection, one, walk)
        if left and not _walked_since(connection, one, walk, now_ms):
            names = ", ".join(point.name for point in left[:NAMES_MAX]) + (" …" if len(left) > NAMES_MAX else "")
            words = {language: text.format(one.name, names) for language, text in WORDS.items()}
            room = left[0].room if len({point.room for point in one.checkpoints}) == 1 else ""
            about = {"rule": RULE, "subject": f"patrol/{one.id}", "agent": "centre", "room": room, "priority": "medium"}
            count += raise_alarm(connection, **about, words=words, t_ms=now_ms, lasting=True)
        else:
            count += _over(connection, f"patrol/{one.id}", now_ms)
    walked = {f"patrol/{one.id}" for one in known}
    for subject in connection.scalars(select(alarms.c.subject).where(alarms.c.active & (alarms.c.rule == RULE))).all():
        if subject not in walked:
            count += _over(connection, subject, now_ms)
    return count


def _walked_since(connection: Connection, one: queries.Round, walk: queries.Walk, now_ms: int) -> bool:
    """Whether the round was walked whole after it was missed."""
    return not queries.missed(connection, one, queries.Walk(walk.to_ms, walk.to_ms, now_ms))


def _over(connection: Connection, subject: str, now_ms: int) -> bool:
    known = open_alarm(connection, rule=RULE, subject=subject)
    if known is None or not connection.scalar(select(alarms.c.active).where(alarms.c.id == known)):
        return False
    return_alarm(connection, known, t_ms=now_ms)
    return True
