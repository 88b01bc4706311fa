"""The command `muniment-agent`: run, check, probe, judge, key."""

import argparse
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from edge_agent.config import Config, load_config
from edge_agent.errors import AgentError, ConfigError

DONE, FAILED, WRONG_INPUT = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code: 0 done, 1 failed, 2 wrong input."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except ConfigError as error:
        print(error, file=sys.stderr)
        count = len(error.mistakes)
        print(f"{count} mistake{'' if count == 1 else 's'} in {arguments.config}", file=sys.stderr)
        return WRONG_INPUT
    except AgentError as error:
        print(f"muniment-agent: {error}", file=sys.stderr)
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="muniment-agent", description="The agent in an archive room or at a capture bench.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, words: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=words, description=words)
        made.set_defaults(run=run)
        return made

    for name, run, words in (
        ("run", _run, "Run the agent until it is told to stop (SIGTERM or Ctrl-C)."),
        ("check", _check, "Say everything that is wrong with a configuration file; exit 2 if anything is."),
        ("probe", _probe, "Read every configured device once; exit 1 if one failed."),
        ("key", _key, "Print the agent's public key for enrolment at the centre; made when missing."),
    ):
        made = command(name, run, words)
        made.add_argument("--config", type=Path, required=True, metavar="FILE", help="the agent's TOML file")
        if name == "probe":
            made.add_argument("--json", action="store_true", help="print JSON instead of a table")
            made.add_argument(
                "--breathe", metavar="NAME", help="commission a transmitter: breathe on it and see whether its registers are right"
            )
            made.add_argument("--pedals", action="store_true", help="commission pedals: press each switch and see what comes")
            made.add_argument("--scan", action="store_true", help="look for devices on the I2C buses, 1-Wire and RS-485 lines of the file")
        if name == "run":
            made.add_argument("--log", default="info", choices=("debug", "info", "warning", "error"), help="how much to log")
    judge = command("judge", _judge, "Check a folder of page images as one batch; exit 1 if a page is bad.")
    judge.add_argument("folder", type=Path, metavar="FOLDER")
    judge.add_argument("--json", action="store_true", help="print JSON instead of a table")
    judge.add_argument("--as-bench", action="store_true", help="judge page by page, as a bench does")
    judge.add_argument("--profile", type=Path, metavar="FILE", help="thresholds that differ from the shipped profile")
    return parser


def _load(path: Path) -> Config:
    from edge_agent.bench_tables import ScanLineTables  # tables only: no image library is loaded

    return load_config(path, benches=ScanLineTables())


def _run(arguments: argparse.Namespace) -> int:
    for number in (signal.SIGTERM, signal.SIGINT):  # until the supervisor takes them over
        signal.signal(number, _leave)
    logging.basicConfig(level=arguments.log.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    config = _load(arguments.config)
    from edge_agent.agent import run  # only `run` needs the drivers, the journal and the link

    return run(config)


def _leave(_number: int, _frame: object) -> None:
    """Told to stop before anything runs: there is nothing to end."""
    raise SystemExit(DONE)


def _check(arguments: argparse.Namespace) -> int:
    config = _load(arguments.config)
    print(f"{arguments.config}: in order: {_summary(config)}")
    return DONE


def _summary(config: Config) -> str:
    parts = [
        f"{len(found)} {one if len(found) == 1 else one + 's'}"
        for one, found in (
            ("sensor", config.sensors),
            ("limit", config.limits),
            ("contact", config.contacts),
            ("output", config.outputs),
            ("control", config.controls),
            ("camera", config.cameras),
        )
        if found
    ]
    if config.benches:
        parts.append(f"{len(config.benches)} bench{'' if len(config.benches) == 1 else 'es'}")
    return ", ".join(parts) or "no devices"


def _probe(arguments: argparse.Namespace) -> int:
    config = _load(arguments.config)
    if arguments.breathe:
        from edge_agent.probe_breath import main as breathe

        return breathe(config, arguments.breathe)
    if arguments.scan:
        from edge_agent.probe_scan import main as scan

        return scan(config)
    if arguments.pedals:
        from edge_agent.probe_pedals import main as press

        return press(config)
    from edge_agent.probe import main as probe

    return probe(config, as_json=arguments.json)


def _key(arguments: argparse.Namespace) -> int:
    config = _load(arguments.config)
    from edge_agent.keys import AgentKey

    print(AgentKey.load_or_create(config.data / "key").public_base64)
    return DONE


def _judge(arguments: argparse.Namespace) -> int:
    from scanner_line.judge import main as judge  # loads OpenCV, which no other command needs

    return judge(arguments.folder, as_json=arguments.json, as_bench=arguments.as_bench, profile=arguments.profile)


if __name__ == "__main__":
    sys.exit(main())
