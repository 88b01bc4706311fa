"""Recreates every projection from the ledger: clears the tables and replays batches and acts in the order of their leaves."""

import msgspec
from sqlalchemy import Connection, Engine, delete, select

from central.ingest.verify import decode_records
from central.ledger.batches import LEAVES, leaves_from, stored_node
from central.ledger.packs import StoredBatch
from central.ledger.tables import acts, agents, epochs
from central.projector import Projections
from central.store.engine import writing
from central.store.projecting import ActEntry, BatchEntry, Context
from central.tables import projections

PAGE = LEAVES  # a pack is unpacked once


def rebuild(engine: Engine) -> int:
    """Rebuild in one transaction, so that readers never see half of it; the number of entries. Ingest must not run meanwhile."""
    with writing(engine) as connection:
        for table in reversed(projections()):
            connection.execute(delete(table))
        made = Projections()
        made.load(connection)
        context = made.context(connection, live=None)
        names = {row.id: row.name for row in connection.execute(select(agents.c.id, agents.c.name))}
        found = connection.execute(select(epochs.c.id, epochs.c.agent_id, epochs.c.epoch))
        known = {row.id: (names[row.agent_id], row.epoch) for row in found}
        index = -1
        while leaves := leaves_from(connection, index + 1, most=PAGE):
            for leaf in leaves:
                index = leaf.idx
                if leaf.batch is not None:
                    _batch(made, context, leaf.batch, known)
                elif leaf.act_id is not None:
                    _act(connection, made, context, leaf.idx, leaf.act_id)
            made.flush(context, 0)
        return index + 1


def _batch(made: Projections, context: Context, row: StoredBatch, known: dict[int, tuple[str, str]]) -> None:
    agent, epoch = known[row.epoch_id]
    decoded = decode_records(row.lines, first=row.first, lane=row.lane)
    entry = BatchEntry(
        leaf_idx=row.leaf_idx,
        agent=agent,
        lane=row.lane,
        epoch=epoch,
        epoch_id=row.epoch_id,
        first=row.first,
        n=row.n,
        records=decoded.records,
        readings=decoded.readings,
        leaf_hash=lambda: stored_node(context.connection, 0, row.leaf_idx).hex(),
    )
    made.batch(context, entry)


def _act(connection: Connection, made: Projections, context: Context, index: int, ref_id: int) -> None:
    row = connection.execute(select(acts).where(acts.c.id == ref_id)).one()
    made.act(context, ActEntry(index, row.t_ms, row.kind, row.actor, msgspec.json.decode(row.body) if row.body else {}))
