"""Opens a page image safely: the header is read and bounded before a pixel is decoded."""

from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from scanner_line.errors import ImageRefused

Gray = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

FORMATS = ("JPEG", "PNG", "TIFF")
SIDE_MIN_PX = 64
FULL_MAX_PIXELS = 40_000_000  # larger photographs are decoded at a half or a quarter, to bound memory and time
HALF_MAX_PIXELS = 120_000_000
TAIL_BYTES = 4096
TAILS = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}  # end of image; a file without it was cut off


@dataclass(frozen=True, slots=True)
class PageImage:
    """A decoded page: `gray` for the measures, `small` (BGR, an eighth) for colours; `width` and `height` as in the file."""

    gray: Gray
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
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            mode = "gray" if image.mode in ("1", "L", "LA", "I", "I;16", "F") else "colour"
            kind = str(image.format)
    except UnidentifiedImageError:
        raise ImageRefused("not a JPEG, PNG or TIFF image") from None
    except (Image.DecompressionBombError, OSError, ValueError, SyntaxError, EOFError, KeyError, TypeError, OverflowError) as error:
        raise ImageRefused(f"the header cannot be read: {error}") from None
    if width * height > max_megapixels * 1_000_000:
        raise ImageRefused(f"{width} x {height} is larger than the {max_megapixels:g} megapixels allowed")
    if min(width, height) < SIDE_MIN_PX:
        raise ImageRefused(f"{width} x {height} is too small for a page")
    tail = TAILS.get(kind)
    if tail is not None and tail not in data[-TAIL_BYTES:]:
        raise ImageRefused("the file ends too early")
    return width, height, mode


def open_page(data: bytes, *, max_megapixels: float = 200.0) -> PageImage:
    """Decode a page image; ImageRefused for anything that is no sound image within the limit."""
    width, height, mode = header_of(data, max_megapixels=max_megapixels)
    pixels = width * height
    gray_flag: int = cv2.IMREAD_GRAYSCALE
    if pixels > HALF_MAX_PIXELS:
        gray_flag = cv2.IMREAD_REDUCED_GRAYSCALE_4
    elif pixels > FULL_MAX_PIXELS:
        gray_flag = cv2.IMREAD_REDUCED_GRAYSCALE_2
    raw = np.frombuffer(data, np.uint8)
    try:
        gray = cv2.imdecode(raw, gray_flag)
        small = cv2.imdecode(raw, cv2.IMREAD_REDUCED_COLOR_8) if mode == "colour" else None
    except cv2.error as error:
        raise ImageRefused(f"the pixels cannot be decoded: {error.err}") from None
    if gray is None:
        raise ImageRefused("the pixels cannot be decoded")
    if small is None:
        shrunk = cv2.resize(gray, (max(8, gray.shape[1] // 8), max(8, gray.shape[0] // 8)), interpolation=cv2.INTER_AREA)
        small = cv2.cvtColor(shrunk, cv2.COLOR_GRAY2BGR)
    return PageImage(gray=as_gray(gray), small=as_gray(small), width=width, height=height, mode=mode)
