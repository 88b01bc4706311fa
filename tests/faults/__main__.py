"""``make faults``: rounds of random faults on a running site; exit 1 if a record was lost, doubled or came out of order."""

import argparse
import secrets
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.books import Books
from tests.faults.campaign import Campaign

SHOWN = 10


def report(campaign: Campaign, books: Books, *, rounds: int, minutes: float) -> str:
    """The campaign's result as text."""
    lines = [f"rounds          {rounds} in {minutes:.1f} min", "faults by kind"]
    lines += [f"  {kind:<20} {count}" for kind, count in sorted(campaign.faults.items())]
    lines.append(f"records made    {books.made}")
    for name, found in (("lost", books.lost), ("duplicated", books.duplicated), ("out of order", books.disordered)):
        lines.append(f"{name:<15} {len(found)}")
        lines += [f"  {words}" for words in found[:SHOWN]]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Command line: python -m tests.faults [--rounds N] [--seed N] [--data DIR]."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="repeat the faults of an earlier campaign")
    parser.add_argument("--data", type=Path, help="an empty folder that stays; without it a temporary one, which is removed")
    args = parser.parse_args(argv)
    print(f"seed {args.seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="muniment-faults-") as temporary:
        folder = args.data.absolute() if args.data else Path(temporary)
        with Campaign(folder, seed=args.seed, say=lambda text: print(text, flush=True)) as campaign:
            for number in range(1, args.rounds + 1):
                campaign.round(number)
            books = campaign.finish()
    print(report(campaign, books, rounds=args.rounds, minutes=(time.monotonic() - began) / 60))
    return 0 if books.clean else 1


if __name__ == "__main__":
    sys.exit(main())
