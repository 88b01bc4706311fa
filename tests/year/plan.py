"""What is planned for the year: excursions, gaps, outages, clock steps, works, and the alarms that each of them must bring, or must not.

A year is cut into blocks of two days, so that nothing planned runs into what is planned next, a swing's 24 hours included. In most blocks
each sensor has plans of its own, in the others each agent has one. Times are minutes k since T0; what is expected is in milliseconds.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tests.year.climate import BAD, DAY_MINUTES, KINDS, LOST, MINUTE, SILENT, T0, Floats, Overlay, Sensor

BLOCK_DAYS = 2
DELAY, DAMP_DELAY, OFF_DELAY = 5, 10, 5  # minutes, as KINDS has them
FRESH, BAD_S = 3, 1  # minutes without a sample until a sensor counts as silent, and from then to its alarm
SILENCE = 15  # minutes of the centre's patience
SAMPLE_MS = MINUTE


@dataclass
class Expected:
    """One alarm that must come exactly once. `source`: agent, centre (its clock's) or later (found in late readings)."""

    what: str
    source: str
    rule: str
    subject: str
    room: str
    begin_ms: int
    end_ms: int
    uncertain: bool = False
    certain_later: bool = False
    held: bool = False
    released: bool = False
    within_ms: int = SAMPLE_MS  # how far the end may lie from the expected one
    person: str = ""  # acknowledge, shelve
    late: bool = False  # its records came after the end of an outage


@dataclass(frozen=True)
class Spell:
    """Something that happens to an agent from minute k to k + n."""

    what: str  # outage, off, clock, works, restart, reboot
    k: int
    n: int
    room: str = ""


@dataclass
class Plan:
    """Everything planned. `ticks`: minutes at which the centre's clock rules look, beside the usual ones."""

    sensors: list[Sensor]
    days: int
    expected: list[Expected] = field(default_factory=list)
    quiet: dict[str, int] = field(default_factory=dict)  # plans that must bring nothing -> how many
    spells: dict[str, list[Spell]] = field(default_factory=dict)  # by agent
    busy: dict[str, list[tuple[int, int]]] = field(default_factory=dict)  # by agent: when delays run
    ticks: set[int] = field(default_factory=set)

    @property
    def agents(self) -> dict[str, list[Sensor]]:
        """Sensors by agent."""
        made: dict[str, list[Sensor]] = {}
        for sensor in self.sensors:
            made.setdefault(sensor.agent, []).append(sensor)
        return made


def _flat(value: float, n: int) -> Floats:
    return np.full(n, value)


class _Planner:
    """Lays plans over one sensor."""

    def __init__(self, plan: Plan, random: np.random.Generator) -> None:
        self.plan, self.random = plan, random

    def lay(self, sensor: Sensor, overlay: Overlay) -> None:
        """Put an overlay over a sensor; rules of its agent are looked at each minute meanwhile."""
        sensor.overlays.append(overlay)
        self.plan.busy.setdefault(sensor.agent, []).append((overlay.k - 1, overlay.k + overlay.n + 70))

    def quiet(self, what: str, sensor: Sensor, overlay: Overlay) -> None:
        """A plan that must bring nothing."""
        self.lay(sensor, overlay)
        self.plan.quiet[what] = self.plan.quiet.get(what, 0) + 1

    def alarm(self, what: str, sensor: Sensor, suffix: str, quantity: str, first: int, back: int, *, delay: int = DELAY) -> Expected:
        """The limit alarm of an excursion whose first sample is out and whose sample `back` is the first one inside again."""
        subject = sensor.channel(quantity) if quantity else sensor.subject
        begin, end = sensor.t_ms(first + delay), sensor.t_ms(back + OFF_DELAY)
        made = Expected(what, "agent", f"{sensor.name}-{suffix}", subject, sensor.room, begin, end)
        self.plan.expected.append(made)
        return made

    def bad(self, what: str, sensor: Sensor, k: int, n: int, *, silent: bool) -> None:
        """The alarm of a dead sensor, and of its channels where the centre misses their data."""
        begin = sensor.t_ms(k - 1 + FRESH + BAD_S) if silent else sensor.t_ms(k + BAD_S)
        self.plan.expected.append(Expected(what, "agent", f"{sensor.name}-bad", sensor.subject, sensor.room, begin, sensor.t_ms(k + n)))
        if silent and n > SILENCE:
            noticed, over = k + SILENCE, k + n + 1
            self.plan.ticks |= {noticed, over}
            for quantity in ("temperature", "relative_humidity"):
                about = sensor.channel(quantity), sensor.room, T0 + noticed * MINUTE, T0 + over * MINUTE
                self.plan.expected.append(Expected(what, "centre", "missing-data", *about))

    # -- a paper store's

    def hot(self, sensor: Sensor, k: int, n: int = 0) -> Expected:
        n = n or int(self.random.integers(30, 240))
        self.lay(sensor, Overlay(k, n, _flat(25.5, n), _flat(45.0, n)))
        return self.alarm("too warm", sensor, "t", "temperature", k, k + n)

    def cold(self, sensor: Sensor, k: int) -> None:
        self.lay(sensor, Overlay(k, 45, _flat(12.0, 45)))
        self.alarm("too cold", sensor, "t", "temperature", k, k + 45)

    def damp(self, sensor: Sensor, k: int) -> None:
        self.lay(sensor, Overlay(k, 60, _flat(19.0, 60), _flat(66.0, 60)))
        self.alarm("too damp", sensor, "h", "relative_humidity", k, k + 60, delay=DAMP_DELAY)

    def dry(self, sensor: Sensor, k: int) -> None:
        self.lay(sensor, Overlay(k, 40, None, _flat(34.0, 40)))
        self.alarm("too dry", sensor, "h", "relative_humidity", k, k + 40, delay=DAMP_DELAY)

    def brief(self, sensor: Sensor, k: int) -> None:
        self.quiet("shorter than the delay", sensor, Overlay(k, DELAY, _flat(25.5, DELAY), _flat(45.0, DELAY)))
        later = Overlay(k + 120, DAMP_DELAY, _flat(19.0, DAMP_DELAY), _flat(66.0, DAMP_DELAY))
        self.quiet("shorter than the delay", sensor, later)

    def edge(self, sensor: Sensor, k: int) -> None:
        values = np.concatenate([_flat(24.0, 60), _flat(23.8, 60)])
        self.quiet("on the limit and in the deadband", sensor, Overlay(k, 120, values, _flat(45.0, 120)))

    def chatter(self, sensor: Sensor, k: int) -> None:
        values = np.concatenate([_flat(25.5, 30), _flat(23.7, 20), _flat(25.5, 20)])
        self.lay(sensor, Overlay(k, 70, values, _flat(45.0, 70)))
        self.alarm("back only into the deadband, and out again", sensor, "t", "temperature", k, k + 70)

    def doubtful(self, sensor: Sensor, k: int) -> None:
        self.lay(sensor, Overlay(k, 60, _flat(24.1, 60), _flat(45.0, 60)))
        self.alarm("within the tolerance", sensor, "t", "temperature", k, k + 60).uncertain = True

    def growing(self, sensor: Sensor, k: int) -> None:
        values = np.concatenate([_flat(24.1, 30), _flat(25.0, 30)])
        self.lay(sensor, Overlay(k, 60, values, _flat(45.0, 60)))
        self.alarm("grows beyond the tolerance", sensor, "t", "temperature", k, k + 60).certain_later = True

    def dew(self, sensor: Sensor, k: int) -> None:
        self.lay(sensor, Overlay(k, 50, _flat(23.4, 50), _flat(59.5, 50)))
        self.alarm("dew point", sensor, "dew", "dew_point", k, k + 50)

    def gap_in_delay(self, sensor: Sensor, k: int) -> None:
        """Out for three samples, silent for ten minutes, out for three again: nobody knows of five minutes in a row."""
        for begin, n, temp, state in ((k, 3, 25.5, 0), (k + 3, 10, 25.5, SILENT), (k + 13, 3, 25.5, 0)):
            self.lay(sensor, Overlay(begin, n, _flat(temp, n), _flat(45.0, n), state=state))
        self.bad("silent while a delay ran", sensor, k + 3, 10, silent=True)

    def gap_in_alarm(self, sensor: Sensor, k: int) -> None:
        """The alarm outlives a silence in its midst."""
        self.lay(sensor, Overlay(k, 110, _flat(25.5, 110), _flat(45.0, 110)))
        self.lay(sensor, Overlay(k + 60, 20, state=SILENT))
        self.alarm("silent while an alarm stood", sensor, "t", "temperature", k, k + 110)
        self.bad("silent while an alarm stood", sensor, k + 60, 20, silent=True)

    # -- any sensor's

    def silent(self, sensor: Sensor, k: int) -> None:
        n = int(self.random.integers(20, 300))
        self.lay(sensor, Overlay(k, n, state=SILENT))
        self.bad("silent", sensor, k, n, silent=True)

    def garbled(self, sensor: Sensor, k: int) -> None:
        n = int(self.random.integers(20, 120))
        self.lay(sensor, Overlay(k, n, state=BAD))
        self.bad("bad values", sensor, k, n, silent=False)

    # -- a film vault's

    def pair(self, sensor: Sensor, k: int, n: int = 0) -> Expected:
        n = n or int(self.random.integers(30, 240))
        self.lay(sensor, Overlay(k, n, _flat(18.0, n), _flat(35.0, n)))
        return self.alarm("a pair in no box", sensor, "pair", "", k, k + n)

    def other_box(self, sensor: Sensor, k: int) -> None:
        self.quiet("a pair in another box", sensor, Overlay(k, 120, _flat(18.0, 120), _flat(26.0, 120)))

    def pair_doubtful(self, sensor: Sensor, k: int) -> None:
        self.lay(sensor, Overlay(k, 60, _flat(15.1, 60), _flat(35.0, 60)))
        self.alarm("a pair within the tolerance", sensor, "pair", "", k, k + 60).uncertain = True

    def pair_brief(self, sensor: Sensor, k: int) -> None:
        self.quiet("shorter than the delay", sensor, Overlay(k, DELAY, _flat(18.0, DELAY), _flat(35.0, DELAY)))

    # -- a hall's and a glass store's

    def swing(self, sensor: Sensor, k: int) -> None:
        self.lay(sensor, Overlay(k, 120, _flat(5.5, 120), adds=True))
        made = self.alarm("a day's swing", sensor, "swing", "temperature", k, k + 119 + DAY_MINUTES)
        made.within_ms = 16 * MINUTE  # the agent keeps the day's extremes by quarters of an hour

    def small_swing(self, sensor: Sensor, k: int) -> None:
        self.quiet("a swing within limits", sensor, Overlay(k, 180, _flat(1.5, 180), adds=True))

    def away(self, sensor: Sensor, k: int, n: int = 60) -> Expected:
        self.lay(sensor, Overlay(k, n, None, _flat(62.0, n)))
        return self.alarm("away from the set point", sensor, "set", "relative_humidity", k, k + n)

    def rate_h(self, sensor: Sensor, k: int, n: int = 300) -> Expected:
        self.lay(sensor, Overlay(k, n, None, np.linspace(14.0, 0.0, n), adds=True))
        return self.alarm("a jump of humidity", sensor, "rate-h", "relative_humidity", k, k + 59)

    def rate_t(self, sensor: Sensor, k: int) -> None:
        self.lay(sensor, Overlay(k, 240, np.linspace(5.0, 0.0, 240), adds=True))
        self.alarm("a jump of temperature", sensor, "rate-t", "temperature", k, k + 59)

    def slow(self, sensor: Sensor, k: int) -> None:
        values = np.concatenate([np.linspace(0.0, 8.0, 60), np.linspace(8.0, 0.0, 60)])
        self.quiet("a change within limits", sensor, Overlay(k, 120, None, values, adds=True))

    def simple(self, sensor: Sensor, k: int, n: int) -> Expected:
        """An excursion of n minutes, whatever the sensor is for."""
        if sensor.kind.name == "paper":
            return self.hot(sensor, k, n)
        if sensor.kind.name == "film":
            return self.pair(sensor, k, n)
        return self.away(sensor, k, n)

    # -- an agent's

    def spell(self, what: str, agent: str, sensors: list[Sensor], k: int) -> None:
        """One plan of an agent, with excursions of its sensors within."""
        able = [sensor for sensor in sensors if sensor.kind.name in ("paper", "film")]
        other = next((sensor for sensor in sensors if sensor.kind.name in ("paper", "film", "hall") and sensor is not able[0]), None)
        getattr(self, f"_{what}")(agent, able[0], other, k)

    def _add(self, agent: str, spell: Spell) -> None:
        self.plan.spells.setdefault(agent, []).append(spell)
        self.plan.busy.setdefault(agent, []).append((spell.k - 1, spell.k + spell.n + 70))

    def _silent_agent(self, what: str, agent: str, k: int, n: int) -> None:
        noticed = k + SILENCE + 1
        self.plan.ticks |= {k, noticed, k + n}
        about = agent, agent, T0 + noticed * MINUTE, T0 + (k + n) * MINUTE
        self.plan.expected.append(Expected(what, "centre", "agent-silent", *about))

    def _outage(self, agent: str, sensor: Sensor, other: Sensor | None, k: int) -> None:
        n = int(self.random.integers(180, 300))
        self._add(agent, Spell("outage", k, n))
        self._silent_agent("the network is down", agent, k, n)
        self.simple(sensor, k + 30, 60).late = True
        if other is not None:
            self.simple(other, k + n - 20, 60).late = True  # still on when the network is back

    def _off(self, agent: str, sensor: Sensor, other: Sensor | None, k: int) -> None:
        """The agent has no power; its nodes keep their samples, which no rule of the room ever sees."""
        n = int(self.random.integers(200, 300))
        self._add(agent, Spell("off", k, n))
        self._silent_agent("the agent is off", agent, k, n)
        made = self.simple(sensor, k + 60, 60)
        made.source, made.what, made.late = "later", "found in late readings", True
        made.begin_ms, made.end_ms = sensor.t_ms(k + 60), sensor.t_ms(k + 119)
        if sensor.kind.name == "film":  # its agent's pairs are no limit of one quantity: the room's own limits judge
            made.rule, made.subject = "room-limits", sensor.subject
        if other is not None and other.kind.name == "paper":
            self.quiet("too brief, in late readings", other, Overlay(k + 60, 4, _flat(25.5, 4), _flat(45.0, 4)))

    def _clock(self, agent: str, sensor: Sensor, other: Sensor | None, k: int) -> None:
        """A boot with a clock that is behind, disciplined eight minutes later; an alarm begins meanwhile."""
        self._add(agent, Spell("clock", k, 11))
        for one in self.plan.agents[agent]:
            one.overlays.append(Overlay(k, 3, state=LOST))
        self.simple(sensor, k + 4, 40)

    def _works(self, agent: str, sensor: Sensor, other: Sensor | None, k: int) -> None:
        n = 180
        self._add(agent, Spell("works", k, n, sensor.room))
        self.plan.ticks |= {k - 30, k + n, k + n + 1}
        self.simple(sensor, k + 20, 60).held = True
        made = self.simple(sensor, k + 150, 90)
        made.held = made.released = True

    def _restart(self, agent: str, sensor: Sensor, other: Sensor | None, k: int) -> None:
        self._add(agent, Spell("restart", k + 2, 1))
        self.simple(sensor, k, 60)

    def _reboot(self, agent: str, sensor: Sensor, other: Sensor | None, k: int) -> None:
        self._add(agent, Spell("reboot", k + 2, 1))
        self.simple(sensor, k, 60)


OWN: dict[str, tuple[Callable[[_Planner, Sensor, int], object], ...]] = {
    "paper": (
        _Planner.hot,
        _Planner.brief,
        _Planner.doubtful,
        _Planner.gap_in_delay,
        _Planner.damp,
        _Planner.chatter,
        _Planner.silent,
        _Planner.growing,
        _Planner.cold,
        _Planner.edge,
        _Planner.gap_in_alarm,
        _Planner.dew,
        _Planner.garbled,
        _Planner.dry,
    ),
    "film": (_Planner.pair, _Planner.other_box, _Planner.pair_doubtful, _Planner.silent, _Planner.pair_brief, _Planner.garbled),
    "hall": (_Planner.swing, _Planner.away, _Planner.small_swing, _Planner.silent),
    "glass": (_Planner.rate_h, _Planner.slow, _Planner.rate_t, _Planner.garbled),
}
STARTS = {"paper": (120, 840, 1560, 2280), "film": (400, 1840), "hall": (400,), "glass": (400, 1840)}  # minutes of a block
SPELLS = ("outage", "off", "clock", "works", "restart", "reboot")
PERSONS = ("acknowledge", "shelve", "", "")


def make_plan(*, sensors: int, days: int, seed: int, an_agent: int, spell_every: int) -> Plan:
    """The plan of so many sensors, `an_agent` at each agent; every `spell_every`th block is the agents'."""
    made = []
    for n in range(sensors):
        agent, place = divmod(n, an_agent)
        kind = KINDS[(place + agent) % len(KINDS) if place < len(KINDS) else place % 2]  # one of each, the others of paper and film
        made.append(Sensor(n, f"room-{agent + 1:03d}", f"s{place}", kind, seed))
    plan = Plan(made, days)
    random = np.random.default_rng([seed, 1_000_003])
    planner = _Planner(plan, random)
    turns = {sensor.index: sensor.index // 4 * (len(OWN[sensor.kind.name]) // 2) for sensor in made}
    for block in range(1, days // BLOCK_DAYS):
        first = block * BLOCK_DAYS * DAY_MINUTES
        if block % spell_every == 0:
            for number, (agent, own) in enumerate(plan.agents.items()):
                for day in range(BLOCK_DAYS):
                    what = SPELLS[((block // spell_every - 1) * BLOCK_DAYS + day + number * 3) % len(SPELLS)]
                    planner.spell(what, agent, own, first + day * DAY_MINUTES + int(random.integers(120, 900)))
            continue
        for sensor in made:
            ways = OWN[sensor.kind.name]
            for k in STARTS[sensor.kind.name]:
                ways[turns[sensor.index] % len(ways)](planner, sensor, first + k + int(random.integers(0, 300)))
                turns[sensor.index] += 1
    _people(plan)
    return plan


def _people(plan: Plan) -> None:
    """Some of the alarms that stand for long enough are acknowledged, some shelved, ten minutes after they began."""
    lasting = [one for one in plan.expected if one.source == "agent" and not one.late and one.end_ms - one.begin_ms > 45 * MINUTE]
    for number, one in enumerate(one for one in lasting if not one.rule.endswith("-bad") and not one.held):
        one.person = PERSONS[number % len(PERSONS)]
        if one.person:
            plan.ticks.add((one.begin_ms - T0) // MINUTE + 10)
