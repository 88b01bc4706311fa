"""`muniment-central sheets`: separator sheets and camera cards as a PDF. Apart from the drawing, so that others start fast."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from central.config import CentralConfig
from central.store.engine import open_engine, reading
from central.store.migrate import is_current
from central.times import now_ms

if TYPE_CHECKING:
    from central.digitization.process.sheets import VolumeSheet

DONE, FAILED, WRONG = 0, 1, 2
CARDS = ("left", "right", "overhead")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `sheets` takes."""
    words = "a volume's number, and how many pages it is declared to have; may be given several times; left out, both are as registered"
    parser.add_argument("--volume", action="append", default=[], metavar="NUMBER[:PAGES]", help=words)
    parser.add_argument("--closing", action="store_true", help="a sheet that closes the batch, too")
    words = f"a card for a camera's place ({', '.join(CARDS)}), bound to one camera if its serial number is given"
    parser.add_argument("--card", action="append", default=[], metavar="SIDE[:SERIAL]", help=words)
    parser.add_argument("--to", type=Path, default=Path("sheets.pdf"), metavar="FILE.pdf", help="the file to write (default: sheets.pdf)")


def run(config: CentralConfig, args: argparse.Namespace) -> int:
    """Write it: 0 done, 1 failed, 2 wrong input."""
    from central.digitization.process.sheets import BadSheet, sheets_pdf
    from central.environment.reports.fonts import NoFont, fonts
    from central.environment.reports.making import FONTS

    cards = [(side, serial or None) for side, _, serial in (one.partition(":") for one in args.card)]
    try:
        volumes = [_volume(config, one) for one in args.volume]
        made = sheets_pdf(volumes, fonts=fonts(Path(config.data) / FONTS), closing=args.closing, cards=cards)
    except BadSheet as error:
        print(error, file=sys.stderr)
        return WRONG
    except NoFont as error:
        print(error, file=sys.stderr)
        return FAILED
    args.to.write_bytes(made)
    print(f"{args.to}: {len(volumes)} volumes, {int(args.closing) + len(cards)} other sheets")
    return DONE


def _volume(config: CentralConfig, given: str) -> VolumeSheet:
    from central.digitization.process.queries import volume_named
    from central.digitization.process.sheets import VolumeSheet

    number, colon, pages = given.rpartition(":")
    if not colon or not pages.isdecimal():
        number, pages = given, ""
    known = None
    if config.database.exists() and is_current(engine := open_engine(config.database)):
        with reading(engine) as connection:
            known = volume_named(connection, number, now_ms=now_ms())
    declared = int(pages) if pages else known.declared if known else None
    return VolumeSheet(number, declared, known.title if known else None)
