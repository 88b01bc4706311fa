"""The exact bytes of a leaf, as the contract writes them."""

from typing import NamedTuple


class BatchFacts(NamedTuple):
    """What a batch's leaf binds; prev and head as hex."""

    site: str
    agent: str
    lane: str
    epoch: str
    first: int
    n: int
    prev: str
    head: str
    key: str
    sig: str


def batch_leaf(facts: BatchFacts) -> bytes:
    """The leaf of a batch."""
    return ("muniment-leaf/1\nbatch\n" + "\n".join(map(str, facts)) + "\n").encode()


def act_leaf(t_ms: int, kind: str, digest: str) -> bytes:
    """The leaf of an act; digest = hex SHA-256(salt || body)."""
    return f"muniment-leaf/1\nact\n{t_ms}\n{kind}\n{digest}\n".encode()
