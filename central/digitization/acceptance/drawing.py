"""Draws the sample of a batch from what nobody chooses: the hash of the ledger's leaf that closed it, and the ids of its pages.

Standard library only, so that a stranger can run this file alone over what `GET /api/v1/acceptance/batches/{id}/drawing` answers:

    python drawing.py drawing.json

prints whether the sample there is the one that must come out, and exits 1 if it is not. The rule is in docs/acceptance.md.
"""

import hashlib
import heapq
import json
import sys
from collections.abc import Sequence
from pathlib import Path


def score(leaf_hash: str, page: str) -> str:
    """A page's place in the lot: hex SHA-256 of the leaf's hash and the page's id; the lowest are drawn."""
    return hashlib.sha256(f"muniment-sample/1\n{leaf_hash}\n{page}\n".encode()).hexdigest()


def shares(strata: dict[str, int], n: int) -> dict[str, int]:
    """How many of n are drawn from each stratum: at least one, the rest in proportion by largest remainder, ties by name.

    Where there are more strata than n, one from each; never more than a stratum has.
    """
    total = sum(strata.values())
    n = min(max(n, len(strata)), total) if n > 0 else 0
    if n == 0:
        return dict.fromkeys(strata, 0)
    exact = {name: n * size / total for name, size in strata.items()}
    made = {name: min(max(1, n * size // total), size) for name, size in strata.items()}
    rank = {name: place for place, name in enumerate(sorted(strata))}
    left, short = n - sum(made.values()), []
    if left > 0:
        short = [(made[name] - exact[name], rank[name], name) for name in strata if made[name] < strata[name]]
    elif left < 0:  # because of the ones that had to have at least one
        short = [(exact[name] - made[name], -rank[name], name) for name in strata if made[name] > 1]
    step = 1 if left > 0 else -1
    heapq.heapify(short)
    for _ in range(abs(left)):
        _, place, name = heapq.heappop(short)
        made[name] += step
        if made[name] < strata[name] if step > 0 else made[name] > 1:
            heapq.heappush(short, (step * (made[name] - exact[name]), place, name))
    return made


def draw(leaf_hash: str, pages: Sequence[tuple[str, str]], n: int) -> list[str]:
    """The sample: ids of about n of the pages (id, stratum), every stratum among them, in the order of `pages`."""
    sizes: dict[str, int] = {}
    for _, stratum in pages:
        sizes[stratum] = sizes.get(stratum, 0) + 1
    wanted = shares(sizes, n)
    drawn: set[str] = set()
    for name, count in wanted.items():
        own = sorted((page for page, stratum in pages if stratum == name), key=lambda page: (score(leaf_hash, page), page))
        drawn.update(own[:count])
    return [page for page, _ in pages if page in drawn]


def main(argv: Sequence[str]) -> int:
    """Draw again what a drawing's document says was drawn; 0 if it is the same, 1 if not, 2 if it cannot be read."""
    try:
        told = json.loads(Path(argv[0]).read_text(encoding="utf-8"))
        pages = [(str(page["id"]), str(page["stratum"])) for page in told["pages"]]
        again, said = draw(str(told["leaf_hash"]), pages, int(told["n"])), [str(page) for page in told["sample"]]
    except (IndexError, OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"usage: python drawing.py drawing.json; {type(error).__name__}: {error}\n")
        return 2
    same = again == said
    sys.stdout.write(f"{len(said)} of {len(pages)} pages: {'as they must be drawn' if same else 'NOT as they must be drawn'}\n")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
