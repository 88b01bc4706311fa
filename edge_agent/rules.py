"""The room's own alarm rules, as a state machine that is stepped with readings, contacts and the time, and does no I/O.

normal -> pending (delay on) -> active -> leaving (delay off) -> normal, with a deadband, after ISA-18.2 / IEC 62682. What it
decides is a list of changes, each to be journalled as an `alarm` record; its state is plain JSON values, so that alarms and the delays
that are running survive a restart. A missing or bad value neither opens nor clears a limit: the sensor's own rule tells of it, and a
delay that ran when the values stopped begins anew when they come back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from edge_agent.excursions import Verdict, judge, measured
from edge_agent.hours import Calendar, after_hours
from edge_agent.rule import (
    ACTIVE,
    BLIND,
    LEAVING,
    LIMIT_KINDS,
    LOUD,
    NORMAL,
    PENDING,
    PRIORITIES,
    QUIET_KINDS,
    Change,
    Rule,
    RuleState,
)
from edge_agent.windows import Window, window_of
from edge_agent.words import words_for

OPEN_STATES = ("open", "active")  # of a contact
PAIRED_MS = 500  # temperature and humidity that lie further apart are not one measurement
UNSAVED_MAX = 1000


class Rules:
    """All rules of an agent with their states. Times: t = wall ms, m = CLOCK_BOOTTIME ms; `boot` is the kernel's id of this boot."""

    def __init__(
        self,
        rules: Iterable[Rule],
        *,
        boot: str,
        saved: Mapping[str, Any] | None = None,
        now: tuple[int, int] = (0, 0),
        unfit: Sequence[str] = (),
    ) -> None:
        """`saved`: what `saved()` gave; `unfit`: names of limits that were asked for and have nothing to judge by in this agent."""
        self._boot = boot
        self._rules = {rule.name: rule for rule in rules}
        self._values: dict[str, tuple[float, int]] = {}  # the last good value of a channel, its m
        self._judged: dict[str, tuple[tuple[float, ...], int]] = {}  # what a limit was last judged by, its m
        self._tolerances: dict[str, float] = {}
        self._contacts: dict[str, str] = {}
        self._good_m = {rule.source: now[1] for rule in self._rules.values() if rule.kind == "sensor"}
        self._states = {name: RuleState(since_t=now[0], since_m=now[1], boot=boot) for name in self._rules}
        self._sources = frozenset(rule.source for rule in self._rules.values())
        self._works: tuple[tuple[int, int], ...] = ()
        self._calendar: Calendar | None = None
        self._unfit = tuple(unfit)
        self._windows: dict[str, Window] = {}
        self._of_channel: dict[str, list[Rule]] = {}
        given = saved or {}
        self._before: dict[str, str] = dict(given.get("contacts", {}))  # how contacts stood when this was saved
        self._index(given.get("windows", {}))
        self._ids: dict[str, str] = dict(given.get("ids", {}))
        self.unsaved = [Change(**change) for change in given.get("unsaved", ())]
        for name, state in given.get("states", {}).items():
            self._restore(str(name), state, now)

    def _index(self, saved: Mapping[str, Any]) -> None:
        """Which limits a channel feeds, and their windows, known or new; windows that no limit needs any more go."""
        self._of_channel = {}
        windows = {}
        for rule in self._rules.values():
            if rule.kind not in LIMIT_KINDS:
                continue
            for channel in rule.channels:
                self._of_channel.setdefault(channel, []).append(rule)
            if (key := _window_key(rule)) is not None:
                windows[key] = self._windows.get(key) or window_of(rule.kind, saved.get(key, ()))
        self._windows = windows

    def _restore(self, name: str, saved: Mapping[str, Any], now: tuple[int, int]) -> None:
        state = RuleState(**{key: saved[key] for key in RuleState.__dataclass_fields__ if key in saved})
        rule = self._rules.get(name)
        subject = str(saved.get("subject", name))
        if rule is None or rule.subject != subject or saved.get("kind", rule.kind) != rule.kind:
            if state.alarming:  # the rule was taken out of the configuration, or means something else now: its alarm ends
                self.unsaved.append(
                    _removed(name, subject, str(saved.get("priority", "medium")), state.opened_t, now, saved.get("room", ""))
                )
            return
        if state.boot != self._boot:  # another boot's m means nothing here: go by the wall clock, never into the future
            state.since_m = now[1] - max(0, now[0] - state.since_t)
            state.boot = self._boot
        self._states[name] = state

    def saved(self) -> dict[str, Any]:
        """Everything the next start needs, as JSON values: of bounded size, since rules and slots of their windows are."""
        kept = {}
        for name, state in self._states.items():
            if state.phase != NORMAL and (rule := self._rules.get(name)) is not None:
                kept[name] = {**asdict(state), "subject": rule.subject, "kind": rule.kind, "priority": rule.priority, "room": rule.room}
        windows = {key: window.saved() for key, window in self._windows.items()}
        return {
            "states": kept,
            "ids": dict(self._ids),
            "unsaved": [asdict(change) for change in self.unsaved],
            "windows": windows,
            "contacts": {subject: state for subject, state in {**self._before, **self._contacts}.items() if subject in self._sources},
        }

    # -- what is set from outside

    def set_limits(self, rules: Iterable[Rule], *, t: int, m: int, unfit: Sequence[str] = ()) -> list[Change]:
        """Put these limits in the place of all there are. What goes on being judged in the same way keeps its alarm and its delays.

        `unfit`: names of limits that were asked for and have nothing to judge by in this agent.
        """
        new = {rule.name: rule for rule in rules}
        made: list[Change] = []
        for name in [name for name, rule in self._rules.items() if rule.kind in LIMIT_KINDS]:
            old, rule = self._rules.pop(name), new.get(name)
            if rule is not None and old.same_alarm(rule):
                continue
            state = self._states.pop(name)
            self._judged.pop(name, None)
            if state.alarming:
                made.append(_removed(name, old.subject, old.priority, state.opened_t, (t, m), old.room))
        self._rules.update(new)
        for name in new:
            self._states.setdefault(name, RuleState(since_t=t, since_m=m, boot=self._boot))
        self._unfit = tuple(unfit)
        self._index({})
        return self._collect(made)

    def set_tolerance(self, channel: str, tolerance: float | None) -> None:
        """What a channel declares as its accuracy, plus or minus, in its unit."""
        self._tolerances[channel] = tolerance or 0.0

    def set_works(self, spans: Iterable[tuple[int, int]]) -> None:
        """Planned works as (from, to) in wall ms: the whole list."""
        self._works = tuple(spans)

    def set_calendar(self, calendar: Calendar | None) -> None:
        """The calendar behind "after hours"; None = none was ever set."""
        self._calendar = calendar

    def works_on(self, t: int) -> bool:
        """Whether works are planned for this moment."""
        return any(begin <= t < end for begin, end in self._works)

    # -- what happens

    def reading(self, channel: str, value: float | None, *, good: bool, t: int, m: int) -> list[Change]:
        """A sample of a channel; its sensor's rule is fed by `sensor`, limits by good values alone."""
        if value is None or not good:
            return []
        self._values[channel] = (value, m)
        return self._collect(self._sampled(rule, t, m) for rule in self._of_channel.get(channel, ()))

    def _sampled(self, rule: Rule, t: int, m: int) -> Change | None:
        """Judge a limit by the newest values of its channels, once they are all there."""
        found = [self._values.get(channel) for channel in rule.channels]
        held = [value for value in found if value is not None and m - value[1] <= rule.fresh_s * 1000]
        if len(held) < len(found) or (len(held) > 1 and abs(held[0][1] - held[1][1]) > PAIRED_MS):
            return None
        values = tuple(value for value, _ in held)
        before = self._judged.get(rule.name)
        self._judged[rule.name] = (values, m)
        state = self._states[rule.name]
        if before is not None and m - before[1] > rule.fresh_s * 1000 and state.phase in (PENDING, LEAVING):
            self._enter(state, state.phase, t, m)  # nobody knows what it was like meanwhile
        if (key := _window_key(rule)) is not None:
            what = measured(rule, values)
            if what is None:
                return None
            self._windows[key].add(t, what[0])
        return self._limit(rule, values, t, m)

    def sensor(self, subject: str, *, good: bool, t: int, m: int) -> list[Change]:
        """Whether a sensor gave good values at this sample."""
        if good:
            self._good_m[subject] = m
        return self._collect(self._flow(rule, out=not good, back=good, t=t, m=m) for rule in self._of("sensor", subject))

    def contact(self, subject: str, state: str, *, t: int, m: int) -> list[Change]:
        """A contact's new state, with the time of its first edge."""
        opened = state in OPEN_STATES
        was_open = self._contacts.get(subject, self._before.get(subject)) in OPEN_STATES  # a restart opens no door
        self._contacts[subject] = state
        made = []
        for rule in self._rules.values():
            if rule.source != subject or state == "unknown":
                continue
            if rule.kind in ("held_open", "contact"):
                made.append(self._flow(rule, out=opened, back=not opened, t=t, m=m))
            elif rule.kind == "after_hours":
                begins = opened and not was_open and after_hours(rule.hours, t, calendar=self._calendar, off_days=rule.off_days)
                made.append(self._flow(rule, out=begins, back=not opened, t=t, m=m))
        return self._collect(made)

    def condition(self, name: str, on: bool, *, t: int, m: int) -> list[Change]:
        """A condition that somebody else watches (disk, child process, camera) began or ended."""
        return self._collect([self._flow(self._rules[name], out=on, back=not on, t=t, m=m)])

    def tick(self, *, t: int, m: int) -> list[Change]:
        """Let the delays run on; call it at least once a second."""
        return self._collect([self._ticked(rule, t, m) for rule in list(self._rules.values())])

    def _ticked(self, rule: Rule, t: int, m: int) -> Change | None:
        phase = self._states[rule.name].phase
        if rule.kind in LIMIT_KINDS:
            values, at = self._judged.get(rule.name, ((), 0))
            return self._limit(rule, values, t, m) if values and m - at <= rule.fresh_s * 1000 else None
        if rule.kind == "sensor" and m - self._good_m[rule.source] > rule.fresh_s * 1000:
            return self._flow(rule, out=True, back=False, t=t, m=m)  # whoever reads it has stopped telling
        if rule.kind in ("held_open", "contact"):
            return self._flow(rule, out=self._contacts.get(rule.source) in OPEN_STATES, back=False, t=t, m=m)
        if rule.kind == "blind":
            blind = bool(self.blind(m))
            return self._flow(rule, out=blind, back=not blind, t=t, m=m)
        if phase in (PENDING, LEAVING):
            return self._flow(rule, out=phase == PENDING, back=phase == LEAVING, t=t, m=m)
        return None

    def _limit(self, rule: Rule, values: Sequence[float], t: int, m: int) -> Change | None:
        tolerances = [self._tolerances.get(channel, 0.0) for channel in rule.channels]
        key = _window_key(rule)
        verdict = judge(rule, values, tolerances, window=None if key is None else self._windows[key], t_ms=t)
        return None if verdict is None else self._flow(rule, out=verdict.out, back=verdict.back, t=t, m=m, verdict=verdict)

    def _flow(self, rule: Rule, *, out: bool, back: bool, t: int, m: int, verdict: Verdict | None = None) -> Change | None:
        """Move one rule on. `out`: beyond the limit now; `back`: inside it by the deadband; neither: stay where it is."""
        state = self._states[rule.name]
        if verdict is not None:
            state.value = verdict.value if verdict.value is not None else state.value
            state.limit = verdict.limit if verdict.limit is not None else state.limit
            state.quantity = verdict.quantity or state.quantity
        if state.phase == NORMAL and out:
            self._enter(state, PENDING, t, m)
        elif state.phase == PENDING and not out and (back or rule.kind in LIMIT_KINDS):
            self._enter(state, NORMAL, t, m)
        elif state.phase == ACTIVE and back:
            self._enter(state, LEAVING, t, m)
        elif state.phase == LEAVING and not back:
            self._enter(state, ACTIVE, t, m)
        waited_ms = m - state.since_m
        if state.phase == PENDING and waited_ms >= rule.delay_s * 1000:
            self._enter(state, ACTIVE, t, m)
            state.opened_t, state.acknowledged, state.shelved_until = t, False, 0
            state.uncertain = verdict is not None and verdict.uncertain
            return self._change(rule, state, "active", t, m, uncertain=state.uncertain or None)
        if state.phase == LEAVING and waited_ms >= rule.off_delay_s * 1000:
            self._enter(state, NORMAL, t, m)
            return self._change(rule, state, "returned", t, m)
        if state.phase == ACTIVE and state.uncertain and out and verdict is not None and not verdict.uncertain:
            state.uncertain = False
            return self._change(rule, state, "active", t, m, uncertain=False)
        return None

    def _enter(self, state: RuleState, phase: str, t: int, m: int) -> None:
        state.phase, state.since_t, state.since_m, state.boot = phase, t, m, self._boot

    def _change(self, rule: Rule, state: RuleState, what: str, t: int, m: int, *, uncertain: bool | None = None) -> Change:
        told = ", ".join(self.blind(m)) if rule.kind == "blind" else ""
        kind = "swing_set_point" if rule.kind == "swing" and rule.set_point is not None else rule.kind
        words = rule.words or words_for(kind, value=state.value, limit=state.limit, quantity=state.quantity or rule.quantity, what=told)
        held = rule.kind in QUIET_KINDS and self.works_on(t)
        return Change(
            rule.name,
            what,
            rule.subject,
            rule.priority,
            t,
            m,
            state.opened_t,
            state.value,
            state.limit,
            words,
            uncertain=uncertain,
            held=held,
            room=rule.room,
        )

    def _of(self, kind: str, source: str) -> list[Rule]:
        return [rule for rule in self._rules.values() if rule.kind == kind and rule.source == source]

    def _collect(self, made: Iterable[Change | None]) -> list[Change]:
        changes = [change for change in made if change is not None]
        self.unsaved = (self.unsaved + changes)[-UNSAVED_MAX:]
        return changes

    def blind(self, m: int) -> list[str]:
        """The limits that have nothing to judge by and whose sensors do not already say so: unknown here, or never a fitting value."""
        silent = {rule.subject for rule in self._rules.values() if rule.kind == "sensor" and self._states[rule.name].phase != NORMAL}
        found = list(self._unfit)
        for rule in self._rules.values():
            if rule.kind in LIMIT_KINDS and not silent.intersection(rule.sensors):
                judged = self._judged.get(rule.name)
                if judged is None or m - judged[1] > rule.fresh_s * 1000:
                    found.append(rule.name)
        return found

    # -- the alarms' ids, and what people say to them

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
        found = (s for name, s in self._states.items() if s.alarming and self.id_of(name) == alarm_id)
        return next(found, None) if alarm_id else None

    def open_alarms(self) -> list[dict[str, Any]]:
        """The active alarms, for the status message and the probe: id, rule, subject, priority, since (wall ms), acknowledged."""
        return [
            {
                "id": self.id_of(rule.name),
                "rule": rule.name,
                "subject": rule.subject,
                "priority": rule.priority,
                "since": state.opened_t,
                "acknowledged": state.acknowledged,
            }
            for rule, state in self._alarming()
        ]

    def _alarming(self) -> list[tuple[Rule, RuleState]]:
        return [(self._rules[name], state) for name, state in self._states.items() if state.alarming and name in self._rules]

    def light(self, t: int) -> tuple[str, bool]:
        """(colour of the lamp, whether the buzzer sounds): red for an alarm nobody has quietened, yellow for a quiet or low one."""
        if not self._alarming():
            return "green", False
        loudest = self.loudest(t)
        return ("red", loudest in LOUD) if loudest not in ("", "low") else ("yellow", False)

    def loudest(self, t: int) -> str:
        """The highest priority among the alarms that nobody has acknowledged or shelved and no works hold back; empty for none."""
        works = self.works_on(t)
        heard = [
            rule.priority
            for rule, state in self._alarming()
            if not (state.acknowledged or state.shelved_until > t or (works and rule.kind in QUIET_KINDS))
        ]
        return max(heard, key=PRIORITIES.index, default="")


def _window_key(rule: Rule) -> str | None:
    """Under which name a limit's history is kept; None for a limit without one."""
    return f"{rule.kind} {rule.series}" if rule.kind == "rate" or (rule.kind == "swing" and rule.set_point is None) else None


def _removed(name: str, subject: str, priority: str, opened_t: int, now: tuple[int, int], room: str) -> Change:
    return Change(name, "returned", subject, priority, *now, opened_t, None, None, words_for("removed"), room=room)


def blind_rule(agent: str, *, delay_s: float) -> Rule:
    """The rule that tells of limits without anything to judge by."""
    return Rule(BLIND, "blind", f"{agent}/limits", "medium", delay_s=delay_s)
