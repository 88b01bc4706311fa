"""`muniment-central agent enrol`: an agent's key in, its token, broker password and the centre's key out; or a sensor node's password."""

from __future__ import annotations

import argparse
from pathlib import Path

from central.commandline import DONE, InputError, open_database, prepare_broker
from central.config import CentralConfig
from central.keys import load_or_make_key, parse_public_key
from wire.topics import valid_name

RESERVED = "centre"  # begins the ids of the centre's own alarms


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `agent enrol` takes."""
    parser.add_argument("name", metavar="NAME")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--key", metavar="BASE64", help="the agent's public key (`muniment-agent key` prints it)")
    what.add_argument("--node", metavar="NODE", help="a Wi-Fi sensor node of that enrolled agent: a broker password of its own")
    parser.add_argument("--room", help="the room it stands in (default: its name)")
    parser.add_argument("--out", type=Path, help="where to write its files (default: DATA/enrolled)")


def run(config: CentralConfig, args: argparse.Namespace) -> int:
    """Enrol it, and say which files to bring to it."""
    from central.enrol import enrol

    room = args.room or args.name
    if args.name in (RESERVED, config.broker.user):
        raise InputError(f"{args.name!r} is the centre's own name")
    for word in (args.name, room):
        if not valid_name(word):
            raise InputError(f"{word!r} is not a name: 1-40 of a-z, 0-9, - and _")
    if args.node:
        return _node_enrol(config, args)
    try:
        public_key = parse_public_key(args.key)
        engine, key = open_database(config), load_or_make_key(config.key_file)
        out = args.out or config.enrolled
        files = enrol(engine, key=key, name=args.name, room=room, public_key=public_key, out=out, broker_folder=config.broker_folder)
    except ValueError as error:
        raise InputError(str(error)) from error
    prepare_broker(config, engine)
    print(f"{args.name} is enrolled for room {room}; bring these to it, then delete them here:")
    for path in (files.token, files.broker_password, files.centre_key):
        print(f"  {path}")
    print(f"the broker reads its files again on SIGHUP: {config.broker_folder}")
    return DONE


def _node_enrol(config: CentralConfig, args: argparse.Namespace) -> int:
    from central.enrol import enrol_node, node_user

    if not valid_name(args.node):
        raise InputError(f"{args.node!r} is not a name: 1-40 of a-z, 0-9, - and _")
    engine = open_database(config)
    try:
        out = args.out or config.enrolled
        file = enrol_node(engine, agent=args.name, node=args.node, out=out, broker_folder=config.broker_folder)
    except ValueError as error:
        raise InputError(str(error)) from error
    prepare_broker(config, engine)
    print(f"node {args.node} is user {node_user(args.name, args.node)} at the broker; its password, for the node's node.json:")
    print(f"  {file}")
    print(f"the broker reads its files again on SIGHUP: {config.broker_folder}")
    return DONE
