"""Projects doors, cards, motion, clips, and the review queue: each door opening asks for a person's verdict."""

from typing import Any

from sqlalchemy import Connection, case, select, update
from sqlalchemy.dialects.sqlite import insert

from central.security.tables import clip_events, clips, reviews, security_events
from central.store.projecting import ActEntry, BatchEntry, Context, Handler, Record, as_json, check_own, derived_id, handle, own_only

BECAUSE_MAX = 500  # events of one clip
REVIEW_STATES = ("open", "claimed", "escalated", "closed")


class SecurityProjector:
    """Events, clips and reviews."""

    def __init__(self) -> None:
        """Nothing is kept in memory."""
        self._handlers: dict[str, Handler] = {"contact": self._contact, "card": self._card, "clip": self._clip}

    def load(self, connection: Connection) -> None:
        """Nothing is kept in memory."""

    def batch(self, context: Context, entry: BatchEntry) -> None:
        """Project a batch's events and clips."""
        handle(self._handlers, context, entry)

    def act(self, context: Context, entry: ActEntry) -> None:
        """A person's verdict on a review."""
        if entry.kind != "review.set" or not entry.body:
            return
        body = entry.body
        values = {name: body[name] for name in ("state", "owner", "verdict", "reason") if name in body}
        if values.get("state", "open") not in REVIEW_STATES:
            raise ValueError(f"review state {values['state']!r} is not one of {', '.join(REVIEW_STATES)}")
        change = update(reviews).where(reviews.c.id == body["review"])
        done = context.connection.execute(change.values(**values, changed_ms=entry.t_ms, changed_by=entry.actor))
        if not done.rowcount:
            raise ValueError(f"review {body['review']!r} is not known")
        row = context.connection.execute(select(reviews).where(reviews.c.id == body["review"])).one()
        self._tell_review(context, row.id, agent=None, room=row.room, state=row.state, event=row.event_id)

    def flush(self, context: Context) -> None:
        """Nothing is gathered."""

    def correct(self, context: Context, entry: BatchEntry, boot: str, w_ms: int, ok_m_ms: int) -> None:
        """Show the boot's earlier events at their true time."""
        run = context.connection.execute
        for table in (security_events, clips):
            early = (table.c.agent == entry.agent) & (table.c.boot == boot) & (table.c.m_ms < ok_m_ms) & table.c.raw_ms.is_(None)
            if table is security_events:
                moved = select(security_events.c.id).where(early)
                run(update(reviews).where(reviews.c.event_id.in_(moved)).values(t_ms=self._true_time(w_ms)))
            span = {
                "from_ms": clips.c.from_ms + w_ms + clips.c.m_ms - clips.c.t_ms,
                "to_ms": clips.c.to_ms + w_ms + clips.c.m_ms - clips.c.t_ms,
            }
            run(update(table).where(early).values(raw_ms=table.c.t_ms, t_ms=table.c.m_ms + w_ms, **(span if table is clips else {})))

    @staticmethod
    def _true_time(w_ms: int) -> Any:
        return select(security_events.c.m_ms + w_ms).where(security_events.c.id == reviews.c.event_id).scalar_subquery()

    def _event(self, context: Context, entry: BatchEntry, seq: int, record: Record, facts: dict[str, Any]) -> tuple[str, int, str] | None:
        """(id, time, room) of a new event; None for one that an agent journalled again in a new epoch, and that is known."""
        same = [security_events.c[name] == facts[name] for name in ("kind", "door", "state", "person")]
        same += [security_events.c.agent == entry.agent, security_events.c.m_ms == record["m"]]
        sent = case((security_events.c.raw_ms.is_(None), security_events.c.t_ms), else_=security_events.c.raw_ms)
        if context.connection.scalar(select(security_events.c.id).where(*same, sent == record["t"]).limit(1)) is not None:
            return None
        stamp = context.clock.stamp(entry, seq, record["t"], record["m"])
        ident = f"{entry.agent}:{entry.epoch}:{seq}"
        room = context.room_in(entry.agent, record)
        row = {
            "id": ident,
            "agent": entry.agent,
            "room": room,
            "t_ms": stamp.t_ms,
            "raw_ms": stamp.raw_ms,
            "boot": stamp.boot,
            "m_ms": record["m"],
            "leaf_idx": entry.leaf_idx,
            **facts,
        }
        context.connection.execute(insert(security_events).values(row).on_conflict_do_nothing())
        return ident, stamp.t_ms, room

    def _contact(self, context: Context, entry: BatchEntry, seq: int, record: Record) -> None:
        kind, state = record.get("kind", "contact"), record["state"]
        facts = {"kind": kind, "door": check_own(entry.agent, record["contact"]), "state": state, "person": None}
        made = self._event(context, entry, seq, record, facts)
        if made is None:
            return
        ident, t_ms, room = made
        data = {"id": ident, "kind": kind, "door": record["contact"], "state": state, "t": t_ms, "room": room}
        context.tell("contact", agent=entry.agent, room=room, data=data)
        if kind == "door" and state == "open":
            review = derived_id("review", ident)
            row = {"id": review, "event_id": ident, "room": room, "state": "open", "t_ms": t_ms, "leaf_idx": entry.leaf_idx}
            context.connection.execute(insert(reviews).values(row).on_conflict_do_nothing())
            self._tell_review(context, review, agent=entry.agent, room=room, state="open", event=ident)

    def _card(self, context: Context, entry: BatchEntry, seq: int, record: Record) -> None:
        facts = {"kind": "card", "door": check_own(entry.agent, record["reader"]), "state": record["result"], "person": record["card"]}
        made = self._event(context, entry, seq, record, facts)
        if made is None:
            return
        ident, t_ms, room = made
        data = {"id": ident, "kind": "card", "door": record["reader"], "state": record["result"], "t": t_ms, "room": room}
        context.tell("contact", agent=entry.agent, room=room, data=data)

    def _clip(self, context: Context, entry: BatchEntry, seq: int, record: Record) -> None:
        stamp = context.clock.stamp(entry, seq, record["t"], record["m"])
        shift = stamp.t_ms - record["t"]
        row = {
            "id": record["clip"],
            "agent": entry.agent,
            "camera": check_own(entry.agent, record["camera"]),
            "from_ms": record["from"] + shift,
            "to_ms": record["to"] + shift,
            "sha256": record["sha256"],
            "bytes": record["bytes"],
            "because": as_json(record["because"]),
            "holes": as_json(record["holes"]),
            "t_ms": stamp.t_ms,
            "raw_ms": stamp.raw_ms,
            "boot": stamp.boot,
            "m_ms": record["m"],
        }
        own_only(context, clips, row)
        events = [item.get("event") if isinstance(item, dict) else item for item in record["because"]]
        for event in self._resolved(context, entry.agent, events, from_ms=row["from_ms"], to_ms=row["to_ms"]):
            link = insert(clip_events).values(event_id=event, clip_id=record["clip"])
            context.connection.execute(link.on_conflict_do_nothing())
        data = {"id": record["clip"], "camera": record["camera"], "from": row["from_ms"], "to": row["to_ms"], "events": events}
        context.tell("clip", agent=entry.agent, room=context.room_of(entry.agent), data=data)

    @staticmethod
    def _resolved(context: Context, agent: str, events: list[Any], *, from_ms: int, to_ms: int) -> list[str]:
        """The events that a clip names; one that got another number in a new epoch is found by the clip's span."""
        named = [event for event in events if isinstance(event, str)]
        own = (security_events.c.agent == agent) & security_events.c.id.in_(named[:BECAUSE_MAX])
        known = list(context.connection.scalars(select(security_events.c.id).where(own)))
        if len(known) < len(named):
            within = (
                (security_events.c.agent == agent) & security_events.c.t_ms.between(from_ms, to_ms) & (security_events.c.kind != "card")
            )
            known += context.connection.scalars(select(security_events.c.id).where(within).limit(BECAUSE_MAX)).all()
        return known

    @staticmethod
    def _tell_review(context: Context, ident: str, *, agent: str | None, room: str, state: str, event: str) -> None:
        context.tell("review", agent=agent, room=room, data={"id": ident, "event": event, "state": state, "room": room})
