"""`muniment-central user add`: a person of the console, the first one above all."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path

from central.commandline import ACTOR, DONE, InputError, open_database
from central.config import CentralConfig
from central.people.rights import ROLES
from central.store.engine import writing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `user add` takes."""
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--role", action="append", required=True, help=f"{', '.join(ROLES)}; may be given several times")
    parser.add_argument("--password-file", type=Path)
    parser.add_argument("--lang", choices=("en", "zh"))
    parser.add_argument("--token", action="store_true", help="make a bearer token too, and print nothing but it")


def run(config: CentralConfig, args: argparse.Namespace) -> int:
    """Add them; the password is asked for, or read from a file or standard input."""
    from central.people.users import PeopleError, add_token, add_user

    if args.password_file:
        password = args.password_file.read_text().strip()
    elif sys.stdin.isatty():
        password = getpass.getpass(f"password of {args.name}: ")
        if password != getpass.getpass("once more: "):
            raise InputError("the two passwords differ")
    else:
        password = sys.stdin.readline().rstrip("\n")
    try:
        with writing(open_database(config)) as connection:
            add_user(connection, name=args.name, password=password, roles=args.role, by=ACTOR, lang=args.lang)
            token = add_token(connection, name=args.name, label="made with the user", by=ACTOR) if args.token else None
    except PeopleError as error:
        raise InputError(str(error)) from error
    print(token or f"user {args.name} was added")
    return DONE
