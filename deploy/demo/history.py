"""Gives the demonstration's rooms a past: weeks of simulated readings in each agent's own journal, before its first start.

They go the way of all readings: signed by the agent's key, through link, broker and ingest into the ledger. Nothing passes them off as
measured: their `clock` and `config` records say that they are simulated, and so do the serial numbers of the sensors that "gave" them,
whose places the demonstration's own sensors take when it starts.
"""

import json
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from edge_agent.channels import NOTE
from edge_agent.clock import wall_ms
from edge_agent.config import load_config
from edge_agent.journal import Journal
from edge_agent.keys import AgentKey
from edge_agent.words import words_for
from sensors.sim.world import RoomWorld
from wire.records import record

SERIAL = "simulated history"
ZONE = ZoneInfo("Asia/Shanghai")  # as in central.toml
STEP_MS = 300_000  # as far apart as values may be without a gap between them, at the centre's silence_s
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
END_MS = 60_000  # the past ends so long before the start
NEAR_DAYS = 21
NEAR = ("light", "wall")  # these sensors go back so far only
FADE_DAYS = 2.0  # the course of the past comes back to where the simulated room begins
BOOT_M = 60_000
AT_ONCE = 20_000  # records in one transaction of the journal

Values = dict[str, float]


@dataclass(frozen=True)
class Spell:
    """Something that happened: so many days before the start, for so many hours; by how much the air moved at its height."""

    days_ago: float
    hours: float
    warmer_c: float = 0.0
    damper_pct: float = 0.0

    def share(self, age_ms: float) -> float:
        """0 outside, 1 at its height: up within a quarter of its time, down within another."""
        done = (self.days_ago * DAY_MS - age_ms) / (self.hours * HOUR_MS)
        return max(0.0, min(1.0, 4 * done, 4 * (1 - done)))


@dataclass(frozen=True)
class Past:
    """The past of one agent: its sensors, the excursions of its climate, the times without power, and the alarm that its agent raised."""

    sensors: dict[str, dict[str, tuple[str, float, float]]]  # name -> quantity -> unit, resolution, tolerance
    spells: tuple[Spell, ...]
    dark: tuple[Spell, ...]
    alarm: tuple[int, str, str, float, bool]  # which spell, rule, quantity, limit, whether above
    season_c: float
    season_pct: float


TEMP, RH = ("Cel", 0.01, 0.2), ("%", 0.01, 1.8)
PASTS = {
    "room-101": Past(
        sensors={
            "climate": {"temperature": TEMP, "relative_humidity": RH},
            "rack": {"temperature": ("Cel", 0.1, 0.0), "relative_humidity": ("%", 0.1, 0.0)},
            "light": {"illuminance": ("lx", 0.0084, 0.0)},
        },
        spells=(Spell(9.2, 5.0, 0.4, 15.0), Spell(31.4, 7.0, 4.6, -3.0), Spell(44.3, 3.0, 0.2, 13.0)),
        dark=(Spell(15.6, 6.0),),
        alarm=(0, "humidity", "relative_humidity", 60.0, True),
        season_c=1.1,
        season_pct=2.6,
    ),
    "vault-01": Past(
        sensors={
            "climate": {"temperature": TEMP, "relative_humidity": RH},
            "wall": {"temperature": ("Cel", 0.0625, 0.5)},
        },
        spells=(Spell(5.3, 4.0, 3.2, 2.0), Spell(38.2, 9.0, 2.6, 1.0)),
        dark=(Spell(26.1, 3.0),),
        alarm=(0, "temperature", "temperature", 11.0, True),
        season_c=0.3,
        season_pct=1.4,
    ),
}


class PastOf:
    """Makes the records of one agent's past; `now` is the moment at which it ends, in wall milliseconds."""

    def __init__(self, agent: str, past: Past, *, world: RoomWorld, now_ms: int) -> None:
        self._agent, self._past, self._world = agent, past, world
        self._end_ms = now_ms - END_MS
        first = (datetime.fromtimestamp(now_ms / 1000, tz=ZONE).replace(day=1) - timedelta(days=1)).replace(day=1)
        self._begin_ms = int(first.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)
        self._near_ms = now_ms - NEAR_DAYS * DAY_MS
        self._noise = random.Random(f"past of {agent}")  # noqa: S311  weather, not secrets
        self.numbers: dict[str, int] = {}

    def _stamp(self, t_ms: int) -> tuple[int, int]:
        return t_ms, t_ms - self._begin_ms + BOOT_M

    def head(self) -> list[dict[str, Any]]:
        """What stands first in a lane: a clock that was right all the time, and what this is."""
        t, m = self._stamp(self._begin_ms)
        facts = {"report_s": STEP_MS // 1000, "simulated": "a past for the demonstration; nobody measured it"}
        return [
            record("clock", t, m, boot=f"simulated-{self._agent}", ok=True, source="simulated history"),
            record("config", t, m, facts=facts),
        ]

    def readings(self) -> Iterator[dict[str, Any]]:
        """The channels' declarations, then every value in order of time."""
        for sensor, quantities in self._past.sensors.items():
            for quantity, (unit, resolution, tolerance) in quantities.items():
                number = self.numbers.setdefault(f"{self._agent}.{sensor}.{quantity}", len(self.numbers) + 1)
                said: dict[str, Any] = {"sensor": f"{self._agent}/{sensor}", "q": quantity, "u": unit, "serial": SERIAL}
                said |= {"resolution": resolution, "tolerance": tolerance or None, "room": self._agent}
                yield record("channel", *self._stamp(self._begin_ms), i=number, **said)
        for t in range(self._begin_ms, self._end_ms, STEP_MS):
            if not any(dark.share(self._end_ms - t) for dark in self._past.dark):
                yield from self._moment(t)

    def _moment(self, t: int) -> Iterator[dict[str, Any]]:
        values = self._values(t)
        for sensor, quantities in self._past.sensors.items():
            if sensor in NEAR and t < self._near_ms:
                continue
            for quantity, (_unit, resolution, _tolerance) in quantities.items():
                value = values["surface" if sensor == "wall" else quantity]
                value = round(round(value / resolution) * resolution, 4)
                yield record("reading", *self._stamp(t), i=self.numbers[f"{self._agent}.{sensor}.{quantity}"], v=value)

    def _values(self, t: int) -> Values:
        age_ms = self._end_ms - t
        values = self._world.values(-age_ms / 1000)
        fade = min(1.0, age_ms / (FADE_DAYS * DAY_MS))
        days = age_ms / DAY_MS
        season = fade * (math.sin(days / 6.1) + 0.5 * math.sin(days / 2.3))
        values["temperature"] += self._past.season_c * season
        values["relative_humidity"] -= self._past.season_pct * season
        for spell in self._past.spells:
            share = spell.share(age_ms)
            values["temperature"] += spell.warmer_c * share
            values["relative_humidity"] += spell.damper_pct * share
        values["surface"] = values["temperature"] - 2.5
        hour = datetime.fromtimestamp(t / 1000, tz=ZONE)
        if hour.weekday() < 5 and 9 <= hour.hour < 17 and self._noise.random() < 0.25:  # the lamp burns while somebody works there
            values["illuminance"] = 180.0 + self._noise.gauss(0, 4)
        return values

    def alarm(self) -> list[Callable[[str, int], dict[str, Any]]]:
        """The alarm that the agent would have raised in one of the excursions, and its end."""
        which, rule, quantity, limit, above = self._past.alarm
        out = [
            (t, value)
            for t in range(self._begin_ms, self._end_ms, STEP_MS)
            if self._past.spells[which].share(self._end_ms - t) and ((value := self._values(t)[quantity]) > limit) == above
        ]
        ids: list[str] = []

        def told(epoch: str, seq: int, *, state: str, at: tuple[int, float]) -> dict[str, Any]:
            ids.append(f"{self._agent}:{epoch}:{seq}")
            said = {"subject": f"{self._agent}.climate.{quantity}", "priority": "high", "value": round(at[1], 2), "limit": limit}
            words = words_for("limit", value=at[1], limit=limit, quantity=quantity)
            made: dict[str, Any] = record("alarm", *self._stamp(at[0]), id=ids[0], rule=rule, state=state, **said, words=words)
            return made

        return [
            lambda epoch, seq: told(epoch, seq, state="active", at=out[0]),
            lambda epoch, seq: told(epoch, seq, state="returned", at=(out[-1][0] + STEP_MS, out[-1][1])),
        ]


def give_past(data: Path, configs: Path) -> None:
    """Write the past of every room whose agent has no journal yet; does nothing for one that has."""
    now_ms = wall_ms()
    for agent, past in PASTS.items():
        path = data / agent / "journal.db"
        if path.exists():
            continue
        config = load_config(configs / f"{agent}.toml")
        climate = {name: config.sim[name] for name in ("seed", "temp_c", "rh_pct") if config.sim.get(name) is not None}
        maker = PastOf(agent, past, world=RoomWorld(people=False, **climate), now_ms=now_ms)
        journal = Journal.open(path, site=config.site, agent=agent, key=AgentKey.load_or_create(data / agent / "key"))
        try:
            chunk = maker.head()
            for made in maker.readings():
                chunk.append(made)
                if len(chunk) >= AT_ONCE:
                    journal.append("readings", chunk)
                    chunk = []
            journal.append("readings", chunk)
            journal.append("events", [*maker.head()[:1], *maker.alarm()])
            journal.memory.remember({NOTE: json.dumps(maker.numbers)})
        finally:
            journal.close()
