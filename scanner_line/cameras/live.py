"""A camera that never stops sending: a thread decodes it, and hands out the first frame that was exposed after a press.

When a frame was exposed is reckoned from the camera's own clock (the frame's time stamp), laid over ours by the least delay seen lately,
less the camera's latency: so a frame that waited in a buffer counts as old, however lately it was decoded.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import uniform
from typing import TYPE_CHECKING

from scanner_line.cameras.bounds import check_size
from scanner_line.errors import CameraError

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container.input import InputContainer

WINDOW_S = 60.0  # within which the least delay is looked for: the two clocks drift apart, by 0.1 ms a second at most
JUMP_S = 5.0  # a time stamp that leaps so far belongs to a new clock
AGAIN_S, AGAIN_MAX_S = 0.5, 10.0
STALE_S = 3.0  # without a frame for so long, a camera is stuck
log = logging.getLogger(__name__)


class StreamClock:
    """Lays a camera's time stamps over `time.monotonic_ns()`. Pure."""

    def __init__(self, *, latency_s: float) -> None:
        """latency_s: from an exposure to the arrival of its frame, when nothing is held up."""
        self._latency_ns = round(latency_s * 1e9)
        self._seen: deque[tuple[int, int]] = deque()  # (arrival, arrival - stamp), the second rising
        self._stamp_ns: int | None = None

    def exposed_ns(self, stamp_ns: int | None, arrived_ns: int) -> int:
        """When the frame with a time stamp, which arrived at a moment, was exposed: never later than latency before its arrival."""
        if stamp_ns is None:
            return arrived_ns - self._latency_ns
        if self._stamp_ns is not None and not -JUMP_S < (stamp_ns - self._stamp_ns) / 1e9 < JUMP_S:
            self._seen.clear()
        self._stamp_ns = stamp_ns
        delay = arrived_ns - stamp_ns
        while self._seen and self._seen[-1][1] >= delay:
            self._seen.pop()
        self._seen.append((arrived_ns, delay))
        while self._seen[0][0] < arrived_ns - WINDOW_S * 1e9:
            self._seen.popleft()
        return stamp_ns + self._seen[0][1] - self._latency_ns


@dataclass(frozen=True, slots=True)
class Shot:
    """A frame as it came: decoded, the moment its exposure began, and the camera's own JPEG where it sends such."""

    frame: "VideoFrame"
    exposed_ns: int
    jpeg: bytes | None


class LiveFrames:
    """The thread and the newest frame. All methods but `start` and `close` may be called in any thread."""

    def __init__(self, name: str, open_stream: Callable[[], "InputContainer"], *, latency_s: float) -> None:
        """`open_stream` opens the stream anew, or raises CameraError or what PyAV raises; `name` is what words call the camera."""
        self._name = name
        self._open = open_stream
        self._latency_s = latency_s
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._newest: Shot | None = None
        self._arrived_s = 0.0
        self._fault = ""
        self._thread: threading.Thread | None = None

    def start(self, timeout_s: float) -> Shot:
        """Begin, and wait for the first frame; CameraError when the stream cannot be had in time, and nothing runs on."""
        self._thread = threading.Thread(target=self._run, name=f"camera {self._name}", daemon=True)
        self._thread.start()
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._fault, timeout_s)
            shot, fault = self._newest, self._fault
        if shot is None:
            self.close()
            raise CameraError(fault or f"{self._name}: no picture within {timeout_s:g} s")
        return shot

    def after(self, after_ns: int, timeout_s: float) -> Shot:
        """The first frame that is known to have been exposed at or after a moment; CameraError when none comes in time."""
        until = time.monotonic() + timeout_s
        with self._changed:
            while not self._stop.is_set():
                shot = self._newest
                if shot is not None and not self._fault and shot.exposed_ns >= after_ns:
                    return shot
                left = until - time.monotonic()
                if left <= 0:
                    raise CameraError(self._why(timeout_s))
                self._changed.wait(left)
        raise CameraError(f"{self._name} is closed")

    def newest(self) -> Shot:
        """The newest frame, for a preview; CameraError where there is none."""
        with self._changed:
            if self._newest is None or self._fault:
                raise CameraError(self._fault or f"{self._name} is not open")
            return self._newest

    def close(self) -> None:
        """End the thread; idempotent. A read under way ends by its own timeout."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(10)

    def _why(self, timeout_s: float) -> str:
        if self._fault:
            return self._fault
        silent_s = time.monotonic() - self._arrived_s
        if self._newest is None or silent_s > min(STALE_S, timeout_s):
            return f"{self._name}: frozen, no new picture for {silent_s:.1f} s"
        return f"{self._name}: no picture exposed after the press within {timeout_s:g} s (the stream is late)"

    def _run(self) -> None:
        again_s = AGAIN_S
        while not self._stop.is_set():
            before = self._arrived_s
            why = self._session()
            if self._stop.is_set():
                return
            with self._changed:
                if why != self._fault:
                    log.warning("%s", why)
                self._fault = why
                self._newest = None
                self._changed.notify_all()
            again_s = AGAIN_S if self._arrived_s > before else min(AGAIN_MAX_S, again_s * 2)
            self._stop.wait(again_s * uniform(0.8, 1.2))  # noqa: S311 (jitter)

    def _session(self) -> str:
        """Decode until the stream ends, fails or `close` is called; why it ended, in words."""
        import av  # 32 MiB: only where there is such a camera

        try:
            with self._open() as container:
                stream = container.streams.video[0]
                check_size(stream.codec_context.width, stream.codec_context.height)
                stream.thread_type = "SLICE"  # frame threads would hold frames back
                clock = StreamClock(latency_s=self._latency_s)
                whole = False  # after a torn packet, frames are torn until the next key frame
                for packet in container.demux(stream):
                    arrived_ns = time.monotonic_ns()
                    if self._stop.is_set():
                        return ""
                    try:
                        frames = packet.decode()
                    except av.error.InvalidDataError:
                        whole = False
                        continue
                    for frame in frames:
                        whole = (whole or bool(frame.key_frame)) and not frame.is_corrupt
                        stamp = None if frame.pts is None or frame.time_base is None else round(frame.pts * frame.time_base * 10**9)
                        exposed_ns = clock.exposed_ns(stamp, arrived_ns)
                        if whole:
                            jpeg = bytes(packet) if stream.codec_context.name == "mjpeg" else None
                            self._take(Shot(frame, exposed_ns, jpeg))
        except CameraError as error:
            return f"{self._name}: {error}"
        except (av.FFmpegError, OSError, IndexError, ValueError) as error:
            return f"{self._name}: no stream ({getattr(error, 'strerror', None) or type(error).__name__})"
        return f"{self._name}: the stream has ended"

    def _take(self, shot: Shot) -> None:
        with self._changed:
            self._newest = shot
            self._fault = ""
            self._arrived_s = time.monotonic()
            self._changed.notify_all()
