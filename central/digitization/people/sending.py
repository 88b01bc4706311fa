"""Sends a bench's people to its agent and sees that they arrive: again where the agent tells others, or none."""

from __future__ import annotations

from msgspec.json import decode
from sqlalchemy import Connection

from central.digitization.people.queries import has_taken, operators_at, stations_with_people
from central.ledger import commands
from wire.operators import fingerprint

NAME = "operators.set"
LIFETIME_S = 600
RETRY_MS = 900_000
EVERY_MS = 60_000
SYSTEM = "system"


def send(connection: Connection, station: str, *, actor: str) -> str:
    """Ask a bench's agent to keep the people of now; the command's id. Its act tells how many and which list, and no hash."""
    commands.forget_arguments(connection, name=NAME)
    operators = operators_at(connection, station)
    args = {"station": station, "operators": operators}
    told = {"station": station, "people": [one["id"] for one in operators], "fingerprint": fingerprint(operators)}
    agent = station.partition("/")[0]
    return commands.give(connection, agent=agent, name=NAME, args=args, actor=actor, lifetime_s=LIFETIME_S, told=told)


class Courier:
    """Runs with the rules by clock, once a minute."""

    def __init__(self) -> None:
        """Due at once; nothing was sent since the start."""
        self._next_ms = 0
        self._sent_ms: dict[str, int] = {}

    def run(self, connection: Connection, now_ms: int) -> int:
        """Send again to every bench that tells of others; how many were sent."""
        if now_ms < self._next_ms:
            return 0
        self._next_ms = now_ms + EVERY_MS
        sent = 0
        for station in stations_with_people(connection):
            if has_taken(connection, station) or now_ms < self._sent_ms.get(station, 0) + RETRY_MS:
                continue
            last = commands.last_given(connection, agent=station.partition("/")[0], name=NAME)
            if last is not None and now_ms < last.expires_ms and decode(last.args).get("station") == station:
                continue
            self._sent_ms[station] = now_ms
            send(connection, station, actor=SYSTEM)
            sent += 1
        return sent
