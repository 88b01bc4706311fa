"""Decoded frames as photographs: JPEG, turned upright, a small one for the screen; and what a JPEG itself tells of its exposure."""

import hashlib
import io
from typing import TYPE_CHECKING

from PIL import Image, UnidentifiedImageError

from scanner_line.cameras.base import Frame
from scanner_line.cameras.bounds import size_of
from scanner_line.cameras.live import Shot

if TYPE_CHECKING:
    from av import VideoFrame

QUALITY = 95
PREVIEW_PX = 640
EXIF_IFD = 0x8769
EXPOSURE_TIME, F_NUMBER, ISO = 0x829A, 0x829D, 0x8827  # Exif 2.32, table 8


def photograph(shot: Shot, *, rotation_deg: int, metadata: dict[str, object]) -> Frame:
    """A page's photograph: the camera's own JPEG where it sends such and needs no turning, else a new one; CameraError if it is no
    sound image within the bounds."""
    if shot.jpeg is not None and not rotation_deg:
        width, height = size_of(shot.jpeg)
        return Frame(shot.jpeg, shot.exposed_ns, width, height, {**exposure_of(shot.jpeg), **metadata})
    image = shot.frame.to_image()
    if rotation_deg:
        image = image.rotate(rotation_deg, expand=True)
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=QUALITY, subsampling=0)
    return Frame(file.getvalue(), shot.exposed_ns, image.width, image.height, metadata)


def small(frame: "VideoFrame", *, rotation_deg: int) -> bytes:
    """A small JPEG of a frame for the bench's screen."""
    width = min(PREVIEW_PX, frame.width)
    image = frame.to_image(width=width, height=max(2, round(frame.height * width / frame.width)))
    return _small_jpeg(image.rotate(rotation_deg, expand=True) if rotation_deg else image)


def small_of(jpeg: bytes) -> bytes:
    """A small JPEG of a large one; CameraError if it is no sound image within the bounds."""
    size_of(jpeg)
    with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
        image.draft("RGB", (PREVIEW_PX, PREVIEW_PX))
        image.thumbnail((PREVIEW_PX, PREVIEW_PX))
        return _small_jpeg(image)


def _small_jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=75)
    return file.getvalue()


def picture_digest(shot: Shot) -> bytes:
    """What tells whether a camera gave the very same picture again."""
    if shot.jpeg is not None:
        return hashlib.sha256(shot.jpeg).digest()
    return hashlib.sha256(shot.frame.to_ndarray().tobytes()).digest()


def exposure_of(jpeg: bytes) -> dict[str, object]:
    """ExposureTime (us), FNumber and ISO as a JPEG's Exif tells them; empty where it tells nothing."""
    try:
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
            told = image.getexif().get_ifd(EXIF_IFD)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, KeyError, TypeError, Image.DecompressionBombError):
        return {}
    found: dict[str, object] = {}
    for name, tag, scale in (("ExposureTime", EXPOSURE_TIME, 1e6), ("FNumber", F_NUMBER, 1.0), ("ISO", ISO, 1.0)):
        try:
            found[name] = round(float(told[tag]) * scale, 3)
        except (KeyError, TypeError, ValueError, ZeroDivisionError):
            continue
    return found
