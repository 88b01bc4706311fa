"""Drives the year: agents minute by minute, what they journal into the centre's real writer, people's acts, the centre's clock rules."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from central.environment.limits.boxes import Box
from central.environment.limits.media import Profile
from central.ingest import writer
from central.ingest.writer import Arrival, Writer
from central.ledger import acts
from central.store.engine import writing
from tests.central.journals import Centre
from tests.year.agents import Agent
from tests.year.climate import DAY_MINUTES, MINUTE, T0
from tests.year.plan import Expected, Plan, Spell

STEP = 8  # minutes between two commits: no reading is late by then
IN_FLIGHT = 4  # batches that an agent sends before it waits for acknowledgements
SILENCE_S = 900
FILM = Profile(
    id="film-year",
    medium_en="film",
    medium_zh="胶片",
    boxes=[
        Box(t_min=2, t_max=21, rh_min=20, rh_max=30),
        Box(t_min=2, t_max=15, rh_min=20, rh_max=40),
        Box(t_min=2, t_max=10, rh_min=20, rh_max=50),
    ],
)


class YearCentre(Centre):
    """A centre whose only clock is the year's."""

    def __init__(self, data: Path) -> None:
        self.now_ms = T0
        super().__init__(data, silence_s=SILENCE_S, escalate_s=7 * 86_400)

    def _writer(self) -> Writer:
        return Writer(config=self.config, engine=self.engine, key=self.key, now_ms=lambda: self.now_ms)


@dataclass
class Told:
    """What browsers were told active about an agent while its backlog came: (agent, minute, alarm ids)."""

    agent: str
    k: int
    alarms: list[str] = field(default_factory=list)


@contextmanager
def clock_rules_by_call() -> Iterator[None]:
    """The clock rules run when the year says so, not every so many seconds of the machine's time."""
    before = writer.RULES_S
    try:
        yield
    finally:
        writer.RULES_S = before


class Year:
    """One run."""

    def __init__(self, plan: Plan, folder: Path, *, rules_every: int, batch: int) -> None:
        """batch: the most records of one batch; rules_every: how often the clock rules run, in minutes, beside planned moments."""
        self.plan = plan
        self.centre = YearCentre(folder / "central")
        self.agents = {name: Agent(name, sensors, plan, folder / name, batch=batch) for name, sensors in plan.agents.items()}
        self._rules_every = rules_every
        self._people: dict[int, list[Expected]] = {}
        self._works: dict[int, list[tuple[str, Spell]]] = {}
        self._unshelves: set[int] = set()
        self.backlogs: list[Told] = []
        self.commits = 0
        self.committed = 0  # readings
        self.committed_ms = T0  # what was sampled before this time is at the centre, agents that are cut off apart
        self._live = 0
        for one in plan.expected:
            if one.person:
                self._people.setdefault((one.begin_ms - T0) // MINUTE + 10, []).append(one)
        for agent, spells in plan.spells.items():
            for spell in spells:
                if spell.what == "works":
                    self._works.setdefault(spell.k - 30, []).append((agent, spell))
        for agent in self.agents.values():
            self.centre.enrol(agent.journal, room=agent.name)
        for room in sorted({sensor.room for sensor in plan.sensors if sensor.kind.name == "film"}):
            body = {"room": room, "media": [FILM.id], "profiles": [msgspec.to_builtins(FILM)]}
            self._act("room.limits", "zhang", body, k=0)

    def close(self) -> None:
        """Close all files."""
        for agent in self.agents.values():
            agent.close()
        self.centre.close()

    @property
    def readings(self) -> int:
        """How many readings were journalled."""
        return sum(agent.readings for agent in self.agents.values())

    def run(self, *, seconds: float | None = None) -> int:
        """All days, or whole days until the machine's time is over; how many."""
        began = time.monotonic()
        with clock_rules_by_call():
            for day in range(self.plan.days):
                if seconds is not None and time.monotonic() - began > seconds:
                    self._commit(day * DAY_MINUTES, rules=True)
                    return day
                for k in range(day * DAY_MINUTES, (day + 1) * DAY_MINUTES):
                    self._minute(k)
            self._commit(self.plan.days * DAY_MINUTES, rules=True)
        return self.plan.days

    def _minute(self, k: int) -> None:
        for one in self.agents.values():
            one.back(k)
        if k in self.plan.ticks or k % STEP == 0:
            self._commit(k, rules=k in self.plan.ticks or k % self._rules_every == 0)
        for agent, spell in self._works.get(k, ()):
            self._plan_works(agent, spell, k)
        if k in self._people:
            self._answer(k)
        for one in self.agents.values():
            one.minute(k)

    def _commit(self, k: int, *, rules: bool) -> None:
        self.centre.now_ms = T0 + k * MINUTE
        writer.RULES_S = 0.0 if rules else float("inf")
        queues = {
            name: [Arrival(lane.topic, payload) for lane in agent.lanes.values() for payload in lane.batches()]
            for name, agent in self.agents.items()
            if agent.linked
        }
        for name in queues:
            self.agents[name].sent = self.agents[name].readings
        backlog = [name for name, queue in queues.items() if len(queue) > IN_FLIGHT]
        first = True
        while first or any(queues.values()):
            first = False
            arrivals = []
            for name, queue in queues.items():
                arrivals += queue[:IN_FLIGHT]
                queues[name] = queue[IN_FLIGHT:]
            messages = self.centre.write(*arrivals)
            self.commits += 1
            acked = [msgspec.json.decode(payload) for topic, payload in messages if topic.endswith("/ack")]
            if len(acked) != len(arrivals) or any("refused" in ack for ack in acked):
                raise AssertionError(f"minute {k}: {len(arrivals)} batches, answers {acked[:3]}; {self.centre.writer.counters.counts}")
        self.committed_ms = self.centre.now_ms
        self.committed = sum(agent.sent for agent in self.agents.values())
        for name in backlog:
            told = [
                row[0]
                for row in self.centre.rows(
                    "SELECT json_extract(data, '$.id') FROM live WHERE event = 'alarm' AND id > ? AND agent = ? "
                    "AND json_extract(data, '$.active') = 1",
                    self._live,
                    name,
                )
            ]
            self.backlogs.append(Told(name, k, told))
        if backlog or rules:
            self._live = self.centre.one("SELECT coalesce(max(id), 0) FROM live")

    def _act(self, kind: str, actor: str, body: dict[str, object], *, k: int) -> None:
        with writing(self.centre.engine) as connection:
            acts.record(connection, kind=kind, actor=actor, body=body, t_ms=T0 + k * MINUTE)
        self.centre.now_ms = T0 + k * MINUTE
        self.centre.write()

    def _plan_works(self, agent: str, spell: Spell, k: int) -> None:
        span = {"from_ms": T0 + spell.k * MINUTE, "to_ms": T0 + (spell.k + spell.n) * MINUTE}
        about = {"works": f"{agent}-{spell.k}", "room": spell.room, "kind": "fumigation", "reason": "beetles"}
        self._act("works.plan", "zhang", {**about, **span}, k=k)
        self.agents[agent].set_works([(span["from_ms"], span["to_ms"])])

    def _answer(self, k: int) -> None:
        for one in self._people[k]:
            which = "SELECT id FROM alarms WHERE rule = ? AND subject = ? AND active ORDER BY since_ms DESC LIMIT 1"
            for (ident,) in self.centre.rows(which, one.rule, one.subject):
                body: dict[str, object] = {"alarm": ident, "text": "seen"}
                if one.person == "shelve":
                    body = {"alarm": ident, "reason": "the fitter comes at four", "until_ms": T0 + (k + 30) * MINUTE}
                    self.plan.ticks.add(k + 30)
                self._act(f"alarm.{one.person}", "li", body, k=k)
