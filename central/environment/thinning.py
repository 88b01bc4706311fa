"""Letting single readings go by a policy that a person set: what would go, and the act that lets it go. Nothing goes without one."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, select

from central.environment.chunks import WINDOW_MS, window_of
from central.environment.tables import channels, reading_policies
from central.ledger import acts

CLASSES = {
    "climate": ("temperature", "relative_humidity"),
    "light": ("illuminance", "uv_irradiance"),
    "other": (),  # every other quantity
}
THEN = ("hour", "drop")  # the hours stay; or they go too
DAYS = (30, 36_500)
CHANNELS_AN_ACT = 200
_COUNT = "SELECT count(*), sum(n), min(start_ms) FROM reading_chunks WHERE channel_id = ? AND start_ms < ?"


class Due(msgspec.Struct, frozen=True):
    """What a policy lets go of a class: the readings of these channels within whole UTC days [from, to)."""

    name: str
    then: str
    channels: list[str]
    from_ms: int
    to_ms: int
    readings: int


def class_of(quantity: str) -> str:
    """The class of a quantity."""
    return next((name for name, quantities in CLASSES.items() if quantity in quantities), "other")


def set_policy(connection: Connection, *, name: str, keep_raw_days: int | None, then: str, actor: str) -> int:
    """Record how long single readings of a class are kept (None: for ever); ValueError for what is no policy. The act's id."""
    if name not in CLASSES or then not in THEN or (keep_raw_days is not None and not DAYS[0] <= keep_raw_days <= DAYS[1]):
        raise ValueError(f"a policy is one of {', '.join(CLASSES)}, {DAYS[0]} to {DAYS[1]} days, and {' or '.join(THEN)}")
    body = {"class": name, "keep_raw_days": keep_raw_days, "then": then}
    return acts.record(connection, kind="readings.policy", actor=actor, body=body)


def due(connection: Connection, *, now_ms: int) -> list[Due]:
    """What the policies let go now, at most CHANNELS_AN_ACT channels in one."""
    made: list[Due] = []
    for policy in connection.execute(select(reading_policies).order_by(reading_policies.c["class"])).all():
        to_ms = window_of(now_ms) - policy.keep_raw_days * WINDOW_MS
        mine: list[str] = []
        count, first = 0, to_ms
        for channel in connection.execute(select(channels).order_by(channels.c.channel)).all():
            if class_of(channel.q) == policy[0]:
                days, n, start = connection.exec_driver_sql(_COUNT, (channel.id, to_ms)).one()
                if days and len(mine) < CHANNELS_AN_ACT:
                    mine.append(channel.channel)
                    count, first = count + n, min(first, start)
        if mine:
            made.append(Due(name=policy[0], then=policy.then, channels=mine, from_ms=first, to_ms=to_ms, readings=count))
    return made


def thin(connection: Connection, one: Due, *, actor: str) -> int:
    """Record the act that lets this go; it takes effect when it has its leaf. The act's id."""
    body = {"channels": one.channels, "from_ms": one.from_ms, "to_ms": one.to_ms, "count": one.readings, "then": one.then}
    return acts.record(connection, kind="readings.thin", actor=actor, body=body)
