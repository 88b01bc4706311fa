"""Writes the whole ledger as lines of JSON, for the verifier and for anybody's own."""

import base64
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Connection, select

from central.ledger.batches import LEAVES, leaves_from
from central.ledger.notes import origin_of
from central.ledger.packs import StoredBatch
from central.ledger.tables import acts, agent_keys, agents, checkpoints, epochs
from wire import chain
from wire.codec import dumps

PAGE = LEAVES  # a pack is unpacked once


def _write(file: TextIO, **line: Any) -> None:
    file.write(dumps(line) + "\n")


def export(connection: Connection, file: TextIO, *, site: str, public_key: bytes, digests_only: bool = False) -> int:
    """Write keys, leaves with their lines (or digests only, for a reader who may not see the records), and the last checkpoint
    right after the leaf at which it was signed; the number of leaves is returned."""
    _write(file, type="ledger", version=1, site=site, origin=origin_of(site), key=base64.b64encode(public_key).decode())
    names = {row.id: row.name for row in connection.execute(select(agents.c.id, agents.c.name))}
    for row in connection.execute(select(agent_keys).order_by(agent_keys.c.key_id)):
        _write(file, type="key", agent=names[row.agent_id], key=row.key_id, public_key=base64.b64encode(row.public_key).decode())
    epochs_by_id = {row.id: (names[row.agent_id], row.epoch) for row in connection.execute(select(epochs))}
    last = connection.execute(select(checkpoints).order_by(checkpoints.c.size.desc()).limit(1)).one_or_none()
    index = -1
    while leaves := leaves_from(connection, index + 1, most=PAGE):
        ids = [leaf.act_id for leaf in leaves if leaf.act_id is not None]
        found = {row.id: row for row in connection.execute(select(acts).where(acts.c.id.in_(ids)))}
        for leaf in leaves:
            index = leaf.idx
            if leaf.batch is not None:
                agent, epoch = epochs_by_id[leaf.batch.epoch_id]
                _write_batch(file, leaf.batch, agent=agent, epoch=epoch, digests_only=digests_only)
            elif leaf.act_id is not None:
                _write_act(file, index, found[leaf.act_id], digests_only=digests_only)
            if last is not None and index + 1 == last.size:
                _write(file, type="checkpoint", note=last.note)
    return index + 1


def _write_batch(file: TextIO, row: StoredBatch, *, agent: str, epoch: str, digests_only: bool) -> None:
    texts = [_digest(line) if digests_only else _text(line) for line in row.lines]
    _write(
        file,
        type="batch",
        index=row.leaf_idx,
        agent=agent,
        lane=row.lane,
        epoch=epoch,
        first=row.first,
        n=row.n,
        prev=row.prev.hex(),
        head=row.head.hex(),
        key=row.key,
        sig=row.sig,
        lines=texts,
    )


def _digest(line: bytes) -> str:
    return f"#{chain.hex_of(chain.line_digest(line))}"


def _text(line: bytes) -> str:
    """A line as text; one that is not UTF-8 can only be given as its digest."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return _digest(line)


def _write_act(file: TextIO, index: int, row: Any, *, digests_only: bool) -> None:
    line = {"index": index, "t_ms": row.t_ms, "kind": row.kind, "digest": row.digest}
    if row.body is not None and (row.kind == "gap" or not digests_only):  # a gap names no person, and the chain needs it
        line |= {"salt": row.salt.hex(), "body": row.body}
    _write(file, type="act", **line)


def export_file(connection: Connection, path: Path, *, site: str, public_key: bytes, digests_only: bool = False) -> int:
    """Export into a file, which appears under its name only when it is whole."""
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("w", encoding="utf-8") as file:
        count = export(connection, file, site=site, public_key=public_key, digests_only=digests_only)
    temporary.replace(path)
    return count
