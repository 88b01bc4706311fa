"""The relays of a room follow their controls, the alarms and people, and tell each switching as a `contact` record of kind output."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any

from edge_agent import clock
from edge_agent.alarms import AlarmDesk
from edge_agent.async_journal import AsyncJournal, to_the_end
from edge_agent.config import Config
from edge_agent.control import Controls, Plan
from edge_agent.errors import CommandRefused
from edge_agent.panel import SET_MAX_S
from edge_agent.rule import PRIORITIES
from sensors.drivers.outputs import Relay
from wire.records import record

KIND = "output"  # of the contact records that tell of a switching
STEP_S = 0.5
STATES = ("off", "on", "auto")
log = logging.getLogger(__name__)


def plans_of(config: Config) -> list[Plan]:
    """The plan of every relay that a configuration has."""
    controls = {control["output"]: (name, control) for name, control in config.controls.items()}
    made = []
    for output, device in config.outputs.items():
        if device.driver != "gpio_relay":
            continue
        start_on = device["start_state"] == "on"
        name, control = controls.get(output, ("", None))
        if control is None:
            made.append(Plan(output, device["kind"], start_on=start_on))
            continue
        rising = control["on_above"] is not None
        made.append(
            Plan(
                output,
                device["kind"],
                name,
                f"{config.name}.{control['sensor']}.{control['quantity']}",
                on=control["on_above"] if rising else control["on_below"],
                off=control["off_below"] if rising else control["off_above"],
                rising=rising,
                min_on_ms=round(control["min_on_s"] * 1000),
                min_off_ms=round(control["min_off_s"] * 1000),
                max_on_ms=None if control["max_on_s"] is None else round(control["max_on_s"] * 1000),
                dead_ms=round(control["dead_s"] * 1000),
                dead_state=control["dead_state"],
                start_on=start_on,
            )
        )
    return made


class RelayDesk:
    """Steps the relays' state machine and moves the pins; the pin first, then its record."""

    def __init__(
        self,
        config: Config,
        relays: Mapping[str, Relay],
        *,
        journal: AsyncJournal,
        desk: AlarmDesk,
        now: Callable[[], tuple[int, int]] = clock.now,
    ) -> None:
        """`relays` by output name: those that could be opened."""
        self._relays = dict(relays)
        self._exits = {name: config.outputs[name]["exit_state"] == "on" for name in relays}
        self._from = {name: PRIORITIES.index(config.outputs[name]["from_priority"]) for name in relays}
        self.controls = Controls([plan for plan in plans_of(config) if plan.output in relays], m=now()[1])
        self._journal = journal
        self._desk = desk
        self._agent = config.name
        self._room = config.room
        self._now = now
        self._wake = asyncio.Event()
        if relays:
            desk.on_value(self._value)
            desk.on_sound(self._sound)

    def _value(self, channel: str, value: float, m: int) -> None:
        self.controls.value(channel, value, m=m)

    def _sound(self, loudest: str) -> None:
        for name, least in self._from.items():
            if self.controls.plans[name].kind == "siren":
                sounds = bool(loudest) and PRIORITIES.index(loudest) >= least
                if sounds != self.controls.states[name].alarm:
                    self.controls.alarm(name, sounds)
                    self._wake.set()

    def has(self, name: str) -> bool:
        """Whether there is a relay of this name."""
        return name in self._relays

    def set(self, name: str, state: str, *, for_s: float) -> str:
        """Set a relay by hand for a while, within its times; `auto` gives it back. What there is to say of it; CommandRefused for a no."""
        if state not in STATES:
            raise CommandRefused(f"{name} is {', '.join(STATES)}, not {state[:60]!r}")
        if state != "auto" and not 0 < for_s <= SET_MAX_S:
            raise CommandRefused(f"seconds is more than 0 and at most {SET_MAX_S:g}")
        if state == "on" and (other := self.controls.blocked(name)):
            raise CommandRefused(f"{other} is on: humidifier and dehumidifier are never on together")
        m = self._now()[1]
        self.controls.hand(name, None if state == "auto" else state == "on", until_m=m + round(for_s * 1000))
        self._wake.set()
        plan, held = self.controls.plans[name], self.controls.states[name]
        left_ms = (plan.min_on_ms if held.is_on else plan.min_off_ms) - (m - held.since_m)
        if state == "auto" or (state == "on") == held.is_on or left_ms <= 0:
            return ""
        return f"in {left_ms / 1000:.0f} s, when its least time {'on' if held.is_on else 'off'} is over"

    async def run(self) -> None:
        """Tell how each relay stands, step them until cancelled, then leave each in its exit state."""
        for name in self._relays:
            await self._tell(name)
        try:
            while True:
                await self._step()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), STEP_S)
                self._wake.clear()
        finally:
            await self._leave()

    async def _step(self) -> None:
        for name in self.controls.step(m=self._now()[1]):
            state = self.controls.states[name]
            self._relays[name].switch(state.is_on)
            log.info("%s is %s: %s", name, "on" if state.is_on else "off", state.why)
            await to_the_end(self._tell(name))
        for plan in self.controls.plans.values():
            if plan.max_on_ms is not None:
                await self._desk.condition(f"{plan.name}-max-on", self.controls.states[plan.output].resting)

    async def _leave(self) -> None:
        m = self._now()[1]
        for name, on in sorted(self._exits.items(), key=lambda item: item[1]):  # those that go off first
            state = self.controls.states[name]
            self._relays[name].switch(on)
            if on != state.is_on:
                state.is_on, state.since_m, state.why = on, m, "the agent stops"
                await self._tell(name)

    async def _tell(self, name: str) -> None:
        state, (t, m) = self.controls.states[name], self._now()
        what = "active" if state.is_on else "inactive"
        told = record("contact", t, m, contact=f"{self._agent}/{name}", state=what, kind=KIND, room=self._room, why=state.why)
        await self._journal.keep("events", [told])

    def states(self) -> dict[str, str]:
        """`on` or `off` by relay."""
        return {name: "on" if state.is_on else "off" for name, state in self.controls.states.items()}

    def facts(self) -> dict[str, Any]:
        """For health records: each relay, since when (ms ago) and why it stands so, and whether its sensor is dead."""
        m = self._now()[1]
        return {
            name: {"on": state.is_on, "for_s": (m - state.since_m) // 1000, "why": state.why, "dead": state.dead}
            for name, state in self.controls.states.items()
        }
