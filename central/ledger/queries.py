"""What may be read about the ledger and about the agents that feed it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from central.ledger.batches import Leaf, leaves_from, stored_node, tree_size
from central.ledger.tables import acts, agents, checkpoints, epochs, tips
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
    return tree_size(connection)


def _node(connection: Connection, level: int, pos: int) -> bytes:
    try:
        return stored_node(connection, level, pos)
    except LookupError as error:
        raise ValueError(str(error)) from error


def _entry(connection: Connection, leaf: Leaf, *, with_body: bool) -> Entry:
    facts: dict[str, Any] = {"index": leaf.idx, "leaf_hash": stored_node(connection, 0, leaf.idx).hex()}
    if leaf.batch is not None:
        one = leaf.batch
        named = select(epochs.c.epoch, agents.c.name).join(agents, agents.c.id == epochs.c.agent_id).where(epochs.c.id == one.epoch_id)
        found = connection.execute(named).one()
        facts |= {name: getattr(one, name) for name in ("lane", "first", "n", "key", "sig")}
        facts |= {"type": "batch", "epoch": found.epoch, "agent": found.name, "t": rfc3339(one.received_ms)}
        facts |= {"prev": one.prev.hex(), "head": one.head.hex(), **dict.fromkeys(("kind", "actor", "digest", "body"))}
    else:
        act = connection.execute(select(acts).where(acts.c.id == leaf.act_id)).one()
        facts |= dict.fromkeys(("agent", "lane", "epoch", "first", "n", "prev", "head", "key", "sig"))
        facts |= {"type": "act", "kind": act.kind, "actor": act.actor, "digest": act.digest, "t": rfc3339(act.t_ms)}
        facts["body"] = json.loads(act.body) if with_body and act.body else None
    return Entry(**facts)


def entries(connection: Connection, *, after: int | None, limit: int, newest_first: bool, with_body: bool) -> list[Entry]:
    """Leaves after this index, upwards or, newest first, downwards; bodies of acts only for those who may read them."""
    total = tree_size(connection)
    if newest_first:
        end = total if after is None else max(0, min(after, total))
        low = max(0, end - limit)
    else:
        low = 0 if after is None else after + 1
        end = min(low + limit, total)
    found: list[Leaf] = []
    while low < end and (more := leaves_from(connection, low, most=end - low)):
        found += more
        low = more[-1].idx + 1
    return [_entry(connection, leaf, with_body=with_body) for leaf in (found[::-1] if newest_first else found)]


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
