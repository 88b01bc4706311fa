"""Relays under their controls: whatever values, deaths and hands come, times, interlock and dead-man hold."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.control import Controls, Plan

DRY = Plan("dry", "dehumidifier", "drying", "r.c.rh", 55, 50, True, 120_000, 180_000, 1_800_000, 300_000, "off")
WET = Plan("wet", "humidifier", "wetting", "r.c.rh", 40, 45, False, 60_000, 60_000, None, 300_000, "on")
FAN = Plan("fan", "fan", "venting", "r.c.t", 25, 23, True, 0, 30_000, None, 120_000, "hold", start_on=True)


def run(
    controls: Controls, until_m: int, *, value: float | None = None, from_m: int = 0, channel: str = "r.c.rh"
) -> list[tuple[int, str, bool]]:
    """Step each second, with a value each second where one is given; (m, output, on) for each switching."""
    made = []
    for m in range(from_m, until_m, 1000):
        if value is not None:
            controls.value(channel, value, m=m)
        made += [(m, output, controls.states[output].is_on) for output in controls.step(m=m)]
    return made


def test_a_dehumidifier_rests_first_then_runs_between_its_points() -> None:
    controls = Controls([DRY], m=0)
    assert run(controls, 240_000, value=60) == [(180_000, "dry", True)]  # least time off, from the start too
    assert run(controls, 400_000, value=52, from_m=240_000) == [], "between the points it stays on"
    assert run(controls, 402_000, value=49, from_m=400_000) == [(400_000, "dry", False)]
    assert run(controls, 500_000, value=52, from_m=402_000) == []


def test_it_does_not_run_for_longer_than_it_may_and_rests_then() -> None:
    controls = Controls([DRY], m=0)
    switched = run(controls, 5_000_000, value=60)
    assert switched[:3] == [(180_000, "dry", True), (1_980_000, "dry", False), (2_160_000, "dry", True)]
    controls = Controls([DRY], m=0)
    run(controls, 1_990_000, value=60)
    assert controls.states["dry"].resting, "the alarm's condition"


def test_a_dead_sensor_puts_each_output_where_its_configuration_says() -> None:
    controls = Controls([DRY, FAN], m=0)
    for m in range(0, 200_000, 1000):
        controls.value("r.c.rh", 60, m=m)
        controls.value("r.c.t", 30, m=m)
        controls.step(m=m)
    assert controls.states["dry"].is_on and controls.states["fan"].is_on
    assert run(controls, 600_000, from_m=200_000) == [(500_000, "dry", False)], "off after 300 s without a value; the fan holds"
    assert controls.states["dry"].why == "no good value for 300 s"
    assert run(controls, 700_000, value=20, from_m=600_000, channel="r.c.t") == [(600_000, "fan", False)]
    wet = Controls([WET], m=0)
    assert run(wet, 400_000) == [(301_000, "wet", True)], "this one is configured to be on"


def test_humidifier_and_dehumidifier_wait_for_each_other() -> None:
    controls = Controls([DRY, WET], m=0)
    run(controls, 200_000, value=60)
    controls.hand("wet", True, until_m=10_000_000)
    assert controls.blocked("wet") == "dry"
    assert run(controls, 300_000, value=60, from_m=200_000) == []
    assert run(controls, 302_000, value=49, from_m=300_000) == [(300_000, "dry", False), (300_000, "wet", True)]


def test_a_hand_ends_by_itself_and_within_the_times() -> None:
    controls = Controls([DRY], m=0)
    controls.hand("dry", True, until_m=185_000)
    assert run(controls, 400_000, value=45) == [
        (180_000, "dry", True),
        (300_000, "dry", False),
    ]  # its least time on, though the hand is gone


def test_a_siren_follows_the_alarms_and_a_light_the_hand() -> None:
    controls = Controls([Plan("siren", "siren"), Plan("light", "light")], m=0)
    controls.alarm("siren", True)
    controls.hand("light", True, until_m=5000)
    assert run(controls, 10_000) == [(0, "siren", True), (0, "light", True), (5000, "light", False)]
    controls.alarm("siren", False)
    assert run(controls, 12_000, from_m=10_000) == [(10_000, "siren", False)]


@dataclass
class Seen:
    """What an onlooker writes down of one relay."""

    on: bool
    since_m: int
    good_m: int = 0


seconds = st.sampled_from([1, 5, 30, 60, 200])
moves = st.lists(
    st.tuples(
        seconds,
        st.sampled_from(["rh", "t", "nothing", "nothing", "hand"]),
        st.floats(0, 100),
        st.sampled_from(["dry", "wet", "fan"]),
        st.sampled_from([True, False, None]),
    ),
    max_size=150,
)


@settings(max_examples=200, deadline=None)
@given(moves)
def test_times_interlock_and_dead_man_hold_whatever_happens(played: list[tuple[int, str, float, str, bool | None]]) -> None:
    plans = {plan.output: plan for plan in (DRY, WET, FAN)}
    controls = Controls(list(plans.values()), m=0)
    seen = {output: Seen(plan.start_on, 0) for output, plan in plans.items()}
    hands: dict[str, tuple[bool, int]] = {}
    m = 0
    for wait_s, what, value, output, on in played:
        for _ in range(wait_s):
            m += 1000
            if m % wait_s * 1000 == 0 and what in ("rh", "t"):
                for name, plan in plans.items():
                    seen[name].good_m = m if plan.channel == f"r.c.{what}" else seen[name].good_m
                controls.value(f"r.c.{what}", value, m=m)
            if what == "hand":
                controls.hand(output, on, until_m=m + 100_000)
                hands[output] = (on is not None, m + 100_000)
                what = "nothing"
            for name in controls.step(m=m):
                plan, before = plans[name], seen[name]
                least = plan.min_on_ms if before.on else plan.min_off_ms
                assert m - before.since_m >= least, f"{name} switched after {m - before.since_m} ms"
                seen[name] = Seen(not before.on, m, before.good_m)
                assert controls.states[name].is_on is seen[name].on
                assert not (seen["dry"].on and seen["wet"].on)
            for name, plan in plans.items():
                state = seen[name]
                if plan.max_on_ms is not None and state.on:
                    assert m - state.since_m < plan.max_on_ms
                by_hand = hands.get(name, (False, 0))
                dead = m - state.good_m > plan.dead_ms
                settled = m - state.since_m >= max(plan.min_on_ms, plan.min_off_ms)
                free = not (by_hand[0] and m < by_hand[1]) and not controls.states[name].resting
                if dead and settled and free and plan.dead_state != "hold":
                    wanted = plan.dead_state == "on" and not (name == "wet" and seen["dry"].on)
                    assert state.on is wanted, f"{name} is {state.on} with a dead sensor"
