"""A Raspberry Pi camera through picamera2, held still: exposure, white balance and focus are locked when a session starts.

Thin on purpose. picamera2 is imported when the camera is opened: it exists on a Pi alone.
"""

import asyncio
import io
import time
from collections.abc import Mapping
from typing import Any

from PIL import Image

from scanner_line.cameras.base import CAPTURE_TIMEOUT_S, Frame
from scanner_line.errors import CameraError

SETTLE_S = 2.0  # for exposure and white balance to settle before they are locked
FOCUS_TIMEOUT_S = 8.0
JPEG_QUALITY = 92
PREVIEW_SIZE = (640, 480)
ROW_MAX = 16  # of a row in a frame's metadata that is kept: a colour matrix has nine
LOCKED = ("ExposureTime", "AnalogueGain", "ColourGains")  # taken from the settled frame and held


class PiCamera:
    """The camera with the given serial number; an empty number takes the only camera and refuses to choose among several."""

    def __init__(self, *, serial: str, width: int = 0, height: int = 0, rotation_deg: int = 0) -> None:
        self._wanted = serial
        self._size = (width, height)
        self._rotation_deg = rotation_deg
        self._found = ""
        self._device: Any = None
        self._busy = asyncio.Lock()

    @property
    def serial(self) -> str:
        """The number asked for, or that of the only camera once it was found."""
        return self._wanted or self._found

    async def start(self) -> None:
        """Open, let the light settle, focus once, lock. CameraError when there is no such camera or it does not come up."""
        async with self._busy:
            if self._device is None:
                await asyncio.to_thread(self._start)

    async def capture(self, after_monotonic_ns: int, *, timeout_s: float = CAPTURE_TIMEOUT_S) -> Frame:
        """A frame exposed after the given moment: older ones in the queue are flushed by the driver, and its word is checked."""
        if self._device is None:
            raise CameraError(f"camera {self.serial} is not open")
        async with self._busy:
            return await asyncio.to_thread(self._capture, after_monotonic_ns, timeout_s)

    async def preview(self) -> bytes:
        """The small stream's present picture, in grey: quick, so that no press waits for it."""
        if self._device is None:
            raise CameraError(f"camera {self.serial} is not open")
        async with self._busy:
            return await asyncio.to_thread(self._preview)

    async def close(self) -> None:
        """Give the camera back."""
        async with self._busy:
            device, self._device = self._device, None
            if device is not None:
                await asyncio.to_thread(device.close)

    def _start(self) -> None:
        try:
            from picamera2 import Picamera2
        except ImportError as error:
            raise CameraError(f"picamera2 is not installed ({error}); on a Pi: apt install python3-picamera2") from None
        cameras = Picamera2.global_camera_info()
        number = number_of(cameras, self._wanted)
        device = None
        try:
            device = Picamera2(number)
            size = self._size if all(self._size) else tuple(device.sensor_resolution)
            device.configure(device.create_still_configuration(main={"size": size}, lores={"size": PREVIEW_SIZE}, buffer_count=2))
            device.start()
            self._lock(device)
        except (RuntimeError, IndexError, OSError, TimeoutError) as error:
            if device is not None:
                device.close()
            raise CameraError(f"camera {self._wanted or number} cannot be opened: {error}") from None
        self._found = next(str(camera.get("Id", "")) for camera in cameras if camera.get("Num") == number)
        self._device = device

    def _lock(self, device: Any) -> None:
        time.sleep(SETTLE_S)
        if "AfMode" in device.camera_controls:
            device.set_controls({"AfMode": 1})  # auto: focus once, then hold
            device.wait(device.autofocus_cycle(wait=False), timeout=FOCUS_TIMEOUT_S)
        settled = device.capture_metadata(wait=FOCUS_TIMEOUT_S)
        held = {name: settled[name] for name in LOCKED if name in settled}
        device.set_controls({"AeEnable": False, "AwbEnable": False, **held})

    def _capture(self, after_monotonic_ns: int, timeout_s: float) -> Frame:
        device = self._device
        if device is None:
            raise CameraError(f"camera {self.serial} is not open")
        try:
            request = device.capture_request(wait=timeout_s, flush=after_monotonic_ns)
        except (TimeoutError, RuntimeError) as error:
            self._device = None  # the request that is still waiting would keep a frame: only closing gives it back
            device.close()
            raise CameraError(f"camera {self.serial} gave no frame within {timeout_s:g} s: {error}") from None
        try:
            metadata = dict(request.get_metadata())
            image = request.make_image("main")
        finally:
            request.release()
        exposed_ns = exposure_start_ns(metadata)
        if exposed_ns < after_monotonic_ns:
            raise CameraError(f"camera {self.serial} gave a frame exposed before the press")
        if self._rotation_deg:
            image = image.rotate(self._rotation_deg, expand=True)
        file = io.BytesIO()
        image.convert("RGB").save(file, "JPEG", quality=JPEG_QUALITY)
        return Frame(file.getvalue(), exposed_ns, image.width, image.height, plain(metadata))

    def _preview(self) -> bytes:
        request = self._device.capture_request(wait=CAPTURE_TIMEOUT_S)
        try:
            planes = request.make_array("lores")  # YUV420: the first rows are the grey picture
        finally:
            request.release()
        width, height = PREVIEW_SIZE
        file = io.BytesIO()
        Image.fromarray(planes[:height, :width]).save(file, "JPEG", quality=75)
        return file.getvalue()


def number_of(cameras: list[dict[str, Any]], serial: str) -> int:
    """The number by which libcamera knows the camera with a serial (its `Id`, or the end of it). CameraError unless exactly one fits."""
    fitting = [camera for camera in cameras if not serial or str(camera.get("Id", "")).endswith(serial)]
    if len(fitting) == 1:
        return int(fitting[0].get("Num", cameras.index(fitting[0])))
    known = ", ".join(str(camera.get("Id", "?")) for camera in cameras) or "none"
    if not fitting:
        raise CameraError(f"no camera {serial or 'at all'}; connected: {known}")
    raise CameraError(f"several cameras fit, name one by its serial; connected: {known}")


def exposure_start_ns(metadata: Mapping[str, Any]) -> int:
    """When the frame's exposure began: its sensor time stamp less its exposure time, as picamera2 itself reckons when it flushes. The
    stamp is on the boot clock, which a machine that never sleeps shares with the monotonic one. CameraError without either."""
    stamp, exposure_us = metadata.get("SensorTimestamp"), metadata.get("ExposureTime")
    if not isinstance(stamp, int) or stamp <= 0 or not isinstance(exposure_us, int) or exposure_us < 0:
        raise CameraError("the frame carries no SensorTimestamp and ExposureTime")
    return stamp - 1000 * exposure_us


def plain(metadata: Mapping[str, Any]) -> dict[str, object]:
    """The numbers, words and short rows of numbers (such as ColourGains) of libcamera's metadata, without its own types."""
    made: dict[str, object] = {name: value for name, value in metadata.items() if isinstance(value, int | float | str | bool)}
    for name, value in metadata.items():
        if isinstance(value, tuple | list) and len(value) <= ROW_MAX and all(isinstance(one, int | float) for one in value):
            made[name] = list(value)
    return made
