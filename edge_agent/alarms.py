"""The alarm desk: steps the room's rules, shows lamp and buzzer first, then journals each change exactly once."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from edge_agent import clock
from edge_agent.async_journal import AsyncJournal, to_the_end
from edge_agent.config import Config
from edge_agent.errors import JournalError
from edge_agent.hours import Calendar
from edge_agent.panel import Panel
from edge_agent.rule import FRESH_S, Change, Rule
from edge_agent.rules import Rules, blind_rule
from edge_agent.words import words_for
from wire.records import record

NOTE = "rules"
TICK_S = 0.5
SAVE_S = 5.0  # how often running delays are saved when no alarm changes
SAVE_HISTORY_S = 60.0  # how often the last day's and hour's extremes are: a crash forgets at most so much of them
BLIND_S = 300.0  # a limit without anything to judge by for longer is told of
CALIBRATION_S = 10.0  # a sensor tells its serial number within its first moments
ALARMING_KINDS = {"leak": "urgent", "smoke": "urgent", "mains": "urgent", "ups": "high"}
log = logging.getLogger(__name__)


def rules_of(config: Config, limits: Sequence[Rule]) -> list[Rule]:
    """The local rules of an agent: those of its limits, sensors, contacts and controls."""
    agent = config.name
    made = [*limits, blind_rule(agent, delay_s=BLIND_S)]
    for name, sensor in config.sensors.items():
        subject = f"{agent}/{name}"
        fresh_s = max(FRESH_S, 3 * float(sensor["sample_s"] or config.agent["sample_s"]))
        room = str(sensor["room"] or "")
        made.append(
            Rule(f"{name}-bad", "sensor", subject, sensor["bad_priority"], subject, delay_s=sensor["bad_s"], fresh_s=fresh_s, room=room)
        )
        made.append(
            Rule(f"{name}-calibration", "condition", subject, "low", delay_s=CALIBRATION_S, words=words_for("calibration"), room=room)
        )
    for name, contact in config.contacts.items():
        subject = f"{agent}/{name}"
        kind, hours = contact["kind"], contact["after_hours"]
        if contact["held_open_s"] is not None:
            made.append(
                Rule(f"{name}-held-open", "held_open", subject, contact["held_open_priority"], subject, delay_s=contact["held_open_s"])
            )
        if hours or contact["after_hours_off_days"]:
            off_days = contact["after_hours_off_days"] is not False
            priority = contact["after_hours_priority"]
            made.append(Rule(f"{name}-after-hours", "after_hours", subject, priority, subject, hours=hours or "", off_days=off_days))
        if kind in ALARMING_KINDS:
            made.append(Rule(f"{name}-{kind}", "contact", subject, ALARMING_KINDS[kind], subject, words=words_for(f"contact_{kind}")))
    for name, control in config.controls.items():
        if control["max_on_s"] is not None:
            subject = f"{agent}/{control['output']}"
            made.append(condition_rule(f"{name}-max-on", subject, priority="medium", words=words_for("max_on", what=control["output"])))
    return made


def condition_rule(name: str, subject: str, *, priority: str, words: Mapping[str, str], delay_s: float = 0.0) -> Rule:
    """A rule about something that the agent itself watches, such as its disk or a child process."""
    return Rule(name, "condition", subject, priority, delay_s=delay_s, words=words)


class AlarmDesk:
    """Owns the rules. Every method may be called from any task of the core; changes are journalled in the order in which they came."""

    def __init__(
        self,
        rules: Sequence[Rule],
        *,
        journal: AsyncJournal,
        panel: Panel,
        agent: str,
        room: str,
        saved: str | None,
        unfit: Sequence[str] = (),
        now: Callable[[], tuple[int, int]] = clock.now,
    ) -> None:
        """`saved`: what `NOTE` held in the journal at the start, None at the very first; `unfit`: limits that cannot be judged here."""
        self.rules = Rules(rules, boot=clock.boot_id(), saved=json.loads(saved) if saved else None, now=now(), unfit=unfit)
        self._names = {rule.name for rule in rules}
        self._journal = journal
        self._panel = panel
        self._agent = agent
        self._room = room
        self._now = now
        self._lock = asyncio.Lock()
        self._last_saved = ""
        self._history_m = 0
        self._listeners: list[Callable[[], None]] = []
        self._watchers: list[Callable[[str, float, int], None]] = []
        self._sounders: list[Callable[[str], None]] = []
        self._failing = False
        self.show()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener()` when the list of open alarms has changed."""
        self._listeners.append(listener)

    def on_value(self, watcher: Callable[[str, float, int], None]) -> None:
        """Call `watcher(channel, value, m)` with each good value of now."""
        self._watchers.append(watcher)

    def on_sound(self, sounder: Callable[[str], None]) -> None:
        """Call `sounder(priority)` whenever lamp and buzzer are told how the room stands: the loudest unquieted alarm's, or empty."""
        self._sounders.append(sounder)
        self.show()

    async def set_limits(self, rules: Iterable[Rule], *, unfit: Sequence[str]) -> None:
        """Put these limits in the place of all there are, at once; `unfit` are the names of those that cannot be judged here."""
        t, m = self._now()
        await self._settle(self.rules.set_limits(rules, t=t, m=m, unfit=unfit))
        await self.save(history=True)

    def set_works(self, spans: Iterable[tuple[int, int]]) -> None:
        """Planned works as (from, to), wall ms; lamp and buzzer follow at once."""
        self.rules.set_works(spans)
        self.show()

    def set_calendar(self, calendar: Calendar | None) -> None:
        """The calendar behind after hours."""
        self.rules.set_calendar(calendar)

    async def reading(self, channel: str, value: float | None, *, good: bool, t: int, m: int) -> bool:
        """A sample; whether it began or ended an alarm."""
        if good and value is not None:
            for watcher in self._watchers:
                watcher(channel, value, m)
        return await self._settle(self.rules.reading(channel, value, good=good, t=t, m=m))

    async def sensor(self, subject: str, *, good: bool, t: int, m: int) -> bool:
        """Whether a sensor gave values that can be trusted; whether that began or ended an alarm."""
        return await self._settle(self.rules.sensor(subject, good=good, t=t, m=m))

    async def contact(self, subject: str, state: str, *, t: int, m: int) -> bool:
        """A contact's new state; whether it began or ended an alarm."""
        return await self._settle(self.rules.contact(subject, state, t=t, m=m))

    async def condition(self, name: str, on: bool) -> bool:
        """Something the agent itself watches began or ended; unknown names are ignored."""
        if name not in self._names:
            return False
        t, m = self._now()
        return await self._settle(self.rules.condition(name, on, t=t, m=m))

    async def acknowledge(self, alarm_id: str) -> bool:
        """Quieten an alarm; False when none with this id is active."""
        return await self._quieten(self.rules.acknowledge(alarm_id))

    async def shelve(self, alarm_id: str, until_t: int) -> bool:
        """Quieten an alarm until a wall time in ms; False when none with this id is active."""
        return await self._quieten(self.rules.shelve(alarm_id, until_t))

    async def _quieten(self, found: bool) -> bool:
        self.show()
        if found:
            await self.flush()
            await self.save()
            self._tell()
        return found

    def show(self) -> None:
        """Let lamp and buzzer say how the room stands."""
        t = self._now()[0]
        self._panel.show(*self.rules.light(t))
        loudest = self.rules.loudest(t)
        for sounder in self._sounders:
            sounder(loudest)

    async def run(self) -> None:
        """Let delays run on, lamp and buzzer follow, and retry what a full disk refused; saves once more at the end."""
        saved_at = 0
        try:
            while True:
                t, m = self._now()
                await self._settle(self.rules.tick(t=t, m=m))
                if m - saved_at >= SAVE_S * 1000:
                    await self.save()
                    saved_at = m
                await asyncio.sleep(TICK_S)
        finally:
            await self.save(history=True)

    async def _settle(self, changes: list[Change]) -> bool:
        self.show()
        if self.rules.unsaved:
            await self.flush()
        if changes:
            for change in changes:
                log.info("alarm %s %s: %s", change.rule, change.state, change.words["en"])
            self._tell()
        return bool(changes)

    async def flush(self) -> None:
        """Journal what is not yet journalled, oldest first; what the disk refuses stays for the next call."""
        async with self._lock:
            while self.rules.unsaved:
                if self._journal.held("events") and not await self._journal.retry("events"):
                    return  # contacts that came before them wait for the disk
                try:
                    await to_the_end(self._journal_one(self.rules.unsaved[0]))
                except JournalError as error:
                    self._refused("alarms wait in memory", error)
                    return
                self._failing = False

    async def _journal_one(self, change: Change) -> None:
        taken: list[str] = []

        def make(epoch: str, seq: int) -> dict[str, Any]:
            alarm_id = self.rules.id_for(change, f"{self._agent}:{epoch}:{seq}")
            taken.append(alarm_id)
            fields = {"rule": change.rule, "state": change.state, "subject": change.subject, "priority": change.priority}
            told = {"value": change.value, "limit": change.limit, "words": dict(change.words), "room": change.room or self._room}
            told |= {"uncertain": change.uncertain, "held": change.held or None}
            made: dict[str, Any] = record("alarm", change.t, change.m, id=alarm_id, **fields, **told)
            return made

        # state and record in one transaction: a kill between the two would lose the alarm or tell it twice
        state = self.rules.saved()

        def notes() -> dict[str, str]:
            state["unsaved"] = state["unsaved"][1:]
            if change.state == "active":
                state["ids"][change.key] = taken[0]
            else:
                state["ids"].pop(change.key, None)
            return {NOTE: json.dumps(state)}

        await self._journal.append("events", [make], notes=notes)
        self.rules.journalled(change, taken[0])

    async def save(self, *, history: bool = False) -> None:
        """Save running delays and quietened alarms when they changed, extremes with them; those alone every SAVE_HISTORY_S, or now."""
        async with self._lock:
            state = self.rules.saved()
            extremes, m = state.pop("windows"), self._now()[1]
            text = json.dumps(state)
            if text == self._last_saved and not (extremes and (history or m - self._history_m >= SAVE_HISTORY_S * 1000)):
                return
            try:
                await self._journal.call(self._journal.journal.memory.remember, {NOTE: json.dumps({**state, "windows": extremes})})
            except JournalError as error:
                self._refused("the state of the alarm rules is saved later", error)
            else:
                self._last_saved, self._history_m = text, m
                self._failing = False

    def _refused(self, what: str, error: JournalError) -> None:
        """Log the first refusal of the disk, not those that follow."""
        if not self._failing:
            log.warning("%s: %s", what, error)
        self._failing = True

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()
