"""Sends images and clips: whole, by range, or an image made smaller; never by a name from outside, only by a digest of ours."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from flask import Response, request, send_file
from PIL import Image

from central.web.blocking import blocking
from central.web.problems import Problem, not_found
from central.web.state import config, state

STRICT_ROLES = frozenset(("auditor",))  # those whose daily work it is not must say why they look
CACHE = "private, max-age=600"  # as long as one act covers
THUMB_QUALITY = 82
FORMATS = ("JPEG", "PNG", "TIFF")  # what cameras here make; Pillow knows forty more, some of which start programs
WHOLE_PIXELS_MAX = 60_000_000  # decoded whole, 180 MB at three bytes each
ROWS_PIXELS_MAX = 170_000_000  # decoded row by row, at a fraction of the size
MB = 1024 * 1024
_TYPES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PN": "image/png", b"II*": "image/tiff", b"MM\x00": "image/tiff"}
Purpose = Annotated[str, msgspec.Meta(min_length=1, max_length=200, description="why it is looked at; recorded")]


class PurposeQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why an image or clip is looked at."""

    purpose: Purpose | None = None


class ImageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why, and how wide: one of a few widths, so that nobody makes the centre compute at will."""

    purpose: Purpose | None = None
    width: Literal[160, 320, 640, 1280, 2560] | None = None


def purpose_of(query: PurposeQuery | ImageQuery) -> str | None:
    """The purpose from the query or the header Muniment-Purpose."""
    return query.purpose or request.headers.get("Muniment-Purpose") or None


def send_object(sha256: str, *, mimetype: str | None = None) -> Response:
    """The bytes of a whole object, with ranges; the type of an image is read from its first bytes."""
    path = state().objects.path(sha256)
    try:
        with path.open("rb") as file:
            first = file.read(3)
    except FileNotFoundError as error:
        raise not_found("The bytes are not here.") from error
    kind = mimetype or _TYPES.get(first, "application/octet-stream")
    answer = send_file(path, mimetype=kind, conditional=True, etag=sha256, last_modified=path.stat().st_mtime, max_age=None)
    answer.headers["Cache-Control"] = CACHE
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    if kind == "application/octet-stream":
        answer.headers["Content-Disposition"] = "attachment"
    return answer


def check_space(size: int) -> None:
    """Refuse to keep so many bytes where they would go into the disk's reserve, as uploads are refused."""
    if state().objects.free_bytes() - size < config().limits.reserve_mb * MB:
        raise Problem(
            507, "disk-reserve", "The centre keeps what disk it has left: nothing was stored. Make room on its disk, then try again."
        )


class ImageRefused(Exception):
    """The bytes are no photograph that may be decoded here; the text says why."""


def _check_size(image: Image.Image) -> None:
    """Refuse what would take too much memory: all but a baseline JPEG is decoded whole."""
    baseline = image.format == "JPEG" and not image.info.get("progressive")
    most = ROWS_PIXELS_MAX if baseline else WHOLE_PIXELS_MAX
    if image.width * image.height > most:
        raise ImageRefused(f"{image.width} x {image.height} pixels are too large to be made smaller here")


def shrink(path: Path, width: int) -> bytes:
    """The image as a JPEG of at most this width; ImageRefused if it is none of our formats, damaged or too large."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            _check_size(image)
            image.draft("RGB", (width, width * image.height // max(image.width, 1)))
            image.thumbnail((width, width * 4))
            out = io.BytesIO()
            image.convert("RGB").save(out, "JPEG", quality=THUMB_QUALITY)
            return out.getvalue()
    except FileNotFoundError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageRefused("it is too large to be made smaller here") from error
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        KeyError,
        TypeError,
        OverflowError,
        struct.error,
    ) as error:  # Pillow's, of hostile bytes
        raise ImageRefused(f"it cannot be read: {type(error).__name__}") from error


def send_smaller(sha256: str, width: int) -> Response:
    """The image as a JPEG of at most this width; a Problem if the bytes are no image that can be read."""
    path, etag = state().objects.path(sha256), f"{sha256}-{width}"
    if request.if_none_match.contains(etag) and path.exists():
        fresh = Response(status=304)  # nobody computes again what the browser has
        fresh.headers["Cache-Control"] = CACHE
        fresh.set_etag(etag)
        return fresh
    made: list[bytes] = []
    try:
        with state().decoding:
            blocking(lambda: made.append(shrink(path, width)))
    except FileNotFoundError as error:
        raise not_found("The bytes are not here.") from error
    except ImageRefused as error:
        raise Problem(422, "unreadable-image", f"The image: {error}. Its bytes stay on record.") from error
    answer = Response(made[0], mimetype="image/jpeg")
    answer.headers["Cache-Control"] = CACHE
    answer.set_etag(etag)
    conditional: Any = answer.make_conditional(request.environ)
    return conditional if isinstance(conditional, Response) else answer
