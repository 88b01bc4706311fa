"""The part of the ledger that speaks of a batch, with proofs of inclusion, so that an outsider can check a package without the rest.

The form is that of the ledger's export (docs/protocol.md), with `proof` on each entry: `muniment-verify` reads both. Records of other
batches stand there as digests only.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from central.digitization.packages.contents import Contents
from central.ledger import queries as ledger
from central.ledger.batches import leaves_from
from central.ledger.notes import origin_of
from central.ledger.tables import acts, agent_keys, agents, epochs
from wire import chain
from wire.codec import dumps


def extract(connection: Connection, contents: Contents, *, public_key: bytes) -> Iterator[str]:
    """Lines of JSON: ledger, keys, checkpoint, and each entry that holds a page of the batch or the decision about it.

    Nothing but the first line if there is no checkpoint yet that covers them.
    """
    site, note = contents.site, contents.checkpoint
    yield dumps(
        {
            "type": "ledger",
            "version": 1,
            "site": site,
            "origin": origin_of(site),
            "key": base64.b64encode(public_key).decode(),
            "extract": True,
        }
    )
    if note is None:
        return
    names = {row.id: row.name for row in connection.execute(select(agents.c.id, agents.c.name))}
    own = {contents.batch.agent, *(leaf.page.agent for leaf in contents.leaves)}
    for row in connection.execute(select(agent_keys).order_by(agent_keys.c.key_id)):
        if names[row.agent_id] in own:
            key = base64.b64encode(row.public_key).decode()
            yield dumps({"type": "key", "agent": names[row.agent_id], "key": row.key_id, "public_key": key})
    yield dumps({"type": "checkpoint", "note": note.note})
    by_epoch = {row.id: (names[row.agent_id], row.epoch) for row in connection.execute(select(epochs))}
    for index in sorted(_indexes(connection, contents)):
        if index >= note.size:
            continue  # younger than the checkpoint: the next package has it
        leaf = leaves_from(connection, index, most=1)[0]
        proof = ledger.proof(connection, index, note.size).proof
        if leaf.batch is not None:
            agent, epoch = by_epoch[leaf.batch.epoch_id]
            one = leaf.batch
            lines = [_shown(line, contents.batch.id) for line in one.lines]
            entry = {"index": index, "agent": agent, "lane": one.lane, "epoch": epoch, "first": one.first, "n": one.n}
            entry |= {"prev": one.prev.hex(), "head": one.head.hex(), "key": one.key, "sig": one.sig, "lines": lines}
            yield dumps({"type": "batch", **entry, "proof": proof})
        else:
            act = connection.execute(select(acts).where(acts.c.id == leaf.act_id)).one()
            entry = {"index": index, "t_ms": act.t_ms, "kind": act.kind, "digest": act.digest}
            if act.body is not None:
                entry |= {"salt": act.salt.hex(), "body": act.body}
            yield dumps({"type": "act", **entry, "proof": proof})


def _indexes(connection: Connection, contents: Contents) -> set[int]:
    """Ledger entries that brought the pages, and the decision."""
    found = {leaf.page.leaf_idx for leaf in contents.leaves}
    found |= {old.leaf_idx for leaf in contents.leaves for old in leaf.earlier}
    decided = select(acts.c.leaf_idx, acts.c.body).where(
        acts.c.kind == "batch.accept", acts.c.leaf_idx.is_not(None), acts.c.body.is_not(None)
    )
    named = decided.where(acts.c.body.contains(contents.batch.id, autoescape=True))
    found |= {row.leaf_idx for row in connection.execute(named) if json.loads(row.body).get("batch") == contents.batch.id}
    return found


def _shown(line: bytes, batch: str) -> str:
    """The record itself if it is one of this batch, else its digest."""
    try:
        text = line.decode()
        record: Any = json.loads(text)
    except (ValueError, RecursionError):
        return f"#{chain.hex_of(chain.line_digest(line))}"
    mine = isinstance(record, dict) and record.get("batch") == batch
    return text if mine else f"#{chain.hex_of(chain.line_digest(line))}"
