"""What a camera may hand over: a photograph whose bytes and pixels are bounded before anything of it is decoded."""

from io import BytesIO

from PIL import Image, UnidentifiedImageError

from scanner_line.errors import CameraError

BYTES_MAX = 64 * 2**20
MEGAPIXELS_MAX = 200.0
SIDE_MIN_PX = 64
END = b"\xff\xd9"  # a JPEG without its end-of-image mark was cut off
TAIL_BYTES = 4096


def size_of(jpeg: bytes, *, megapixels_max: float = MEGAPIXELS_MAX) -> tuple[int, int]:
    """Width and height in pixels of a whole JPEG, from its header alone; CameraError for anything else, or one too large or too small."""
    if not 0 < len(jpeg) <= BYTES_MAX:
        raise CameraError(f"the picture has {len(jpeg)} bytes, more than the {BYTES_MAX} allowed" if jpeg else "the picture is empty")
    try:
        with Image.open(BytesIO(jpeg), formats=("JPEG",)) as image:
            width, height = image.size
    except UnidentifiedImageError:
        raise CameraError("the picture is not a JPEG image") from None
    except Image.DecompressionBombError:
        raise CameraError(f"the picture is larger than the {megapixels_max:g} megapixels allowed") from None
    except (OSError, ValueError, SyntaxError, EOFError, KeyError, TypeError, OverflowError) as error:
        raise CameraError(f"the picture's header cannot be read: {error}") from None
    check_size(width, height, megapixels_max=megapixels_max)
    if END not in jpeg[-TAIL_BYTES:]:
        raise CameraError("the picture ends too early")
    return width, height


def check_size(width: int, height: int, *, megapixels_max: float = MEGAPIXELS_MAX) -> None:
    """CameraError for a picture that is larger or smaller than a photograph of a page may be."""
    if width * height > megapixels_max * 1_000_000:
        raise CameraError(f"the picture of {width} x {height} is larger than the {megapixels_max:g} megapixels allowed")
    if min(width, height) < SIDE_MIN_PX:
        raise CameraError(f"the picture of {width} x {height} is too small for a page")
