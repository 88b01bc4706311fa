"""`python -m scanner_line.targets FILE`: writes our target sheet to print (PDF, PNG or TIFF), or measures the target in a photograph."""

import argparse
import json
import sys
from pathlib import Path

from scanner_line.errors import ScannerLineError
from scanner_line.targets import KINDS, measure_target
from scanner_line.targets.sheet import draw_sheet

PPI = 600


def main(arguments: list[str] | None = None) -> int:
    """0: written or measured; 2: it could not be, and why."""
    parser = argparse.ArgumentParser(prog="python -m scanner_line.targets", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--measure", choices=KINDS, help="measure the target in the photograph FILE instead of writing the sheet")
    options = parser.parse_args(arguments)
    try:
        if options.measure:
            print(json.dumps(measure_target(options.file.read_bytes(), kind=options.measure).as_json(), ensure_ascii=False, indent=1))
        else:
            draw_sheet(ppi=PPI).save(options.file, dpi=(PPI, PPI), resolution=PPI)
    except (ScannerLineError, OSError, ValueError) as error:
        print(f"{options.file}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
