"""Reads the ledger's leaves and batches, packed or not, and packs what has been at rest: nothing of them is lost, or it stays as it was."""

import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection

from central.ledger.leaves import BatchFacts, batch_leaf
from central.ledger.packs import StoredBatch, decode, encode
from central.ledger.tree import leaf_hash, node_hash
from central.store.columns import PackError

LEVEL = 10
LEAVES = 1 << LEVEL  # of a pack: an aligned subtree
REST_MS = 3_600_000  # since the last of its batches came
HASH = 32
NOT_YET = 2**62  # the leaf of a batch whose transaction has not written it
_ROW = """SELECT {leaf}, b.epoch_id, b.lane, b.first, b.n, b.prev, b.head, b.key, b.sig, b.received_ms, b.flags, b.body
FROM ledger_batches b {join} JOIN ledger_leaves l ON l.type = 'batch' AND l.ref_id = b.id """
_OF_LEAVES = _ROW.format(leaf="l.idx", join="") + "WHERE l.idx >= ? AND l.idx <= ?"
_OF_LANE = _ROW.format(leaf=f"coalesce(l.idx, {NOT_YET})", join="LEFT")
_OF_LANE += "WHERE b.epoch_id = ? AND b.lane = ? AND b.first <= ? AND b.first + b.n > ? ORDER BY b.first"
_NAMES = "SELECT e.id, a.name, e.epoch FROM epochs e JOIN agents a ON a.id = e.agent_id"


class Leaf(NamedTuple):
    """A leaf: of a batch, or of the act with this id."""

    idx: int
    batch: StoredBatch | None
    act_id: int | None


def _batch(row: Any) -> StoredBatch:
    leaf_idx, epoch_id, lane, first, n, prev, head, key, sig, received_ms, flags, body = row
    return StoredBatch(leaf_idx, epoch_id, lane, first, n, prev, head, key, sig, received_ms, flags, zlib.decompress(body))


def tree_size(connection: Connection) -> int:
    """How many leaves the tree has."""
    last = connection.exec_driver_sql("SELECT max(idx) FROM ledger_leaves").scalar()
    return 0 if last is None else int(last) + 1


def _pack(connection: Connection, number: int) -> list[StoredBatch] | None:
    body = connection.exec_driver_sql("SELECT body FROM ledger_packs WHERE id = ?", (number,)).scalar()
    return None if body is None else decode(body, first_leaf=number * LEAVES)


def leaves_from(connection: Connection, first: int, *, most: int) -> list[Leaf]:
    """Leaves from this index on, in order: at most `most`, never beyond the end of a pack, and none only at the end of the tree."""
    packed = _pack(connection, first // LEAVES)
    if packed is None:
        rows = connection.exec_driver_sql(
            "SELECT idx, type, ref_id FROM ledger_leaves WHERE idx >= ? AND idx < ? ORDER BY idx", (first, first + most)
        ).all()
        if not rows:
            return []
        found = connection.exec_driver_sql(_OF_LEAVES, (rows[0][0], rows[-1][0]))
        batches = {row[0]: _batch(row) for row in found}
        return [Leaf(idx, batches[idx] if kind == "batch" else None, None if kind == "batch" else ref_id) for idx, kind, ref_id in rows]
    end = min(first + most, (first // LEAVES + 1) * LEAVES)
    made = {one.leaf_idx: Leaf(one.leaf_idx, one, None) for one in packed if first <= one.leaf_idx < end}
    for idx, ident in connection.exec_driver_sql("SELECT leaf_idx, id FROM acts WHERE leaf_idx >= ? AND leaf_idx < ?", (first, end)):
        made[idx] = Leaf(idx, None, ident)
    return [made[idx] for idx in sorted(made)]


def batches_within(
    connection: Connection, epoch_id: int, lane: str, *, first: int, last: int, kept: dict[int, list[StoredBatch]] | None = None
) -> Iterator[StoredBatch]:
    """The batches of a lane that hold any of these sequences, in order; `kept` has the pack last read, for who asks again and again."""
    runs = "SELECT DISTINCT pack_id FROM ledger_pack_runs WHERE epoch_id = ? AND lane = ? AND first <= ? AND last >= ? ORDER BY first"
    for (number,) in connection.exec_driver_sql(runs, (epoch_id, lane, last, first)).all():
        packed = kept.get(number) if kept else None
        if packed is None:
            packed = _pack(connection, number) or []
            if kept is not None:
                kept.clear()
                kept[number] = packed
        for one in packed:
            if one.epoch_id == epoch_id and one.lane == lane and one.first <= last and one.first + one.n > first:
                yield one
    for row in connection.exec_driver_sql(_OF_LANE, (epoch_id, lane, last, first)).all():
        yield _batch(row)


def stored_node(connection: Connection, level: int, pos: int) -> bytes:
    """The hash of a complete subtree; LookupError if the tree has not come so far."""
    found = connection.exec_driver_sql("SELECT hash FROM ledger_nodes WHERE level = ? AND pos = ?", (level, pos)).scalar()
    if found is not None:
        return bytes(found)
    if 0 <= level < LEVEL:
        hashes = connection.exec_driver_sql("SELECT hashes FROM ledger_packs WHERE id = ?", (pos << level >> LEVEL,)).scalar()
        if hashes is not None:
            start = ((pos << level) % LEAVES) * HASH
            return root_of(bytes(hashes[start : start + (HASH << level)]))
    raise LookupError(f"the tree has no node {level}/{pos}")


def root_of(hashes: bytes) -> bytes:
    """The root over leaf hashes, a power of two of them."""
    row = [hashes[at : at + HASH] for at in range(0, len(hashes), HASH)]
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


def next_pack(connection: Connection, *, now_ms: int) -> int | None:
    """The first subtree that is whole, is not the newest, is not packed yet and has been at rest; None if there is none."""
    last = connection.exec_driver_sql("SELECT max(id) FROM ledger_packs").scalar()
    number = 0 if last is None else int(last) + 1
    if (number + 1) * LEAVES >= tree_size(connection):
        return None
    span = (number * LEAVES, (number + 1) * LEAVES)
    newest = "SELECT max(b.received_ms) FROM ledger_leaves l JOIN ledger_batches b ON b.id = l.ref_id "
    came = connection.exec_driver_sql(newest + "WHERE l.type = 'batch' AND l.idx >= ? AND l.idx < ?", span).scalar()
    return number if (came or 0) <= now_ms - REST_MS else None


def pack(connection: Connection, number: int, *, site: str) -> None:
    """Put a subtree's batches into one body, in place of their rows, leaves and nodes; PackError, and nothing is changed, if what can be
    read from that body is not to the last byte what stands there, or does not hash to the tree's own hashes."""
    low, high = number * LEAVES, (number + 1) * LEAVES
    batches = [one.batch for one in leaves_from(connection, low, most=LEAVES) if one.batch is not None]
    nodes = "SELECT hash FROM ledger_nodes WHERE level = 0 AND pos >= ? AND pos < ? ORDER BY pos"
    hashes = b"".join(bytes(row[0]) for row in connection.exec_driver_sql(nodes, (low, high)))
    try:
        body = encode(batches, first_leaf=low)
    except ValueError as error:
        raise PackError(str(error)) from error
    again = decode(body, first_leaf=low)
    names = {row[0]: (row[1], row[2]) for row in connection.exec_driver_sql(_NAMES)}
    if again != batches or len(hashes) != LEAVES * HASH or root_of(hashes) != stored_node(connection, LEVEL, number):
        raise PackError(f"pack {number} does not give back what was put into it")
    for one in again:
        agent, epoch = names[one.epoch_id]
        facts = BatchFacts(site, agent, one.lane, epoch, one.first, one.n, one.prev.hex(), one.head.hex(), one.key, one.sig)
        start = (one.leaf_idx - low) * HASH
        if leaf_hash(batch_leaf(facts)) != hashes[start : start + HASH]:
            raise PackError(f"the batch at leaf {one.leaf_idx} does not hash to its leaf")
    row = (number, len(again), hashes, body)
    connection.exec_driver_sql("INSERT INTO ledger_packs (id, batches, hashes, body) VALUES (?, ?, ?, ?)", row)
    runs: list[list[Any]] = []
    open_runs: dict[tuple[int, str], list[Any]] = {}
    for one in again:
        run = open_runs.get((one.epoch_id, one.lane))
        if run is None or run[3] + 1 != one.first:
            run = open_runs[one.epoch_id, one.lane] = [one.epoch_id, one.lane, one.first, 0, number]
            runs.append(run)
        run[3] = one.first + one.n - 1
    if runs:
        insert = "INSERT INTO ledger_pack_runs (epoch_id, lane, first, last, pack_id) VALUES (?, ?, ?, ?, ?)"
        connection.exec_driver_sql(insert, [tuple(run) for run in runs])
    gone = "DELETE FROM ledger_batches WHERE id IN (SELECT ref_id FROM ledger_leaves WHERE type = 'batch' AND idx >= ? AND idx < ?)"
    connection.exec_driver_sql(gone, (low, high))
    connection.exec_driver_sql("DELETE FROM ledger_leaves WHERE idx >= ? AND idx < ?", (low, high))
    for level in range(LEVEL):
        span = (level, low >> level, high >> level)
        connection.exec_driver_sql("DELETE FROM ledger_nodes WHERE level = ? AND pos >= ? AND pos < ?", span)
