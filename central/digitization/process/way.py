"""One volume on its way: takes it up from the tables, moves it by the machine, writes stays, counts, discrepancies and history."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, func, select, update
from sqlalchemy.dialects.sqlite import insert

from central.digitization.process import following
from central.digitization.process.checking import Here
from central.digitization.process.machine import DONE, ORDER, Refused, Stand, move
from central.digitization.process.tables import consignments, discrepancies, visits, volume_batches, volume_history, volumes
from central.store.projecting import as_json, derived_id

ROUNDS_MAX = 10  # what follows by itself from one entry: more than a whole way would take
UNDONE = ("step", "state", "visit", "since_ms", "count", "held", "held_reason", "fresh", "rework", "filed_ms")


@dataclass(frozen=True)
class Moment:
    """When something was done, by whom, in which ledger entry."""

    t_ms: int
    actor: str
    leaf_idx: int


def here_of(row: Mapping[str, Any], visit: Row[Any] | None, *, witness: bool) -> Here:
    """What an act must know of a volume's row and its present stay."""
    return Here(
        stand=Stand(row["step"], row["state"], row["held"]),
        count_in=row["count"] if visit is None else visit.count_in,
        first_count=None if visit is None else visit.first_count,
        first_by=None if visit is None else visit.first_by,
        witness=witness,
        open_discrepancies=row["open_discrepancies"],
    )


@dataclass
class Way:
    """A volume while one entry changes it; `save` writes it back."""

    connection: Connection
    moment: Moment
    row: dict[str, Any]
    opened: list[str] = field(default_factory=list)  # discrepancies that this entry opened

    @classmethod
    def of(cls, connection: Connection, moment: Moment, ident: str) -> Way:
        """Take up a volume; Refused where there is none."""
        row = connection.execute(select(volumes).where(volumes.c.id == ident)).one_or_none()
        if row is None:
            raise Refused("no-such-volume")
        return cls(connection, moment, dict(row._mapping))

    @property
    def stand(self) -> Stand:
        """Where it stands."""
        return Stand(self.row["step"], self.row["state"], self.row["held"])

    def move(self, act: str, **given: str | None) -> None:
        """Move by the machine: a new stay begins where the step changes. Refused where it may not be done."""
        before, now = self.stand, move(self.stand, act, **given)
        self.row |= {"step": now.step, "state": now.state, "held": now.held}
        if now.step != before.step:
            self._enter()

    def _enter(self) -> None:
        last = self.connection.scalar(select(func.max(visits.c.visit)).where(visits.c.volume == self.row["id"])) or 0
        self.row |= {"visit": last + 1, "since_ms": self.moment.t_ms, "filed_ms": None}
        if self.row["step"] == DONE:
            self.row["filed_ms"] = self.moment.t_ms
            return
        stay = {"volume": self.row["id"], "visit": last + 1, "step": self.row["step"], "entered_ms": self.moment.t_ms}
        self.connection.execute(insert(visits).values(**stay, count_in=self.row["count"]))

    def visit(self) -> Row[Any] | None:
        """The stay at the step where the volume stands; None when it is done."""
        here = (visits.c.volume == self.row["id"]) & (visits.c.visit == self.row["visit"])
        return self.connection.execute(select(visits).where(here)).one_or_none()

    def here(self, visit: Row[Any] | None) -> Here:
        """What an act of a person must know of it."""
        witness = self.connection.scalar(select(consignments.c.witness).where(consignments.c.name == self.row["consignment"]))
        return here_of(self.row, visit, witness=bool(witness))

    def at_visit(self, **values: Any) -> None:
        """Write into the present stay."""
        here = (visits.c.volume == self.row["id"]) & (visits.c.visit == self.row["visit"])
        self.connection.execute(update(visits).where(here).values(**values))

    def end_visit(self, how: str, *, t_ms: int | None = None, **values: Any) -> None:
        """End the present stay."""
        self.at_visit(how=how, ended_ms=self.moment.t_ms if t_ms is None else t_ms, ended_by=self.moment.actor, **values)

    def note(self, kind: str, /, **facts: Any) -> None:
        """A line in the volume's history; None is left out."""
        here = (volume_history.c.volume == self.row["id"]) & (volume_history.c.leaf_idx == self.moment.leaf_idx)
        last = self.connection.scalar(select(func.max(volume_history.c.place)).where(here))
        line = {"volume": self.row["id"], "leaf_idx": self.moment.leaf_idx, "place": 0 if last is None else last + 1}
        line |= {"t_ms": self.moment.t_ms, "actor": self.moment.actor, "kind": kind, "step": self.row["step"]}
        line["facts"] = as_json({name: value for name, value in facts.items() if value is not None})
        self.connection.execute(insert(volume_history).values(line))

    def open_discrepancy(self, kind: str, *, expected: int, found: int, note: str | None) -> None:
        """A count that differs: stays until a person resolves it."""
        ident = derived_id("discrepancy", self.row["id"], self.row["visit"], kind, self.moment.leaf_idx)
        row = {"id": ident, "volume": self.row["id"], "visit": self.row["visit"], "step": self.row["step"], "kind": kind}
        row |= {"expected": expected, "found": found, "note": note, "opened_ms": self.moment.t_ms, "opened_by": self.moment.actor}
        self.connection.execute(insert(discrepancies).values(row))
        self.row["open_discrepancies"] += 1
        self.opened.append(ident)

    def close_discrepancies(self, idents: list[str], resolution: str, actor: str) -> None:
        """Resolve those of these that are open."""
        which = discrepancies.c.id.in_(idents) & (discrepancies.c.volume == self.row["id"]) & discrepancies.c.resolved_ms.is_(None)
        done = {"resolved_ms": self.moment.t_ms, "resolved_by": actor, "resolution": resolution}
        self.row["open_discrepancies"] -= self.connection.execute(update(discrepancies).where(which).values(**done)).rowcount

    # what may be undone

    def remember(self) -> dict[str, Any]:
        """The volume and its present stay, as they are before an act."""
        visit = self.visit()
        return {"volume": {name: self.row[name] for name in UNDONE}, "visit": None if visit is None else dict(visit._mapping)}

    def may_undo(self, before: dict[str, Any], kind: str) -> None:
        """Keep what an act changed, so that whoever did it can take it back within minutes."""
        facts = {"actor": self.moment.actor, "t_ms": self.moment.t_ms, "kind": kind, "opened": self.opened}
        self.row["undo"] = as_json(facts | before)

    def undo(self, *, within_ms: int) -> None:
        """Put back what the last act changed, with a line of its own; the stays that it began stay, as undone."""
        kept = json.loads(self.row["undo"]) if self.row["undo"] else None
        if kept is None:
            raise Refused("nothing-to-undo")
        if kept["actor"] != self.moment.actor:
            raise Refused("not-yours")
        if not 0 <= self.moment.t_ms - kept["t_ms"] <= within_ms:
            raise Refused("too-late")
        before = kept["volume"]
        later = (visits.c.volume == self.row["id"]) & (visits.c.visit > before["visit"])
        ended = func.coalesce(visits.c.ended_ms, self.moment.t_ms)
        self.connection.execute(update(visits).where(later).values(how="undone", ended_ms=ended, ended_by=self.moment.actor))
        self.row |= before | {"undo": None}
        if kept["visit"] is not None:
            self.at_visit(**{name: value for name, value in kept["visit"].items() if name not in ("volume", "visit")})
        self.close_discrepancies(kept["opened"], "undone", self.moment.actor)
        self.note("step.undo", undone=kept["kind"])

    # what follows by itself

    def batches(self) -> list[Row[Any]]:
        """What is known of its batches."""
        return list(self.connection.execute(select(volume_batches).where(volume_batches.c.volume == self.row["id"])))

    def follow(self) -> None:
        """Let everything happen that follows by itself from what the batches say."""
        told = following.said(self.batches())
        self.row |= {"captured": told.captured, "placeholders": told.placeholders, "bad": told.bad}
        for _ in range(ROUNDS_MAX):
            findings = following.findings_of(self.stand, told, expected=self.row["count"])
            self.row["findings"] = as_json(findings)
            due = following.following(self.stand, told, fresh=self.row["fresh"], findings=findings)
            if due is None:
                break
            self._by_itself(due, told, findings)
        if told.captured == self.row["count"] and self.row["open_discrepancies"] and ORDER[self.row["step"]] >= ORDER["capture"]:
            query = select(discrepancies.c.id).where(discrepancies.c.volume == self.row["id"], discrepancies.c.kind == "capture")
            self.close_discrepancies(list(self.connection.scalars(query)), "counts-agree", "system")

    def _by_itself(self, due: following.Next, told: following.Said, findings: list[dict[str, Any]]) -> None:
        step, count = self.row["step"], told.captured
        if due.act == "line.begin":
            self._begin()
            self.move(due.act)
            self.note(due.act)
        elif due.act == "line.look":
            self._begin()
            self.move(due.act)
            self.note(due.act, findings=findings)
        elif due.act == "line.end":
            self._begin()
            self.end_visit("finished", count_out=count, placeholders=told.placeholders)
            self.note(due.act, count=count, placeholders=told.placeholders or None)
            if step == "capture" and count != self.row["count"] and not self._open_of_kind("capture"):
                self.open_discrepancy("capture", expected=self.row["count"], found=count, note=None)
            self.move(due.act)
        else:
            self.end_visit("back", count_out=count, reason=due.why)
            self.note(due.act, to=due.to, why=due.why)
            self.row |= {"fresh": due.why != "rejected", "rework": self.row["rework"] + (due.why != "more")}
            self.move(due.act, to=due.to, reason=due.why)

    def _begin(self) -> None:
        """The stay's beginning, where it has none yet."""
        here = (visits.c.volume == self.row["id"]) & (visits.c.visit == self.row["visit"]) & visits.c.begun_ms.is_(None)
        self.connection.execute(update(visits).where(here).values(begun_ms=self.moment.t_ms, begun_by=self.moment.actor))

    def _open_of_kind(self, kind: str) -> bool:
        where = (discrepancies.c.volume == self.row["id"]) & (discrepancies.c.kind == kind) & discrepancies.c.resolved_ms.is_(None)
        return self.connection.scalar(select(discrepancies.c.id).where(where).limit(1)) is not None

    def save(self) -> None:
        """Write the volume back."""
        self.row["leaf_idx"] = self.moment.leaf_idx
        self.connection.execute(update(volumes).where(volumes.c.id == self.row["id"]).values(self.row))
