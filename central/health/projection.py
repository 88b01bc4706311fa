"""Projects what agents say of themselves, and keeps each boot's clock: from it comes every record's shown time."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.sqlite import insert

from central.health.tables import CORE, agent_config, agent_documents, boots, command_results, gaps, health, lane_boots
from central.store.projecting import ActEntry, BatchEntry, Context, Handler, Record, Stamp, as_json, handle

DOCUMENTS = ("calibration", "profile")  # facts of `config` records that a replaced agent gets back
SETTINGS = {"limits": dict, "works": list, "calendar": dict}  # the same, of agents that know of them
Correct = Callable[[Context, BatchEntry, str, int, int], None]  # (context, entry, boot, w_ms, ok_m_ms)


class BootClock:
    """Which boot a record belongs to, and by how much its time is corrected."""

    def __init__(self) -> None:
        """Empty; `load` fills it."""
        self._boots: dict[tuple[str, str], tuple[int, int]] = {}  # (agent, boot) -> (w_ms, ok_m_ms)
        self._lanes: dict[tuple[int, str], str] = {}  # (epoch_id, lane) -> the boot at its tip

    def load(self, connection: Connection) -> None:
        """Read the known boots."""
        rows = connection.execute(select(boots).where(boots.c.w_ms.is_not(None)))
        self._boots = {(row.agent, row.boot): (row.w_ms, row.ok_m_ms) for row in rows}
        order = lane_boots.c.epoch_id, lane_boots.c.lane, lane_boots.c.from_seq
        self._lanes = {(row.epoch_id, row.lane): row.boot for row in connection.execute(select(lane_boots).order_by(*order))}

    def boot_at(self, epoch_id: int, lane: str) -> str | None:
        """The boot of the lane's records now being projected."""
        return self._lanes.get((epoch_id, lane))

    def enter(self, epoch_id: int, lane: str, boot: str) -> None:
        """From here on the lane's records belong to this boot."""
        self._lanes[epoch_id, lane] = boot

    def disciplined(self, agent: str, boot: str, w_ms: int, ok_m_ms: int) -> bool:
        """Note a boot's W; False if one is known already."""
        if (agent, boot) in self._boots:
            return False
        self._boots[agent, boot] = (w_ms, ok_m_ms)
        return True

    def corrects(self, entry: BatchEntry) -> bool:
        """Whether the boot at hand has a known W, so that early records are shown elsewhere."""
        boot = self._lanes.get((entry.epoch_id, entry.lane))
        return boot is not None and (entry.agent, boot) in self._boots

    def stamp(self, entry: BatchEntry, _seq: int, t_ms: int, m_ms: int) -> Stamp:
        """The record's time as shown: m + W for what came before the boot's clock was disciplined."""
        boot = self._lanes.get((entry.epoch_id, entry.lane))
        known = None if boot is None else self._boots.get((entry.agent, boot))
        if known is not None and m_ms < known[1] and m_ms + known[0] != t_ms:
            return Stamp(m_ms + known[0], t_ms, boot)
        return Stamp(t_ms, None, boot)


class HealthProjector:
    """Health, configuration, clocks, gaps and answers to commands."""

    def __init__(self, clock: BootClock, corrections: Sequence[Correct]) -> None:
        """`corrections` are called when a boot's clock becomes known, to show its earlier records at their true time."""
        self._clock = clock
        self._corrections = corrections
        self._handlers: dict[str, Handler] = {
            "health": self._health,
            "config": self._config,
            "clock": self._clock_record,
            "gap": self._gap,
            "epoch": self._epoch,
            "command.done": self._done,
        }

    def load(self, connection: Connection) -> None:
        """Read the clocks."""
        self._clock.load(connection)

    def batch(self, context: Context, entry: BatchEntry) -> None:
        """Project a batch's records about the agent itself."""
        handle(self._handlers, context, entry)

    def act(self, context: Context, entry: ActEntry) -> None:
        """A gap that the centre saw."""
        if entry.kind == "gap":
            body = entry.body
            values = {"agent": body["agent"], "lane": body["lane"], "from_seq": body["from"], "to_seq": body["to"]}
            row = {"id": f"centre:{entry.leaf_idx}", "why": "not held by the agent any more", "t_ms": entry.t_ms, **values}
            context.connection.execute(insert(gaps).values(row).on_conflict_do_nothing())

    def flush(self, context: Context) -> None:
        """Nothing is gathered."""

    def _health(self, context: Context, entry: BatchEntry, seq: int, record: Record) -> None:
        facts = record["facts"]
        part = facts.get("camera") or facts.get("station") or CORE
        row = {
            "agent": entry.agent,
            "lane": entry.lane,
            "part": part if isinstance(part, str) else CORE,
            "t_ms": self._clock.stamp(entry, seq, record["t"], record["m"]).t_ms,
            "facts": as_json(facts),
        }
        upsert = insert(health).values(row).on_conflict_do_update(index_elements=["agent", "lane", "part"], set_=row)
        context.connection.execute(upsert)
        context.tell("agent", agent=entry.agent, room=context.room_of(entry.agent), data={"agent": entry.agent, "health": facts})

    def _config(self, context: Context, entry: BatchEntry, _seq: int, record: Record) -> None:
        facts, own = record["facts"], {"agent": entry.agent, "t_ms": record["t"]}
        row = {**own, "facts": as_json(facts)}
        context.connection.execute(insert(agent_config).values(row).on_conflict_do_update(index_elements=["agent"], set_=row))
        if all(isinstance(facts.get(kind), dict) for kind in DOCUMENTS):  # one without them began on an empty disk and has yet to ask
            row = {**own, **{kind: as_json(facts[kind]) for kind in DOCUMENTS}}
            if "limits_source" in facts:  # an agent that knows of no such settings says nothing of them
                told = {name: facts.get(name) for name, kind in SETTINGS.items() if isinstance(facts.get(name), kind)}
                if facts["limits_source"] != "centre":
                    told.pop("limits", None)  # those of its own file, which the agent that replaces it has too
                row["settings"] = as_json(told)
            context.connection.execute(insert(agent_documents).values(row).on_conflict_do_update(index_elements=["agent"], set_=row))

    def _clock_record(self, context: Context, entry: BatchEntry, seq: int, record: Record) -> None:
        boot = record["boot"]
        if self._clock.boot_at(entry.epoch_id, entry.lane) != boot:
            own = (lane_boots.c.epoch_id == entry.epoch_id) & (lane_boots.c.lane == entry.lane) & (lane_boots.c.boot == boot)
            if context.connection.scalar(select(lane_boots.c.from_seq).where(own)) is not None:
                raise ValueError("a boot that was over begins again")
            self._clock.enter(entry.epoch_id, entry.lane, boot)
            row = {"epoch_id": entry.epoch_id, "lane": entry.lane, "from_seq": seq, "boot": boot}
            context.connection.execute(insert(lane_boots).values(row).on_conflict_do_update(index_elements=[*row][:3], set_=row))
            new = insert(boots).values(agent=entry.agent, boot=boot, source=record["source"])
            context.connection.execute(new.on_conflict_do_nothing())
        if record["ok"]:
            w_ms, ok_m_ms = record["t"] - record["m"], record["m"]
            if self._clock.disciplined(entry.agent, boot, w_ms, ok_m_ms):
                which = (boots.c.agent == entry.agent) & (boots.c.boot == boot)
                context.connection.execute(update(boots).where(which).values(w_ms=w_ms, ok_m_ms=ok_m_ms, source=record["source"]))
                for correct in self._corrections:
                    correct(context, entry, boot, w_ms, ok_m_ms)

    def _gap(self, context: Context, entry: BatchEntry, seq: int, record: Record) -> None:
        row = {
            "id": f"{entry.agent}:{entry.epoch}:{entry.lane}:{seq}",
            "agent": entry.agent,
            "lane": entry.lane,
            "from_seq": record["from"],
            "to_seq": record["to"],
            "why": record["why"],
            "t_ms": self._clock.stamp(entry, seq, record["t"], record["m"]).t_ms,
        }
        context.connection.execute(insert(gaps).values(row).on_conflict_do_nothing())

    def _epoch(self, context: Context, entry: BatchEntry, _seq: int, record: Record) -> None:
        data = {"agent": entry.agent, "epoch": entry.epoch, "why": record["why"]}
        context.tell("agent", agent=entry.agent, room=context.room_of(entry.agent), data=data)

    def _done(self, context: Context, entry: BatchEntry, seq: int, record: Record) -> None:
        t_ms = self._clock.stamp(entry, seq, record["t"], record["m"]).t_ms
        row = {"id": record["id"], "agent": entry.agent, "ok": record["ok"], "why": record.get("why"), "t_ms": t_ms}
        context.connection.execute(insert(command_results).values(row).on_conflict_do_nothing())
        context.tell("command", agent=entry.agent, room=context.room_of(entry.agent), data=row)
