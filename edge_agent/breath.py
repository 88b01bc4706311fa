"""The breath test of a transmitter: whether its registers for temperature and humidity are the right way round, and who has passed it.

A breath is damp far more than it is warm: humidity rises by tens of percent within seconds, temperature by a degree or two. Swapped
registers look plausible until then.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge_agent import clock
from edge_agent.async_journal import AsyncJournal
from edge_agent.catalogue import quantities
from edge_agent.config import Config, Device
from edge_agent.errors import HandoffError

NOTE = "breath"
PAIR = ("temperature", "relative_humidity")
RIGHT, SWAPPED, STILL, UNCLEAR = "right", "swapped", "still", "unclear"
OUTCOMES = {
    RIGHT: "humidity rose faster than temperature: the registers are the right way round",
    SWAPPED: "what is called temperature rose like humidity: the two registers look swapped",
    STILL: "nothing moved: is this the sensor that was breathed on?",
    UNCLEAR: "both rose alike: breathe again, slowly and from close by",
}
MOVED = 3.0  # of a degree or of a percent: more than air does by itself within a minute
PLAIN = 8.0  # a rise after which no more need be waited for
TIMES = 2.0  # how many times more one has to rise than the other
MAPPED = ("modbus", "modbus_th")  # drivers whose map is typed in by hand
NOT_OF_THE_MAP = ("port", "timeout_ms", "temperature_rate", "humidity_rate", "stuck_s", "gap")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a breath showed: the outcome and how far both rose, in degrees and percent as they are called now."""

    outcome: str
    rise_c: float
    rise_pct: float

    @property
    def plain(self) -> bool:
        """Whether more waiting can change nothing."""
        return self.outcome in (RIGHT, SWAPPED) and max(self.rise_c, self.rise_pct) >= PLAIN


def judged(before: Sequence[tuple[float, float]], since: Sequence[tuple[float, float]]) -> Verdict:
    """The verdict on (temperature, humidity) pairs before and since the breath; still where there are too few."""
    if not before or not since:
        return Verdict(STILL, 0.0, 0.0)
    rises = [max(pair[which] for pair in since) - sum(pair[which] for pair in before) / len(before) for which in (0, 1)]
    rise_c, rise_pct = (round(rise, 2) for rise in rises)
    if max(rise_c, rise_pct) < MOVED:
        outcome = STILL
    elif rise_pct > TIMES * rise_c:
        outcome = RIGHT
    else:
        outcome = SWAPPED if rise_c > TIMES * rise_pct else UNCLEAR
    return Verdict(outcome, rise_c, rise_pct)


def can_be_breathed_on(device: Device) -> bool:
    """Whether a sensor measures both temperature and humidity."""
    return set(PAIR) <= set(quantities(device.driver, device.options))


def map_text(device: Device) -> str:
    """A few digits that change with the sensor's register map."""
    mapped = {key: value for key, value in device.driver_options.items() if key not in NOT_OF_THE_MAP}
    return hashlib.sha256(json.dumps(mapped, sort_keys=True, default=list).encode()).hexdigest()[:12]


class BreathTests:
    """Which sensors have been breathed on, with their present map; kept in the journal's notes."""

    def __init__(self, config: Config, *, journal: AsyncJournal, saved: str | None) -> None:
        """`saved`: what NOTE held in the journal at the start."""
        self._config = config
        self._journal = journal
        self._passed: dict[str, dict[str, Any]] = json.loads(saved) if saved else {}

    def note(self, name: str) -> str:
        """What an installer has yet to do with a sensor, empty where nothing."""
        return lacking(name, self._config.sensors[name], self._passed)

    def facts(self) -> Mapping[str, Any]:
        """The results, for `config` records."""
        return self._passed

    async def record(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Keep a result told by the probe ({sensor, outcome, rise_c, rise_pct}); HandoffError for one that makes no sense."""
        name, outcome = str(message.get("sensor")), message.get("outcome")
        rises = [message.get("rise_c"), message.get("rise_pct")]
        if name not in self._config.sensors or outcome not in OUTCOMES or not all(type(rise) in (int, float) for rise in rises):
            raise HandoffError("a breath test has a sensor, an outcome and two rises")
        device = self._config.sensors[name]
        told = {"t": clock.wall_ms(), "outcome": outcome, "rise_c": rises[0], "rise_pct": rises[1], "map": map_text(device)}
        self._passed[name] = told
        await self._journal.call(self._journal.journal.memory.remember, {NOTE: json.dumps(self._passed)})
        return told


def lacking(name: str, device: Device, passed: Mapping[str, Mapping[str, Any]] | None) -> str:
    """Why a sensor's map is not to be believed yet, empty where it is; passed: None where no agent runs that would know."""
    if device.driver not in MAPPED or not can_be_breathed_on(device):
        return ""
    if passed is None:
        return f"breathe on it: probe --breathe {name}"
    last = passed.get(name)
    if last is None or last["map"] != map_text(device):
        return f"never breathed on with this map: probe --breathe {name}"
    return "" if last["outcome"] == RIGHT else OUTCOMES[last["outcome"]]
