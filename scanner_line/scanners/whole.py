"""Whether an image file that somebody else wrote is there to its last byte: walked or decoded to its end, in bounded memory."""

import struct
import warnings
import zlib
from io import BytesIO

from PIL import Image

from scanner_line.checks.images import header_of
from scanner_line.errors import ImageRefused

SIGNATURE = b"\x89PNG\r\n\x1a\n"
STEP_BYTES = 1 << 20
STRIPS = ((273, 279), (324, 325))  # TIFF 6.0: StripOffsets and StripByteCounts, TileOffsets and TileByteCounts
EXCESS_BYTES = 1 << 20  # of pixels beyond what a PNG's header says
BAD_IMAGE = (Image.DecompressionBombError, OSError, ValueError, SyntaxError, EOFError, KeyError, TypeError, OverflowError, struct.error)


def check_whole(data: bytes, *, max_megapixels: float) -> tuple[int, int, float | None]:
    """Width and height in pixels and dpi (None where the file does not say) of a whole JPEG, PNG or TIFF; ImageRefused, with the reason,
    for anything else: cut short, another format, larger than allowed, or of broken pixels."""
    width, height, _ = header_of(data, max_megapixels=max_megapixels)
    try:
        if data.startswith(SIGNATURE):
            _walk_png(data, width=width, height=height)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd headers; what counts is whether the pixels are there
            dpi = _stated(_decode(data, width=width, height=height))
    except BAD_IMAGE as error:
        raise ImageRefused(f"the file is not whole: {error}") from None
    return width, height, dpi


def _stated(dpi: object) -> float | None:
    """The resolution across that a file states, where it is one: the tags of a TIFF may hold anything in its place."""
    try:
        across = float(dpi[0])  # type: ignore[index]
    except (TypeError, ValueError, LookupError, ArithmeticError):
        return None
    return across if 10 <= across <= 10_000 else None


def _decode(data: bytes, *, width: int, height: int) -> object:
    """Decode a JPEG to its end at an eighth of its size, look for a TIFF's strips; the resolution where the file states one."""
    with Image.open(BytesIO(data), formats=("JPEG", "PNG", "TIFF")) as image:
        if image.format in ("JPEG", "MPO"):
            image.draft("L", (max(1, width // 8), max(1, height // 8)))
            image.load()
        elif image.format == "TIFF":
            _walk_tiff(dict(image.tag_v2), len(data))
        return image.info.get("dpi")


def _walk_png(data: bytes, *, width: int, height: int) -> None:
    """Every chunk's CRC and the whole of the compressed pixels, thrown away as they come (PNG specification, 5)."""
    at, pixels, out = len(SIGNATURE), zlib.decompressobj(), 0
    bound = width * height * 8 + height * 8 + EXCESS_BYTES  # at most 16 bits in four channels
    while True:
        if at + 12 > len(data):
            raise ImageRefused("the file is cut short")
        length, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            raise ImageRefused("the file is cut short")
        body = memoryview(data)[at + 8 : at + 8 + length]
        if zlib.crc32(body, zlib.crc32(kind)) != struct.unpack_from(">I", data, at + 8 + length)[0]:
            raise ImageRefused("the file is damaged: a checksum does not fit")
        if kind == b"IDAT":
            out += _inflate(pixels, bytes(body), bound - out)
        if kind == b"IEND":
            break
        at += 12 + length
    if not pixels.eof:
        raise ImageRefused("the file is cut short: its pixels do not end")


def _inflate(pixels: "zlib._Decompress", body: bytes, left: int) -> int:
    made = 0
    while body:
        try:
            made += len(pixels.decompress(body, STEP_BYTES))
        except zlib.error as error:
            raise ImageRefused(f"the file is damaged: {error}") from None
        if made > left:
            raise ImageRefused("the file holds more pixels than it says")
        body = pixels.unconsumed_tail
    return made


def _walk_tiff(tags: dict[int, object], size: int) -> None:
    """Every strip and tile of the first page lies within the file."""
    found = False
    for offsets, counts in STRIPS:
        starts, lengths = _numbers(tags.get(offsets)), _numbers(tags.get(counts))
        found = found or bool(starts)
        if len(starts) != len(lengths) or any(start + length > size for start, length in zip(starts, lengths, strict=True)):
            raise ImageRefused("the file is cut short")
    if not found:
        raise ImageRefused("the file holds no pixels")


def _numbers(given: object) -> tuple[int, ...]:
    if isinstance(given, int):
        return (given,)
    return tuple(int(one) for one in given) if isinstance(given, tuple) else ()
