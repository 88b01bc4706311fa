"""`muniment-central volumes import`: registers the volumes of a CSV file, all of them or none."""

from __future__ import annotations

import argparse
import sys
import uuid
from pathlib import Path

from central.config import CentralConfig
from central.digitization.process import queries, registering
from central.ledger import acts
from central.store.engine import open_engine, reading, writing
from central.store.migrate import is_current

DONE, FAILED, WRONG = 0, 1, 2
ACTOR = "operator of the centre"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `volumes import` takes."""
    words = "columns number, declared, title, kind, unit, consignment, in any order under a head in English or Chinese; UTF-8 or GB 18030"
    parser.add_argument("file", type=Path, metavar="FILE.csv", help=words)
    parser.add_argument("--unit", help="who hands over, where the file has no such column")
    parser.add_argument("--consignment", help="what is handed over at once, where the file has no such column")
    parser.add_argument("--dry", action="store_true", help="say what is wrong, register nothing")


def run(config: CentralConfig, args: argparse.Namespace) -> int:
    """Register them: 0 done, 1 failed, 2 mistakes, each with its line."""
    if args.file.stat().st_size > registering.BYTES_MAX:
        print(f"{args.file}: more than {registering.BYTES_MAX // 1024 // 1024} MiB", file=sys.stderr)
        return WRONG
    text = registering.decoded(args.file.read_bytes())
    if text is None:
        print(f"{args.file}: no text in UTF-8 or GB 18030", file=sys.stderr)
        return WRONG
    read = registering.read(text, unit=args.unit, consignment=args.consignment)
    engine = open_engine(config.database)
    if not is_current(engine):
        print(f"{config.database}: run `muniment-central migrate` first", file=sys.stderr)
        return FAILED
    with reading(engine) as connection:
        registering.refuse_taken(read, queries.taken_numbers(connection, [row["number"] for row in read.rows]))
    for one in read.mistakes:
        print(f"{args.file}:{one.line}: {one.words}", file=sys.stderr)
    if read.more:
        print("and more mistakes", file=sys.stderr)
    if read.mistakes:
        return WRONG
    if args.dry:
        print(f"{len(read.rows)} volumes, nothing is wrong; nothing was registered")
        return DONE
    with writing(engine) as connection:
        for row in read.rows:
            acts.record(connection, kind="volume.register", actor=ACTOR, body={"volume": str(uuid.uuid4()), **row})
    print(f"{len(read.rows)} volumes recorded; ingest registers them")
    return DONE
