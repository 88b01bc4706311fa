"""Every camera a bench may have, by driver name: its options, and how it is built."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from scanner_line.cameras.address import HTTP_SCHEMES, STREAM_SCHEMES, Address, address_fault
from scanner_line.cameras.base import Camera
from scanner_line.cameras.picamera import PiCamera
from scanner_line.errors import CameraError
from sensors.catalogue.option import Driver, Mistakes, Option

MEGAPIXELS = (3, 5, 8, 12)  # of rendered photographs, as `sim.photograph` has them
ROTATIONS_DEG = (0, 90, 180, 270)
_SIM = (
    Option("pages", "text", 'Simulated: a folder of page images, or "rendered" for pages made up on the spot.', "rendered"),
    Option("megapixels", "integer", "Simulated: size of rendered photographs: 3, 5, 8 or 12.", 3, low=3, high=12),
    Option("defects", "number", "Simulated: chance that something goes wrong at a shot.", 0.0, low=0, high=1),
    Option("language", "text", "Simulated: language of rendered pages.", "both", choices=("zh", "en", "both")),
    Option("turns_itself", "boolean", "Simulated: the page turns after each shot, as with no operator there.", False),
)
_ROTATION = Option("rotation", "integer", "How far photographs are turned for pages to stand upright.", 0, low=0, high=270, unit="degrees")
_PATCH = Option(
    "patch",
    "table",
    "A grey or white reference beside the page, as shares of the picture: its colour may not drift within a session.",
    options=(
        Option("x", "number", "Left edge of the patch.", 0.0, low=0, high=1),
        Option("y", "number", "Upper edge of the patch.", 0.0, low=0, high=1),
        Option("w", "number", "Width of the patch; left out, there is none.", low=0.001, high=1),
        Option("h", "number", "Height of the patch.", low=0.001, high=1),
    ),
)
_SIZE = (
    Option("width", "integer", "Width of a photograph; 0 = all that there is.", 0, low=0, high=16384, unit="px"),
    Option("height", "integer", "Height of a photograph; 0 = all that there is.", 0, low=0, high=16384, unit="px"),
)
_LATENCY = "From an exposure to the arrival of its frame: photograph a running clock to measure it."
_NETWORK = (
    Option("user", "text", "The user that the camera asks for.", ""),
    Option("password_file", "text", "File with that user's password.", ""),
    Option("serial_url", "text", "The camera's own page on which its serial number stands; it is asked there at each start.", ""),
    Option("tls_ca", "text", "File with the certificates that https:// and rtsps:// cameras are judged by; left out, the system's.", ""),
    Option("auth", "text", "How an http:// address is signed in to.", "digest", choices=("digest", "basic")),
)


def _mistakes(options: Mapping[str, Any]) -> Mistakes:
    found = _patch_mistakes(options)
    for key, values in (("megapixels", MEGAPIXELS), ("rotation", ROTATIONS_DEG)):
        if (value := options.get(key)) is not None and value not in values:
            near = min(values, key=lambda one: abs(one - value))
            found.append(((key,), f"{value} is not one of {', '.join(map(str, values))} (did you mean {near}?)"))
    return found


def _patch_mistakes(options: Mapping[str, Any]) -> Mistakes:
    patch = options.get("patch") or {}
    width, height = patch.get("w"), patch.get("h")
    if (width is None) != (height is None):
        return [(("patch",), "`w` and `h` go together")]
    if width is not None and height is not None and ((patch.get("x") or 0) + width > 1 or (patch.get("y") or 0) + height > 1):
        return [(("patch",), "reaches beyond the picture: x + w and y + h are at most 1")]
    return []


def _network_mistakes(schemes: tuple[str, ...]) -> Callable[[Mapping[str, Any]], Mistakes]:
    def mistakes(options: Mapping[str, Any]) -> Mistakes:
        found = _mistakes(options)
        if options.get("transport") == "sim":
            return found
        for key, allowed in (("url", schemes), ("serial_url", HTTP_SCHEMES)):
            words = address_fault(str(options[key]), allowed) if options.get(key) else None
            if words:
                found.append(((key,), words))
        if bool(options.get("user")) != bool(options.get("password_file")):
            found.append((("user",), "`user` and `password_file` go together"))
        if options.get("serial_url") and not options.get("serial"):
            found.append((("serial_url",), "needs `serial`: the number that it has to show"))
        return found

    return mistakes


CAMERAS: dict[str, Driver] = {
    "picamera2": Driver(
        "picamera2",
        "A Raspberry Pi camera module over the page.",
        (
            Option("serial", "text", "The camera's own id, or the end of it, as `muniment-agent probe` prints it.", "", on_device=True),
            *_SIZE,
            _ROTATION,
            _PATCH,
            *_SIM,
        ),
        ("serial",),
        mistakes=_mistakes,
    ),
    "stream": Driver(
        "stream",
        "A network camera by its stream: RTSP, or HTTP with MPEG-TS or MJPEG. Only a frame exposed after the press becomes a page.",
        (
            Option("url", "text", "The stream's address: rtsp://, rtsps://, http:// or https://.", "", on_device=True),
            Option("serial", "text", "The camera's serial number, by which it is known; left out, its address.", ""),
            *_NETWORK,
            Option("latency_ms", "number", _LATENCY, 300.0, low=0, high=5000, unit="ms"),
            _ROTATION,
            _PATCH,
        ),
        ("url", "serial"),
        mistakes=_network_mistakes(STREAM_SCHEMES),
    ),
    "snapshot": Driver(
        "snapshot",
        "A network camera that gives one JPEG when asked. Each press asks for one; an old picture is told from its headers and bytes.",
        (
            Option("url", "text", "The snapshot's address: http:// or https://.", "", on_device=True),
            Option("serial", "text", "The camera's serial number, by which it is known; left out, its address.", ""),
            *_NETWORK,
            _ROTATION,
            _PATCH,
        ),
        ("url", "serial"),
        mistakes=_network_mistakes(HTTP_SCHEMES),
    ),
    "v4l2": Driver(
        "v4l2",
        "A USB document camera. Exposure, white balance and focus are held as they are when it starts, where it has such controls.",
        (
            Option("serial", "text", "Its serial number, or its whole name under /dev/v4l/by-id.", "", on_device=True),
            *_SIZE,
            Option("input_format", "text", "What it is asked to send.", "mjpeg", choices=("mjpeg", "yuyv422", "nv12", "h264")),
            Option("latency_ms", "number", _LATENCY, 150.0, low=0, high=5000, unit="ms"),
            _ROTATION,
            _PATCH,
        ),
        ("serial",),
        mistakes=_mistakes,
    ),
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
    rotation_deg, serial = int(options.get("rotation") or 0), str(options.get("serial") or "")
    if driver == "picamera2":
        return PiCamera(
            serial=serial, width=int(options.get("width") or 0), height=int(options.get("height") or 0), rotation_deg=rotation_deg
        )
    if driver == "v4l2":
        from scanner_line.cameras.v4l2 import V4l2Camera

        return V4l2Camera(
            serial=serial,
            width=int(options.get("width") or 0),
            height=int(options.get("height") or 0),
            input_format=str(options.get("input_format") or "mjpeg"),
            latency_ms=float(options.get("latency_ms", 150.0)),
            rotation_deg=rotation_deg,
        )
    return _network_camera(driver, options, serial=serial, rotation_deg=rotation_deg)


def _network_camera(driver: str, options: Mapping[str, Any], *, serial: str, rotation_deg: int) -> Camera:
    from scanner_line.cameras.identity import Identity

    user, password_file = str(options.get("user") or ""), str(options.get("password_file") or "")
    auth = str(options.get("auth") or "digest")
    tls_ca = str(options.get("tls_ca") or "")
    address = Address(str(options.get("url") or ""), user, password_file, tls_ca)
    words = address_fault(address.url, STREAM_SCHEMES if driver == "stream" else HTTP_SCHEMES)
    if words:
        raise CameraError(f"url {words}")
    asked = str(options.get("serial_url") or "")
    identity = Identity(Address(asked, user, password_file, tls_ca), auth=auth) if asked else None
    if driver == "stream":
        from scanner_line.cameras.stream import StreamCamera

        latency_ms = float(options.get("latency_ms", 300.0))
        return StreamCamera(address, serial=serial, latency_ms=latency_ms, rotation_deg=rotation_deg, identity=identity)
    from scanner_line.cameras.snapshot import SnapshotCamera

    return SnapshotCamera(address, serial=serial, auth=auth, rotation_deg=rotation_deg, identity=identity)
