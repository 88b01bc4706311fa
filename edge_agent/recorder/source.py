"""One camera being recorded: connect, demux, hand packets to the segment writer; reconnect when the stream ends, fails or freezes."""

import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
from av.container.input import InputContainer

from edge_agent import clock
from edge_agent.backoff import Backoff
from edge_agent.recorder.errors import StreamError
from edge_agent.recorder.footage import Footage
from edge_agent.recorder.segments import SegmentWriter

log = logging.getLogger(__name__)
OPEN_TIMEOUT_S, READ_TIMEOUT_S = 5.0, 3.0
RTSP = {"rtsp_transport": "tcp"}  # lost UDP packets would tear pictures that are evidence
BITRATE = 2_000_000  # of picamera2's encoder; 1080p15 indoors


@dataclass(frozen=True)
class CameraPlan:
    """What the recorder needs to know of one camera; times in seconds."""

    name: str
    url: Callable[[], str]
    contacts: tuple[str, ...]
    pre_roll_s: float
    post_roll_s: float
    segment_s: float
    keep_hours: float
    picamera_serial: str | None = None


@contextmanager
def open_url(url: str) -> Iterator[InputContainer]:
    """The stream behind an rtsp:// or http:// address; StreamError when it cannot be had within the time."""
    options = RTSP if url.startswith("rtsp") else {}
    try:
        container = av.open(url, "r", options=options, timeout=(OPEN_TIMEOUT_S, READ_TIMEOUT_S))
    except (av.FFmpegError, OSError) as error:
        raise StreamError(f"cannot open the stream: {error}") from error
    with container:
        yield container


@contextmanager
def open_picamera(serial: str) -> Iterator[InputContainer]:
    """The H.264 of a Raspberry Pi camera, as MPEG-TS through a pipe, so that it takes the same way as a network camera."""
    from picamera2 import Picamera2
    from picamera2.encoders import H264Encoder
    from picamera2.outputs import PyavOutput

    found = [info["Num"] for info in Picamera2.global_camera_info() if serial in ("", info["Id"])]
    if not found:
        raise StreamError(f"no camera with the serial number {serial!r} is connected")
    read_end, write_end = os.pipe()
    with Picamera2(found[0]) as camera, os.fdopen(read_end, "rb", buffering=0) as pipe:
        camera.configure(camera.create_video_configuration(main={"size": (1920, 1080)}, controls={"FrameRate": 15}))
        camera.start_recording(H264Encoder(BITRATE, repeat=True, iperiod=15), PyavOutput(f"pipe:{write_end}", format="mpegts"))
        try:
            with av.open(pipe, "r", format="mpegts", timeout=(OPEN_TIMEOUT_S, READ_TIMEOUT_S)) as container:
                yield container
        finally:
            camera.stop_recording()
            os.close(write_end)


class CameraSource:
    """Records one camera in the thread that calls `run`, until `stop` is set."""

    def __init__(
        self, plan: CameraPlan, footage: Footage, folder: Path, *, stop: threading.Event, on_state: Callable[[str, str, str], None]
    ) -> None:
        """folder: where this camera's segments go; on_state(camera, "recording" | "down" | "paused", why) is told of each change."""
        self._plan = plan
        self._footage = footage
        self._folder = folder
        self._stop = stop
        self._on_state = on_state
        self._state = self._logged = ""
        self.paused = threading.Event()

    def run(self) -> None:
        """Record; every failure is waited out with growing, jittered pauses."""
        backoff = Backoff(first_s=0.5, most_s=10.0)
        while not self._stop.is_set():
            if self.paused.is_set():
                self._tell("paused", "the disk is nearly full")
                self._stop.wait(1.0)
                continue
            try:
                self._session(backoff)
                why = "the stream ended"
            except (StreamError, av.FFmpegError, OSError, IndexError, sqlite3.Error) as error:
                why = str(error)
            if not self._stop.is_set() and not self.paused.is_set():
                self._tell("down", why)
                self._stop.wait(backoff.next_s())

    def _session(self, backoff: Backoff) -> None:
        plan = self._plan
        opened = open_url(plan.url()) if plan.picamera_serial is None else open_picamera(plan.picamera_serial)
        writer = SegmentWriter(self._footage, self._folder, camera=plan.name, segment_s=plan.segment_s)
        with opened as container:
            try:
                for packet in container.demux(video=0):
                    if self._stop.is_set() or self.paused.is_set():
                        break
                    if writer.write(packet, wall_ms=clock.wall_ms(), boot_ms=clock.boot_ms()):
                        backoff.reset()
                        self._tell("recording", "")
            finally:
                writer.close()

    def _tell(self, state: str, why: str) -> None:
        if state != self._logged:
            self._logged = state
            level = logging.INFO if state == "recording" else logging.WARNING
            log.log(level, "camera %s is %s%s", self._plan.name, state, f": {why}" if why else "")
        if state != self._state:
            try:
                self._on_state(self._plan.name, state, why)
            except sqlite3.Error as error:  # the disk that takes no footage takes no word of it either: told at the next turn
                log.debug("camera %s: %s cannot be told yet: %s", self._plan.name, state, error)
            else:
                self._state = state
