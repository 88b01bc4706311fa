"""`muniment-central report`: one report into a file, or all that the schedules ask for."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

from central.config import CentralConfig
from central.environment.queries import room_ids
from central.environment.reports import making, queries
from central.environment.reports.fonts import NoFont
from central.environment.reports.projection import MONTH
from central.ledger import acts
from central.objects import ObjectStore
from central.store.engine import reading
from central.times import now_ms

log = logging.getLogger(__name__)
DONE, FAILED, WRONG = 0, 1, 2
SYSTEM = "system"
MB = 1024 * 1024


def run(engine: Engine, config: CentralConfig, args: argparse.Namespace) -> int:
    """Do it: 0 done, 1 failed, 2 wrong input."""
    try:
        return _due(engine, config) if args.due else _one(engine, config, args)
    except NoFont as error:
        print(error, file=sys.stderr)
        return FAILED


def _one(engine: Engine, config: CentralConfig, args: argparse.Namespace) -> int:
    if not args.room or not args.month or not MONTH.fullmatch(args.month):
        print("name a room and a month, such as: report room-101 2026-11 --lang zh; or ask for --due", file=sys.stderr)
        return WRONG
    with reading(engine) as connection:
        known = room_ids(connection)
    if args.room not in known:
        print(f"there is no room {args.room!r}; there are {', '.join(known) or 'none'}", file=sys.stderr)
        return WRONG
    try:
        made = making.make(engine, config, room=args.room, month=args.month, lang=args.lang, by="operator of the centre", now_ms=now_ms())
    except ValueError as error:
        print(error, file=sys.stderr)
        return WRONG
    out = args.out or Path(f"{args.room}-{args.month}-{args.lang}.pdf")
    out.write_bytes(made.pdf)
    print(f"{out}: {len(made.pdf)} bytes" + ("" if made.whole else "; preliminary, the month is not over"))
    return DONE


def _directly(work: Callable[[], None]) -> None:
    work()


def _due(engine: Engine, config: CentralConfig) -> int:
    """A report that fails keeps none of the others back; it is due again the next time."""
    objects = ObjectStore(config.objects, engine, upload_bytes=config.limits.upload_mb * MB, blocking=_directly)
    now = now_ms()
    with reading(engine) as connection:
        due = queries.due(connection, now_ms=now, zone=config.zone)
    failed = 0
    for one in due:
        try:
            made = making.make(engine, config, room=one.room, month=one.month, lang=one.lang, by=SYSTEM, now_ms=now)
        except ValueError as error:
            log.error("the report of %s for %s (%s) was not made: %s", one.room, one.month, one.lang, error)
            failed += 1
            continue
        ident, act = making.file(engine, objects, made, room=one.room, month=one.month, lang=one.lang, by=SYSTEM)
        acts.wait_projected(engine, act)
        print(f"{one.room} {one.month} {one.lang}: filed as {ident}")
    return FAILED if failed else DONE
