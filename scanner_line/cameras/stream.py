"""A network camera by its stream (RTSP, or HTTP with MPEG-TS or MJPEG): pages are frames of it that were exposed after the press."""

import asyncio
from typing import TYPE_CHECKING

from scanner_line.cameras.address import Address
from scanner_line.cameras.base import CAPTURE_TIMEOUT_S, Frame
from scanner_line.cameras.bounds import MEGAPIXELS_MAX
from scanner_line.cameras.identity import Identity
from scanner_line.cameras.live import LiveFrames
from scanner_line.cameras.photograph import photograph, picture_digest, small
from scanner_line.errors import CameraError

if TYPE_CHECKING:
    from av.container.input import InputContainer

OPEN_S, READ_S = 5.0, 3.0
START_S = 15.0
LATENCY_MS = 300.0
OPTIONS = {
    # only the camera itself is talked to: no playlist, redirect or file that it names
    "protocol_whitelist": "rtsp,rtp,rtcp,srtp,tcp,udp,tls,http,https",
    "format_whitelist": "rtsp,rtp,sdp,mpegts,mpjpeg,mjpeg,h264,hevc",
    "max_redirects": "0",
    "rtsp_transport": "tcp",  # lost UDP packets would tear pages
    "fflags": "nobuffer",
    "flags": "low_delay",
}


def open_stream(address: Address, *, read_s: float = READ_S) -> "InputContainer":
    """The stream behind a configured address, whose reads give up after read_s; raises what PyAV raises."""
    import av

    options = dict(OPTIONS)
    if not address.url.startswith("rtsp"):
        del options["rtsp_transport"]
    if address.url.startswith(("https:", "rtsps:")):
        options |= {"tls_verify": "1", "ca_file": address.trusted()}  # PyAV believes any certificate unless it is told to look
    pixels = {"max_pixels": str(round(MEGAPIXELS_MAX * 1e6))}
    return av.open(address.with_secret(), "r", options={**options, **pixels}, timeout=(OPEN_S, read_s))


class LiveCamera:
    """A camera whose frames come by themselves; who opens it says where from."""

    def __init__(self, live: LiveFrames, *, serial: str, rotation_deg: int = 0) -> None:
        """`serial` is the number that the camera is bound by."""
        self._live = live
        self._serial = serial
        self._rotation_deg = rotation_deg
        self._last: bytes | None = None
        self._open = False

    @property
    def serial(self) -> str:
        """The number that it was bound by."""
        return self._serial

    def held(self) -> dict[str, object]:
        """Exposure, gain, white balance and focus as the camera tells them now; none where it does not."""
        return {}

    async def start(self) -> None:
        """Open the stream and wait for its first frame. CameraError when none comes."""
        if not self._open:
            await asyncio.to_thread(self._live.start, START_S)
            self._open = True

    async def capture(self, after_monotonic_ns: int, *, timeout_s: float = CAPTURE_TIMEOUT_S) -> Frame:
        """The first frame exposed after the given moment. CameraError when none comes in time, the stream is gone or late, or the very
        picture of the last press comes again: a frozen camera."""
        if not self._open:
            raise CameraError(f"camera {self._serial} is not open")
        return await asyncio.to_thread(self._capture, after_monotonic_ns, timeout_s)

    def _capture(self, after_monotonic_ns: int, timeout_s: float) -> Frame:
        shot = self._live.after(after_monotonic_ns, timeout_s)
        digest = picture_digest(shot)
        if digest == self._last:
            raise CameraError(f"camera {self._serial} gave the very picture of the last press: it is frozen; switch it off and on")
        frame = photograph(shot, rotation_deg=self._rotation_deg, metadata=self.held())
        self._last = digest
        return frame

    async def preview(self) -> bytes:
        """The newest frame, small."""
        shot = self._live.newest()
        return await asyncio.to_thread(small, shot.frame, rotation_deg=self._rotation_deg)

    async def close(self) -> None:
        """End the stream."""
        self._open = False
        await asyncio.to_thread(self._live.close)


class StreamCamera(LiveCamera):
    """The camera behind a configured address, which may have to show its serial number before it is believed."""

    def __init__(
        self,
        address: Address,
        *,
        serial: str,
        latency_ms: float = LATENCY_MS,
        rotation_deg: int = 0,
        identity: Identity | None = None,
        read_s: float = READ_S,
    ) -> None:
        """latency_ms: from an exposure to the arrival of its frame, as the installer measured it; read_s: silence after which the
        stream counts as gone."""
        name = f"camera {serial or address.host}"
        super().__init__(
            LiveFrames(name, lambda: open_stream(address, read_s=read_s), latency_s=latency_ms / 1000),
            serial=serial or address.host,
            rotation_deg=rotation_deg,
        )
        self._identity = identity

    async def start(self) -> None:
        """Ask the camera who it is, where it can be asked, then open its stream. CameraError when it is another one."""
        if self._identity is not None:
            await self._identity.check(self._serial)
        await super().start()
