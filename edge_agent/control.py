"""One relay's state machine: what it is to be, from values, a person's hand and the clock, never breaking its times. Pure.

What comes first: the interlock, then the least times on and off, then the longest time on, then a person's hand, then what is configured
for a dead sensor, then the switching points. Times are CLOCK_BOOTTIME, ms.
"""

from dataclasses import dataclass

ON, OFF, HOLD = "on", "off", "hold"
OPPOSITE = {"dehumidifier": "humidifier", "humidifier": "dehumidifier"}


@dataclass(frozen=True, slots=True)
class Plan:
    """How a relay is controlled; a relay without a control is switched by hand or by alarms alone, with `channel` empty.

    on and off: the switching points; rising: whether it goes on above `on` (else below it).
    """

    output: str
    kind: str
    name: str = ""
    channel: str = ""
    on: float = 0.0
    off: float = 0.0
    rising: bool = True
    min_on_ms: int = 0
    min_off_ms: int = 0
    max_on_ms: int | None = None
    dead_ms: int = 0
    dead_state: str = OFF
    start_on: bool = False


@dataclass(slots=True)
class Hand:
    """What a person set, until when."""

    on: bool
    until_m: int


@dataclass(slots=True)
class RelayState:
    """`is_on` since `since_m`; `resting`: it was stopped for running too long; `why`: what last switched it."""

    is_on: bool
    since_m: int
    good_m: int  # of the last good value, at first the start
    value: float | None = None
    hand: Hand | None = None
    alarm: bool = False  # what the alarms want of a siren
    resting: bool = False
    dead: bool = False
    wanted: bool = False
    why: str = "start"


class Controls:
    """All relays of an agent."""

    def __init__(self, plans: list[Plan], *, m: int) -> None:
        """m: now; every relay stands as its plan's start_on from this moment, which counts as a switching."""
        self.plans = {plan.output: plan for plan in plans}
        self.states = {plan.output: RelayState(is_on=plan.start_on, since_m=m, good_m=m, wanted=plan.start_on) for plan in plans}

    def value(self, channel: str, value: float, *, m: int) -> None:
        """A good value of a channel; others are not told."""
        for output, plan in self.plans.items():
            if plan.channel == channel:
                state = self.states[output]
                state.value, state.good_m = value, max(state.good_m, m)

    def hand(self, output: str, on: bool | None, *, until_m: int) -> None:
        """A person sets an output until then; None gives it back."""
        self.states[output].hand = None if on is None else Hand(on, until_m)

    def alarm(self, output: str, sounds: bool) -> None:
        """What the alarms want of a siren."""
        self.states[output].alarm = sounds

    def blocked(self, output: str) -> str:
        """The output that keeps this one off by the interlock at this moment, empty when none does."""
        against = OPPOSITE.get(self.plans[output].kind)
        return next((name for name, plan in self.plans.items() if plan.kind == against and self.states[name].is_on), "")

    def step(self, *, m: int) -> list[str]:
        """Switch what is due; the outputs that changed, those that went off first, so that whoever follows them never has both on."""
        wanted = {output: self._wish(output, m) for output in self.plans}
        changed = []
        for going_on in (False, True):
            for output, (wish, why) in wanted.items():
                state = self.states[output]
                if wish != going_on or wish == state.is_on or not self._may(output, m):
                    continue
                state.is_on, state.since_m, state.why = wish, m, why
                changed.append(output)
        return changed

    def _may(self, output: str, m: int) -> bool:
        plan, state = self.plans[output], self.states[output]
        if m - state.since_m < (plan.min_on_ms if state.is_on else plan.min_off_ms):
            return False
        return state.is_on or not self.blocked(output)

    def _wish(self, output: str, m: int) -> tuple[bool, str]:
        """(what it is to be, why), its own times and the interlock aside."""
        plan, state = self.plans[output], self.states[output]
        if state.hand is not None and m >= state.hand.until_m:
            state.hand = None
        self._by_value(plan, state, m)
        if plan.max_on_ms is not None and state.is_on and m - state.since_m >= plan.max_on_ms:
            state.resting = True
            return False, f"on for {plan.max_on_ms // 1000} s"
        if not state.is_on and state.resting and m - state.since_m >= plan.min_off_ms:
            state.resting = False
        if state.resting:
            return False, "rests"
        if state.hand is not None:
            return state.hand.on, "by hand"
        if plan.kind == "siren":
            return state.alarm, "alarm"
        if not plan.channel:
            return plan.start_on, "given back"
        if state.dead:
            return (state.is_on if plan.dead_state == HOLD else plan.dead_state == ON), f"no good value for {plan.dead_ms // 1000} s"
        return state.wanted, "start" if state.value is None else f"{state.value:g}"

    @staticmethod
    def _by_value(plan: Plan, state: RelayState, m: int) -> None:
        """Note what the switching points want, and whether the sensor is dead; between the points it stays as it was wanted."""
        state.dead = bool(plan.channel) and m - state.good_m > plan.dead_ms
        if state.dead:
            state.value, state.wanted = None, state.is_on
        elif state.value is not None:
            beyond = state.value > plan.on if plan.rising else state.value < plan.on
            back = state.value < plan.off if plan.rising else state.value > plan.off
            state.wanted = beyond or (state.wanted and not back)
