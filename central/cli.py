"""The command `muniment-central`; every subcommand exits 0 (done), 1 (failed) or 2 (wrong input)."""

import argparse
import getpass
import logging
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from central.config import CentralConfig, ConfigError, load
from central.digitization.packages.arguments import add_arguments as package_arguments
from central.digitization.process import sheets_command, volumes_command
from central.environment.metrics import command as metrics
from central.keys import BadKeyFile, load_or_make_key, parse_public_key, public_bytes
from central.parent import end_with_parent
from central.people.rights import ROLES
from central.store.columns import PackError
from central.store.engine import open_engine, reading, writing
from central.store.migrate import is_current, migrate
from central.store.single import AlreadyWritten, only_writer
from central.web.secret import WeakSecret, load_or_make
from wire.topics import valid_name

DONE, FAILED, WRONG = 0, 1, 2
RESERVED = "centre"  # begins the ids of the centre's own alarms
Command = Callable[[CentralConfig, argparse.Namespace], int]


class InputError(Exception):
    """What was asked for cannot be meant; the text says why."""


def _password_file(config: CentralConfig) -> Path:
    """The configured file of the centre's broker password, or DATA/broker-password."""
    return config.broker.password_file or config.data / "broker-password"


def _with_password(config: CentralConfig) -> CentralConfig:
    """The configuration with that file in it."""
    return replace(config, broker=replace(config.broker, password_file=_password_file(config)))


def _prepare_broker(config: CentralConfig, engine: Engine) -> None:
    """The broker's password and rights files, as the enrolled agents need them."""
    from central.enrol import prepare_broker

    user, folder, password_file = config.broker.user, config.broker_folder, _password_file(config)
    prepare_broker(engine, site=config.site, folder=folder, central_user=user, password_file=password_file)


def _open(config: CentralConfig) -> Engine:
    """The migrated database; InputError when it is not."""
    if not config.database.exists():
        raise InputError(f"{config.database} does not exist: run `muniment-central migrate` first")
    engine = open_engine(config.database)
    if not is_current(engine):
        raise InputError(f"{config.database} has an older schema: back up, then run `muniment-central migrate`")
    return engine


def _stop_event() -> threading.Event:
    """Set by SIGTERM and SIGINT."""
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    return stop


def _run(config: CentralConfig, args: argparse.Namespace) -> int:
    from central.digitization.recognition import command
    from central.service import run

    _open(config).dispose()
    recognise = config.recognition.enabled and command.installed()
    if config.recognition.enabled and not recognise:
        logging.getLogger(__name__).error("%s", command.MISSING)
    run(args.config, _stop_event(), recognise=recognise)
    return DONE


def _web(config: CentralConfig, args: argparse.Namespace) -> int:
    _open(config).dispose()
    # a process of its own name and imports: gevent patches the standard library there
    os.execv(sys.executable, [sys.executable, "-m", "central.web.server", "--config", str(args.config)])  # noqa: S606  no shell is wanted


def _ingest(config: CentralConfig, args: argparse.Namespace) -> int:
    from central.ingest.main import run

    if args.with_parent:
        end_with_parent()
    _open(config).dispose()
    run(_with_password(config), _stop_event())
    return DONE


def _check(config: CentralConfig, args: argparse.Namespace) -> int:
    from central.checking import problems

    if not config.database.exists():
        print(f"{args.config}: good; there is no database yet")
        return DONE
    found = list(problems(config, open_engine(config.database)))
    for line in found:
        print(line, file=sys.stderr)
    if not found:
        print(f"{args.config}: good; store, ledger and objects fit together")
    return FAILED if found else DONE


def _migrate(config: CentralConfig, _args: argparse.Namespace) -> int:
    config.data.mkdir(parents=True, exist_ok=True)
    config.data.chmod(0o700)
    load_or_make_key(config.key_file)
    load_or_make(config.session_secret_file)
    engine = open_engine(config.database)
    old = not is_current(engine)
    if old:
        migrate(engine)
    _prepare_broker(config, engine)
    print(f"{config.database}: the schema is current")
    if old and (replayed := _replay(config, engine)):
        print(f"{replayed} ledger entries replayed into the tables that are new or have changed")
    return DONE


def _replay(config: CentralConfig, engine: Engine) -> int:
    """After a change of the schema: what earlier versions recorded belongs in the new tables, too. How many entries there were."""
    from central.rebuild import rebuild

    with only_writer(config.data):
        return rebuild(engine)


def _rebuild(config: CentralConfig, _args: argparse.Namespace) -> int:
    from central.rebuild import rebuild

    engine = _open(config)
    with only_writer(config.data):
        print(f"{rebuild(engine)} ledger entries replayed")
    return DONE


def _backup(config: CentralConfig, args: argparse.Namespace) -> int:
    from central.backup import BackupError, backup

    try:
        print(f"backed up into {args.dir}; {backup(_with_password(config), args.dir)} objects were new")
    except BackupError as error:
        raise InputError(str(error)) from error
    return DONE


def _restore(config: CentralConfig, args: argparse.Namespace) -> int:
    from central.backup import BackupError, restore

    try:
        print(f"restored into {config.data}: {restore(_with_password(config), args.dir)} objects")
    except BackupError as error:
        raise InputError(str(error)) from error
    return DONE


def _export(config: CentralConfig, args: argparse.Namespace) -> int:
    from central.ledger.export import export_file

    key = public_bytes(load_or_make_key(config.key_file))
    with reading(_open(config)) as connection:
        count = export_file(connection, args.file, site=config.site, public_key=key, digests_only=args.digests)
    print(f"{count} entries written to {args.file}; check them with `muniment-verify {args.file}`")
    return DONE


def _report(config: CentralConfig, args: argparse.Namespace) -> int:
    from central.environment.reports.command import run

    return run(_open(config), config, args)


def _package(config: CentralConfig, args: argparse.Namespace) -> int:
    from central.digitization.packages import command

    return command.make(_open(config), config, args)


def _packages(config: CentralConfig, args: argparse.Namespace) -> int:
    from central.digitization.packages import command

    if args.with_parent:
        end_with_parent()
    return command.work(_open(config), config, _stop_event())


def _recognise(config: CentralConfig, args: argparse.Namespace) -> int:
    from central.digitization.recognition import command

    if not command.installed():
        raise InputError(command.MISSING)
    if args.with_parent:
        end_with_parent()
    command.work(config, _open(config), _stop_event())
    return DONE


def _pack(config: CentralConfig, args: argparse.Namespace) -> int:
    from central.ledger.batches import next_pack, pack

    engine, made = _open(config), 0
    rest_ms = 0 if args.now else time.time_ns() // 1_000_000
    while True:
        with writing(engine) as connection:
            number = next_pack(connection, now_ms=rest_ms or 2**62)
            if number is None:
                break
            pack(connection, number, site=config.site)
            made += 1
    if args.vacuum:
        with engine.connect() as connection:
            connection.connection.driver_connection.execute("VACUUM")  # type: ignore[union-attr]
    print(f"{made} packs of the ledger were made")
    return DONE


def _keep(config: CentralConfig, args: argparse.Namespace) -> int:
    from central.environment.thinning import set_policy

    try:
        with writing(_open(config)) as connection:
            set_policy(connection, name=args.name, keep_raw_days=args.days or None, then=args.then, actor="operator of the centre")
    except ValueError as error:
        raise InputError(str(error)) from error
    print(f"{args.name}: " + (f"single readings are kept {args.days} days" if args.days else "single readings are kept for ever"))
    return DONE


def _thin(config: CentralConfig, args: argparse.Namespace) -> int:
    from central.environment.thinning import due, thin

    with writing(_open(config)) as connection:
        found = due(connection, now_ms=time.time_ns() // 1_000_000)
        for one in found:
            until = time.strftime("%Y-%m-%d", time.gmtime(one.to_ms / 1000))
            hours = "their hours stay" if one.then == "hour" else "their hours go too"
            print(f"{one.name}: {one.readings} readings of {len(one.channels)} channels before {until}; {hours}")
            if args.apply:
                thin(connection, one, actor="operator of the centre")
    words = "recorded; ingest lets them go" if args.apply else "nothing was changed; --apply lets them go"
    print(words if found else "no policy lets any reading go")
    return DONE


def _user_add(config: CentralConfig, args: argparse.Namespace) -> int:
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
        with writing(_open(config)) as connection:
            by = "operator of the centre"
            add_user(connection, name=args.name, password=password, roles=args.role, by=by, lang=args.lang)
            token = add_token(connection, name=args.name, label="made with the user", by=by) if args.token else None
    except PeopleError as error:
        raise InputError(str(error)) from error
    print(token or f"user {args.name} was added")
    return DONE


def _node_enrol(config: CentralConfig, args: argparse.Namespace) -> int:
    from central.enrol import enrol_node, node_user

    if not valid_name(args.node):
        raise InputError(f"{args.node!r} is not a name: 1-40 of a-z, 0-9, - and _")
    engine = _open(config)
    try:
        out = args.out or config.enrolled
        file = enrol_node(engine, agent=args.name, node=args.node, out=out, broker_folder=config.broker_folder)
    except ValueError as error:
        raise InputError(str(error)) from error
    _prepare_broker(config, engine)
    print(f"node {args.node} is user {node_user(args.name, args.node)} at the broker; its password, for the node's node.json:")
    print(f"  {file}")
    print(f"the broker reads its files again on SIGHUP: {config.broker_folder}")
    return DONE


def _agent_enrol(config: CentralConfig, args: argparse.Namespace) -> int:
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
        engine, key = _open(config), load_or_make_key(config.key_file)
        out = args.out or config.enrolled
        files = enrol(engine, key=key, name=args.name, room=room, public_key=public_key, out=out, broker_folder=config.broker_folder)
    except ValueError as error:
        raise InputError(str(error)) from error
    _prepare_broker(config, engine)
    print(f"{args.name} is enrolled for room {room}; bring these to it, then delete them here:")
    for path in (files.token, files.broker_password, files.centre_key):
        print(f"  {path}")
    print(f"the broker reads its files again on SIGHUP: {config.broker_folder}")
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="muniment-central", description="The central service of Muniment.")
    parser.add_argument("--version", action="version", version=version("muniment"))
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(
        name: str, command: Command, words: str, under: "argparse._SubParsersAction[argparse.ArgumentParser]" = commands
    ) -> argparse.ArgumentParser:
        made = under.add_parser(name, help=words, description=words)
        made.add_argument("--config", type=Path, default=Path("central.toml"), help="the centre's TOML file (default: central.toml)")
        made.set_defaults(command=command)
        return made

    add("run", _run, "run web and ingest together")
    add("web", _web, "run the console and the API")
    ingest = add("ingest", _ingest, "run ingest: take, verify, commit and acknowledge what agents publish")
    ingest.add_argument("--with-parent", action="store_true", help="end when the process that started this one is gone")
    add("check", _check, "check the configuration, and that store, ledger and objects fit together")
    add("migrate", _migrate, "make the data folder and bring the database to this version's schema")
    add("rebuild", _rebuild, "recreate every projection from the ledger (stop ingest first)")
    add("backup", _backup, "copy database, objects and keys into a folder").add_argument("dir", type=Path, metavar="DIR")
    add("restore", _restore, "put a backup into an empty data folder").add_argument("dir", type=Path, metavar="DIR")
    export = add("export-ledger", _export, "write the ledger as lines of JSON for muniment-verify")
    export.add_argument("file", type=Path, metavar="FILE")
    export.add_argument("--digests", action="store_true", help="digests in place of records and acts, for readers who may not see them")
    pack = add("pack", _pack, "pack what of the ledger has been at rest for an hour; ingest does so by itself, this does it all at once")
    pack.add_argument("--now", action="store_true", help="what came within the last hour too")
    pack.add_argument("--vacuum", action="store_true", help="give the freed space back to the file system (needs as much again meanwhile)")
    keep = add("keep", _keep, "set how long single readings of a class are kept; without a policy they are kept for ever")
    keep.add_argument("name", choices=("climate", "light", "other"), metavar="CLASS", help="climate, light or other")
    keep.add_argument("days", type=int, metavar="DAYS", help="30 to 36500; 0: for ever")
    keep.add_argument("--then", choices=("hour", "drop"), default="hour", help="keep each hour's figures (default), or nothing")
    words = "say which readings the policies let go; with --apply let them go, as an act in the ledger"
    add("thin", _thin, words).add_argument("--apply", action="store_true")
    words = "compute the preservation metrics of a climate series; needs neither configuration nor database"
    series = commands.add_parser("metrics", help=words, description=words)
    metrics.add_arguments(series)
    series.set_defaults(alone=metrics.run)
    report = add("report", _report, "make a room's monthly report as a PDF, or file all that are due")
    report.add_argument("room", nargs="?", metavar="ROOM")
    report.add_argument("month", nargs="?", metavar="YYYY-MM")
    report.add_argument("--lang", choices=("zh", "en"), default="zh", help="the report's language (default: zh)")
    report.add_argument("--out", type=Path, help="the file to write (default: ROOM-YYYY-MM-LANG.pdf)")
    report.add_argument("--due", action="store_true", help="file every report that the schedules ask for and nobody has filed")
    package_arguments(add("package", _package, "make a package of an accepted batch: bagit, mets, iiif, pdf or eep"))
    packages = add("packages", _packages, "make the packages that people ask for; `run` starts it too")
    packages.add_argument("--with-parent", action="store_true", help="end when the process that started this one is gone")
    volumes = commands.add_parser("volumes", help="volumes of the line").add_subparsers(metavar="COMMAND", required=True)
    volumes_command.add_arguments(add("import", volumes_command.run, "register the volumes of a CSV file, all or none", volumes))
    sheets_command.add_arguments(add("sheets", sheets_command.run, "print separator sheets and camera cards into a PDF"))
    recognise = add(
        "recognise", _recognise, "read the text of pages, after all else; `run` starts it where [recognition] is enabled"
    )
    recognise.add_argument("--with-parent", action="store_true", help="end when the process that started this one is gone")
    users = commands.add_parser("user", help="people").add_subparsers(metavar="COMMAND", required=True)
    user = add("add", _user_add, "add a person; the password is asked for, or read from a file or standard input", users)
    user.add_argument("name", metavar="NAME")
    user.add_argument("--role", action="append", required=True, help=f"{', '.join(ROLES)}; may be given several times")
    user.add_argument("--password-file", type=Path)
    user.add_argument("--lang", choices=("en", "zh"))
    user.add_argument("--token", action="store_true", help="make a bearer token too, and print nothing but it")
    agents = commands.add_parser("agent", help="agents").add_subparsers(metavar="COMMAND", required=True)
    agent = add("enrol", _agent_enrol, "enrol an agent: its key in, its token, broker password and the centre's key out", agents)
    agent.add_argument("name", metavar="NAME")
    what = agent.add_mutually_exclusive_group(required=True)
    what.add_argument("--key", metavar="BASE64", help="the agent's public key (`muniment-agent key` prints it)")
    what.add_argument("--node", metavar="NODE", help="a Wi-Fi sensor node of that enrolled agent: a broker password of its own")
    agent.add_argument("--room", help="the room it stands in (default: its name)")
    agent.add_argument("--out", type=Path, help="where to write its files (default: DATA/enrolled)")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run a subcommand; its exit status."""
    args = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        if "alone" in args:
            alone: Callable[[argparse.Namespace], int] = args.alone
            return alone(args)
        command: Command = args.command
        return command(load(args.config), args)
    except (ConfigError, InputError) as error:
        print(error, file=sys.stderr)
        return WRONG
    except (OSError, SQLAlchemyError, sqlite3.Error, AlreadyWritten, BadKeyFile, PackError, WeakSecret) as error:
        print(f"failed: {error}", file=sys.stderr)
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
