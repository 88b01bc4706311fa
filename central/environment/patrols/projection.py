"""Patrol rounds and checks from the acts of those who define and walk them."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from central.environment.patrols.tables import patrol_checks, patrol_points, patrol_rounds
from central.store.projecting import ActEntry, BatchEntry, Context, as_json
from wire.topics import valid_name

TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
TIMES_MAX, POINTS_MAX = 24, 200
ROUNDS_MAX = 50  # that are walked: ingest looks at each of them every few seconds
GRACE_MIN_MAX = 24 * 60
LATE_MS = 10 * 60_000  # a check that came so long after it was made is marked as late
AHEAD_MS = 300_000  # a phone's clock may be so far ahead


class PatrolProjector:
    """Rounds, their checkpoints, and what was checked; agents send nothing about them."""

    def load(self, connection: Connection) -> None:
        """Nothing is kept in memory."""

    def batch(self, context: Context, entry: BatchEntry) -> None:
        """Agents send nothing about patrols."""

    def flush(self, context: Context) -> None:
        """Nothing is gathered."""

    def act(self, context: Context, entry: ActEntry) -> None:
        """Project an act; those of an erased body change nothing."""
        done = {"patrol.round": self._round, "patrol.remove": self._remove, "patrol.check": self._check}.get(entry.kind)
        if done is not None and entry.body:
            done(context, entry)

    def _round(self, context: Context, entry: ActEntry) -> None:
        """A round as it is from now on; a checkpoint keeps its code, so that printed codes stay good."""
        body, run = entry.body, context.connection.execute
        times, points = sorted(set(body["times"])), list(body["checkpoints"])
        if not times or len(times) > TIMES_MAX or any(not TIME.fullmatch(time) for time in times):
            raise ValueError("a round has 1 to 24 times, as HH:MM")
        if not points or len(points) > POINTS_MAX or any(not valid_name(point["room"]) for point in points):
            raise ValueError("a round has 1 to 200 checkpoints, each in a room")
        ident = str(body["round"])[:36]
        row: dict[str, object] = {"id": ident, "name": str(body["name"])[:120], "times": as_json(times), "zone": ZoneInfo(body["zone"]).key}
        row |= {"grace_min": min(max(int(body["grace_min"]), 1), GRACE_MIN_MAX), "off_days": body.get("off_days", True) is True}
        row |= {"removed": False, "from_ms": entry.t_ms, "changed_by": entry.actor}
        taken = set(context.connection.scalars(select(patrol_points.c.code).where(patrol_points.c.round != ident)))
        rows = [
            {"code": str(point["code"])[:40], "round": ident, "place": place, "room": point["room"]}
            | {"name": str(point["name"])[:120], "look_at": str(point.get("look_at", ""))[:500]}
            for place, point in enumerate(points)
        ]
        if len({one["code"] for one in rows}) != len(rows) or any(one["code"] in taken for one in rows):
            raise ValueError("each checkpoint has a code of its own")
        run(insert(patrol_rounds).values(row).on_conflict_do_update(index_elements=["id"], set_=row))
        run(delete(patrol_points).where(patrol_points.c.round == ident))
        run(insert(patrol_points), rows)
        context.tell("patrol", agent=None, room=None, data={"round": ident})

    def _remove(self, context: Context, entry: ActEntry) -> None:
        ident = str(entry.body["round"])
        context.connection.execute(update(patrol_rounds).where(patrol_rounds.c.id == ident).values(removed=True, changed_by=entry.actor))
        context.tell("patrol", agent=None, room=None, data={"round": ident})

    def _check(self, context: Context, entry: ActEntry) -> None:
        body = entry.body
        point = context.connection.execute(select(patrol_points).where(patrol_points.c.code == str(body["code"]))).one_or_none()
        if point is None:
            raise ValueError(f"there is no checkpoint {str(body['code'])[:40]!r}")
        made = min(int(body["t_ms"]), entry.t_ms + AHEAD_MS)
        row: dict[str, object] = {"id": str(body["check"])[:36], "round": point.round, "code": point.code, "room": point.room, "t_ms": made}
        row |= {
            "sent_ms": entry.t_ms,
            "late": entry.t_ms - made > LATE_MS,
            "scanned": body.get("scanned") is True,
            "ok": body["ok"] is True,
        }
        note = body.get("note")
        row |= {"note": None if note is None else str(note)[:2000], "actor": entry.actor}
        context.connection.execute(insert(patrol_checks).values(row).on_conflict_do_nothing())
        context.tell("patrol", agent=None, room=point.room, data={"round": point.round, "room": point.room, "ok": row["ok"]})
