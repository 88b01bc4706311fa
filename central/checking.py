"""`check`: whether configuration, store, ledger and objects fit together."""

from collections.abc import Iterator

from sqlalchemy import Connection, Engine, select

from central.config import CentralConfig
from central.digitization.tables import objects
from central.ledger.batches import LEVEL, root_of, stored_node, tree_size
from central.ledger.tables import checkpoints, ledger_packs
from central.ledger.tree import subtree
from central.store.engine import reading
from central.store.migrate import is_current


def problems(config: CentralConfig, engine: Engine) -> Iterator[str]:
    """Everything that does not fit, in words; nothing when all is well."""
    if not is_current(engine):
        yield f"{config.database}: the schema is not this version's: run `muniment-central migrate`"
        return
    with reading(engine) as connection:
        yield from _ledger(connection)
        for row in connection.execute(select(objects).where(objects.c.state == "stored")):
            path = config.objects / row.path
            if not path.is_file():
                yield f"object {row.sha256}: {path} is missing"
            elif path.stat().st_size != row.bytes:
                yield f"object {row.sha256}: {path} has {path.stat().st_size} bytes, not {row.bytes}"


def _ledger(connection: Connection) -> Iterator[str]:
    last = connection.execute(select(checkpoints).order_by(checkpoints.c.size.desc()).limit(1)).one_or_none()
    size = tree_size(connection)
    if last is None:
        if size:
            yield f"the ledger has {size} entries and no checkpoint yet"
        return
    if last.size > size:
        yield f"the ledger has {size} entries, its last checkpoint is of {last.size}"
        return
    try:
        root = subtree(lambda level, pos: stored_node(connection, level, pos), 0, last.size)
    except LookupError as error:
        yield f"the ledger's tree is damaged: {error}"
        return
    if root.hex() != last.root:
        yield f"the ledger's tree of {last.size} entries has another root than its signed checkpoint"
    for number, hashes in connection.execute(select(ledger_packs.c.id, ledger_packs.c.hashes)):
        if root_of(bytes(hashes)) != stored_node(connection, LEVEL, number):
            yield f"pack {number} of the ledger has other leaves than its tree"
