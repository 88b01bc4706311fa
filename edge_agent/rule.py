"""One alarm rule, where it stands, and the change that it makes: the plain values that the rules' state machine works on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

NORMAL, PENDING, ACTIVE, LEAVING = "normal", "pending", "active", "leaving"
FRESH_S = 5.0  # a delay runs on between samples that are at most this old; a sensor without one for longer is missing
LIMIT_KINDS = ("limit", "pairs", "swing", "rate")
QUIET_KINDS = (*LIMIT_KINDS, "sensor", "held_open", "after_hours")  # what planned works may set off, and hold back
PRIORITIES = ("low", "medium", "high", "urgent")  # in rising order
LOUD = ("high", "urgent")
BLIND = "limits-blind"  # the one rule about limits that have nothing to judge by


@dataclass(frozen=True, slots=True)
class Box:
    """One permitted pair of ranges: temperature in degrees Celsius, humidity in percent; None = open on that side."""

    t_min: float | None = None
    t_max: float | None = None
    rh_min: float | None = None
    rh_max: float | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    kind: limit (above, below), pairs (boxes), swing (within, set_point), rate (per_h), sensor, held_open, after_hours, contact (any
    opening or activity), condition (told from outside), blind (limits without input). inputs: the channels that a limit's measure
    needs, in its order (left out: `source` alone); measure: value, dew_point, condensation_margin or pair; sensors: their subjects;
    quantity: what the value is, for the words; room: left out, the agent's.
    """

    name: str
    kind: str
    subject: str
    priority: str = "medium"
    source: str = ""
    above: float | None = None
    below: float | None = None
    deadband: float = 0.0
    delay_s: float = 0.0
    off_delay_s: float = 0.0
    hours: str = ""
    fresh_s: float = FRESH_S
    words: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    measure: str = "value"
    sensors: tuple[str, ...] = ()
    quantity: str = ""
    boxes: tuple[Box, ...] = ()
    deadband_t: float = 0.0
    deadband_rh: float = 0.0
    within: float = 0.0
    set_point: float | None = None
    per_h: float = 0.0
    off_days: bool = True
    room: str = ""

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that a limit judges."""
        return self.inputs or (self.source,)

    @property
    def series(self) -> str:
        """What a limit measures, however it is called: rules of one series share their history."""
        return f"{self.measure}:{','.join(self.channels)}"

    def same_alarm(self, other: "Rule") -> bool:
        """Whether an alarm of the other may go on as one of this: they judge the same thing in the same way."""
        return (self.kind, self.subject, self.series) == (other.kind, other.subject, other.series)


@dataclass(slots=True)
class RuleState:
    """Where a rule stands. `since_t`/`since_m`/`boot`: when the phase began; `opened_t`: when its last alarm did, wall ms."""

    phase: str = NORMAL
    since_t: int = 0
    since_m: int = 0
    boot: str = ""
    opened_t: int = 0
    acknowledged: bool = False
    shelved_until: int = 0
    value: float | None = None
    limit: float | None = None
    uncertain: bool = False
    quantity: str = ""

    @property
    def alarming(self) -> bool:
        """Whether its alarm is active."""
        return self.phase in (ACTIVE, LEAVING)


@dataclass(frozen=True, slots=True)
class Change:
    """An alarm began (`active`), became certain (`active` again) or ended (`returned`): what the `alarm` record will say.

    `opened_t` tells a rule's alarms apart; uncertain: None where nothing is to be said; held: planned works are on.
    """

    rule: str
    state: str
    subject: str
    priority: str
    t: int
    m: int
    opened_t: int
    value: float | None
    limit: float | None
    words: Mapping[str, str]
    uncertain: bool | None = None
    held: bool = False
    room: str = ""

    @property
    def key(self) -> str:
        """Which alarm this is: its rule and when it began."""
        return f"{self.rule}@{self.opened_t}"
