"""``make bench``: every figure as a ratio against a peer or a limit of the same run, as a table and in var/bench.json."""

import importlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

MODULES = ("ingest", "press", "core", "metrics", "storage", "feeder", "ocr")
OUT = Path("var/bench.json")


def machine() -> str:
    """What the figures were measured on."""
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "")
    return f"{model or platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"


def commit() -> str:
    """The commit that was measured."""
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, timeout=10)
    return done.stdout.strip() or "unknown"


def row(figure: dict[str, Any]) -> str:
    """One line of the table."""
    low, high = figure["spread"]
    ratio = "" if figure["ratio"] is None else f"{figure['ratio']:.3g}x"
    value = f"{figure['value']:.4g} {figure['unit']}"
    middle = f"{low:.4g}..{high:.4g}" + (f", p95 {figure['p95']:.4g}" if "p95" in figure else "")
    return f"{figure['name']:<22} {value:>20}  {middle}".ljust(78) + f" {ratio:>9}  of {figure['against']}"


def main(names: list[str]) -> int:
    """Run the named benchmarks (all where none is named)."""
    figures: list[dict[str, Any]] = []
    for name in names or MODULES:
        print(f"-- {name}", flush=True)
        made = importlib.import_module(f"tests.bench.{name}").figures()
        for figure in made:
            print(row(figure), flush=True)
        figures += made
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({"machine": machine(), "commit": commit(), "figures": figures}, indent=2) + "\n")
    print(f"written to {OUT}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
