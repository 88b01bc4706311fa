"""The Merkle tree against RFC 6962 written down naively, and signed notes against the format's own rules."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from central.keys import public_bytes
from central.ledger.notes import checkpoint_note, key_hash
from central.ledger.tree import Tree, consistency_proof, inclusion_proof, leaf_hash, node_hash


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH(D[n]) word for word from RFC 6962 2.1."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def grow(n: int) -> tuple[Tree, dict[tuple[int, int], bytes], list[bytes]]:
    leaves = [f"leaf {i}".encode() for i in range(n)]
    tree, nodes = Tree(), {}
    for leaf in leaves:
        nodes.update({(level, pos): hash_ for level, pos, hash_ in tree.append(leaf_hash(leaf))})
    return tree, nodes, leaves


def follow_inclusion(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root that a proof leads to (RFC 9162 2.1.3.2)."""
    fn, sn, r = index, size - 1, leaf_hash(leaf)
    for p in path:
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0
    return r


def follow_consistency(old: int, new: int, old_root: bytes, path: list[bytes]) -> tuple[bytes, bytes]:
    """The two roots that a proof leads to (RFC 9162 2.1.4.2)."""
    if old & (old - 1) == 0:
        path = [old_root, *path]
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        assert sn
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0
    return fr, sr


def test_the_root_is_rfc_6962s_at_every_size() -> None:
    for n in range(70):
        tree, nodes, leaves = grow(n)
        assert tree.root() == naive_root(leaves)
        again = Tree(n, lambda level, pos, nodes=nodes: nodes[level, pos])  # type: ignore[misc]
        assert again.root() == tree.root()


@given(st.data())
def test_proofs_lead_to_the_root(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, 130))
    old = data.draw(st.integers(1, new))
    index = data.draw(st.integers(0, new - 1))
    tree, nodes, leaves = grow(new)

    def node(level: int, pos: int) -> bytes:
        return nodes[level, pos]

    assert follow_inclusion(leaves[index], index, new, inclusion_proof(node, index, new)) == tree.root()
    path = consistency_proof(node, old, new)
    if old == new:
        assert path == []
    else:
        assert follow_consistency(old, new, naive_root(leaves[:old]), path) == (naive_root(leaves[:old]), tree.root())


def test_proofs_of_what_is_not_there_are_refused() -> None:
    with pytest.raises(ValueError, match="leaf 3 is not in a tree of 3"):
        inclusion_proof(lambda level, pos: b"", 3, 3)
    with pytest.raises(ValueError, match="from a tree of 4 to one of 3"):
        consistency_proof(lambda level, pos: b"", 4, 3)


def test_a_checkpoint_is_a_c2sp_signed_note() -> None:
    key = Ed25519PrivateKey.generate()
    note = checkpoint_note(key, site="demo", size=3, root=b"r" * 32)
    text, signatures = note.split("\n\n")
    assert text.split("\n") == ["muniment/demo", "3", base64.b64encode(b"r" * 32).decode()]
    dash, name, blob = signatures.rstrip("\n").split(" ")
    raw = base64.b64decode(blob)
    assert (dash, name) == ("\u2014", "muniment/demo")
    assert raw[:4] == key_hash("muniment/demo", public_bytes(key))
    key.public_key().verify(raw[4:], (text + "\n").encode())
