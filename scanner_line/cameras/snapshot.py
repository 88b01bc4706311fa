"""A network camera by its snapshot address: each press asks it for one JPEG, and only a picture made for that request counts."""

import asyncio
import hashlib
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import aiohttp

from scanner_line.cameras.address import Address
from scanner_line.cameras.base import CAPTURE_TIMEOUT_S, Frame
from scanner_line.cameras.bounds import BYTES_MAX, size_of
from scanner_line.cameras.identity import Identity, bounded, web_session
from scanner_line.cameras.photograph import exposure_of, small_of
from scanner_line.errors import CameraError

AGAIN_S = 0.1  # a camera that hands out an old picture is asked again while there is time
START_S = 10.0
HEADER_STEP_S = 1.0  # HTTP dates have whole seconds
HEADERS = {"Cache-Control": "no-cache, no-store", "Pragma": "no-cache", "Accept": "image/jpeg"}


def stale_words(headers: Mapping[str, str], *, took_s: float, etag: str | None) -> str | None:
    """Why an answer is an old picture, as its own headers tell; None where they do not. `etag` is that of the last press's picture."""
    age = headers.get("Age", "0").strip()
    if age.isdecimal() and int(age) > 0:
        return f"a cache between handed out a picture {age} s old"
    if etag is not None and headers.get("ETag") == etag:
        return "the camera handed out the picture of the last press (same ETag)"
    try:
        now, made = (parsedate_to_datetime(headers[name]).timestamp() for name in ("Date", "Last-Modified"))
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
    if now - made > took_s + HEADER_STEP_S:
        return f"the camera handed out a picture {now - made:.0f} s old"
    return None


class SnapshotCamera:
    """The camera behind a configured http:// or https:// address."""

    def __init__(
        self, address: Address, *, serial: str, auth: str = "digest", rotation_deg: int = 0, identity: Identity | None = None
    ) -> None:
        """`auth` is digest or basic, where the address names a user."""
        self._address = address
        self._serial = serial or address.host
        self._auth = auth
        self._rotation_deg = rotation_deg
        self._identity = identity
        self._web: aiohttp.ClientSession | None = None
        self._busy = asyncio.Lock()
        self._last: bytes | None = None
        self._etag: str | None = None

    @property
    def serial(self) -> str:
        """The number that it was bound by."""
        return self._serial

    async def start(self) -> None:
        """Ask the camera who it is, where it can be asked, and for a first picture. CameraError when either fails."""
        if self._web is not None:
            return
        if self._identity is not None:
            await self._identity.check(self._serial)
        self._web = web_session(self._address, auth=self._auth, timeout_s=START_S)
        try:
            await self._ask(START_S)
        except CameraError:
            await self.close()
            raise

    async def capture(self, after_monotonic_ns: int, *, timeout_s: float = CAPTURE_TIMEOUT_S) -> Frame:
        """A picture asked for after the given moment, that neither its headers nor its bytes tell to be an old one; `exposed_ns` is when
        the request began, since the exposure cannot have begun before. CameraError when none comes in time."""
        async with self._busy:
            until = time.monotonic() + timeout_s
            await asyncio.sleep(max(0.0, (after_monotonic_ns - time.monotonic_ns()) / 1e9))
            why = f"camera {self._serial} gave no picture within {timeout_s:g} s"
            while (left_s := until - time.monotonic()) > 0:
                began_ns = time.monotonic_ns()
                jpeg, headers = await self._ask(left_s)
                digest = hashlib.sha256(jpeg).digest()
                stale = stale_words(headers, took_s=(time.monotonic_ns() - began_ns) / 1e9, etag=self._etag)
                if stale is None and digest == self._last:
                    stale = "the camera handed out the very picture of the last press"
                if stale is None:
                    self._last, self._etag = digest, headers.get("ETag")
                    return await asyncio.to_thread(self._photograph, jpeg, began_ns)
                why = f"camera {self._serial}: {stale}"
                await asyncio.sleep(AGAIN_S)
            raise CameraError(why)

    async def preview(self) -> bytes:
        """A picture of now, small."""
        async with self._busy:
            jpeg, _ = await self._ask(CAPTURE_TIMEOUT_S)
        return await asyncio.to_thread(small_of, jpeg)

    async def close(self) -> None:
        """Let go of the connection."""
        web, self._web = self._web, None
        if web is not None:
            await web.close()

    async def _ask(self, timeout_s: float) -> tuple[bytes, Mapping[str, str]]:
        """One picture and its headers; its bytes and pixels are bounded before anything is decoded."""
        if self._web is None:
            raise CameraError(f"camera {self._serial} is not open")
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with self._web.get(self._address.url, headers=HEADERS, allow_redirects=False, timeout=timeout) as answer:
                if answer.status != 200:
                    raise CameraError(f"camera {self._serial} answers {answer.status} {answer.reason}{_hint(answer.status)}")
                jpeg = await bounded(answer, BYTES_MAX)
                headers = answer.headers.copy()  # whatever the case of their names
        except TimeoutError:
            raise CameraError(f"camera {self._serial} gave no picture within {timeout_s:.1f} s") from None
        except (aiohttp.ClientError, ValueError) as error:
            raise CameraError(f"camera {self._serial} cannot be reached: {error}") from None
        size_of(jpeg)
        return jpeg, headers

    def _photograph(self, jpeg: bytes, began_ns: int) -> Frame:
        width, height = size_of(jpeg)
        metadata = exposure_of(jpeg)
        if self._rotation_deg:
            jpeg, width, height = _turned(jpeg, self._rotation_deg)
        return Frame(jpeg, began_ns, width, height, metadata)


def _turned(jpeg: bytes, rotation_deg: int) -> tuple[bytes, int, int]:
    import io

    from PIL import Image

    with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
        turned = image.rotate(rotation_deg, expand=True)
    file = io.BytesIO()
    turned.convert("RGB").save(file, "JPEG", quality=95, subsampling=0)
    return file.getvalue(), turned.width, turned.height


def _hint(status: int) -> str:
    if status in (401, 403):
        return ": look at `user`, `password_file` and `auth`"
    return ": the camera sends elsewhere, which is not followed" if 300 <= status < 400 else ""
