"""The sequencer: the one place that appends leaves to the tree, and signs what the tree is."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.sqlite import insert

from central.ledger.batches import stored_node, tree_size
from central.ledger.leaves import BatchFacts, act_leaf, batch_leaf
from central.ledger.notes import checkpoint_note
from central.ledger.tables import checkpoints
from central.ledger.tree import Tree, leaf_hash

_LEAF = "INSERT INTO ledger_leaves (idx, type, ref_id) VALUES (?, ?, ?)"
_NODE = "INSERT INTO ledger_nodes (level, pos, hash) VALUES (?, ?, ?)"


class Sequencer:
    """Appends leaves inside the caller's write transaction; `load` again after one was rolled back."""

    def __init__(self, *, site: str, key: Ed25519PrivateKey) -> None:
        """The site names the log; the key signs its checkpoints."""
        self._site = site
        self._key = key
        self._tree = Tree()
        self._leaves: list[tuple[int, str, int]] = []
        self._nodes: list[tuple[int, int, bytes]] = []
        self.signed = 0  # the size of the last checkpoint

    @property
    def size(self) -> int:
        """Leaves so far, those not yet flushed included."""
        return self._tree.size

    def load(self, connection: Connection) -> None:
        """Take up the tree as the database has it."""
        self._leaves, self._nodes = [], []
        self._tree = Tree(tree_size(connection), lambda level, pos: stored_node(connection, level, pos))
        self.signed = int(connection.scalar(select(func.max(checkpoints.c.size))) or 0)

    def batch(self, facts: BatchFacts, ref_id: int) -> int:
        """Append a batch's leaf; its index."""
        return self._append(batch_leaf(facts), "batch", ref_id)

    def act(self, *, t_ms: int, kind: str, digest: str, ref_id: int) -> int:
        """Append an act's leaf; its index."""
        return self._append(act_leaf(t_ms, kind, digest), "act", ref_id)

    def _append(self, leaf: bytes, type_: str, ref_id: int) -> int:
        index = self._tree.size
        self._nodes.extend(self._tree.append(leaf_hash(leaf)))
        self._leaves.append((index, type_, ref_id))
        return index

    def flush(self, connection: Connection) -> None:
        """Write what was appended."""
        if self._leaves:
            connection.exec_driver_sql(_LEAF, self._leaves)
            connection.exec_driver_sql(_NODE, self._nodes)
            self._leaves, self._nodes = [], []

    def checkpoint(self, connection: Connection, t_ms: int) -> None:
        """Sign the tree as it is now, unless that was done."""
        if self._tree.size == self.signed:
            return
        root = self._tree.root()
        note = checkpoint_note(self._key, site=self._site, size=self._tree.size, root=root)
        row = {"size": self._tree.size, "root": root.hex(), "t_ms": t_ms, "note": note}
        connection.execute(insert(checkpoints).values(row).on_conflict_do_nothing())
        self.signed = self._tree.size
