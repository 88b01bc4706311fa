"""The Merkle tree of RFC 6962 section 2.1, grown leaf by leaf: appending and the root cost O(log n), proofs read stored nodes."""

import hashlib
from collections.abc import Callable

Nodes = Callable[[int, int], bytes]  # (level, pos) -> hash of a complete subtree of 2**level leaves


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256(0x00 || leaf)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """The right edge of the tree: one hash for each set bit of its size."""

    def __init__(self, size: int = 0, node: Nodes | None = None) -> None:
        """An edge of `size` leaves, read from stored nodes."""
        self.size = size
        self._edge: dict[int, bytes] = {}
        for level in range(size.bit_length()):
            if size >> level & 1 and node is not None:
                self._edge[level] = node(level, (size >> level) - 1)

    def append(self, hash_: bytes) -> list[tuple[int, int, bytes]]:
        """Append a leaf hash; the nodes (level, pos, hash) that are now complete, to be stored."""
        made = [(0, self.size, hash_)]
        level, pos = 0, self.size
        while pos & 1:
            hash_ = node_hash(self._edge.pop(level), hash_)
            level, pos = level + 1, pos >> 1
            made.append((level, pos, hash_))
        self._edge[level] = hash_
        self.size += 1
        return made

    def root(self) -> bytes:
        """The tree's hash; of the empty tree SHA-256 of nothing."""
        if not self.size:
            return hashlib.sha256(b"").digest()
        levels = sorted(self._edge)
        root = self._edge[levels[0]]
        for level in levels[1:]:
            root = node_hash(self._edge[level], root)
        return root


def _split(n: int) -> int:
    """The largest power of two below n (n > 1)."""
    return 1 << (n - 1).bit_length() - 1


def subtree(node: Nodes, low: int, high: int) -> bytes:
    """The hash of leaves low..high-1, where low is a multiple of the power of two at or above their number."""
    n = high - low
    if n & (n - 1) == 0:
        level = n.bit_length() - 1
        return node(level, low >> level)
    k = _split(n)
    return node_hash(subtree(node, low, low + k), subtree(node, low + k, high))


def inclusion_proof(node: Nodes, index: int, size: int) -> list[bytes]:
    """PATH(index, D[size]) of RFC 6962 2.1.1, lowest first; ValueError if the leaf is not in a tree of that size."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        k = _split(high - low)
        if index < low + k:
            path.append(subtree(node, low + k, high))
            high = low + k
        else:
            path.append(subtree(node, low, low + k))
            low += k
    return path[::-1]


def consistency_proof(node: Nodes, old: int, new: int) -> list[bytes]:
    """PROOF(old, D[new]) of RFC 6962 2.1.2; ValueError unless 0 < old <= new."""
    if not 0 < old <= new:
        raise ValueError(f"no proof leads from a tree of {old} to one of {new}")
    path: list[bytes] = []
    low, high, whole = 0, new, True
    while old != high:
        k = _split(high - low)
        if old <= low + k:
            path.append(subtree(node, low + k, high))
            high = low + k
        else:
            path.append(subtree(node, low, low + k))
            low, whole = low + k, False
    if not whole:
        path.append(subtree(node, low, high))
    return path[::-1]
