"""The lamps and buzzers of a room: what the alarms want, what a person set by hand, and a lamp that says "it is me"."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from edge_agent.errors import CommandRefused
from sensors.drivers.outputs import SOUNDS, STATES

IDENTIFY_S = 15.0
SET_MAX_S = 3600.0


@dataclass(slots=True)
class _Override:
    state: str
    until: float


class Panel:
    """Outputs by name: objects with `show(state)` (lamps) or `sound(sound)` (buzzers)."""

    def __init__(self, outputs: Mapping[str, Any], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._outputs = dict(outputs)
        self._clock = clock
        self._set: dict[str, _Override] = {}
        self._wanted = ("green", False)
        self._shown: dict[str, str] = {}

    def show(self, colour: str, loud: bool) -> None:
        """What the alarms want: the lamps' colour, and whether the buzzers sound."""
        self._wanted = (colour, loud)
        now = self._clock()
        for name, output in self._outputs.items():
            override = self._set.get(name)
            if override is not None and override.until <= now:
                del self._set[name]
                override = None
            lamp = hasattr(output, "show")
            state = override.state if override else self._wanted[0] if lamp else "alarm" if self._wanted[1] else "off"
            if self._shown.get(name) != state:
                (output.show if lamp else output.sound)(state)
                self._shown[name] = state

    def set(self, name: str, state: str, *, for_s: float) -> None:
        """Set an output by hand for at most SET_MAX_S; CommandRefused for an unknown output or state. `auto` gives it back."""
        output = self._outputs.get(name)
        if output is None:
            raise CommandRefused(f"there is no output {name[:60]!r}; there are {', '.join(sorted(self._outputs)) or 'none'}")
        known = STATES if hasattr(output, "show") else SOUNDS
        if state == "auto":
            self._set.pop(name, None)
        elif state not in known:
            raise CommandRefused(f"{name} shows {', '.join(known)} or auto, not {state[:60]!r}")
        elif not 0 < for_s <= SET_MAX_S:
            raise CommandRefused(f"seconds is more than 0 and at most {SET_MAX_S:g}")
        else:
            self._set[name] = _Override(state, self._clock() + for_s)
        self.show(*self._wanted)

    @property
    def lamps(self) -> list[str]:
        """The names of the lamps."""
        return [name for name, output in self._outputs.items() if hasattr(output, "show")]

    def has(self, name: str) -> bool:
        """Whether there is a lamp or buzzer of this name."""
        return name in self._outputs

    def identify(self, name: str | None = None) -> None:
        """Blink one lamp, or every one, for a while; CommandRefused when there is none."""
        lamps = self.lamps if name is None else [name]
        if not lamps:
            raise CommandRefused("this agent has no lamp")
        for lamp in lamps:
            self.set(lamp, "identify", for_s=IDENTIFY_S)

    def states(self) -> dict[str, str]:
        """What each output shows."""
        return dict(self._shown)

    def close(self) -> None:
        """Dark and silent."""
        for output in self._outputs.values():
            output.close()
        self._outputs = {}
