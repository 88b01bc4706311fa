"""An agent in virtual time: its configuration read by the agent's own code, its own rules stepped with every sample, its journal signed.

What is left out of an agent here is its wires, its disk and its network: samples come from the plan, lines go straight into batches.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge_agent.alarms import rules_of
from edge_agent.config import Config, load_config
from edge_agent.documents import open_documents
from edge_agent.health import config_facts
from edge_agent.rules import Rules
from edge_agent.settings import Settings
from tests.central.journals import SITE, Journal
from tests.year.climate import BAD, DAY_MINUTES, LOST, MINUTE, SILENT, T0, TOLERANCE_C, TOLERANCE_PCT, Sensor
from tests.year.plan import Plan, Spell
from wire import chain, codec, topics
from wire.records import record

BOOT_EARLY_MS = 20_000  # a boot ends so long before the first minute in which it samples
TICK_MS = 55_000  # within each minute: after all of its samples
HEALTH_MINUTES = 60
BEHIND_MS = 47 * MINUTE  # by how much the clock of a Pi without a battery is behind after a boot
UNDISCIPLINED = 8  # minutes from such a boot until the network has set the clock
QUIET_TICK = 10  # while nothing is planned, delays are looked at so seldom, in minutes
QUANTITIES = (("temperature", "Cel", TOLERANCE_C), ("relative_humidity", "%", TOLERANCE_PCT))


class Lane:
    """One lane of a journal: lines that wait, and the chain's head behind those that were sent."""

    def __init__(self, journal: Journal, lane: str, *, batch: int) -> None:
        """`batch`: the most records of one batch."""
        self.journal, self.lane, self._batch = journal, lane, batch
        self.topic = topics.lane_topic(SITE, journal.agent, lane)
        self.head = chain.start(SITE, journal.agent, lane, journal.epoch)
        self.sent = 0
        self.waiting: list[bytes] = []

    @property
    def next_seq(self) -> int:
        """The sequence that the next line gets."""
        return self.sent + len(self.waiting) + 1

    def batches(self) -> Iterator[bytes]:
        """What waits, as signed batches."""
        journal = self.journal
        while self.waiting:
            lines, self.waiting = self.waiting[: self._batch], self.waiting[self._batch :]
            prev, first = self.head, self.sent + 1
            self.head = chain.head_of(prev, lines)
            self.sent += len(lines)
            head = chain.hex_of(self.head)
            text = chain.batch_text(SITE, journal.agent, self.lane, journal.epoch, self.sent, head)
            header = {"v": 1, "epoch": journal.epoch, "first": first, "n": len(lines), "oldest": first, "prev": chain.hex_of(prev)}
            header |= {"head": head, "key": chain.key_id(journal.public), "seen": 0}
            header["sig"] = base64.b64encode(journal.key.sign(text)).decode()
            yield codec.encode_batch(header, lines)


def configuration(agent: str, sensors: list[Sensor], folder: Path) -> Config:
    """The agent's file, judged by the agent's own reader."""
    text = f'[agent]\nname = "{agent}"\nsite = "{SITE}"\ndata = "{folder}"\nsample_s = 60\nreport_s = 60\nhealth_s = 3600\n'
    for number, sensor in enumerate(sensors):
        text += f'[sensor.{sensor.name}]\ndriver = "sht4x"\ntransport = "sim"\nbus = {number}\nbad_s = 60\nroom = "{sensor.room}"\n'
        for suffix, table in sensor.kind.limits.items():
            text += f'[limit.{sensor.name}-{suffix}]\nsensor = "{sensor.name}"\n{table}'
    path = folder / "agent.toml"
    path.write_text(text)
    return load_config(path)


class Agent:
    """One agent, minute by minute. `readings` counts what it journalled, `sent` what of it is at the centre."""

    def __init__(self, name: str, sensors: list[Sensor], plan: Plan, folder: Path, *, batch: int) -> None:
        """`batch`: the most records of one batch."""
        folder.mkdir(parents=True)
        self.name, self.sensors = name, sensors
        self.config = configuration(name, sensors, folder)
        self._documents = open_documents(folder / "documents.json", listener=lambda *_: None)
        self._settings = Settings(self.config, self._documents)
        self.journal = Journal(name)
        self.lanes = {lane: Lane(self.journal, lane, batch=batch) for lane in ("events", "readings")}
        self.readings = self.sent = 0
        self._starts: dict[int, Spell] = {spell.k: spell for spell in plan.spells.get(name, ())}
        self._ends = {spell.k + spell.n: spell for spell in plan.spells.get(name, ())}
        self._busy = {k for low, high in plan.busy.get(name, ()) for k in range(low, high)}
        self._numbers = {sensor.name: (2 * n + 1, 2 * n + 2) for n, sensor in enumerate(sensors)}
        self._day: list[tuple[list[float], list[float], list[int]]] = []
        self._kept: list[tuple[int, int, float, float]] = []  # samples in the nodes' memory: minute, sensor, values
        self._channels = [(sensor.channel("temperature"), sensor.channel("relative_humidity")) for sensor in sensors]
        self._boots = 0
        self._saved: dict[str, Any] | None = None
        self._works: list[tuple[int, int]] = []
        self.on, self.linked = True, True
        self._discipline_at = -1
        self._boot(0)

    def close(self) -> None:
        """Close its documents."""
        self._documents.close()

    # -- clocks

    def _now(self, true_ms: int) -> tuple[int, int]:
        return true_ms + self._offset_ms, true_ms - self._boot_ms

    def _boot(self, k: int, *, behind_ms: int = 0) -> None:
        """Power comes back: another boot, the rules as they were saved."""
        self._boots += 1
        self.boot = f"boot-{self._boots}"
        self._boot_ms = T0 + k * MINUTE - BOOT_EARLY_MS
        self._offset_ms = -behind_ms
        self._start(self._boot_ms + 5000, ok=not behind_ms)

    def _start(self, true_ms: int, *, ok: bool) -> None:
        """The process begins."""
        t, m = self._now(true_ms)
        limits, unfit = self._settings.rules()
        self.rules = Rules(rules_of(self.config, limits), boot=self.boot, saved=self._saved, now=(t, m), unfit=unfit)
        self.rules.set_works(self._works)
        self._clock(t, m, ok=ok)
        self._health(t, m)
        facts = config_facts(self.config, self._settings.facts(settled=True))
        self._add("events", record("config", t, m, facts=facts))
        for sensor in self.sensors:
            for i, (quantity, unit, tolerance) in zip(self._numbers[sensor.name], QUANTITIES, strict=True):
                said = {"sensor": sensor.subject, "q": quantity, "u": unit, "serial": f"{sensor.index:08x}"}
                said |= {"resolution": 0.01, "tolerance": tolerance, "room": sensor.room}
                self._add("readings", record("channel", t, m, i=i, **said))
                self.rules.set_tolerance(sensor.channel(quantity), tolerance)

    def _clock(self, t: int, m: int, *, ok: bool, **more: int) -> None:
        for lane in self.lanes:
            self._add(lane, record("clock", t, m, boot=self.boot, ok=ok, source="kernel", **more))

    def _health(self, t: int, m: int) -> None:
        for lane in self.lanes:
            self._add(lane, record("health", t, m, boot=self.boot, facts={"uptime_s": m // 1000, "rss_mb": 60.5}))

    def _save(self) -> None:
        self._saved = json.loads(json.dumps(self.rules.saved()))

    # -- the minutes

    def set_works(self, works: list[tuple[int, int]]) -> None:
        """What the centre planned."""
        self._works = works
        self.rules.set_works(works)

    def back(self, k: int) -> None:
        """What ends with the minute before k: an outage, a time without power."""
        if k in self._ends:
            self._end(self._ends[k])

    def minute(self, k: int) -> None:
        """One minute: what happens to the agent, the samples of its sensors, the rules' delays."""
        if k % DAY_MINUTES == 0:
            self._day = []
            for sensor in self.sensors:
                temp, rh, state = sensor.day(k // DAY_MINUTES)
                self._day.append((temp.tolist(), rh.tolist(), state.tolist()))
        if k in self._starts:
            self._begin(self._starts[k])
        if k == self._discipline_at:
            self._disciplined(k)
        self._sample(k)
        if self.on:
            true_ms = T0 + k * MINUTE + TICK_MS
            if k in self._busy or k % QUIET_TICK == 0:
                t, m = self._now(true_ms)
                self.rules.tick(t=t, m=m)
                self._journal()
            if k % HEALTH_MINUTES == HEALTH_MINUTES - 1:
                self._health(*self._now(true_ms))

    def _begin(self, spell: Spell) -> None:
        if spell.what == "outage":
            self.linked = False
        elif spell.what in ("off", "clock"):
            self._save()
            self.on = self.linked = False
            if spell.what == "clock":
                self._ends[spell.k + 3] = Spell("booted behind", spell.k, 3)
        elif spell.what == "restart":
            self._save()
            self._start(T0 + spell.k * MINUTE - 5000, ok=True)
        elif spell.what == "reboot":
            self._save()
            self._boot(spell.k)

    def _end(self, spell: Spell) -> None:
        k = spell.k + spell.n
        if spell.what == "outage":
            self.linked = True
        elif spell.what == "off":
            self.on = self.linked = True
            self._boot(k)
            self._backfill()
        elif spell.what == "booted behind":
            self.on = self.linked = True
            self._boot(k, behind_ms=BEHIND_MS)
            self._discipline_at = k + UNDISCIPLINED

    def _disciplined(self, k: int) -> None:
        step_ms, self._offset_ms = -self._offset_ms, 0
        t, m = self._now(T0 + k * MINUTE - 1000)
        self._clock(t, m, ok=True, step_ms=step_ms)

    def _backfill(self) -> None:
        """What the nodes kept is journalled, and shown to no rule."""
        for k, n, temp, rh in self._kept:
            t = self.sensors[n].t_ms(k)
            self._values(n, t, t - self._boot_ms, temp, rh)
        self._kept = []

    def _sample(self, k: int) -> None:
        minute = k % DAY_MINUTES
        rules = self.rules
        for n, sensor in enumerate(self.sensors):
            temps, humidities, states = self._day[n]
            temp, rh, state = temps[minute], humidities[minute], states[minute]
            if not self.on:
                if state != LOST:
                    self._kept.append((k, n, temp, rh))
                continue
            if state in (SILENT, LOST):
                continue
            t, m = self._now(T0 + k * MINUTE + sensor.phase_ms)
            if state == BAD:
                rules.sensor(sensor.subject, good=False, t=t, m=m)
                for i in self._numbers[sensor.name]:
                    self._add("readings", record("reading", t, m, i=i, v=None, quality="bad", why="crc"))
                    self.readings += 1
            else:
                of_temp, of_rh = self._channels[n]
                rules.reading(of_temp, temp, good=True, t=t, m=m)
                rules.reading(of_rh, rh, good=True, t=t, m=m)
                rules.sensor(sensor.subject, good=True, t=t, m=m)
                self._values(n, t, m, temp, rh)
            if rules.unsaved:
                self._journal()

    def _values(self, n: int, t: int, m: int, temp: float, rh: float) -> None:
        """Two readings' lines, as the codec writes them (test_year.py compares)."""
        i, j = 2 * n + 1, 2 * n + 2
        self.lanes["readings"].waiting += (
            b'{"k":"reading","t":%d,"m":%d,"i":%d,"v":%s}' % (t, m, i, repr(temp).encode()),
            b'{"k":"reading","t":%d,"m":%d,"i":%d,"v":%s}' % (t, m, j, repr(rh).encode()),
        )
        self.readings += 2

    # -- the journal

    def _add(self, lane: str, made: dict[str, Any]) -> None:
        self.lanes[lane].waiting.append(codec.encode_record(made))

    def _journal(self) -> None:
        """The rules' changes as records, as the alarm desk writes them."""
        while self.rules.unsaved:
            change = self.rules.unsaved[0]
            ident = self.rules.id_for(change, f"{self.name}:{self.journal.epoch}:{self.lanes['events'].next_seq}")
            fields = {"rule": change.rule, "state": change.state, "subject": change.subject, "priority": change.priority}
            told = {"value": change.value, "limit": change.limit, "words": dict(change.words), "room": change.room or self.config.room}
            told |= {"uncertain": change.uncertain, "held": change.held or None}
            self._add("events", record("alarm", change.t, change.m, id=ident, **fields, **told))
            self.rules.journalled(change, ident)
