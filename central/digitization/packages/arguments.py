"""What `muniment-central package` takes on its command line; apart, so that every other command starts without imaging libraries."""

from __future__ import annotations

import argparse
from pathlib import Path

from central.digitization.packages.projection import KINDS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `package` takes."""
    parser.add_argument("batch", metavar="BATCH", help="the id of an accepted batch")
    parser.add_argument("--kind", choices=KINDS, default="bagit")
    parser.add_argument("--to", type=Path, default=Path(), metavar="DIR", help="where its file goes (default: here)")
    words = "encrypt it for this age recipient; may be given several times"
    parser.add_argument("--recipient", action="append", default=[], metavar="age1…", help=words)
