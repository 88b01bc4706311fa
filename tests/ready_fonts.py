"""The fonts of what is printed, unpacked once for all tests: it takes seconds, and every test has a data folder of its own."""

import os
from pathlib import Path

from central.environment.reports.fonts import fonts

READY = Path(__file__).parents[1] / "var" / "tests" / "fonts"


def ready_fonts() -> dict[str, Path]:
    """The files of the styles, as the product makes them."""
    return fonts(READY)


def lay_fonts(data: Path) -> None:
    """Put them where a centre with this data folder keeps its own."""
    folder = data / "fonts"
    folder.mkdir(parents=True, exist_ok=True)
    for file in ready_fonts().values():
        if not (folder / file.name).exists():
            try:
                os.link(file, folder / file.name)
            except OSError:  # another file system
                (folder / file.name).symlink_to(file)
