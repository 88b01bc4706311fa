"""Resumable uploads by agents: tus 1.0.0 with creation, checksum and expiration (https://tus.io/protocols/resumable-upload)."""

from __future__ import annotations

import base64
import binascii
import errno
from email.utils import formatdate

from flask import Blueprint, Response, request
from flask_login import current_user
from werkzeug.exceptions import ClientDisconnected

from central.objects import DIGEST, Busy, Checksum, Mismatch, ObjectStore, WrongOffset
from central.people import rights
from central.web.operation import Operation, operation
from central.web.problems import CHECKSUM_MISMATCH, Problem, bad_field, not_found
from central.web.state import config, state

VERSION = "1.0.0"
EXTENSIONS = "creation,checksum,expiration"
ALGORITHMS = "sha1,sha256"
PATCH_TYPE = "application/offset+octet-stream"
MB = 1024 * 1024
RETRY_S = "10"
LENGTH_MAX = 2**40
RIGHT = "objects.upload"
_TUS = {"Tus-Resumable": "protocol version, 1.0.0"}


def _headers(**more: str) -> dict[str, str]:
    return {"Tus-Resumable": VERSION, **{name.replace("_", "-"): value for name, value in more.items()}}


def _check_version() -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise Problem(412, "tus-version", f"Tus-Resumable is {VERSION}.", headers={"Tus-Version": VERSION})


def _no_space() -> Problem:
    return Problem(507, "disk-reserve", "The centre keeps what disk it has left.", headers=_headers(Retry_After="60"))


def _integer(header: str) -> int:
    given = request.headers.get(header, "")
    if not (given.isascii() and given.isdigit() and len(given) <= 13 and int(given) <= LENGTH_MAX):
        raise bad_field(header, "an integer of bytes is missing")
    return int(given)


def _digest_of_metadata() -> str:
    for pair in request.headers.get("Upload-Metadata", "")[:2000].split(","):
        name, _, value = pair.strip().partition(" ")
        if name == "sha256":
            try:
                return base64.b64decode(value, validate=True).decode("ascii")
            except (binascii.Error, UnicodeDecodeError) as error:
                raise bad_field("Upload-Metadata", "sha256 is not base64 of a hex text") from error
    raise bad_field("Upload-Metadata", "sha256 is missing")


def _check_digest(sha256: str) -> None:
    if not DIGEST.fullmatch(sha256):
        raise bad_field("sha256", "64 lower-case hex digits")


def _journalled(store: ObjectStore, sha256: str) -> int:
    _check_digest(sha256)
    length = store.journalled_bytes(sha256, current_user.name)
    if length is None:
        words = "No record of yours that has arrived here names this digest; try again when it has."
        raise Problem(409, "not-journalled", words, headers=_headers(Retry_After=RETRY_S))
    return length


def _create(sha256: str) -> Response:
    _check_version()
    store, agent = state().objects, current_user.name
    length = _integer("Upload-Length")
    expected = _journalled(store, sha256)
    if length != expected:
        raise bad_field("Upload-Length", f"the record says {expected} bytes")
    location = f"/api/v1/uploads/{sha256}"
    if store.stored_bytes(sha256) is not None or store.adopt(sha256, agent):
        store.drop(sha256, agent)
        return Response(status=201, headers=_headers(Location=location, Upload_Offset=str(length), Upload_Length=str(length)))
    limits = config().limits
    if length > limits.upload_mb * MB:
        raise Problem(413, "too-large", f"An object has at most {limits.upload_mb} MB.", headers=_headers())
    partial = store.partial(sha256, agent)
    if partial is None or partial.length != length:
        store.sweep()
        if not store.quota_left(agent, length):
            raise Problem(429, "quota", "Finish the uploads that were begun first.", headers=_headers(Retry_After=RETRY_S))
        if store.free_bytes() - length < limits.reserve_mb * MB:
            raise _no_space()
        partial = store.create(sha256, agent, length)
    expires = formatdate(partial.expires_s, usegmt=True)
    return Response(
        status=201,
        headers=_headers(Location=location, Upload_Offset=str(partial.offset), Upload_Length=str(length), Upload_Expires=expires),
    )


def _head(sha256: str) -> Response:
    _check_version()
    store = state().objects
    length = _journalled(store, sha256)
    if store.stored_bytes(sha256) is not None:
        return Response(status=200, headers=_headers(Upload_Offset=str(length), Upload_Length=str(length)))
    partial = store.partial(sha256, current_user.name)
    if partial is None:
        raise not_found("This upload was not begun, or has expired.")
    expires = formatdate(partial.expires_s, usegmt=True)
    shown = _headers(Upload_Offset=str(partial.offset), Upload_Length=str(partial.length), Upload_Expires=expires)
    return Response(status=200, headers=shown)


def _checksum() -> Checksum | None:
    given = request.headers.get("Upload-Checksum")
    if given is None:
        return None
    try:
        return Checksum.parse(given[:200])
    except ValueError as error:
        raise bad_field("Upload-Checksum", str(error)) from error


def _patch(sha256: str) -> Response:
    _check_version()
    if request.mimetype != PATCH_TYPE:
        raise Problem(415, "unsupported-media-type", f"The body is {PATCH_TYPE}.", headers=_headers())
    offset, checksum = _integer("Upload-Offset"), _checksum()
    store = state().objects
    length = _journalled(store, sha256)
    if store.stored_bytes(sha256) is not None:  # another agent's upload of the same bytes was quicker
        store.drop(sha256, current_user.name)
        return Response(status=204, headers=_headers(Upload_Offset=str(length)))
    partial = store.partial(sha256, current_user.name)
    if partial is None:
        raise not_found("This upload was not begun, or has expired.")
    if (request.content_length or 0) > partial.length - min(offset, partial.length):
        raise Problem(413, "too-large", "The body goes beyond Upload-Length.", headers=_headers())
    if store.free_bytes() < config().limits.reserve_mb * MB:
        raise _no_space()
    request.max_content_length = config().limits.upload_mb * MB
    try:
        end = store.append(partial, offset=offset, stream=request.stream, checksum=checksum)
    except Busy as error:
        raise Problem(423, "upload-locked", "Another request is writing this upload.", headers=_headers(Retry_After="1")) from error
    except WrongOffset as error:
        raise Problem(
            409, "wrong-offset", f"The upload is at {error.offset}.", headers=_headers(Upload_Offset=str(error.offset))
        ) from error
    except Mismatch as error:
        raise Problem(CHECKSUM_MISMATCH, "checksum-mismatch", str(error), headers=_headers()) from error
    except TimeoutError:
        raise  # the body did not come; what came is kept
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _no_space() from error
    except ClientDisconnected as error:
        raise Problem(400, "client-disconnected", "The connection ended; what came is kept.", headers=_headers()) from error
    return Response(status=204, headers=_headers(Upload_Offset=str(end)))


def _options() -> Response:
    largest = str(config().limits.upload_mb * MB)
    shown = _headers(Tus_Version=VERSION, Tus_Extension=EXTENSIONS, Tus_Max_Size=largest, Tus_Checksum_Algorithm=ALGORITHMS)
    return Response(status=204, headers=shown)


def blueprint() -> Blueprint:
    """`/api/v1/uploads`."""
    made = Blueprint("uploads", __name__, url_prefix="/api/v1/uploads")
    refusals = {
        400: "a header is wrong",
        409: "not journalled yet",
        413: "too large",
        429: "too many uploads begun",
        507: "the disk's reserve",
    }

    @made.route("/<string(maxlength=100):sha256>", methods=["POST"], provide_automatic_options=False)
    @operation(
        Operation(
            right=RIGHT,
            summary="Begin the upload of a journalled digest; Upload-Offset tells how much is there already.",
            status=201,
            also=refusals,
            headers=_TUS | {"Upload-Length": "bytes"},
        )
    )
    def upload_create(sha256: str) -> Response:
        return _create(sha256)

    @made.route("", methods=["POST"], provide_automatic_options=False)
    @operation(
        Operation(
            right=RIGHT,
            summary="The same, with the digest in Upload-Metadata as sha256.",
            status=201,
            also=refusals,
            headers=_TUS | {"Upload-Length": "bytes", "Upload-Metadata": "sha256 and the base64 of its hex text"},
        )
    )
    def upload_create_named() -> Response:
        return _create(_digest_of_metadata())

    @made.route("/<string(maxlength=100):sha256>", methods=["HEAD"], provide_automatic_options=False)
    @operation(Operation(right=RIGHT, summary="How much of an upload is there.", headers=_TUS))
    def upload_show(sha256: str) -> Response:
        return _head(sha256)

    @made.route("/<string(maxlength=100):sha256>", methods=["PATCH"], provide_automatic_options=False)
    @operation(
        Operation(
            right=RIGHT,
            summary="Add bytes at Upload-Offset; the last ones are acknowledged when the whole is verified and on disk.",
            status=204,
            also={409: "wrong offset", 423: "another request is writing", CHECKSUM_MISMATCH: "the bytes do not match"},
            headers=_TUS | {"Upload-Offset": "bytes", "Upload-Checksum": "sha256 and base64, of this body"},
        )
    )
    def upload_append(sha256: str) -> Response:
        return _patch(sha256)

    @made.route("", methods=["OPTIONS"], provide_automatic_options=False)
    @operation(Operation(right=rights.PUBLIC, summary="What this server can.", status=204))
    def upload_options() -> Response:
        return _options()

    @made.route("/<string(maxlength=100):sha256>", methods=["OPTIONS"], provide_automatic_options=False, endpoint="upload_options_one")
    @operation(Operation(right=rights.PUBLIC, summary="What this server can.", status=204))
    def upload_options_one(sha256: str) -> Response:
        return _options()

    return made
