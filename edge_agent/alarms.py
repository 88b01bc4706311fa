"""The alarm desk: steps the room's rules, shows lamp and buzzer first, then journals each change exactly once."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edge_agent import clock
from edge_agent.async_journal import AsyncJournal, to_the_end
from edge_agent.config import Config
from edge_agent.errors import JournalError
from edge_agent.panel import Panel
from edge_agent.rules import FRESH_S, Change, Rule, Rules
from edge_agent.words import words_for
from wire.records import record

NOTE = "rules"
TICK_S = 0.5
SAVE_S = 5.0  # how often running delays are saved when no alarm changes
ALARMING_KINDS = {"leak": "urgent", "smoke": "urgent"}
log = logging.getLogger(__name__)


def rules_of(config: Config) -> list[Rule]:
    """The local rules that a configuration asks for."""
    agent = config.name
    made = []
    for name, limit in config.limits.items():
        channel = f"{agent}.{limit['sensor']}.{limit['quantity']}"
        fresh_s = _fresh_s(config, limit["sensor"])
        words = {}
        if limit["words_zh"] or limit["words_en"]:
            words = {"zh": limit["words_zh"] or limit["words_en"], "en": limit["words_en"] or limit["words_zh"]}
        made.append(
            Rule(
                name,
                "limit",
                channel,
                limit["priority"],
                channel,
                above=limit["above"],
                below=limit["below"],
                deadband=limit["deadband"],
                delay_s=limit["delay_s"],
                off_delay_s=limit["off_delay_s"],
                fresh_s=fresh_s,
                words=words,
            )
        )
    for name, sensor in config.sensors.items():
        subject = f"{agent}/{name}"
        fresh_s = _fresh_s(config, name)
        made.append(Rule(f"{name}-bad", "sensor", subject, sensor["bad_priority"], subject, delay_s=sensor["bad_s"], fresh_s=fresh_s))
    for name, contact in config.contacts.items():
        subject = f"{agent}/{name}"
        kind = contact["kind"]
        if contact["held_open_s"] is not None:
            made.append(
                Rule(f"{name}-held-open", "held_open", subject, contact["held_open_priority"], subject, delay_s=contact["held_open_s"])
            )
        if contact["after_hours"]:
            hours = contact["after_hours"]
            made.append(Rule(f"{name}-after-hours", "after_hours", subject, contact["after_hours_priority"], subject, hours=hours))
        if kind in ALARMING_KINDS:
            made.append(Rule(f"{name}-{kind}", "contact", subject, ALARMING_KINDS[kind], subject, words=words_for(f"contact_{kind}")))
    return made


def _fresh_s(config: Config, sensor: str) -> float:
    return max(FRESH_S, 3 * float(config.sensors[sensor]["sample_s"] or config.agent["sample_s"]))


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
        now: Callable[[], tuple[int, int]] = clock.now,
    ) -> None:
        """`saved`: what `NOTE` held in the journal at the start, None at the very first."""
        self.rules = Rules(rules, boot=clock.boot_id(), saved=json.loads(saved) if saved else None, now=now())
        self._names = {rule.name for rule in rules}
        self._journal = journal
        self._panel = panel
        self._agent = agent
        self._room = room
        self._now = now
        self._lock = asyncio.Lock()
        self._last_saved = saved or ""
        self._listeners: list[Callable[[], None]] = []
        self._failing = False
        self.show()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener()` when the list of open alarms has changed."""
        self._listeners.append(listener)

    async def reading(self, channel: str, value: float | None, *, good: bool, t: int, m: int) -> bool:
        """A sample; whether it began or ended an alarm."""
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
        self._panel.show(*self.rules.light(self._now()[0]))

    async def run(self) -> None:
        """Let delays run on, lamp and buzzer follow, and retry what a full disk refused."""
        saved_at = 0
        while True:
            t, m = self._now()
            await self._settle(self.rules.tick(t=t, m=m))
            if m - saved_at >= SAVE_S * 1000:
                await self.save()
                saved_at = m
            await asyncio.sleep(TICK_S)

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
            told = {"value": change.value, "limit": change.limit, "words": dict(change.words), "room": self._room}
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

    async def save(self) -> None:
        """Save running delays and quietened alarms, when anything changed since the last time."""
        async with self._lock:
            text = json.dumps(self.rules.saved())
            if text == self._last_saved:
                return
            try:
                await self._journal.call(self._journal.journal.memory.remember, {NOTE: text})
            except JournalError as error:
                self._refused("the state of the alarm rules is saved later", error)
            else:
                self._last_saved = text
                self._failing = False

    def _refused(self, what: str, error: JournalError) -> None:
        """Log the first refusal of the disk, not those that follow."""
        if not self._failing:
            log.warning("%s: %s", what, error)
        self._failing = True

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()
