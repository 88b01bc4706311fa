"""``make presses``: PRESSES presses with random faults; prints what was done and whether the books balance; exit 1 if they do not."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.presses.campaign import Campaign

SHOWN = 40


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.presses", description=__doc__)
    parser.add_argument("--presses", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(argv)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="presses-") as folder, Campaign(Path(folder), seed=args.seed) as campaign:
        campaign.run(args.presses)
        pressed_s, memory_mb = time.monotonic() - begun, campaign.memory_mb()
        outcomes, pages, wrong = campaign.balance()
    print(f"{campaign.sent} presses in {pressed_s:.0f} s, seed {args.seed}; {campaign.unsure} at a kill were nobody's")
    print("faults: " + ", ".join(f"{fault} {count}" for fault, count in sorted(campaign.faults.items())))
    print("at the screen: " + ", ".join(f"{what} {count}" for what, count in sorted(campaign.hands.items())))
    print("outcomes: " + ", ".join(f"{outcome} {count}" for outcome, count in sorted(outcomes.items())) + f"; sum {sum(outcomes.values())}")
    print(f"pages: {pages}, each named by one press; the bench's memory at the end {memory_mb:.0f} MB")
    print(f"wrong: {len(wrong)}")
    for words in wrong[:SHOWN]:
        print(f"  {words}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
