"""The room's own alarm rules, as a state machine that is stepped with readings, contacts and the time, and does no I/O.

normal -> pending (delay on) -> active -> leaving (delay off) -> normal, with a deadband, after ISA-18.2 / IEC 62682. What it
decides is a list of changes, each to be journalled as an `alarm` record; its state is plain JSON values, so that alarms and the delays
that are running survive a restart. A missing or bad value neither opens nor clears a limit: the sensor's own rule tells of it.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from edge_agent.words import words_for

NORMAL, PENDING, ACTIVE, LEAVING = "normal", "pending", "active", "leaving"
OPEN_STATES = ("open", "active")  # of a contact
FRESH_S = 5.0  # a delay runs on between samples that are at most this old; a sensor without one for longer is missing
LOUD = ("high", "urgent")
UNSAVED_MAX = 1000


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `kind`: limit, sensor, held_open, after_hours, contact (any opening or activity), condition (told from outside)."""

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


@dataclass(frozen=True, slots=True)
class Change:
    """An alarm began (`active`) or ended (`returned`): what the `alarm` record will say. `opened_t` tells a rule's alarms apart."""

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

    @property
    def key(self) -> str:
        """Which alarm this is: its rule and when it began."""
        return f"{self.rule}@{self.opened_t}"


class Rules:
    """All rules of an agent with their states. Times: t = wall ms, m = CLOCK_BOOTTIME ms; `boot` is the kernel's id of this boot."""

    def __init__(self, rules: Iterable[Rule], *, boot: str, saved: Mapping[str, Any] | None = None, now: tuple[int, int] = (0, 0)) -> None:
        self._boot = boot
        self._rules = {rule.name: rule for rule in rules}
        self._values: dict[str, tuple[float, int]] = {}
        self._contacts: dict[str, str] = {}
        self._good_m = {rule.source: now[1] for rule in self._rules.values() if rule.kind == "sensor"}
        self._states = {name: RuleState(since_t=now[0], since_m=now[1], boot=boot) for name in self._rules}
        self._ids: dict[str, str] = dict((saved or {}).get("ids", {}))
        self.unsaved = [Change(**change) for change in (saved or {}).get("unsaved", ())]
        for name, state in (saved or {}).get("states", {}).items():
            self._restore(str(name), state, now)

    def _restore(self, name: str, saved: Mapping[str, Any], now: tuple[int, int]) -> None:
        known = {key: saved[key] for key in RuleState.__dataclass_fields__ if key in saved}
        state = RuleState(**known)
        if name not in self._rules:
            if state.phase in (ACTIVE, LEAVING):  # the rule was taken out of the configuration: its alarm ends
                subject = str(saved.get("subject", name))
                words = words_for("removed")
                self.unsaved.append(Change(name, "returned", subject, "medium", *now, state.opened_t, None, None, words))
            return
        if state.boot != self._boot:  # another boot's m means nothing here: go by the wall clock, never into the future
            state.since_m = now[1] - max(0, now[0] - state.since_t)
            state.boot = self._boot
        self._states[name] = state

    def saved(self) -> dict[str, Any]:
        """Everything the next start needs, as JSON values."""
        kept = {}
        for name, state in self._states.items():
            if state.phase != NORMAL and name in self._rules:
                kept[name] = {**asdict(state), "subject": self._rules[name].subject}
        return {"states": kept, "ids": dict(self._ids), "unsaved": [asdict(change) for change in self.unsaved]}

    def reading(self, channel: str, value: float | None, *, good: bool, t: int, m: int) -> list[Change]:
        """A sample of a channel; its sensor's rule is fed by `sensor`, limits by good values alone."""
        if value is None or not good:
            return []
        self._values[channel] = (value, m)
        return self._collect(self._limit(rule, value, t, m) for rule in self._of("limit", channel))

    def sensor(self, subject: str, *, good: bool, t: int, m: int) -> list[Change]:
        """Whether a sensor gave good values at this sample."""
        if good:
            self._good_m[subject] = m
        return self._collect(self._flow(rule, out=not good, back=good, t=t, m=m) for rule in self._of("sensor", subject))

    def contact(self, subject: str, state: str, *, t: int, m: int) -> list[Change]:
        """A contact's new state, with the time of its first edge."""
        opened = state in OPEN_STATES
        was_open = self._contacts.get(subject) in OPEN_STATES
        self._contacts[subject] = state
        made = []
        for rule in self._rules.values():
            if rule.source != subject or state == "unknown":
                continue
            if rule.kind in ("held_open", "contact"):
                made.append(self._flow(rule, out=opened, back=not opened, t=t, m=m))
            elif rule.kind == "after_hours":
                begins = opened and not was_open and within(rule.hours, t)
                made.append(self._flow(rule, out=begins, back=not opened, t=t, m=m))
        return self._collect(made)

    def condition(self, name: str, on: bool, *, t: int, m: int) -> list[Change]:
        """A condition that somebody else watches (disk, child process, camera) began or ended."""
        return self._collect([self._flow(self._rules[name], out=on, back=not on, t=t, m=m)])

    def tick(self, *, t: int, m: int) -> list[Change]:
        """Let the delays run on; call it at least once a second."""
        made = []
        for rule in self._rules.values():
            if rule.kind == "limit":
                value, at = self._values.get(rule.source, (0.0, -(10**12)))
                if m - at <= rule.fresh_s * 1000:
                    made.append(self._limit(rule, value, t, m))
            elif rule.kind == "sensor" and m - self._good_m[rule.source] > rule.fresh_s * 1000:
                made.append(self._flow(rule, out=True, back=False, t=t, m=m))  # whoever reads it has stopped telling
            elif rule.kind in ("held_open", "contact"):
                opened = self._contacts.get(rule.source) in OPEN_STATES
                made.append(self._flow(rule, out=opened, back=False, t=t, m=m))
            elif self._states[rule.name].phase in (PENDING, LEAVING):
                phase = self._states[rule.name].phase
                made.append(self._flow(rule, out=phase == PENDING, back=phase == LEAVING, t=t, m=m))
        return self._collect(made)

    def _limit(self, rule: Rule, value: float, t: int, m: int) -> Change | None:
        high = rule.above is not None and value > rule.above
        low = rule.below is not None and value < rule.below
        back = (rule.above is None or value <= rule.above - rule.deadband) and (rule.below is None or value >= rule.below + rule.deadband)
        limit = rule.above if high else rule.below if low else None
        return self._flow(rule, out=high or low, back=back, t=t, m=m, value=value, limit=limit)

    def _flow(
        self, rule: Rule, *, out: bool, back: bool, t: int, m: int, value: float | None = None, limit: float | None = None
    ) -> Change | None:
        """Move one rule on. `out`: beyond the limit now; `back`: inside it by the deadband; neither: stay where it is."""
        state = self._states[rule.name]
        state.value = value if value is not None else state.value
        state.limit = limit if limit is not None else state.limit
        if state.phase == NORMAL and out:
            self._enter(state, PENDING, t, m)
        elif state.phase == PENDING and not out and (back or rule.kind == "limit"):
            self._enter(state, NORMAL, t, m)
        elif state.phase == ACTIVE and back:
            self._enter(state, LEAVING, t, m)
        elif state.phase == LEAVING and not back:
            self._enter(state, ACTIVE, t, m)
        waited_ms = m - state.since_m
        if state.phase == PENDING and waited_ms >= rule.delay_s * 1000:
            self._enter(state, ACTIVE, t, m)
            state.opened_t, state.acknowledged, state.shelved_until = t, False, 0
            return self._change(rule, state, "active", t, m)
        if state.phase == LEAVING and waited_ms >= rule.off_delay_s * 1000:
            self._enter(state, NORMAL, t, m)
            return self._change(rule, state, "returned", t, m)
        return None

    def _enter(self, state: RuleState, phase: str, t: int, m: int) -> None:
        state.phase, state.since_t, state.since_m, state.boot = phase, t, m, self._boot

    def _change(self, rule: Rule, state: RuleState, what: str, t: int, m: int) -> Change:
        words = rule.words or words_for(rule.kind, value=state.value, limit=state.limit)
        return Change(rule.name, what, rule.subject, rule.priority, t, m, state.opened_t, state.value, state.limit, words)

    def _of(self, kind: str, source: str) -> list[Rule]:
        return [rule for rule in self._rules.values() if rule.kind == kind and rule.source == source]

    def _collect(self, made: Iterable[Change | None]) -> list[Change]:
        changes = [change for change in made if change is not None]
        self.unsaved = (self.unsaved + changes)[-UNSAVED_MAX:]
        return changes

    def id_of(self, rule: str) -> str:
        """The id of a rule's present (or last) alarm, empty while it has none."""
        return self._ids.get(f"{rule}@{self._states[rule].opened_t}", "") if rule in self._states else ""

    def id_for(self, change: Change, fallback: str) -> str:
        """The id under which a change is journalled: its alarm's own, or `fallback` (the place of this record) for its first."""
        return self._ids.get(change.key, fallback)

    def journalled(self, change: Change, alarm_id: str) -> None:
        """The oldest unsaved change is about to stand in the journal under this id."""
        if change in self.unsaved:
            self.unsaved.remove(change)
        if change.state == "active":
            self._ids[change.key] = alarm_id
        else:
            self._ids.pop(change.key, None)

    def acknowledge(self, alarm_id: str) -> bool:
        """Quieten an active alarm: lamp yellow, buzzer off. False when no active alarm has this id."""
        state = self._active(alarm_id)
        if state is not None:
            state.acknowledged = True
        return state is not None

    def shelve(self, alarm_id: str, until_t: int) -> bool:
        """Quieten an active alarm until a wall time in ms. False when no active alarm has this id."""
        state = self._active(alarm_id)
        if state is not None:
            state.shelved_until = until_t
        return state is not None

    def _active(self, alarm_id: str) -> RuleState | None:
        found = (s for name, s in self._states.items() if s.phase in (ACTIVE, LEAVING) and self.id_of(name) == alarm_id)
        return next(found, None) if alarm_id else None

    def open_alarms(self) -> list[dict[str, Any]]:
        """The active alarms, for the status message and the probe: id, rule, subject, priority, since (wall ms), acknowledged."""
        return [
            {
                "id": self.id_of(name),
                "rule": name,
                "subject": self._rules[name].subject,
                "priority": self._rules[name].priority,
                "since": state.opened_t,
                "acknowledged": state.acknowledged,
            }
            for name, state in self._states.items()
            if state.phase in (ACTIVE, LEAVING) and name in self._rules
        ]

    def light(self, t: int) -> tuple[str, bool]:
        """(colour of the lamp, whether the buzzer sounds): red for an alarm nobody has quietened, yellow for a quiet or low one."""
        colour, loud = "green", False
        for name, state in self._states.items():
            if state.phase not in (ACTIVE, LEAVING) or name not in self._rules:
                continue
            if state.acknowledged or state.shelved_until > t or self._rules[name].priority == "low":
                colour = "yellow" if colour == "green" else colour
            else:
                colour, loud = "red", loud or self._rules[name].priority in LOUD
        return colour, loud


def within(hours: str, t_ms: int) -> bool:
    """Whether a wall time lies in a span "HH:MM-HH:MM" of local time; the end is not part of it, spans may cross midnight."""
    local = time.localtime(t_ms / 1000)
    minute = local.tm_hour * 60 + local.tm_min
    begin, end = (int(text[:2]) * 60 + int(text[3:]) for text in hours.split("-"))
    return begin <= minute < end if begin <= end else minute >= begin or minute < end
