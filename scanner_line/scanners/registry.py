"""Every source of a bench beside its cameras, by the bench's `driver`: its options, and how it is made of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from scanner_line.errors import BatchError, ScannerError
from scanner_line.scanners.folder import FolderSource
from scanner_line.scanners.options import MODES, Wanted
from scanner_line.scanners.sane import SHEET_S, SaneSource
from scanner_line.scanners.watching import FolderWatch
from scanner_line.sources import Factory, SourceOptions
from scanner_line.spool import Spool
from scanner_line.station import Station
from sensors.catalogue.option import Mistakes
from sensors.registry import Driver, Option

MEGAPIXELS_MAX = 200.0


def _no_page(options: Mapping[str, Any]) -> Mistakes:
    """What is wrong with the page size: no single option can tell."""
    try:
        Wanted(page_size=str(options.get("page_size") or "A4")).check()
    except ScannerError as error:
        return [(("page_size",), str(error))]
    return []


SANE = Driver(
    "sane",
    "A scanner behind SANE: flatbed, sheet feeder, or driverless in the network.",
    (
        Option("device", "text", "SANE's name of the scanner, as `scanimage -L` prints it.", required=True),
        Option("source", "text", "`flatbed`, `feeder`, `duplex`, or a source by the scanner's own name.", "flatbed"),
        Option("resolution", "integer", "Resolution of a scan.", 300, low=50, high=2400, unit="dpi"),
        Option("mode", "text", "Colour or grey, or a mode by the scanner's own name.", MODES[0]),
        Option("page_size", "text", "A3, A4, A5, A6, B4, B5, 16K, letter, legal, or WIDTHxHEIGHT in mm.", "A4"),
        Option(
            "longest_mm", "number", "How long a sheet may be; one longer than a page stops the feeder.", 0.0, low=0, high=5000, unit="mm"
        ),
        Option("brightness", "number", "The scanner's own brightness.", low=-1000, high=1000),
        Option("sheets_per_load", "integer", "Sheets that a load may have at the most; 0 = any number.", 0, low=0, high=5000),
        Option("sheet_s", "number", "The longest that one image may take.", SHEET_S, low=1, high=1800, unit="s"),
        Option("collate", "boolean", "Whether all fronts run first and then all backs, the stack turned over.", False),
        Option("sane_config", "text", "Another folder of SANE's configuration (SANE_CONFIG_DIR)."),
        Option("scanner", "table", "The scanner's own options by name, as `scanimage -A` prints them.", {}),
    ),
    ("device",),
    mistakes=_no_page,
)
FOLDER = Driver(
    "folder",
    "A folder that a vendor's software writes images into.",
    (
        Option("path", "text", "The folder.", required=True),
        Option("pattern", "text", "Which files are pages, such as `scan*.tif`.", "*"),
        Option("settle_s", "number", "How long a file must not have changed before it is looked into.", 2.0, low=0.1, high=600, unit="s"),
        Option("give_up_s", "number", "How long it may stay broken before it is refused.", 60.0, low=1, high=86400, unit="s"),
        Option(
            "order", "text", "By arrival, or by name: then no file is taken before an earlier name.", "arrival", choices=("arrival", "name")
        ),
        Option(
            "after", "text", "Whether the file stays or is moved into `done/` once its page is safe.", "leave", choices=("leave", "move")
        ),
        Option("take_old", "boolean", "Whether files that lie there at the very first start are pages, too.", False),
    ),
    ("path",),
)
DRIVERS: Mapping[str, Driver] = {"sane": SANE, "folder": FOLDER}


@runtime_checkable
class PressesItself(Protocol):
    """A source that presses the station by itself, such as a folder in which a file arrives."""

    async def work(self, station: Station) -> None:
        """Do so until cancelled."""
        ...


def sane_from(given: SourceOptions) -> SaneSource:
    """The scanner of a bench's table."""
    options = with_defaults(SANE, given.options)
    brightness = options["brightness"]
    wanted = Wanted(
        source=str(options["source"]),
        resolution=int(options["resolution"]),
        mode=str(options["mode"]),
        page_size=str(options["page_size"]),
        longest_mm=float(options["longest_mm"]),
        brightness=None if brightness is None else float(brightness),
        more={name: _text(value) for name, value in dict(options["scanner"]).items()},
    )
    return SaneSource(
        str(options["device"]),
        wanted=wanted,
        folder=_spool(given).folder / "scanning",
        sheets=int(options["sheets_per_load"]),
        sheet_s=float(options["sheet_s"]),
        config=options["sane_config"] or None,
        collate=bool(options["collate"]),
    )


def folder_from(given: SourceOptions) -> FolderSource:
    """The watched folder of a bench's table."""
    options = with_defaults(FOLDER, given.options)
    watch = FolderWatch(
        Path(str(options["path"])),
        pattern=str(options["pattern"]),
        settle_s=float(options["settle_s"]),
        give_up_s=float(options["give_up_s"]),
        by_name=options["order"] == "name",
        max_megapixels=MEGAPIXELS_MAX,
    )
    return FolderSource(watch, spool=_spool(given), move=options["after"] == "move", old=bool(options["take_old"]))


FACTORIES: Mapping[str, Factory] = {"sane": sane_from, "folder": folder_from}


def with_defaults(driver: Driver, options: Mapping[str, Any]) -> dict[str, Any]:
    """The driver's options, each given or its default; BatchError for one that is required and missing."""
    made = {option.name: option.default if options.get(option.name) is None else options[option.name] for option in driver.options}
    for option in driver.options:
        if option.required and not made[option.name]:
            raise BatchError(f"a bench of driver {driver.name} needs {option.name}")
    return made


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _spool(given: SourceOptions) -> Spool:
    if given.spool is None:
        raise BatchError("this source needs the bench's spool")
    return given.spool
