"""The one writer: what is queued becomes one transaction of ledger, tree and projections; after its commit come the acknowledgements."""

import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import ColumnElement, Connection, Engine, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import OperationalError

from central.config import CentralConfig
from central.environment.late import late_of
from central.environment.raising import raise_alarm
from central.health.tables import command_results
from central.ingest.counters import Counters
from central.ingest.late_queue import LateQueue
from central.ingest.rules import ClockRules
from central.ingest.verify import Batch, check_batch, decode_records, open_batch
from central.keys import KEY_BYTES, parse_public_key, sign
from central.ledger.batches import next_pack, pack
from central.ledger.intake import Intake, Outcome
from central.ledger.leaves import batch_leaf
from central.ledger.sequencer import Sequencer
from central.ledger.tables import acts, agent_keys, agents, checkpoints, commands, ingest_state, live
from central.ledger.tree import leaf_hash
from central.projector import Projections
from central.store.columns import PackError
from central.store.engine import reading, writing
from central.store.projecting import ActEntry, BatchEntry, Context, Record, as_json
from wire import chain, topics
from wire.codec import dumps, encode_message, loads
from wire.errors import WireError
from wire.topics import LANES

CHECKPOINT_S = 1.0
RULES_S = 5.0
HISTORY_S = 1.0  # while batches keep coming, late readings are looked into this often: no acknowledgement waits for them meanwhile
COMMAND_AGAIN_MS = 10_000  # an agent was away; it knows the ids it has carried out
TIDY_S = 300.0
ACTS_S = 0.1  # a commit spends this on acts at most, however many wait
ACTS_AT_ONCE = 25
COMMANDS_A_COMMIT = 1000
HOUR_MS = 3_600_000
MB = 1024 * 1024
WORDS = {
    "refused-batch": {
        "en": "A batch was refused: {}. Find out whether this agent was copied or tampered with.",
        "zh": "一批记录被拒收：{}。请查明该代理是否被复制或篡改。",
    },
    "lost-records": {
        "en": "Records were lost before they reached the centre: {}. Note the reason in the log of the room.",
        "zh": "记录在送达中心之前丢失：{}。请在库房日志中注明原因。",
    },
    "two-epochs": {
        "en": "Two agents seem to write under one name: {}. Find the second one and switch it off.",
        "zh": "似有两个代理使用同一名称：{}。请找出并停用多余的一个。",
    },
}


@dataclass(slots=True)
class Arrival:
    """One message from the broker."""

    topic: str
    payload: bytes


_SEEN = "UPDATE agents SET last_seen_ms = ? WHERE name = ?"  # texts, not expressions, where every transaction passes
_ACTS_WAIT = "SELECT EXISTS (SELECT 1 FROM acts WHERE leaf_idx IS NULL)"
_COMMANDS_WAIT = "SELECT EXISTS (SELECT 1 FROM commands WHERE sent_ms IS NULL)"
Message = tuple[str, bytes]  # topic, payload: to be published after the commit


class Writer:
    """Owns the ledger's growth. Not thread-safe: one thread calls it."""

    def __init__(self, *, config: CentralConfig, engine: Engine, key: Ed25519PrivateKey, now_ms: Callable[[], int]) -> None:
        """`now_ms` is the centre's wall clock."""
        self._config = config
        self._site = config.site
        self._engine = engine
        self._key = key
        self._now_ms = now_ms
        self._intake = Intake(config.site)
        self._sequencer = Sequencer(site=config.site, key=key)
        self._projections = Projections()
        self.counters = Counters()
        self._rules = ClockRules(config, started_ms=now_ms(), counters=self.counters)
        self._signed_at = self._ruled_at = self._tidied_at = time.monotonic()
        self._looked_at = 0.0  # late readings
        self._stopped = False
        self.behind = False  # acts wait for the next commit
        self._owed: dict[str, Arrival] = {}  # topic -> the last status that no commit has taken: nobody sends it again
        self._told_counts = "{}"
        self._late = LateQueue()
        self._reload()

    def _reload(self) -> None:
        with reading(self._engine) as connection:
            self._intake.load(connection)
            self._sequencer.load(connection)
            self._projections.load(connection)

    def write(self, arrivals: Sequence[Arrival]) -> list[Message]:
        """Commit what arrived and whatever acts are waiting; what is to be published now. Nothing, if the commit failed."""
        if self._disk_is_full():
            self._owe(arrivals)
            return []
        try:
            with writing(self._engine) as connection:
                messages = self._transaction(connection, [*self._owed.values(), *arrivals])
        except OperationalError as error:  # full, locked or failing disk: nothing is acknowledged, agents send again
            self.counters.note("commit failed", "store", str(error.orig))
            self._reload()
            self.behind = False
            self._late.back()
            self._owe(arrivals)
            return []
        self._late.done()
        self._owed.clear()
        self.counters.clear("commit failed", "store")
        return messages

    def _owe(self, arrivals: Sequence[Arrival]) -> None:
        """Keep who came and who went for the next commit, of enrolled agents alone."""
        for arrival in arrivals:
            agent = arrival.topic.split("/")[-2:-1]
            if arrival.topic.endswith("/status") and agent and self._intake.agent(agent[0]) is not None:
                self._owed[arrival.topic] = arrival

    def due(self) -> bool:
        """Whether a rule, a signature or tidying is due although nothing arrived."""
        now = time.monotonic()
        unsigned = self._sequencer.size != self._sequencer.signed and now - self._signed_at >= CHECKPOINT_S
        return unsigned or now - self._ruled_at >= RULES_S or bool(self._late) or self._projections.pending

    def _disk_is_full(self) -> bool:
        free, limit = shutil.disk_usage(self._config.data).free, self._config.limits.ledger_reserve_mb * MB
        if free < limit:
            self._stopped = True
            self.counters.note("acknowledgements stopped", "disk", f"{free} bytes free, less than the ledger's reserve of {limit}")
        elif self._stopped and free > limit + limit // 4:
            self._stopped = False
            self.counters.clear("acknowledgements stopped", "disk")
        return self._stopped

    def _transaction(self, connection: Connection, arrivals: Sequence[Arrival]) -> list[Message]:
        now_ms, messages = self._now_ms(), []
        context = self._projections.context(connection, live=[])
        seen: set[str] = set()
        for arrival in arrivals:
            try:
                site, agent, tail = topics.parse(arrival.topic)
                if site != self._site or (tail not in LANES and tail != "status"):
                    raise WireError(f"nothing of the centre's: {arrival.topic[:200]}")
                if self._known(connection, agent):
                    seen.add(agent)
                    if tail == "status":
                        self._status(context, agent, arrival.payload, now_ms)
                    else:
                        messages.append(self._batch(context, agent, tail, arrival.payload, now_ms))
            except WireError as error:
                self.counters.note("bad message", arrival.topic[:200], str(error))
        if seen:
            connection.exec_driver_sql(_SEEN, [(now_ms, name) for name in sorted(seen)])
        self._acts(context)
        if not arrivals or time.monotonic() - self._looked_at >= HISTORY_S:
            self._history(context, now_ms)
        messages.extend(self._commands(connection, now_ms, again=False))
        if time.monotonic() - self._ruled_at >= RULES_S:
            self._ruled_at = time.monotonic()
            self._by_clock(context, now_ms)
            messages.extend(self._commands(connection, now_ms, again=True))
        self._projections.flush(context, now_ms)
        self._intake.flush(connection)
        self._sequencer.flush(connection)
        if not self._sequencer.signed or time.monotonic() - self._signed_at >= CHECKPOINT_S:
            self._signed_at = time.monotonic()
            self._sequencer.checkpoint(connection, now_ms)
        return messages

    def _known(self, connection: Connection, agent: str) -> bool:
        if self._intake.agent(agent) is None:
            self._intake.load_agents(connection)  # it may have been enrolled since
            if self._intake.agent(agent) is None:
                self.counters.note("unknown agent", agent, "it is not enrolled here")
                return False
        return True

    def _batch(self, context: Context, agent: str, lane: str, payload: bytes, now_ms: int) -> Message:
        """Take a batch; its acknowledgement. WireError if it is no batch at all."""
        batch = open_batch(payload, site=self._site, agent=agent, lane=lane)
        known = self._intake.agent(agent)
        if known is not None and batch.header.key not in known.keys:
            self._intake.load_agents(context.connection)
            known = self._intake.agent(agent)
        check_batch(batch, None if known is None else known.keys.get(batch.header.key))
        outcome = self._intake.take(context.connection, batch, now_ms)
        if outcome.alarm == "lost-records":
            self._acts(context, budget_s=math.inf)  # the gap's entry stands before the batch
        if outcome.stored is not None:
            self._enter(context, batch, outcome, now_ms)
        if outcome.alarm:
            self._alarm(context, batch, outcome, now_ms)
        return topics.ack_topic(self._site, agent, lane), self._acknowledgement(agent, lane, outcome)

    def _enter(self, context: Context, batch: Batch, outcome: Outcome, now_ms: int) -> None:
        """Leaf, ledger row, projections of what was stored."""
        stored = outcome.stored
        if stored is None:
            return
        facts, lane = stored.facts, stored.facts.lane
        decoded = decode_records(stored.lines, first=facts.first, lane=lane)
        if decoded.problems:
            self.counters.note("bad record", f"{facts.agent}/{lane}", decoded.problems[0])
        leaf_idx = self._sequencer.batch(facts, stored.id)
        self._intake.keep(stored, received_ms=now_ms, flags=as_json(decoded.problems) if decoded.problems else None)
        if any(record["k"] in ("clock", "key") for _, record in decoded.records):
            self._intake.flush(context.connection)  # corrections read the ledger
            self._sequencer.flush(context.connection)
            self._new_keys(context.connection, facts.agent, [record for _, record in decoded.records], now_ms)
        entry = BatchEntry(
            leaf_idx=leaf_idx,
            agent=facts.agent,
            lane=lane,
            epoch=facts.epoch,
            epoch_id=stored.epoch_id,
            first=facts.first,
            n=facts.n,
            records=decoded.records,
            readings=decoded.readings,
            leaf_hash=lambda: leaf_hash(batch_leaf(facts)).hex(),
        )
        for problem in self._projections.batch(context, entry):
            self.counters.note("record not projected", f"{facts.agent}/{lane}", problem)
        self._late.add(facts.agent, stored.epoch_id, decoded.readings, now_ms)
        if decoded.readings and late_of((decoded.readings[-1][1].t,), now_ms) is not None:
            self._rules.behind(facts.agent, now_ms)

    def _new_keys(self, connection: Connection, agent: str, records: Sequence[Record], now_ms: int) -> None:
        """A `key` record, signed with the old key, makes the new one valid too."""
        known = self._intake.agent(agent)
        for record in records:
            if record["k"] == "key" and known is not None:
                try:
                    raw = parse_public_key(record["new"])
                except ValueError as error:
                    self.counters.note("bad record", agent, f"key: {error}")
                    continue
                row = {"key_id": chain.key_id(raw), "agent_id": known.id, "public_key": raw[:KEY_BYTES], "enrolled_ms": now_ms}
                connection.execute(insert(agent_keys).prefix_with("OR IGNORE").values(row))
                self._intake.load_agents(connection)

    def _alarm(self, context: Context, batch: Batch, outcome: Outcome, now_ms: int) -> None:
        self.counters.note(outcome.alarm, f"{batch.agent}/{batch.lane}", outcome.words)
        words = {language: text.format(outcome.words) for language, text in WORDS[outcome.alarm].items()}
        subject = batch.agent if outcome.alarm == "two-epochs" else f"{batch.agent}/{batch.lane}"
        about = {"rule": outcome.alarm, "subject": subject, "agent": batch.agent, "room": context.room_of(batch.agent)}
        if raise_alarm(context.connection, **about, priority="high", words=words, t_ms=now_ms, lasting=False):
            self._acts(context)

    def _acknowledgement(self, agent: str, lane: str, outcome: Outcome) -> bytes:
        head = outcome.head.hex()
        text = chain.ack_text(self._site, agent, lane, outcome.epoch, outcome.seq, head, outcome.refused, outcome.agreed_seq)
        message: dict[str, object] = {"epoch": outcome.epoch, "seq": outcome.seq, "head": head, "sig": sign(self._key, text)}
        if outcome.refused:
            message["refused"] = {"why": outcome.refused, "agreed_seq": outcome.agreed_seq}
        return msgspec.json.encode(message)

    def _acts(self, context: Context, *, budget_s: float = ACTS_S) -> None:
        """Append the acts that wait for their leaves, and let them take effect, oldest first. After `budget_s` the rest waits for the next
        commit, so that no acknowledgement waits for somebody's import of thousands of volumes."""
        began = time.monotonic()
        self.behind = bool(context.connection.exec_driver_sql(_ACTS_WAIT).scalar())
        waiting = select(acts).where(acts.c.leaf_idx.is_(None)).order_by(acts.c.id).limit(ACTS_AT_ONCE)
        while self.behind:
            rows = context.connection.execute(waiting).all()
            for row in rows:
                leaf_idx = self._sequencer.act(t_ms=row.t_ms, kind=row.kind, digest=row.digest, ref_id=row.id)
                context.connection.execute(update(acts).where(acts.c.id == row.id).values(leaf_idx=leaf_idx))
                body = msgspec.json.decode(row.body) if row.body else {}
                self._projections.act(context, ActEntry(leaf_idx, row.t_ms, row.kind, row.actor, body))
            self.behind = len(rows) == ACTS_AT_ONCE
            if time.monotonic() - began >= budget_s:
                return

    def _history(self, context: Context, now_ms: int) -> None:
        """What late readings show is filed as history."""
        if self._late:
            self._projections.flush(context, now_ms)  # it is judged by the tables
            self._late.work(context.connection, now_ms=now_ms, after=lambda: self._acts(context))
            self._looked_at = time.monotonic()

    def _by_clock(self, context: Context, now_ms: int) -> None:
        self._projections.flush(context, now_ms)  # rules read the tables
        counts = as_json(dict(sorted(self.counters.counts.items())))
        if counts != self._told_counts:
            self._told_counts = counts
            row = upsert(ingest_state).values(key="counters", value=counts)
            context.connection.execute(row.on_conflict_do_update(index_elements=["key"], set_={"value": counts}))
        if self._rules.run(context, now_ms):
            self._acts(context)
        if time.monotonic() - self._tidied_at >= TIDY_S:
            self._tidied_at = time.monotonic()
            last = context.connection.scalar(select(func.max(live.c.id))) or 0
            context.connection.execute(delete(live).where(live.c.id <= last - self._config.limits.live_rows))
            hourly = select(func.max(checkpoints.c.size)).group_by(checkpoints.c.t_ms // HOUR_MS)
            old = (checkpoints.c.t_ms < now_ms - HOUR_MS) & checkpoints.c.size.not_in(hourly)
            context.connection.execute(delete(checkpoints).where(old))
            self._pack(context.connection, now_ms)

    def _pack(self, connection: Connection, now_ms: int) -> None:
        """Pack what of the ledger has been at rest, a little at a time."""
        number = next_pack(connection, now_ms=now_ms)
        if number is None:
            return
        try:
            pack(connection, number, site=self._site)
        except PackError as error:  # nothing was changed
            self.counters.note("not packed", "ledger", str(error))

    def _commands(self, connection: Connection, now_ms: int, *, again: bool) -> list[Message]:
        """Sign the commands that wait and, where `again`, those that nobody has answered for a while; never one that expired."""
        made: list[Message] = []
        if not again and not connection.exec_driver_sql(_COMMANDS_WAIT).scalar():
            return made
        due: ColumnElement[bool] = commands.c.sent_ms.is_(None)
        if again:
            answered = select(command_results.c.id).where(command_results.c.agent == commands.c.agent)
            due = (commands.c.sent_ms < now_ms - COMMAND_AGAIN_MS) & (commands.c.expires_ms > now_ms) & commands.c.id.not_in(answered)
        for row in connection.execute(
            select(commands).where(due).order_by(commands.c.created_ms, commands.c.id).limit(COMMANDS_A_COMMIT)
        ).all():
            args = msgspec.json.decode(row.args)
            text = chain.command_text(self._site, row.agent, row.id, row.name, dumps(args), row.expires_ms)
            message = {"id": row.id, "name": row.name, "args": args, "expires": row.expires_ms, "sig": sign(self._key, text)}
            if row.expires_ms > now_ms:
                try:
                    made.append((topics.command_topic(self._site, row.agent), encode_message(message)))
                except WireError as error:  # it expires, unanswered
                    self.counters.note("command not sent", row.agent, f"{row.name}: {error}")
            connection.execute(update(commands).where(commands.c.id == row.id).values(sent_ms=now_ms))
        return made

    def _status(self, context: Context, agent: str, payload: bytes, now_ms: int) -> None:
        """An agent came or went: its retained status, or its last will."""
        status = loads(payload, "status")
        online = status.get("online") is True
        values = {"online": online, "status": as_json(status)}
        context.connection.execute(update(agents).where(agents.c.name == agent).values(**values))
        room = context.room_of(agent)
        data = {"agent": agent, "room": room, "online": online, "version": status.get("version"), "t": now_ms}
        context.tell("agent", agent=agent, room=room, data=data)
