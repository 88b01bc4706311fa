"""Rules by clock: what the centre alone can notice, because nothing arrives: silence, missing bytes, an ended shelving, no answer."""

import shutil
from collections.abc import Callable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from central.config import CentralConfig
from central.digitization.acceptance import reworking
from central.digitization.people.sending import Courier
from central.digitization.process import rules as process_rules
from central.digitization.tables import object_refs, objects
from central.environment.instruments.care import Care
from central.environment.latest import latest
from central.environment.patrols import rules as patrol_rules
from central.environment.raising import own_alarms, raise_alarm, return_alarm
from central.environment.tables import channels
from central.health.queries import config_of, report_s_of
from central.ingest.alarm_clock import AlarmClock
from central.ingest.counters import Counters
from central.ingest.keeper import Keeper
from central.ledger.tables import agents
from central.store.projecting import BROKEN, Context
from central.times import AHEAD_MS

MB = 1024 * 1024
DAY_S = 86_400
UPLOADS_MS = 30_000  # how often missing bytes are looked for
KEPT_MS = 15 * DAY_S * 1000  # older ones no agent has any more (it keeps 14 days)
REPORTS = 3  # so many readings that should have come and did not
HEALTH_S = 630  # a connected agent with nothing to tell sends its health every 300 s; two of those and some
WORDS = {
    "agent-silent": {
        "en": "Nothing was heard of this agent for {} s. Check its power and network; it goes on recording by itself.",
        "zh": "{} 秒未收到该代理的任何消息。请检查供电与网络；代理仍在本地记录。",
    },
    "missing-data": {
        "en": "No reading for {} s although the agent is alive. Check the sensor and its cable.",
        "zh": "代理在线，但 {} 秒没有读数。请检查传感器及其线缆。",
    },
    "upload-pending": {
        "en": "{} images or clips have a record but no bytes yet. Check the agent's connection to the web address.",
        "zh": "{} 个图像或视频片段已有记录但未收到内容。请检查代理到网页地址的连接。",
    },
    "disk-low": {
        "en": "{} MB are free at the centre: uploads of images and clips will be refused. Make room.",
        "zh": "中心磁盘仅剩 {} MB：即将拒收图像与视频上传。请腾出空间。",
    },
    "disk-critical": {
        "en": "{} MB are free at the centre: it will stop acknowledging, agents keep what they record. Make room now.",
        "zh": "中心磁盘仅剩 {} MB：即将停止确认，记录将留在各代理。请立即腾出空间。",
    },
}


class ClockRules:
    """Looks at the tables and the clock; everything it decides is an act of "system"."""

    def __init__(self, config: CentralConfig, *, started_ms: int, counters: Counters) -> None:
        """Silence counts from the start at the earliest: while the centre was off it could hear nobody."""
        self._counters = counters
        self._config = config
        self._limits = config.limits
        self._started_ms = started_ms
        self._count = 0
        self._uploads_ms = 0
        self._alarms = AlarmClock(config.limits, config.alarms)
        self._keeper = Keeper()
        self._care = Care()
        self._courier = Courier()
        self._known: dict[tuple[str, str], tuple[str, bool]] = {}
        self._behind_ms: dict[str, int] = {}  # agent -> when it was last silent, or sent what it had kept: its newest readings wait

    def behind(self, agent: str, now_ms: int) -> None:
        """An agent sent readings that are late: those of now come after them, and are not missed yet."""
        self._behind_ms[agent] = now_ms

    def run(self, context: Context, now_ms: int) -> bool:
        """Record the acts that are due; whether there were any."""
        self._count = 0
        self._known = own_alarms(context.connection)
        own = {"silence": self._silence, "uploads": self._uploads, "disk": self._disk}
        rest = {"alarms": self._alarms.run, "keeper": self._keeper.run, "care": self._care.run, "patrols": patrol_rules.run}
        rest["bench people"] = self._courier.run
        rest["process"] = process_rules.run
        rest["rework"] = reworking.run
        for name, rule in own.items():
            self._try(name, rule, context, now_ms)
        for name, other in rest.items():
            self._count += self._try(name, other, context.connection, now_ms) or 0
        return self._count > 0

    def _try(self, name: str, rule: Callable[..., Any], *given: Any) -> Any:
        """What agents tell may break a rule: that is said, and stands in the way neither of the other rules nor of what arrives."""
        try:
            done = rule(*given)
        except OperationalError:
            raise
        except BROKEN as error:
            self._counters.note("rule failed", name, f"{type(error).__name__}: {error}")
            return 0
        self._counters.clear("rule failed", name)
        return done

    def _condition(
        self, context: Context, *, rule: str, subject: str, agent: str, room: str, holds: bool, figure: object, now_ms: int, priority: str
    ) -> None:
        """Raise or return a lasting alarm so that it follows its condition."""
        known, active = self._known.get((rule, subject), (None, False))
        if holds and not active:
            words = {language: text.format(figure) for language, text in WORDS[rule].items()}
            about = {"rule": rule, "subject": subject, "agent": agent, "room": room, "priority": priority}
            self._count += raise_alarm(context.connection, **about, words=words, t_ms=now_ms, lasting=True)
        elif active and known is not None and not holds:
            return_alarm(context.connection, known, t_ms=now_ms)
            self._count += 1

    def _silence(self, context: Context, now_ms: int) -> None:
        """One cause, one alarm: while an agent is silent, its channels raise none of their own."""
        figure = self._limits.silence_s
        heard: dict[str, dict[str, Any]] = {}  # agent -> what it told of its configuration
        for agent in context.connection.execute(select(agents.c.name, agents.c.last_seen_ms, agents.c.online)).all():
            room = context.room_of(agent.name)
            patience_ms = max(self._limits.silence_s, HEALTH_S if agent.online else 0) * 1000
            silent = max(agent.last_seen_ms or 0, self._started_ms) < now_ms - patience_ms
            about = {"agent": agent.name, "figure": figure, "now_ms": now_ms}
            self._condition(context, rule="agent-silent", subject=agent.name, room=room, holds=silent, priority="high", **about)
            if silent:
                self.behind(agent.name, now_ms)
            else:
                heard[agent.name] = config_of(context.connection, agent.name)
        columns = channels.c.id, channels.c.channel, channels.c.agent, channels.c.room, channels.c.sensor
        mine = [row for row in context.connection.execute(select(*columns)).all() if row.agent in heard]
        patience_s = {row.id: max(figure, REPORTS * (report_s_of(heard[row.agent], row.sensor) or 0)) for row in mine}
        oldest = now_ms - round(max(patience_s.values(), default=0) * 1000)
        last = latest(context.connection, [row.id for row in mine], before_ms=now_ms + AHEAD_MS, after_ms=oldest)
        for channel in mine:
            since, sensors = now_ms - round(patience_s[channel.id] * 1000), heard[channel.agent].get("sensors")
            expected = not isinstance(sensors, dict) or channel.sensor in sensors
            seen_ms = last[channel.id].t_ms if channel.id in last else 0
            missing = expected and max(seen_ms, self._started_ms, self._behind_ms.get(channel.agent, 0)) < since
            where = {"subject": channel.channel, "agent": channel.agent, "room": channel.room, "priority": "medium"}
            self._condition(context, rule="missing-data", holds=missing, figure=figure, now_ms=now_ms, **where)

    def _uploads(self, context: Context, now_ms: int) -> None:
        if now_ms - self._uploads_ms < UPLOADS_MS:
            return
        self._uploads_ms = now_ms
        old = object_refs.c.t_ms.between(now_ms - KEPT_MS, now_ms - self._limits.upload_wait_s * 1000)
        stored = select(objects.c.sha256).where(objects.c.state == "stored")
        counts = select(object_refs.c.agent, func.count()).where(old & object_refs.c.sha256.not_in(stored)).group_by(object_refs.c.agent)
        waiting = {row[0]: row[1] for row in context.connection.execute(counts)}
        for name in context.connection.scalars(select(agents.c.name)).all():
            count = waiting.get(name, 0)
            about = {"agent": name, "room": context.room_of(name), "subject": name, "priority": "medium", "now_ms": now_ms}
            self._condition(context, rule="upload-pending", holds=count > 0, figure=count, **about)

    def _disk(self, context: Context, now_ms: int) -> None:
        """An alarm before uploads are refused, and a second one before acknowledgements stop."""
        free = shutil.disk_usage(self._config.data).free // MB
        for rule, reserve in (("disk-low", self._limits.reserve_mb), ("disk-critical", self._limits.ledger_reserve_mb)):
            _, raised = self._known.get((rule, "centre"), (None, False))
            holds = free < (reserve * 2 if raised else reserve * 3 // 2)
            where = {"agent": "centre", "room": "", "subject": "centre", "priority": "urgent"}
            self._condition(context, rule=rule, holds=holds, now_ms=now_ms, figure=free, **where)
