"""Opens a page image safely: the header is read and bounded before a pixel is decoded."""

import re
import struct
import warnings
from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg  # type: ignore[import-untyped]
from PIL import Image, UnidentifiedImageError

from scanner_line.errors import ImageRefused

Gray = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

FORMATS = ("JPEG", "PNG", "TIFF")  # a JPEG with further pictures behind it is opened as a JPEG
SIDE_MIN_PX = 64
FULL_MAX_PIXELS = 40_000_000  # larger photographs are decoded at a half or a quarter, to bound memory and time
HALF_MAX_PIXELS = 120_000_000
TAIL_BYTES = 4096
GRAY_MODES = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "F")
PLAIN_MODES = ("1", "L", "RGB", "I;16", "I;16B", "I;16L", "P")  # what OpenCV brings to 8 bits as it is meant
BROKEN = (OSError, ValueError, SyntaxError, EOFError, KeyError, TypeError, OverflowError, IndexError, AttributeError, ZeroDivisionError,
          struct.error, RuntimeError)  # fmt: skip # what Pillow's readers raise for hostile bytes
STUFFING = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
STUFFING_MAX = 16  # bytes that some cameras add before the end of the picture


@dataclass(frozen=True, slots=True)
class PageImage:
    """A decoded page: `gray` for the measures, `colour` (BGR, a quarter) for patterns in colour and `small` (half of that) for skin and
    paper; `width` and `height` as in the file."""

    gray: Gray
    colour: Gray
    small: Gray
    width: int
    height: int
    mode: str


def mask_where(condition: npt.NDArray[np.bool_]) -> Gray:
    """A mask, 255 where the condition holds."""
    return condition.astype(np.uint8) * np.uint8(255)


def as_gray(image: npt.NDArray[np.integer | np.floating]) -> Gray:
    """The same picture, as the 8-bit array it is; OpenCV's annotations say less than that."""
    return np.asarray(image, np.uint8)


def header_of(data: bytes, *, max_megapixels: float) -> tuple[int, int, str]:
    """Width, height and colour mode ("gray" or "colour") of an image, from its header alone; ImageRefused when it is not to be opened."""
    header = _header(data, max_megapixels=max_megapixels)
    return header.width, header.height, header.mode


def open_page(data: bytes, *, max_megapixels: float = 150.0) -> PageImage:
    """Decode a page image, turned as its EXIF orientation says; ImageRefused for anything that is no sound image within the limit."""
    header = _header(data, max_megapixels=max_megapixels)
    pixels = header.width * header.height
    factor = 4 if pixels > HALF_MAX_PIXELS else 2 if pixels > FULL_MAX_PIXELS else 1
    try:
        if header.kind == "JPEG" and header.plain:
            gray, colour = _decode_jpeg(data, header, factor)
        else:
            gray, colour = _decode_other(data, header, factor)
        small = _shrunk(colour, 0.5)
    except cv2.error as error:
        raise ImageRefused(f"the pixels cannot be decoded: {error.err}") from None
    except (*BROKEN, MemoryError) as error:
        raise ImageRefused(f"the pixels cannot be decoded: {error}") from None
    turned = header.orientation >= 5
    width, height = (header.height, header.width) if turned else (header.width, header.height)
    return PageImage(gray=gray, colour=colour, small=small, width=width, height=height, mode=header.mode)


@dataclass(frozen=True, slots=True)
class _Header:
    """What the header says: `plain` unless its colours have to be brought to grey or BGR first; `orientation` as in EXIF, 1 to 8."""

    width: int
    height: int
    mode: str
    kind: str
    plain: bool
    orientation: int


def _header(data: bytes, *, max_megapixels: float) -> _Header:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large pictures and odd headers; the limit below is ours
            with Image.open(BytesIO(data), formats=FORMATS) as image:
                width, height = image.size
                kind = "JPEG" if image.format == "MPO" else str(image.format)
                mode = "gray" if image.mode in GRAY_MODES else "colour"
                plain = image.mode in PLAIN_MODES and "transparency" not in image.info
                if width * height > max_megapixels * 1_000_000:
                    raise ImageRefused(f"{width} x {height} is larger than the {max_megapixels:g} megapixels allowed")
                orientation = image.getexif().get(0x0112, 1)
                if kind != "JPEG" and _pictures(image) > 1:
                    raise ImageRefused("the file holds several pictures: give each page a file of its own")
    except UnidentifiedImageError:
        raise ImageRefused("not a JPEG, PNG or TIFF image") from None
    except Image.DecompressionBombError:
        raise ImageRefused(f"larger than the {max_megapixels:g} megapixels allowed") from None
    except (*BROKEN, MemoryError) as error:
        raise ImageRefused(f"the header cannot be read: {error}") from None
    if min(width, height) < SIDE_MIN_PX:
        raise ImageRefused(f"{width} x {height} is too small for a page")
    if (kind == "JPEG" and not _jpeg_ends(data)) or (kind == "PNG" and b"IEND" not in data[-TAIL_BYTES:]):
        raise ImageRefused("the file ends too early")
    return _Header(width, height, mode, kind, plain, orientation if orientation in range(1, 9) else 1)


def _pictures(image: Image.Image) -> int:
    """How many pages a file holds, counted to two; a smaller version of the same page, as some scanners add, is none."""
    if image.format != "TIFF":
        return 2 if getattr(image, "is_animated", False) else 1
    for frame in range(1, 4):
        try:
            image.seek(frame)
        except EOFError:
            return 1
        if not int(image.tag_v2.get(254, 0)) & 1:  # type: ignore[attr-defined]
            return 2
    return 1


def _jpeg_ends(data: bytes) -> bool:
    """Whether an end-of-image marker follows the picture itself; one in a preview among the headers is not taken for it."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        if data[at + 1] == 0xDA:
            return data.rfind(b"\xff\xd9", at) >= 0
        at += 1 if data[at + 1] == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def _decode_jpeg(data: bytes, header: _Header, factor: int) -> tuple[Gray, Gray]:
    """Grey and colour picture of a JPEG; damage that other decoders paint over in grey is an error here."""
    try:
        gray = _reduced(data, header, "GRAY", factor, strict=True)
    except ValueError as error:
        stuffing = STUFFING.search(str(error))
        if stuffing is None or int(stuffing[1]) > STUFFING_MAX:
            raise
        gray = _reduced(data, header, "GRAY", factor, strict=False)
    gray = _upright(as_gray(gray[:, :, 0]), header.orientation)
    if header.mode == "gray":
        return gray, _quarter_of(gray, factor)
    return gray, _upright(as_gray(_reduced(data, header, "BGR", 4, strict=False)), header.orientation)


def _reduced(data: bytes, header: _Header, colours: str, factor: int, *, strict: bool) -> Gray:
    """A JPEG decoded at 1, 1/2, 1/4 or 1/8. simplejpeg takes the smallest size that is not under the least sizes; it reduces nothing for
    its `min_factor` alone."""
    least = {} if factor == 1 else {"min_height": -(-header.height // factor), "min_width": -(-header.width // factor)}
    return as_gray(simplejpeg.decode_jpeg(data, colours, **least, strict=strict))


def _decode_other(data: bytes, header: _Header, factor: int) -> tuple[Gray, Gray]:
    """Grey and colour picture of a PNG, a TIFF or a JPEG in print colours, whose formats know no reduced decoding."""
    image = None
    if header.plain:
        flag = (cv2.IMREAD_GRAYSCALE if header.mode == "gray" else cv2.IMREAD_COLOR) | cv2.IMREAD_IGNORE_ORIENTATION
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    if image is None:
        image = _by_pillow(data, header.mode)
    if factor > 1:
        image = cv2.resize(image, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
    upright = _upright(as_gray(image), header.orientation)
    if upright.ndim == 2:
        return upright, _quarter_of(upright, factor)
    gray = as_gray(cv2.cvtColor(upright, cv2.COLOR_BGR2GRAY))
    return gray, _shrunk(upright, factor / 4)


def _by_pillow(data: bytes, mode: str) -> Gray:
    """The picture by the other decoder: print colours, palettes, fax compression, and what is transparent laid on white."""
    with warnings.catch_warnings(action="ignore"), Image.open(BytesIO(data), formats=FORMATS) as image:
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            clear = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
        if image.mode in ("I", "I;16", "I;16B", "I;16L", "F"):
            deep = np.asarray(image, np.float32)
            highest = 65535.0 if image.mode.startswith("I") else max(1.0, float(deep.max(initial=0)))
            return as_gray(np.clip(deep * (255.0 / highest), 0, 255).astype(np.uint8))
        if mode == "gray":
            return as_gray(np.asarray(image.convert("L")))
        return as_gray(np.asarray(image.convert("RGB"))[:, :, ::-1])


def _quarter_of(gray: Gray, factor: int) -> Gray:
    return as_gray(cv2.cvtColor(_shrunk(gray, factor / 4), cv2.COLOR_GRAY2BGR))


def _shrunk(image: Gray, scale: float) -> Gray:
    size = (max(8, round(image.shape[1] * scale)), max(8, round(image.shape[0] * scale)))
    return as_gray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))


def _upright(image: Gray, orientation: int) -> Gray:
    """The picture as EXIF orientation 1 to 8 says it is to be seen."""
    if orientation >= 5:
        image = np.swapaxes(image, 0, 1)
    if orientation in (2, 3, 7, 6):
        image = image[:, ::-1]
    if orientation in (4, 3, 7, 8):
        image = image[::-1]
    return np.ascontiguousarray(image)
