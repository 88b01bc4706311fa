"""Asks a network camera for its serial number, at an address of the configuration, so that none is mistaken for another."""

import base64
import ssl

import aiohttp

from scanner_line.cameras.address import Address
from scanner_line.errors import CameraError

ASK_S = 8.0
ANSWER_BYTES_MAX = 256 * 1024


def web_session(address: Address, *, auth: str, timeout_s: float) -> aiohttp.ClientSession:
    """A session that speaks as the address's user, by digest or basic authentication; it ends within timeout_s whatever the camera does."""
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    encrypted = address.url.startswith("https:")
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=address.trusted()) if encrypted else True)
    if not address.user:
        return aiohttp.ClientSession(timeout=timeout, connector=connector)
    if auth == "basic":
        secret = base64.b64encode(f"{address.user}:{address.password()}".encode()).decode()
        return aiohttp.ClientSession(timeout=timeout, connector=connector, headers={"Authorization": f"Basic {secret}"})
    digest = aiohttp.DigestAuthMiddleware(address.user, address.password())
    return aiohttp.ClientSession(timeout=timeout, connector=connector, middlewares=(digest,))


async def bounded(answer: aiohttp.ClientResponse, bytes_max: int) -> bytes:
    """The whole body of an answer; CameraError for one beyond the bound, before more of it is kept."""
    data = bytearray()
    async for chunk in answer.content.iter_chunked(64 * 1024):
        data += chunk
        if len(data) > bytes_max:
            raise CameraError(f"the answer is larger than the {bytes_max} bytes allowed")
    return bytes(data)


class Identity:
    """The page of a camera's own on which its serial number stands."""

    def __init__(self, address: Address, *, auth: str = "digest") -> None:
        """`address` answers with a text, of whatever format, that contains the serial number."""
        self._address = address
        self._auth = auth

    async def check(self, serial: str) -> None:
        """CameraError unless the camera at the address says that it has this serial number."""
        try:
            async with (
                web_session(self._address, auth=self._auth, timeout_s=ASK_S) as web,
                web.get(self._address.url, allow_redirects=False) as answer,
            ):
                if answer.status != 200:
                    raise CameraError(
                        f"the camera at {self._address.host} does not tell its serial number: {answer.status} {answer.reason}"
                    )
                told = await bounded(answer, ANSWER_BYTES_MAX)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise CameraError(f"the camera at {self._address.host} does not tell its serial number: {error or 'no answer'}") from None
        if serial.encode() not in told:
            raise CameraError(f"the camera at {self._address.host} is not {serial}: another camera has its address")
