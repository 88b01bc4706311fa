"""`muniment-central keep` and `thin`: how long single readings are kept, and letting go of those that a policy lets go."""

from __future__ import annotations

import argparse
import time

from central.commandline import ACTOR, DONE, InputError, open_database
from central.config import CentralConfig
from central.store.engine import writing


def add_keep_arguments(parser: argparse.ArgumentParser) -> None:
    """What `keep` takes."""
    parser.add_argument("name", choices=("climate", "light", "other"), metavar="CLASS", help="climate, light or other")
    parser.add_argument("days", type=int, metavar="DAYS", help="30 to 36500; 0: for ever")
    parser.add_argument("--then", choices=("hour", "drop"), default="hour", help="keep each hour's figures (default), or nothing")


def add_thin_arguments(parser: argparse.ArgumentParser) -> None:
    """What `thin` takes."""
    parser.add_argument("--apply", action="store_true")


def keep(config: CentralConfig, args: argparse.Namespace) -> int:
    """Set a policy."""
    from central.environment.thinning import set_policy

    try:
        with writing(open_database(config)) as connection:
            set_policy(connection, name=args.name, keep_raw_days=args.days or None, then=args.then, actor=ACTOR)
    except ValueError as error:
        raise InputError(str(error)) from error
    print(f"{args.name}: " + (f"single readings are kept {args.days} days" if args.days else "single readings are kept for ever"))
    return DONE


def thin(config: CentralConfig, args: argparse.Namespace) -> int:
    """Say what the policies let go; with --apply let it go."""
    from central.environment.thinning import due
    from central.environment.thinning import thin as let_go

    with writing(open_database(config)) as connection:
        found = due(connection, now_ms=time.time_ns() // 1_000_000)
        for one in found:
            until = time.strftime("%Y-%m-%d", time.gmtime(one.to_ms / 1000))
            hours = "their hours stay" if one.then == "hour" else "their hours go too"
            print(f"{one.name}: {one.readings} readings of {len(one.channels)} channels before {until}; {hours}")
            if args.apply:
                let_go(connection, one, actor=ACTOR)
    words = "recorded; ingest lets them go" if args.apply else "nothing was changed; --apply lets them go"
    print(words if found else "no policy lets any reading go")
    return DONE
