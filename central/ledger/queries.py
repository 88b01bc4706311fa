"""What may be read about the ledger and about the agents that feed it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from central.ledger.tables import acts, agents, checkpoints, epochs, ledger_batches, ledger_leaves, ledger_nodes, tips
from central.ledger.tree import consistency_proof, inclusion_proof
from central.times import rfc3339, rfc3339_or_none

AGENTS_MAX = 2000


class Entry(msgspec.Struct, frozen=True):
    """A leaf of the tree: a batch of an agent, or an act; the fields of the other kind are null."""

    index: int
    type: str
    agent: str | None
    lane: str | None
    epoch: str | None
    first: int | None
    n: int | None
    prev: str | None
    head: str | None
    key: str | None
    sig: str | None
    leaf_hash: str
    t: str
    kind: str | None
    actor: str | None
    digest: str | None
    body: Any


class Checkpoint(msgspec.Struct, frozen=True):
    """A signed tree head: `note` is the C2SP signed note, byte for byte."""

    size: int
    root: str
    t: str
    note: str


class Proof(msgspec.Struct, frozen=True):
    """An RFC 6962 audit path, lowest first, as hex; it leads from `leaf_hash` to the root of the tree of `size`."""

    index: int
    size: int
    leaf_hash: str
    proof: list[str]
    root: str | None


class Consistency(msgspec.Struct, frozen=True):
    """An RFC 6962 consistency proof as hex, from the tree of `old` leaves to that of `new`."""

    old: int
    new: int
    proof: list[str]


class Lane(msgspec.Struct, frozen=True):
    """How far a lane has come: the highest contiguous committed sequence."""

    lane: str
    seq: int


class AgentFacts(msgspec.Struct, frozen=True):
    """An agent as the ledger knows it."""

    name: str
    room: str
    online: bool
    last_seen: str | None
    status: dict[str, Any]
    lanes: list[Lane]


def size(connection: Connection) -> int:
    """How many leaves there are."""
    last = connection.scalar(select(ledger_leaves.c.idx).order_by(ledger_leaves.c.idx.desc()).limit(1))
    return 0 if last is None else int(last) + 1


def _node(connection: Connection, level: int, pos: int) -> bytes:
    found = connection.scalar(select(ledger_nodes.c.hash).where(ledger_nodes.c.level == level, ledger_nodes.c.pos == pos))
    if found is None:
        raise ValueError(f"the tree has no node ({level}, {pos})")
    return bytes(found)


def _entries(connection: Connection, rows: Any, *, with_body: bool) -> list[Entry]:
    made = []
    for row in rows:
        common = {"index": row.idx, "type": row.type, "leaf_hash": row.hash.hex()}
        if row.type == "batch":
            found = connection.execute(
                select(ledger_batches, epochs.c.epoch, agents.c.name)
                .join(epochs, epochs.c.id == ledger_batches.c.epoch_id)
                .join(agents, agents.c.id == epochs.c.agent_id)
                .where(ledger_batches.c.id == row.ref_id)
            ).one()
            facts = {name: getattr(found, name) for name in ("lane", "epoch", "first", "n", "key", "sig")}
            facts |= {"agent": found.name, "prev": found.prev.hex(), "head": found.head.hex(), "t": rfc3339(found.received_ms)}
            facts |= dict.fromkeys(("kind", "actor", "digest", "body"))
        else:
            act = connection.execute(select(acts).where(acts.c.id == row.ref_id)).one()
            facts = dict.fromkeys(("agent", "lane", "epoch", "first", "n", "prev", "head", "key", "sig"))
            facts |= {"kind": act.kind, "actor": act.actor, "digest": act.digest, "t": rfc3339(act.t_ms)}
            facts["body"] = json.loads(act.body) if with_body and act.body else None
        made.append(Entry(**common, **facts))
    return made


def entries(connection: Connection, *, after: int | None, limit: int, newest_first: bool, with_body: bool) -> list[Entry]:
    """Leaves after this index, upwards or, newest first, downwards; bodies of acts only for those who may read them."""
    leaf = (ledger_nodes.c.level == 0) & (ledger_nodes.c.pos == ledger_leaves.c.idx)
    query = select(ledger_leaves, ledger_nodes.c.hash).join(ledger_nodes, leaf).limit(limit)
    idx = ledger_leaves.c.idx
    query = query.order_by(idx.desc() if newest_first else idx)
    if after is not None:
        query = query.where(idx < after if newest_first else idx > after)
    return _entries(connection, connection.execute(query).all(), with_body=with_body)


def entry_at(connection: Connection, index: int) -> Entry | None:
    """One leaf, None beyond the end; without the body of an act."""
    found = entries(connection, after=index - 1, limit=1, newest_first=False, with_body=False)
    return found[0] if found and found[0].index == index else None


def checkpoint(connection: Connection) -> Checkpoint | None:
    """The newest signed checkpoint."""
    row = connection.execute(select(checkpoints).order_by(checkpoints.c.size.desc()).limit(1)).first()
    return None if row is None else Checkpoint(size=row.size, root=row.root, t=rfc3339(row.t_ms), note=row.note)


def proof(connection: Connection, index: int, tree_size: int) -> Proof:
    """That a leaf is in the tree of this size; ValueError if it is not."""

    def node(level: int, pos: int) -> bytes:
        return _node(connection, level, pos)

    path = inclusion_proof(node, index, tree_size)
    root = connection.scalar(select(checkpoints.c.root).where(checkpoints.c.size == tree_size))
    return Proof(index=index, size=tree_size, leaf_hash=node(0, index).hex(), proof=[step.hex() for step in path], root=root)


def consistency(connection: Connection, old: int, new: int) -> Consistency:
    """That the tree of `new` leaves continues that of `old`; ValueError if there are no such trees."""

    def node(level: int, pos: int) -> bytes:
        return _node(connection, level, pos)

    return Consistency(old=old, new=new, proof=[step.hex() for step in consistency_proof(node, old, new)])


def agents_online(connection: Connection) -> dict[str, bool]:
    """Every agent, and whether it is online."""
    return {row.name: row.online for row in connection.execute(select(agents.c.name, agents.c.online))}


def agents_of_room(connection: Connection, room: str) -> list[str]:
    """The agents that stand in a room."""
    return list(connection.scalars(select(agents.c.name).where(agents.c.room == room).order_by(agents.c.name)))


def room_of(connection: Connection, agent: str) -> str | None:
    """The room of an agent."""
    return connection.scalar(select(agents.c.room).where(agents.c.name == agent))


def agents_after(connection: Connection, *, after: str, limit: int) -> list[AgentFacts]:
    """Agents whose names come after this one, with how far each lane of their present epoch has come."""
    rows = connection.execute(select(agents).where(agents.c.name > after).order_by(agents.c.name).limit(min(limit, AGENTS_MAX))).all()
    made = []
    for row in rows:
        lanes = connection.execute(select(tips.c.lane, tips.c.seq).where(tips.c.epoch_id == row.epoch_id).order_by(tips.c.lane)).all()
        made.append(
            AgentFacts(
                name=row.name,
                room=row.room,
                online=row.online,
                last_seen=rfc3339_or_none(row.last_seen_ms),
                status=json.loads(row.status),
                lanes=[Lane(lane=lane.lane, seq=lane.seq) for lane in lanes],
            )
        )
    return made
