"""How long to wait before trying again: exponential, bounded, with jitter. The one helper for every retry in the agent."""

import random
from dataclasses import dataclass, field

FACTOR = 2.0


@dataclass(slots=True)
class Backoff:
    """Waits that double from `first_s` to `most_s`, each taken at random from its upper half, so that agents do not move in step."""

    first_s: float = 0.5
    most_s: float = 60.0
    chance: random.Random = field(default_factory=random.SystemRandom)
    _next_s: float = 0.0

    def next_s(self) -> float:
        """The next wait, in seconds."""
        bound = min(self.most_s, max(self.first_s, self._next_s))
        self._next_s = bound * FACTOR
        return bound * self.chance.uniform(0.5, 1.0)

    def reset(self) -> None:
        """It worked: start again from the shortest wait."""
        self._next_s = 0.0
