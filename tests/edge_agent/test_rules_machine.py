"""Restarts at any moment: a room's rules that were stopped and started again decide exactly as if they never had been."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.limit_tables import Known, judge_limits, limit_rule
from edge_agent.rule import Change, Rule
from edge_agent.rules import Rules

T0 = 1_780_000_000_000
LIMITS = {
    "hot": {"sensor": "climate", "quantity": "temperature", "above": 24, "below": 14, "deadband": 0.5, "delay_s": 90, "off_delay_s": 60},
    "pair": {"kind": "pairs", "sensor": "climate", "boxes": [{"t_max": 21, "rh_max": 50}, {"t_max": 16, "rh_max": 60}], "deadband_rh": 1},
    "day": {"kind": "swing", "sensor": "climate", "quantity": "temperature", "within": 2, "deadband": 0.5},
    "fast": {"kind": "rate", "sensor": "climate", "quantity": "temperature", "per_h": 3, "delay_s": 30},
    "wet": {"sensor": "climate", "quantity": "dew_point", "above": 12, "deadband": 0.2, "off_delay_s": 120},
}


def all_rules() -> list[Rule]:
    known = Known({"climate": ("temperature", "relative_humidity")})
    limits, mistakes = judge_limits(LIMITS, known)
    assert not mistakes
    made = [limit_rule("r", name, limit, sample_s=lambda _: 600.0, room=lambda _: "") for name, limit in limits.items()]
    made.append(Rule("climate-bad", "sensor", "r/climate", source="r/climate", delay_s=30, fresh_s=1800))
    made.append(Rule("door-held-open", "held_open", "r/door", source="r/door", delay_s=120))
    made.append(Rule("door-after-hours", "after_hours", "r/door", "high", "r/door", hours="22:00-06:00"))
    made.append(Rule("floor-leak", "contact", "r/floor", "urgent", "r/floor"))
    return made


Event = tuple[int, str, float, float]
step = st.sampled_from([1, 10, 60, 300, 600])
events = st.lists(
    st.one_of(
        st.tuples(step, st.just("sample"), st.floats(10, 30), st.floats(20, 80)),
        st.tuples(step, st.just("bad"), st.just(0.0), st.just(0.0)),
        st.tuples(step, st.just("tick"), st.just(0.0), st.just(0.0)),
        st.tuples(step, st.sampled_from(["door", "floor"]), st.sampled_from([0.0, 1.0]), st.just(0.0)),
    ),
    min_size=5,
    max_size=120,
)


class Agent:
    """Rules and what stands in their journal: each change once, under its id; optionally stopped and started after some events."""

    def __init__(self, restarts: frozenset[int], *, reboots: bool = False) -> None:
        self.rules = Rules(all_rules(), boot="b0", now=(T0, 0))
        self.journal: list[tuple[str, str, str, int, bool | None]] = []
        self._restarts = restarts
        self._reboots = reboots
        self._m0 = 0
        self._held = {"r/door": "closed", "r/floor": "inactive"}
        self._at = 0

    def play(self, played: list[Event]) -> None:
        for number, (wait_s, what, a, b) in enumerate(played):
            self._at += wait_s * 1000
            t, m = T0 + self._at, self._at - self._m0
            self._journal(self._one(what, a, b, t, m))
            if what == "sample":
                self._journal(self.rules.tick(t=t, m=m))
            if number in self._restarts:
                self._restart(number)

    def _one(self, what: str, a: float, b: float, t: int, m: int) -> list[Change]:
        rules = self.rules
        if what == "sample":
            made = rules.reading("r.climate.temperature", a, good=True, t=t, m=m)
            made += rules.reading("r.climate.relative_humidity", b, good=True, t=t, m=m)
            return made + rules.sensor("r/climate", good=True, t=t, m=m)
        if what == "bad":
            return rules.reading("r.climate.temperature", None, good=False, t=t, m=m) + rules.sensor("r/climate", good=False, t=t, m=m)
        if what == "tick":
            return []
        opened, shut = ("open", "closed") if what == "door" else ("active", "inactive")
        self._held[f"r/{what}"] = opened if a else shut
        return rules.contact(f"r/{what}", self._held[f"r/{what}"], t=t, m=m)

    def _journal(self, changes: list[Change]) -> None:
        for change in changes:
            ident = self.rules.id_for(change, f"id{len(self.journal)}")
            self.rules.journalled(change, ident)
            self.journal.append((ident, change.rule, change.state, change.t, change.uncertain))

    def _restart(self, number: int) -> None:
        saved = json.loads(json.dumps(self.rules.saved()))
        if self._reboots:
            self._m0 = self._at  # CLOCK_BOOTTIME begins anew
        now = (T0 + self._at, self._at - self._m0)
        self.rules = Rules(all_rules(), boot=f"b{number + 1}" if self._reboots else "b0", saved=saved, now=now)
        for contact, state in self._held.items():  # a contact tells its state when it is opened
            self._journal(self.rules.contact(contact, state, t=now[0], m=now[1]))


def assert_sound(journal: list[tuple[str, str, str, int, bool | None]]) -> None:
    """Of each rule: one alarm at a time, each begun once and ended at most once, under one id."""
    open_now: dict[str, str] = {}
    seen: set[str] = set()
    for ident, rule, state, _, uncertain in journal:
        if state == "active" and uncertain is not False:
            assert rule not in open_now and ident not in seen
            open_now[rule] = ident
            seen.add(ident)
        elif state == "active":
            assert open_now[rule] == ident
        else:
            assert open_now.pop(rule) == ident


def held_by_values(agent: Agent) -> list[tuple[str, str, str, int, bool | None]]:
    """What follows from samples that keep coming; a sensor's silence is measured from the start of whoever listens."""
    return [entry for entry in agent.journal if entry[1] != "climate-bad"]


@settings(max_examples=150, deadline=None)
@given(events, st.frozensets(st.integers(0, 119), max_size=12), st.booleans())
def test_restarts_change_nothing_that_is_decided(played: list[Event], restarts: frozenset[int], reboots: bool) -> None:
    # after a start a limit's delay runs on with the first sample, so that stops come between a sample and what follows it
    steady, broken = Agent(frozenset()), Agent(frozenset(2 * number for number in restarts), reboots=reboots)
    # samples come within the freshness of 30 minutes here, or the delays begin anew by rule (and a restart forgets when the last one came)
    fed = [event for one in played for event in ((one[0], "sample", 18.0 + one[2] % 7, 45.0), one) if one[1] != "tick"]
    steady.play(fed)
    broken.play(fed)
    assert_sound(steady.journal)
    assert_sound(broken.journal)
    assert [entry[1:] for entry in held_by_values(broken)] == [entry[1:] for entry in held_by_values(steady)]


@settings(max_examples=150, deadline=None)
@given(events, st.frozensets(st.integers(0, 119), max_size=12), st.booleans())
def test_no_alarm_is_doubled_or_ended_twice_whatever_comes(played: list[Event], restarts: frozenset[int], reboots: bool) -> None:
    agent = Agent(restarts, reboots=reboots)
    agent.play(played)
    assert_sound(agent.journal)
