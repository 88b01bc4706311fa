"""The command `muniment-central`; every subcommand exits 0 (done), 1 (failed) or 2 (wrong input)."""

import argparse
import logging
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from central import enrol_command
from central.commandline import DONE, FAILED, WRONG, Command, InputError, open_database, prepare_broker, with_password
from central.config import CentralConfig, ConfigError, load
from central.digitization.packages.arguments import add_arguments as package_arguments
from central.digitization.process import sheets_command, volumes_command
from central.environment import thinning_command
from central.environment.metrics import command as metrics
from central.keys import BadKeyFile, load_or_make_key
from central.ledger import command as ledger
from central.parent import end_with_parent
from central.people import command as people
from central.store.columns import PackError
from central.store.engine import open_engine
from central.store.migrate import is_current, migrate
from central.store.single import AlreadyWritten, only_writer
from central.web.secret import WeakSecret, load_or_make


def _stop_event() -> threading.Event:
    """Set by SIGTERM and SIGINT."""
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    return stop


def _run(config: CentralConfig, args: argparse.Namespace) -> int:
    from central.digitization.recognition import command
    from central.service import run

    open_database(config).dispose()
    recognise = config.recognition.enabled and command.installed()
    if config.recognition.enabled and not recognise:
        logging.getLogger(__name__).error("%s", command.MISSING)
    run(args.config, _stop_event(), recognise=recognise)
    return DONE


def _web(config: CentralConfig, args: argparse.Namespace) -> int:
    open_database(config).dispose()
    # a process of its own name and imports: gevent patches the standard library there
    os.execv(sys.executable, [sys.executable, "-m", "central.web.server", "--config", str(args.config)])  # noqa: S606  no shell is wanted


def _ingest(config: CentralConfig, args: argparse.Namespace) -> int:
    from central.ingest.main import run

    if args.with_parent:
        end_with_parent()
    open_database(config).dispose()
    run(with_password(config), _stop_event())
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
    prepare_broker(config, engine)
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

    engine = open_database(config)
    with only_writer(config.data):
        print(f"{rebuild(engine)} ledger entries replayed")
    return DONE


def _backup(config: CentralConfig, args: argparse.Namespace) -> int:
    from central.backup import BackupError, backup

    try:
        print(f"backed up into {args.dir}; {backup(with_password(config), args.dir)} objects were new")
    except BackupError as error:
        raise InputError(str(error)) from error
    return DONE


def _restore(config: CentralConfig, args: argparse.Namespace) -> int:
    from central.backup import BackupError, restore

    try:
        print(f"restored into {config.data}: {restore(with_password(config), args.dir)} objects")
    except BackupError as error:
        raise InputError(str(error)) from error
    return DONE


def _report(config: CentralConfig, args: argparse.Namespace) -> int:
    from central.environment.reports.command import run

    return run(open_database(config), config, args)


def _package(config: CentralConfig, args: argparse.Namespace) -> int:
    from central.digitization.packages import command

    return command.make(open_database(config), config, args)


def _packages(config: CentralConfig, args: argparse.Namespace) -> int:
    from central.digitization.packages import command

    if args.with_parent:
        end_with_parent()
    return command.work(open_database(config), config, _stop_event())


def _recognise(config: CentralConfig, args: argparse.Namespace) -> int:
    from central.digitization.recognition import command

    if not command.installed():
        raise InputError(command.MISSING)
    if args.with_parent:
        end_with_parent()
    command.work(config, open_database(config), _stop_event())
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

    add("run", _run, "run ingest, web, packages and, where it is enabled, recognition together")
    add("web", _web, "run the console and the API")
    ingest = add("ingest", _ingest, "run ingest: take, verify, commit and acknowledge what agents publish")
    ingest.add_argument("--with-parent", action="store_true", help="end when the process that started this one is gone")
    add("check", _check, "check the configuration, and that store, ledger and objects fit together")
    add("migrate", _migrate, "make the data folder and bring the database to this version's schema")
    add("rebuild", _rebuild, "recreate every projection from the ledger (stop ingest first)")
    add("backup", _backup, "copy database, objects and keys into a folder").add_argument("dir", type=Path, metavar="DIR")
    add("restore", _restore, "put a backup into an empty data folder").add_argument("dir", type=Path, metavar="DIR")
    ledger.add_export_arguments(add("export-ledger", ledger.export, "write the ledger as lines of JSON for muniment-verify"))
    words = "pack what of the ledger has been at rest for an hour; ingest does so by itself, this does it all at once"
    ledger.add_pack_arguments(add("pack", ledger.pack, words))
    words = "set how long single readings of a class are kept; without a policy they are kept for ever"
    thinning_command.add_keep_arguments(add("keep", thinning_command.keep, words))
    words = "say which readings the policies let go; with --apply let them go, as an act in the ledger"
    thinning_command.add_thin_arguments(add("thin", thinning_command.thin, words))
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
    recognise = add("recognise", _recognise, "read the text of pages, after all else; `run` starts it where [recognition] is enabled")
    recognise.add_argument("--with-parent", action="store_true", help="end when the process that started this one is gone")
    users = commands.add_parser("user", help="people").add_subparsers(metavar="COMMAND", required=True)
    words = "add a person; the password is asked for, or read from a file or standard input"
    people.add_arguments(add("add", people.run, words, users))
    agents = commands.add_parser("agent", help="agents").add_subparsers(metavar="COMMAND", required=True)
    words = "enrol an agent: its key in, its token, broker password and the centre's key out"
    enrol_command.add_arguments(add("enrol", enrol_command.run, words, agents))
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
