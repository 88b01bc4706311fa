"""A USB document camera through Video4Linux: found by its serial number, its exposure, white balance and focus held still.

Thin on purpose: frames come through PyAV as those of a network camera do; the controls are single ioctls on the same device.
"""

import asyncio
import contextlib
import fcntl
import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from scanner_line.cameras.bounds import MEGAPIXELS_MAX
from scanner_line.cameras.live import LiveFrames
from scanner_line.cameras.stream import LiveCamera
from scanner_line.errors import CameraError

if TYPE_CHECKING:
    from av.container.input import InputContainer

BY_ID = Path("/dev/v4l/by-id")
OPEN_S, READ_S = 5.0, 3.0
SETTLE_S = 2.0  # for exposure and white balance to settle before they are locked
LATENCY_MS = 150.0  # USB cameras hand a frame out one or two frame times after its exposure

# <linux/videodev2.h> and <linux/v4l2-controls.h>; encoded as asm-generic/ioctl.h does (x86, arm, arm64)
VIDIOC_G_CTRL, VIDIOC_S_CTRL = 0xC008561B, 0xC008561C
CONTROL = struct.Struct("=Ii")  # struct v4l2_control
AUTOMATIC = {"exposure": (0x009A0901, 1), "white balance": (0x0098090C, 0), "focus": (0x009A090C, 0)}  # control, its value for "by hand"
VALUES: Mapping[str, tuple[int, float]] = {  # control, and what makes its value that of a frame's metadata
    "ExposureTime": (0x009A0902, 100.0),  # in units of 100 us
    "AnalogueGain": (0x00980913, 1.0),
    "ColourTemperature": (0x0098091A, 1.0),
    "LensPosition": (0x009A090A, 1.0),
}


def device_of(serial: str, *, by_id: Path = BY_ID) -> Path:
    """The device of the camera whose name under /dev/v4l/by-id holds a serial number, or of a path; CameraError unless it is one camera."""
    if serial.startswith("/"):
        if not Path(serial).exists():
            raise CameraError(f"no camera {serial}")
        return Path(serial)
    known = sorted(by_id.glob("*-video-index0")) if by_id.is_dir() else []
    fitting = [path for path in known if serial and serial in path.name.removesuffix("-video-index0").replace("-", "_").split("_")]
    fitting = fitting or [path for path in known if path.name in (serial, f"{serial}-video-index0")]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(path.name.removesuffix("-video-index0") for path in known) or "none"
    if not fitting:
        raise CameraError(f"no USB camera {serial}; connected: {names}")
    raise CameraError(f"several USB cameras fit {serial}, name one wholly; connected: {names}")


def get_control(handle: int, control: int) -> int | None:
    """The value of a device's control; None where it has no such control."""
    asked = bytearray(CONTROL.pack(control, 0))
    try:
        fcntl.ioctl(handle, VIDIOC_G_CTRL, asked)
    except OSError:
        return None
    return int(CONTROL.unpack(asked)[1])


def set_control(handle: int, control: int, value: int) -> bool:
    """Set a device's control; whether it took it."""
    try:
        fcntl.ioctl(handle, VIDIOC_S_CTRL, bytearray(CONTROL.pack(control, value)))
    except OSError:
        return False
    return True


def held_by(path: Path) -> dict[str, object]:
    """Exposure time (us), gain, colour temperature and focus as the device tells them; without those that it does not have."""
    with _opened(path) as handle:
        told = {name: (get_control(handle, control), scale) for name, (control, scale) in VALUES.items()}
    return {name: value * scale for name, (value, scale) in told.items() if value is not None}


def lock(path: Path) -> list[str]:
    """Hold exposure, white balance and focus where they are now; the names of those that the device holds."""
    with _opened(path) as handle:
        before = {name: get_control(handle, control) for name, (control, _) in VALUES.items()}
        held = [name for name, (control, by_hand) in AUTOMATIC.items() if set_control(handle, control, by_hand)]
        for name, (control, _) in VALUES.items():
            value = before[name]
            if value is not None:
                set_control(handle, control, value)
    return held


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        handle = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise CameraError(f"camera {path} cannot be opened: {error.strerror or error}") from None
    try:
        yield handle
    finally:
        os.close(handle)


class V4l2Camera(LiveCamera):
    """The USB camera with a serial number."""

    def __init__(
        self,
        *,
        serial: str,
        width: int = 0,
        height: int = 0,
        input_format: str = "mjpeg",
        latency_ms: float = LATENCY_MS,
        rotation_deg: int = 0,
        by_id: Path = BY_ID,
        format_name: str = "v4l2",
        settle_s: float = SETTLE_S,
    ) -> None:
        """width and height in pixels, 0 = as the camera is set; input_format: what it is asked to send; format_name: as PyAV calls it."""
        self._wanted = serial
        self._by_id = by_id
        self._format = format_name
        self._settle_s = settle_s
        self._options = {"input_format": input_format, "max_pixels": str(round(MEGAPIXELS_MAX * 1e6))}
        if width and height:
            self._options["video_size"] = f"{width}x{height}"
        live = LiveFrames(f"camera {serial}", self._open_device, latency_s=latency_ms / 1000)
        super().__init__(live, serial=serial, rotation_deg=rotation_deg)

    def _open_device(self) -> "InputContainer":
        import av

        options = self._options if self._format == "v4l2" else {}
        return av.open(str(device_of(self._wanted, by_id=self._by_id)), "r", format=self._format, options=options, timeout=(OPEN_S, READ_S))

    async def start(self) -> None:
        """Open the camera, let the light settle, then hold exposure, white balance and focus. CameraError when it does not come up."""
        if self._open:
            return
        await super().start()
        await asyncio.sleep(self._settle_s)
        await asyncio.to_thread(lambda: lock(device_of(self._wanted, by_id=self._by_id)))

    def held(self) -> dict[str, object]:
        """What its controls tell at this moment: after the frame, so that a change during it is seen too."""
        return held_by(device_of(self._wanted, by_id=self._by_id))
