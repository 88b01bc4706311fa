"""Volumes and their way from the acts of people, and from what benches tell of their batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from central.digitization.process.benches import Benches
from central.digitization.process.checking import STEP_ACTS, Body, checked, count_of, text
from central.digitization.process.machine import BY_NAME, NAMES, Refused
from central.digitization.process.numbers import checked_number
from central.digitization.process.queries import UNDO_MS
from central.digitization.process.tables import consignments, discrepancies, step_limits, visits, volume_batches, volumes
from central.digitization.process.way import Moment, Way
from central.store.projecting import ActEntry, BatchEntry, Context

HOURS_MAX = 24 * 365
TELL_MAX = 50  # volumes of one transaction that are told one by one


class ProcessProjector:
    """Volumes, their stays at the steps, counts, discrepancies, history."""

    def __init__(self) -> None:
        """What is to be told lives until the transaction's end."""
        self._touched: dict[str, None] = {}
        self._benches = Benches()
        self._acts: dict[str, Callable[[Context, ActEntry], None]] = {
            "volume.register": self._register,
            "volume.amend": self._amend,
            "volume.withdraw": self._withdraw,
            "volume.link": self._link,
            "consignment.set": self._consignment,
            "process.limits": self._limits,
            "discrepancy.resolve": self._resolve,
            "step.checked": self._checked,
            "step.undo": self._undo,
        }

    def load(self, connection: Connection) -> None:
        """Forget what a transaction that was rolled back would have told."""
        self._touched.clear()

    def flush(self, context: Context) -> None:
        """Tell which volumes changed; of many at once only that there are many."""
        found = list(self._touched)
        self._touched.clear()
        if len(found) > TELL_MAX:
            context.tell("volume", agent=None, room=None, data={"volumes": len(found)})
            return
        for ident in found if context.live is not None else ():
            row = context.connection.execute(select(volumes).where(volumes.c.id == ident)).one_or_none()
            if row is not None:
                data = {"volume": ident, "number": row.number, "step": row.step, "state": row.state, "held": row.held}
                context.tell("volume", agent=None, room=None, data=data)

    def batch(self, context: Context, entry: BatchEntry) -> None:
        """Follow what a bench captured."""
        for moment, ident, fresh in self._benches.batch(context, entry):
            self._follow(context, moment, ident, fresh=fresh)

    def act(self, context: Context, entry: ActEntry) -> None:
        """What people did to volumes, and what was decided about their batches."""
        if not entry.body:
            return
        if entry.kind in self._acts:
            self._acts[entry.kind](context, entry)
        elif entry.kind in STEP_ACTS:
            self._step(context, entry)
        else:
            for moment, ident in self._benches.act(context, entry):
                self._follow(context, moment, ident, fresh=False)

    def _follow(self, context: Context, moment: Moment, ident: str, *, fresh: bool) -> None:
        way = Way.of(context.connection, moment, ident)
        before = dict(way.row)
        way.row["fresh"] = way.row["fresh"] or fresh
        way.follow()
        if (way.row["step"], way.row["state"], way.row["visit"]) != (before["step"], before["state"], before["visit"]):
            way.row["undo"] = None  # what follows stands on what was done
        if way.row != before:
            way.save()
            self._touched[ident] = None

    @staticmethod
    def _moment(entry: ActEntry) -> Moment:
        return Moment(entry.t_ms, entry.actor, entry.leaf_idx)

    def _way(self, context: Context, entry: ActEntry) -> Way:
        return Way.of(context.connection, self._moment(entry), str(entry.body["volume"]))

    def _done(self, way: Way) -> None:
        way.follow()
        way.save()
        self._touched[way.row["id"]] = None

    # what people do to a volume

    def _step(self, context: Context, entry: ActEntry) -> None:
        body, way = entry.body, self._way(context, entry)
        visit = way.visit()
        act = checked(entry.kind, body, entry.actor, way.here(visit))
        before, reason, to = way.remember(), text(body, "reason"), text(body, "to", 8)
        if act == "step.begin":
            way.at_visit(begun_ms=entry.t_ms, begun_by=entry.actor)
            way.note(act)
        elif act == "step.count":
            way.at_visit(first_count=count_of(body), first_by=entry.actor, note=text(body, "note"))
            way.note(act)
        elif act == "step.finish":
            self._finish(way, body)
        elif act == "step.skip":
            way.note(act, reason=reason)
            way.end_visit("skipped", reason=reason, count_out=way.row["count"])
        elif act == "step.back":
            way.note(act, to=to, reason=reason)
            if visit is not None:
                way.end_visit("back", reason=reason)
            way.row |= {"fresh": False, "rework": way.row["rework"] + 1}
        else:
            way.row["held_reason"] = reason if act == "volume.hold" else None
            way.note(act, reason=reason)
        way.move(act, to=to, reason=reason)
        way.follow()
        way.may_undo(before, entry.kind)
        way.save()
        self._touched[way.row["id"]] = None

    @staticmethod
    def _finish(way: Way, body: Body) -> None:
        """End a step with its count: one that differs opens a discrepancy."""
        visit, count = way.visit(), count_of(body)
        here, note = way.here(visit), text(body, "note") or (None if visit is None else visit.note)
        way.note("step.finish", count=count, count_in=here.count_in, note=note)
        way.end_visit("finished", count_out=here.count_in if count is None else count)
        if note is not None:
            way.at_visit(note=note)
        if count is None:
            return
        if here.stand.state == "witness" and here.first_count is not None and count != here.first_count:
            way.open_discrepancy("witness", expected=here.first_count, found=count, note=note)
        elif count != here.count_in:
            way.open_discrepancy("count", expected=here.count_in, found=count, note=note)
        way.row["count"] = count

    def _undo(self, context: Context, entry: ActEntry) -> None:
        way = self._way(context, entry)
        way.undo(within_ms=UNDO_MS)
        self._done(way)

    def _checked(self, context: Context, entry: ActEntry) -> None:
        """The centre saw by clock that every image of a volume is here, and nothing in it is to be looked at."""
        way = self._way(context, entry)
        if way.row["step"] != "check" or way.row["state"] != "working" or way.row["findings"] != "[]":
            raise Refused("not-begun")
        way.end_visit("finished", count_out=way.row["captured"], placeholders=way.row["placeholders"])
        way.note("step.checked", count=way.row["captured"])
        way.move("line.end")
        way.row["undo"] = None
        self._done(way)

    def _resolve(self, context: Context, entry: ActEntry) -> None:
        body, way = entry.body, self._way(context, entry)
        ident, note, count = str(body["discrepancy"]), text(body, "note"), count_of(body)
        where = (discrepancies.c.id == ident) & (discrepancies.c.volume == way.row["id"]) & discrepancies.c.resolved_ms.is_(None)
        if note is None or context.connection.scalar(select(discrepancies.c.id).where(where)) is None:
            raise Refused("resolved" if note else "note")
        way.close_discrepancies([ident], note, entry.actor)
        if count is not None and count != way.row["count"]:
            way.row["count"] = count
            way.at_visit(count_in=count)
        way.note(entry.kind, count=count, note=note)
        way.row["undo"] = None
        self._done(way)

    # volumes themselves

    def _register(self, context: Context, entry: ActEntry) -> None:
        body, run = entry.body, context.connection.execute
        ident, number, declared = str(body["volume"])[:36], checked_number(str(body["number"])), count_of(body, "declared")
        unit, consignment = text(body, "unit", 120), text(body, "consignment", 120)
        if declared is None or unit is None or consignment is None:
            raise ValueError("a volume has declared pages, a unit and a consignment")
        row: dict[str, Any] = {"id": ident, "number": number, "unit": unit, "consignment": consignment, "declared": declared}
        row |= {"title": text(body, "title", 500), "kind": text(body, "kind", 80), "count": declared, "step": NAMES[0], "state": "waiting"}
        row |= {"visit": 1, "since_ms": entry.t_ms, "held": False, "fresh": True, "findings": "[]", "captured": 0, "placeholders": 0}
        row |= {"bad": 0, "open_discrepancies": 0, "rework": 0, "registered_ms": entry.t_ms, "registered_by": entry.actor}
        row |= {"leaf_idx": entry.leaf_idx}
        made = run(insert(volumes).values(row).on_conflict_do_nothing().returning(volumes.c.id)).one_or_none()
        if made is None:
            raise Refused("taken")
        known = {"name": consignment, "witness": False, "changed_ms": entry.t_ms, "changed_by": entry.actor}
        run(insert(consignments).values(known).on_conflict_do_nothing())
        run(insert(visits).values(volume=ident, visit=1, step=NAMES[0], entered_ms=entry.t_ms, count_in=declared))
        loose = (volume_batches.c.number == number) & volume_batches.c.volume.is_(None)
        joined = run(update(volume_batches).where(loose).values(volume=ident)).rowcount
        way = Way(context.connection, self._moment(entry), row)
        way.note(entry.kind, declared=declared, unit=unit, consignment=consignment)
        if joined:
            self._done(Way.of(context.connection, self._moment(entry), ident))
        self._touched[ident] = None

    def _amend(self, context: Context, entry: ActEntry) -> None:
        body, way = entry.body, self._way(context, entry)
        changed: dict[str, Any] = {
            name: text(body, name, most)
            for name, most in (("title", 500), ("kind", 80), ("unit", 120), ("consignment", 120))
            if text(body, name, most) is not None
        }
        declared, reason = count_of(body, "declared"), text(body, "reason")
        if reason is None:
            raise Refused("reason")
        if declared is not None:
            changed["declared"] = declared
            visit = way.visit()
            if way.row["step"] == NAMES[0] and visit is not None and visit.first_count is None:  # nothing was counted yet
                changed["count"] = declared
                way.at_visit(count_in=declared)
        way.note(entry.kind, reason=reason, **changed)
        way.row |= changed | {"undo": None}
        self._done(way)

    def _withdraw(self, context: Context, entry: ActEntry) -> None:
        """Take back a volume that was registered by mistake, before anything was done with it."""
        way, run = self._way(context, entry), context.connection.execute
        if (way.row["step"], way.row["state"], way.row["visit"]) != (NAMES[0], "waiting", 1) or way.batches():
            raise Refused("in-use")
        if text(entry.body, "reason") is None:
            raise Refused("reason")
        way.note(entry.kind, reason=text(entry.body, "reason"), number=way.row["number"])
        run(delete(visits).where(visits.c.volume == way.row["id"]))
        run(delete(volumes).where(volumes.c.id == way.row["id"]))
        context.tell("volume", agent=None, room=None, data={"volume": way.row["id"], "withdrawn": True})

    def _link(self, context: Context, entry: ActEntry) -> None:
        """A batch whose number is of no volume belongs to this one."""
        way, batch = self._way(context, entry), str(entry.body["batch"])
        loose = (volume_batches.c.batch == batch) & volume_batches.c.volume.is_(None)
        linked = update(volume_batches).where(loose).values(volume=way.row["id"], linked=True)
        if not context.connection.execute(linked).rowcount:
            raise Refused("linked")
        way.note(entry.kind, batch=batch)
        way.row |= {"fresh": True, "undo": None}
        self._done(way)

    @staticmethod
    def _consignment(context: Context, entry: ActEntry) -> None:
        name = text(entry.body, "consignment", 120)
        if name is None:
            raise ValueError("a consignment has a name")
        row = {"name": name, "witness": entry.body["witness"] is True, "changed_ms": entry.t_ms, "changed_by": entry.actor}
        context.connection.execute(insert(consignments).values(row).on_conflict_do_update(index_elements=["name"], set_=row))

    @staticmethod
    def _limits(context: Context, entry: ActEntry) -> None:
        for step, hours in dict(entry.body["limits"]).items():
            yellow, red = int(hours["yellow_h"]), int(hours["red_h"])
            if step not in BY_NAME or not 1 <= yellow <= red <= HOURS_MAX:
                raise ValueError(f"{step}: yellow and red, from 1 hour")
            row = {"step": step, "yellow_h": yellow, "red_h": red, "changed_ms": entry.t_ms, "changed_by": entry.actor}
            context.connection.execute(insert(step_limits).values(row).on_conflict_do_update(index_elements=["step"], set_=row))
        context.tell("volume", agent=None, room=None, data={"limits": True})
