"""Projects presses, pages and batches, and which digests an agent has journalled."""

import json
import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects.sqlite import insert

from central.digitization.queries import told_last
from central.digitization.tables import batches, object_refs, page_changes, pages, presses, stations
from central.store.projecting import ActEntry, BatchEntry, Context, Handler, Record, as_json, check_own, handle, own_only

PAGE_FIELDS = (
    "sha256",
    "bytes",
    "width",
    "height",
    "dpi",
    "verdict",
    "operator",
    "replaces",
    "reason",
    "press",
    "station",
    "after",
    "placeholder",
    "moved_from",
)
IDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")  # of pages, presses and batches: it becomes a name of files in packages
CHECKS_BYTES_MAX = 16 * 1024  # of one page, as JSON
PRESS_PAGES_MAX = 1000
NOT_DECIDED = {"decided_by": None, "decided_ms": None, "decided_reason": None}
KEPT = ("arrival", "t_ms", "raw_ms", "m_ms", "boot")  # of a page's first record, whatever later ones say


class DigitizationProjector:
    """Stations, presses, pages, batches, references to objects."""

    def __init__(self) -> None:
        """Nothing is kept in memory."""
        self._handlers: dict[str, Handler] = {"press": self._press, "page": self._page, "batch": self._batch, "clip": self._clip}
        self._acts = {"batch.accept": self._accept, "batch.reject": self._reject, "page.reject": self._reject_page}

    def load(self, connection: Connection) -> None:
        """Nothing is kept in memory."""

    def batch(self, context: Context, entry: BatchEntry) -> None:
        """Project a batch's records of the line."""
        handle(self._handlers, context, entry)

    def act(self, context: Context, entry: ActEntry) -> None:
        """What an archivist decided at acceptance."""
        handler = self._acts.get(entry.kind)
        if handler is not None and entry.body:
            handler(context, entry)

    def flush(self, context: Context) -> None:
        """Nothing is gathered."""

    def correct(self, context: Context, entry: BatchEntry, boot: str, w_ms: int, ok_m_ms: int) -> None:
        """Show the boot's earlier presses and pages at their true time."""
        for table in (presses, pages, page_changes):
            early = (table.c.agent == entry.agent) & (table.c.boot == boot) & (table.c.m_ms < ok_m_ms) & table.c.raw_ms.is_(None)
            context.connection.execute(update(table).where(early).values(raw_ms=table.c.t_ms, t_ms=table.c.m_ms + w_ms))

    def _stamped(self, context: Context, entry: BatchEntry, seq: int, record: Record) -> dict[str, Any]:
        stamp = context.clock.stamp(entry, seq, record["t"], record["m"])
        station = check_own(entry.agent, record["station"])
        known = insert(stations).values(id=station, agent=entry.agent, first_ms=stamp.t_ms)
        context.connection.execute(known.on_conflict_do_nothing())
        times = {"t_ms": stamp.t_ms, "raw_ms": stamp.raw_ms, "boot": stamp.boot, "m_ms": record["m"]}
        return {"agent": entry.agent, "leaf_idx": entry.leaf_idx, **times}

    def _press(self, context: Context, entry: BatchEntry, seq: int, record: Record) -> None:
        named = [one for one in record["pages"][:PRESS_PAGES_MAX] if isinstance(one, str) and IDENT.fullmatch(one)]
        row = self._stamped(context, entry, seq, record) | {"id": _ident(record["press"]), "pages": as_json(named)}
        row |= {name: record.get(name) for name in ("station", "pedal", "outcome", "why", "operator")}
        own_only(context, presses, row)
        data = {"press": row["id"], "station": row["station"], "outcome": row["outcome"], "why": row["why"], "t": row["t_ms"]}
        context.tell("press", agent=entry.agent, room=context.room_of(entry.agent), data=data)

    def _page(self, context: Context, entry: BatchEntry, seq: int, record: Record) -> None:
        ident, run = _ident(record["page"]), context.connection.execute
        _ident(record["batch"])
        row = self._stamped(context, entry, seq, record) | {name: record.get(name) for name in PAGE_FIELDS}
        row |= {"id": ident, "batch_id": record["batch"], "checks": as_json(record["checks"]), "deleted": record.get("deleted") is True}
        if len(row["checks"]) > CHECKS_BYTES_MAX:
            raise ValueError(f"page {ident!r} has checks of more than {CHECKS_BYTES_MAX} bytes")
        row |= {"epoch_id": entry.epoch_id, "seq": seq}
        row["inserted"] = record.get("insert") is True
        old = run(select(pages).where(pages.c.id == ident)).one_or_none()
        arrival = None
        if old is None or (old.batch_id != row["batch_id"] and old.agent == entry.agent):
            arrival = self._arrive(context, entry, record, row["t_ms"])
        if old is not None:  # a later record of the same page: lowered, moved, taken out or back; it keeps the time it was taken
            if old.agent == entry.agent and old.sha256 != row["sha256"]:
                raise ValueError(f"page {ident!r} keeps the image of its first record")
            self._changed(context, entry, old, row)
            row |= {name: old._mapping[name] for name in KEPT}
        if arrival is not None:
            row["arrival"] = arrival
        own_only(context, pages, row)
        if old is not None and old.replaces is not None and old.replaces != row["replaces"]:  # the retake was taken back
            run(update(pages).where((pages.c.id == old.replaces) & (pages.c.replaced_by == ident)).values(replaced_by=None))
        if old is None or _change(old, row) not in (None, "lowered") or old.replaces != row["replaces"]:
            touched = {row["batch_id"], row["batch_id"] if old is None else old.batch_id}
            again = (batches.c.id.in_(touched)) & (batches.c.agent == entry.agent) & (batches.c.state == "accepted")
            run(update(batches).where(again).values(state="closed", **NOT_DECIDED))  # what was accepted is not what is there
        if row["replaces"]:
            run(update(pages).where((pages.c.id == row["replaces"]) & (pages.c.agent == entry.agent)).values(replaced_by=ident))
        self._refer(context, entry, kind="page", ref_id=ident, record=record, t_ms=row["t_ms"])
        failed = [check.get("name") for check in record["checks"] if isinstance(check, dict) and not check.get("ok", True)]
        data = {"page": ident, "batch": row["batch_id"], "station": row["station"], "verdict": row["verdict"], "failed": failed}
        data |= {"seq": row["arrival"], "replaces": row["replaces"], "deleted": row["deleted"], "t": row["t_ms"]}
        data |= {"placeholder": row["placeholder"]}
        context.tell("page", agent=entry.agent, room=context.room_of(entry.agent), data=data)

    @staticmethod
    def _changed(context: Context, entry: BatchEntry, old: Row[Any], row: Mapping[str, Any]) -> None:
        """Keep what a later record of a page changed about its place or standing."""
        if old.agent != entry.agent:
            return  # refused by `own_only`
        kind = _change(old, row)
        if kind is None:
            return
        made = {name: row[name] for name in ("epoch_id", "seq", "agent", "batch_id", "after", "reason", "t_ms", "raw_ms", "boot", "m_ms")}
        made |= {"page": old.id, "kind": kind, "from_batch": old.batch_id, "from_after": old.after, "leaf_idx": entry.leaf_idx}
        context.connection.execute(insert(page_changes).values(made).on_conflict_do_nothing())

    def _arrive(self, context: Context, entry: BatchEntry, record: Record, t_ms: int) -> int:
        """Count a new page into its batch, which is made here if its own record is missing; the page's order of arrival."""
        row = {"id": record["batch"], "agent": entry.agent, "station": record["station"], "state": "open", "counts": "{}"}
        run = context.connection.execute
        run(insert(batches).values(**row, opened_ms=t_ms, arrivals=0).on_conflict_do_nothing())
        mine = (batches.c.id == record["batch"]) & (batches.c.agent == entry.agent)
        arrival = run(
            update(batches).where(mine).values(arrivals=batches.c.arrivals + 1).returning(batches.c.arrivals)
        ).scalar_one_or_none()
        if arrival is None:
            raise ValueError(f"batch {record['batch']!r} belongs to another agent")
        return int(arrival)

    def _batch(self, context: Context, entry: BatchEntry, seq: int, record: Record) -> None:
        run, t_ms = context.connection.execute, context.clock.stamp(entry, seq, record["t"], record["m"]).t_ms
        old = run(select(batches).where(batches.c.id == record["batch"])).one_or_none()
        station, counts = record.get("station"), as_json(record["counts"])
        row = {
            "id": _ident(record["batch"]),
            "agent": entry.agent,
            "station": check_own(entry.agent, station) if station else (old.station if old else f"{entry.agent}/{entry.agent}"),
            "declared": record.get("declared"),
            "counts": counts,
            "volume": record.get("volume"),
            "operator": record.get("operator"),
            "reason": record.get("reason"),
            "opened_ms": t_ms if old is None else min(old.opened_ms, t_ms),
            "arrivals": 0 if old is None else old.arrivals,
        }
        row |= _state(old, record["state"], counts=counts, t_ms=t_ms)
        own_only(context, batches, row)
        self._tell_batch(context, record["batch"])

    def _tell_batch(self, context: Context, ident: str) -> None:
        row = context.connection.execute(select(batches).where(batches.c.id == ident)).one()
        data = {"batch": row.id, "station": row.station, "state": row.state, "declared": row.declared, "volume": row.volume}
        context.tell("batch", agent=row.agent, room=context.room_of(row.agent), data=data)

    def _clip(self, context: Context, entry: BatchEntry, seq: int, record: Record) -> None:
        t_ms = context.clock.stamp(entry, seq, record["t"], record["m"]).t_ms
        self._refer(context, entry, kind="clip", ref_id=record["clip"], record=record, t_ms=t_ms)

    def _refer(self, context: Context, entry: BatchEntry, *, kind: str, ref_id: str, record: Record, t_ms: int) -> None:
        if record["sha256"] is not None:
            row = {"sha256": record["sha256"], "kind": kind, "ref_id": ref_id, "agent": entry.agent, "bytes": record["bytes"], "t_ms": t_ms}
            context.connection.execute(insert(object_refs).values(row).on_conflict_do_nothing())

    def _accept(self, context: Context, entry: ActEntry) -> None:
        self._decide(context, entry, "accepted")

    def _reject(self, context: Context, entry: ActEntry) -> None:
        self._decide(context, entry, "rejected")
        for ident in entry.body.get("pages", ()):
            which = (pages.c.id == ident) & (pages.c.batch_id == entry.body["batch"])
            values = {"rejected_by": entry.actor, "rejected_reason": entry.body.get("reason")}
            context.connection.execute(update(pages).where(which).values(**values))

    def _decide(self, context: Context, entry: ActEntry, state: str) -> None:
        ident, reason = entry.body["batch"], entry.body.get("reason")
        row = context.connection.execute(select(batches).where(batches.c.id == ident)).one_or_none()
        if row is None or row.closed_ms is None:
            raise ValueError(f"batch {ident!r} is not known, or not closed")
        seen = entry.body.get("seen")  # the ledger entry that told last of its pages when the decision was made
        if isinstance(seen, int) and told_last(context.connection, ident) > seen:
            raise ValueError(f"batch {ident!r} changed while it was decided about")
        made = {"state": state, "by": entry.actor, "t_ms": entry.t_ms, "reason": reason}
        values = {"state": state, "decided_by": entry.actor, "decided_ms": entry.t_ms, "decided_reason": reason}
        values["decisions"] = as_json([*json.loads(row.decisions), made])
        context.connection.execute(update(batches).where(batches.c.id == ident).values(**values))
        self._tell_batch(context, ident)

    def _reject_page(self, context: Context, entry: ActEntry) -> None:
        values = {"rejected_by": entry.actor, "rejected_reason": entry.body.get("reason")}
        if not context.connection.execute(update(pages).where(pages.c.id == entry.body["page"]).values(**values)).rowcount:
            raise ValueError(f"page {entry.body['page']!r} is not known")


def _ident(given: str) -> str:
    """An identity that no file name, path or address takes for something else; ValueError otherwise."""
    if not IDENT.fullmatch(given):
        raise ValueError(f"{given[:100]!r} is no identity of a page, press or batch")
    return given


def _change(old: Row[Any], row: Mapping[str, Any]) -> str | None:
    """What a later record of a page changed; None for nothing that is kept."""
    if row["deleted"] != old.deleted:
        return "deleted" if row["deleted"] else "restored"
    if row["batch_id"] != old.batch_id:
        return "moved"
    if row["after"] != old.after:
        return "placed"
    return "lowered" if row["verdict"] != old.verdict else None


def _state(old: Row[Any] | None, said: str, *, counts: str, t_ms: int) -> dict[str, Any]:
    """The state of a batch after its bench said open or closed. A closed batch that is opened again is in rework, with its decision still
    beside it; closed anew, or changed after it was decided about, it waits for a new decision. Earlier ones stay in its history."""
    if old is None or old.closed_ms is None:
        rework = old is not None and old.state == "rework"
        if said == "open":
            return {"state": "rework" if rework else "open", "closed_ms": None}
        return {"state": "closed", "closed_ms": t_ms, **(NOT_DECIDED if rework else {})}
    if said == "open":
        return {"state": "rework", "closed_ms": None}
    if old.decided_ms is not None and old.counts == counts:
        return {"state": old.state, "closed_ms": old.closed_ms}
    return {"state": "closed", "closed_ms": old.closed_ms, **NOT_DECIDED}
