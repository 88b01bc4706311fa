"""`muniment-central package` and `packages`: make one package now, or make what people ask for until stopped."""

from __future__ import annotations

import argparse
import sys
import threading

from sqlalchemy import Engine

from central.config import CentralConfig
from central.digitization.packages.contents import PackageRefused
from central.digitization.packages.making import Maker
from central.digitization.packages.queries import SUFFIXES
from central.digitization.packages.sealing import check_recipients
from central.digitization.packages.worker import Worker
from central.ledger import acts
from central.objects import ObjectStore
from central.store.engine import writing
from central.times import now_ms

MB = 1024 * 1024


def _store(config: CentralConfig, engine: Engine) -> ObjectStore:
    return ObjectStore(config.objects, engine, upload_bytes=config.limits.upload_mb * MB, blocking=lambda work: work())


def make(engine: Engine, config: CentralConfig, args: argparse.Namespace) -> int:
    """Make one package now; 0 made, 1 it cannot be made, 2 wrong input."""
    if wrong := check_recipients(args.recipient):
        print(f"{wrong[0]!r} is no age recipient: a public key that begins with age1", file=sys.stderr)
        return 2
    if not args.to.is_dir():
        print(f"{args.to} is not a folder", file=sys.stderr)
        return 2
    target = args.to / (f"{args.batch}-{args.kind}.{SUFFIXES[args.kind]}" + (".age" if args.recipient else ""))
    maker = Maker(config, engine, path_of=_store(config, engine).path)
    try:
        made = maker.make(batch=args.batch, kind=args.kind, target=target, recipients=args.recipient, made_ms=now_ms(), told=_told)
    except PackageRefused as error:
        print(f"{error.words} / {error.words_zh}", file=sys.stderr)
        return 1
    body = {"what": "package", "batch": args.batch, "kind": args.kind, "sha256": made.sha256}
    with writing(engine) as connection:
        acts.record(connection, kind="export", actor="operator of the centre", body=body)
    print(f"{made.path}: {made.files} files, {made.bytes} bytes, SHA-256 {made.sha256}")
    return 0


def _told(done: int, every: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {every} pages", end="\n" if done == every else "", file=sys.stderr, flush=True)


def work(engine: Engine, config: CentralConfig, stop: threading.Event) -> int:
    """Make what people ask for until `stop` is set."""
    Worker(config, engine, path_of=_store(config, engine).path).run(stop)
    return 0
