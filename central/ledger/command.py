"""`muniment-central export-ledger` and `pack`: the ledger for others to check, and packed at once."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from central.commandline import DONE, open_database
from central.config import CentralConfig
from central.keys import load_or_make_key, public_bytes
from central.store.engine import reading, writing


def add_export_arguments(parser: argparse.ArgumentParser) -> None:
    """What `export-ledger` takes."""
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--digests", action="store_true", help="digests in place of records and acts, for readers who may not see them")


def add_pack_arguments(parser: argparse.ArgumentParser) -> None:
    """What `pack` takes."""
    parser.add_argument("--now", action="store_true", help="what came within the last hour too")
    parser.add_argument("--vacuum", action="store_true", help="give the freed space back to the file system; needs as much again meanwhile")


def export(config: CentralConfig, args: argparse.Namespace) -> int:
    """Write the ledger as lines of JSON."""
    from central.ledger.export import export_file

    key = public_bytes(load_or_make_key(config.key_file))
    with reading(open_database(config)) as connection:
        count = export_file(connection, args.file, site=config.site, public_key=key, digests_only=args.digests)
    print(f"{count} entries written to {args.file}; check them with `muniment-verify {args.file}`")
    return DONE


def pack(config: CentralConfig, args: argparse.Namespace) -> int:
    """Pack all that is at rest."""
    from central.ledger.batches import next_pack
    from central.ledger.batches import pack as pack_one

    engine, made = open_database(config), 0
    rest_ms = 0 if args.now else time.time_ns() // 1_000_000
    while True:
        with writing(engine) as connection:
            number = next_pack(connection, now_ms=rest_ms or 2**62)
            if number is None:
                break
            pack_one(connection, number, site=config.site)
            made += 1
    if args.vacuum:
        with engine.connect() as connection:
            connection.connection.driver_connection.execute("VACUUM")  # type: ignore[union-attr]
    print(f"{made} packs of the ledger were made")
    return DONE
