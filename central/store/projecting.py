"""What every domain's projection is given: ledger entries in order, and a context that carries the transaction."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Protocol

import msgspec
from sqlalchemy import Connection, Table
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import OperationalError, StatementError

from wire.topics import valid_name

NAMESPACE = uuid.UUID("6b0f7c1e-8a4e-5d0c-9a39-1d9f5f0a7b11")  # of ids that are derived from ledger facts
Record = dict[str, Any]


def derived_id(*facts: object) -> str:
    """A UUID that depends on nothing but these facts, so that a rebuilt table has the same one."""
    return str(uuid.uuid5(NAMESPACE, "\n".join(map(str, facts))))


Whole = Annotated[int, msgspec.Meta(gt=-(2**53), lt=2**53)]


class Reading(msgspec.Struct, tag_field="k", tag="reading", gc=False):
    """A reading's record, typed and within bounds; v is null only where quality says why."""

    t: Whole
    m: Whole
    i: Whole
    v: float | None
    raw: float | None = None
    quality: Literal["good", "suspect", "bad"] = "good"
    why: Annotated[str, msgspec.Meta(max_length=4096)] | None = None


@dataclass(slots=True)
class BatchEntry:
    """A batch as a ledger entry; `records` are (seq, record), without what was withheld or could not be understood."""

    leaf_idx: int
    agent: str
    lane: str
    epoch: str
    epoch_id: int
    first: int
    n: int
    records: Sequence[tuple[int, Record]]
    readings: Sequence[tuple[int, Reading]] = ()
    leaf_hash: Callable[[], str] = str  # hex, of its leaf in the tree
    last: bool = True  # nothing more of the batch follows; not so of the first parts of one that was cut


@dataclass(slots=True)
class ActEntry:
    """An act as a ledger entry; body is {} once it was erased."""

    leaf_idx: int
    t_ms: int
    kind: str
    actor: str
    body: Mapping[str, Any]


@dataclass(slots=True)
class Stamp:
    """A record's time as shown, and the raw one where that differs."""

    t_ms: int
    raw_ms: int | None
    boot: str | None


@dataclass(slots=True)
class Live:
    """One event for browsers."""

    event: str
    agent: str | None
    room: str | None
    data: Mapping[str, Any]


class Clock(Protocol):
    """Shows a record's time, corrected where its boot's clock was disciplined only later."""

    def stamp(self, entry: BatchEntry, seq: int, t_ms: int, m_ms: int) -> Stamp:
        """The stamp of a record of this entry."""

    def corrects(self, entry: BatchEntry) -> bool:
        """Whether any record of this entry may have a corrected time."""


@dataclass(slots=True)
class Context:
    """The transaction in which entries are projected, and where live events go (None while rebuilding)."""

    connection: Connection
    clock: Clock
    room_of: Callable[[str], str]
    live: list[Live] | None = None
    problems: list[str] = field(default_factory=list)  # what could not be projected, in words, for the entry at hand

    def room_in(self, agent: str, record: Record) -> str:
        """The room that a record names, else its agent's own: a text that is no name of a room is nobody's."""
        told = record.get("room")
        return told if isinstance(told, str) and valid_name(told) else self.room_of(agent)

    def tell(self, event: str, *, agent: str | None, room: str | None, data: Mapping[str, Any]) -> None:
        """Add a live event, unless nobody is to hear."""
        if self.live is not None:
            self.live.append(Live(event, agent, room, data))


class Projector(Protocol):
    """One domain's projection: a function of the entries' order alone, whatever the transactions' bounds."""

    def load(self, connection: Connection) -> None:
        """Fill what is kept in memory from the tables; also after a transaction was rolled back."""

    def batch(self, context: Context, entry: BatchEntry) -> None:
        """Project a batch."""

    def act(self, context: Context, entry: ActEntry) -> None:
        """Project an act."""

    def flush(self, context: Context) -> None:
        """Write what was gathered; before the transaction ends, or where another projector must see it."""


# what a record with strange values raises, in Python or on its way into the database; of StatementErrors, an OperationalError is not
# the record's fault but a full or locked database's: it has to be caught first, and raised again
BROKEN = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, StatementError)
Handler = Callable[[Context, BatchEntry, int, Record], None]


def handle(handlers: Mapping[str, Handler], context: Context, entry: BatchEntry) -> None:
    """Call the handler of each record's kind, in order; a record that breaks its handler is noted and passed over."""
    for seq, record in entry.records:
        handler = handlers.get(record["k"])
        if handler is not None:
            try:
                handler(context, entry, seq, record)
            except OperationalError:
                raise
            except BROKEN as error:
                context.problems.append(f"{seq}: {record['k']}: {type(error).__name__}: {error}")


def as_json(value: Any) -> str:
    """JSON text of a value for a text column or a live event."""
    return msgspec.json.encode(value).decode()


def check_own(agent: str, identity: str) -> str:
    """The identity, if it is one of the agent's own: `{agent}/{name}`; ValueError otherwise."""
    owner, _, name = identity.partition("/")
    if owner != agent or not valid_name(name):
        raise ValueError(f"{identity[:100]!r} is not one of the agent's own")
    return identity


def own_only(context: Context, table: Table, row: dict[str, Any]) -> None:
    """Insert a row or replace the agent's own one; ValueError where the id belongs to another agent."""
    statement = insert(table).values(row)
    done = context.connection.execute(
        statement.on_conflict_do_update(index_elements=["id"], set_=row, where=table.c.agent == row["agent"]).returning(table.c.id)
    )
    if done.one_or_none() is None:
        raise ValueError(f"{table.name} {row['id']!r} belongs to another agent")
