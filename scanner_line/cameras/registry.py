"""Every camera a bench may have, by driver name: its options, and how it is built."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scanner_line.cameras.base import Camera
from scanner_line.cameras.picamera import PiCamera
from scanner_line.errors import CameraError
from sensors.registry import Driver, Option

_SIM = (
    Option("pages", "text", 'Simulated: a folder of page images, or "rendered" for pages made up on the spot.', "rendered"),
    Option("megapixels", "integer", "Simulated: size of rendered photographs: 3, 5, 8 or 12.", 3, low=3, high=12),
    Option("defects", "number", "Simulated: chance that something goes wrong at a shot.", 0.0, low=0, high=1),
    Option("language", "text", "Simulated: language of rendered pages.", "both", choices=("zh", "en", "both")),
    Option("turns_itself", "boolean", "Simulated: the page turns after each shot, as with no operator there.", False),
)
CAMERAS: dict[str, Driver] = {
    "picamera2": Driver(
        "picamera2",
        "A Raspberry Pi camera module over the page.",
        (
            Option("serial", "text", "The camera's own id, or the end of it, as `muniment-agent probe` prints it.", "", on_device=True),
            Option("width", "integer", "Width of a photograph; 0 = all the sensor has.", 0, low=0, high=16384, unit="px"),
            Option("height", "integer", "Height of a photograph; 0 = all the sensor has.", 0, low=0, high=16384, unit="px"),
            Option("rotation", "integer", "How far photographs are turned for pages to stand upright.", 0, low=0, high=270, unit="degrees"),
            *_SIM,
        ),
        ("serial",),
    )
}


def book_from(options: Mapping[str, Any], *, places: int = 1, seed: int = 1) -> Any:
    """The simulated book that a bench's simulated cameras share, from the options of the first of them. CameraError for a bad folder."""
    from scanner_line.sim.book import FolderPages, Pages, RenderedPages, SimulatedBook
    from scanner_line.sim.pages import Volume

    source = str(options.get("pages", "rendered"))
    volume = Volume(seed, language=options.get("language", "both"))
    pages: Pages = RenderedPages(volume) if source == "rendered" else FolderPages(Path(source))
    return SimulatedBook(pages, places=places, defects=options.get("defects", 0.0), seed=seed)


def camera_from(options: Mapping[str, Any], *, name: str, place: int = 0, book: Any = None) -> Camera:
    """The camera of one table. `book` is needed for a simulated one and shared by the bench's cameras; `place` is 0 for the left page."""
    driver = str(options.get("driver", "picamera2"))
    if driver not in CAMERAS:
        raise CameraError(f"unknown camera driver {driver!r}; known: {', '.join(sorted(CAMERAS))}")
    if options.get("transport") == "sim":
        from scanner_line.cameras.simulated import SimulatedCamera
        from scanner_line.sim.photograph import SIZES_PX

        rendered = str(options.get("pages", "rendered")) == "rendered"
        megapixels = int(options.get("megapixels", 3 if rendered else 0))
        if megapixels and megapixels not in SIZES_PX:
            raise CameraError(f"megapixels is one of {', '.join(map(str, SIZES_PX))}, not {megapixels}")
        return SimulatedCamera(
            book if book is not None else book_from(options),
            serial=str(options.get("serial") or f"sim-{name}"),
            place=place,
            size=SIZES_PX[megapixels] if rendered and megapixels else (0, 0),
            turns_itself=bool(options.get("turns_itself", False)),
        )
    return PiCamera(
        serial=str(options.get("serial", "")),
        width=int(options.get("width", 0)),
        height=int(options.get("height", 0)),
        rotation_deg=int(options.get("rotation", 0)),
    )
