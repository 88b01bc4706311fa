"""Write one camera's encoded packets into short fragmented-MP4 segments; what is there after a power cut can be read.

A segment is ``FOLDER/YYYY-MM-DD/HH/HHMMSS.mmm-SESSION.mp4`` in UTC. It is written under ``.part``, fsynced, renamed, its folder
fsynced, then recorded. Nothing is decoded or encoded again.
"""

import datetime as dt
import hashlib
import os
import uuid
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import av
from av.container.output import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from edge_agent.recorder.footage import Footage, Segment

PART = ".part"
# every key frame closes a fragment, so that a torn file is readable up to its last second
MOVFLAGS = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}
READ_CHUNK = 1024 * 1024
DELAY_WINDOW = 300  # packets: the last 10 to 30 seconds
SETTLING_S = 10.0  # how long a session's first segments are still put right


def fsync_folder(folder: Path) -> None:
    """Make a rename or removal in this folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def seal(part: Path, final: Path) -> tuple[int, str]:
    """Make a written file durable under its final name; its size in bytes and SHA-256 in hex."""
    digest, size = hashlib.sha256(), 0
    with part.open("rb") as file:
        while chunk := file.read(READ_CHUNK):
            digest.update(chunk)
            size += len(chunk)
        os.fsync(file.fileno())
    part.replace(final)
    fsync_folder(final.parent)
    return size, digest.hexdigest()


def span_s(path: Path) -> float:
    """Seconds of video in a file, from its first packet to the end of its last; 0.0 when it holds none or cannot be read."""
    first: float | None = None
    end = 0.0
    try:
        with av.open(str(path)) as container:
            for packet in container.demux(video=0):
                if packet.pts is not None and packet.time_base is not None:
                    start = float(packet.pts * packet.time_base)
                    first = start if first is None else min(first, start)
                    end = max(end, start + float((packet.duration or 0) * packet.time_base))
    except (av.FFmpegError, IndexError):
        pass  # a torn tail: what was read before it counts
    return end - first if first is not None else 0.0


@dataclass
class _OpenSegment:
    """The file being written: its place, its muxer, and where it starts in its stream's clock and in ours."""

    final: Path
    output: OutputContainer
    stream: VideoStream
    base: int
    first_s: float
    end_s: float


class SegmentWriter:
    """One session (one connection) of one camera: packets in, closed segments out.

    When a frame was seen is taken from the stream's own clock, tied to the wall clock by the packet that came with the least delay
    lately: at the start a stream's first seconds arrive late and all at once.
    """

    def __init__(self, footage: Footage, folder: Path, *, camera: str, segment_s: float) -> None:
        """folder: the camera's own; segment_s: shortest length, the next key frame closes a segment."""
        self._footage = footage
        self._folder = folder
        self._camera = camera
        self._segment_s = segment_s
        self._session = uuid.uuid4().hex[:12]
        self._session_first_s: float | None = None
        self._open: _OpenSegment | None = None
        self._wall_less_stream_ms: deque[float] = deque(maxlen=DELAY_WINDOW)
        self._boot_less_wall_ms = 0

    def write(self, packet: "Packet[VideoStream]", *, wall_ms: int, boot_ms: int) -> bool:
        """Take one packet with its arrival times; True when a segment was closed. Packets before the first key frame are dropped."""
        if packet.dts is None or packet.pts is None or packet.time_base is None:
            return False
        closed = False
        second = float(packet.dts * packet.time_base)
        self._wall_less_stream_ms.append(wall_ms - second * 1000)
        self._boot_less_wall_ms = boot_ms - wall_ms
        if packet.is_keyframe and self._open is not None and second - self._open.first_s >= self._segment_s:
            self.close()
            closed = True
        if self._open is None:
            if not packet.is_keyframe:
                return closed
            self._open = self._start(packet, second, wall_ms=wall_ms)
        segment = self._open
        segment.end_s = max(segment.end_s, second + float((packet.duration or 0) * packet.time_base))
        packet.dts -= segment.base
        packet.pts -= segment.base
        packet.stream = segment.stream
        segment.output.mux(packet)
        return closed

    def _start(self, packet: "Packet[VideoStream]", second: float, *, wall_ms: int) -> _OpenSegment:
        utc = dt.datetime.fromtimestamp(wall_ms / 1000, dt.UTC)
        folder = self._folder / f"{utc:%Y-%m-%d}" / f"{utc:%H}"
        folder.mkdir(parents=True, exist_ok=True)
        final = folder / f"{utc:%H%M%S}.{utc.microsecond // 1000:03d}-{self._session}.mp4"
        output = av.open(str(final) + PART, "w", format="mp4", options=MOVFLAGS)
        stream = output.add_stream_from_template(packet.stream)
        if self._session_first_s is None:
            self._session_first_s = second
        return _OpenSegment(final, output, stream, packet.dts or 0, second, second)

    def close(self) -> None:
        """Close, seal and record the segment being written; nothing to do when there is none."""
        segment, self._open = self._open, None
        if segment is None:
            return
        segment.output.close()
        size, sha256 = seal(Path(str(segment.final) + PART), segment.final)
        start_ms = round(segment.first_s * 1000 + min(self._wall_less_stream_ms))
        offset_s = segment.first_s - (self._session_first_s or 0.0)
        if offset_s < SETTLING_S:
            self._footage.shift_session(self._session, start_ms=start_ms - round(offset_s * 1000))
        self._footage.add_segment(
            Segment(
                id=0,
                camera=self._camera,
                session=self._session,
                start_ms=start_ms,
                start_m=start_ms + self._boot_less_wall_ms,
                offset_s=offset_s,
                duration_s=segment.end_s - segment.first_s,
                path=segment.final,
                bytes=size,
                sha256=sha256,
            )
        )


def repair(footage: Footage, folder: Path, *, camera: str) -> tuple[int, int]:
    """At start, before the camera writes: make rows of what a crash left readable, remove the rest; (repaired, removed)."""
    known, repaired, removed = footage.known_paths(), 0, 0
    for path in sorted(folder.glob("*/*/*")):
        final = path.with_name(path.name.removesuffix(PART))
        if path.suffix == ".mp4" and str(path) in known:
            continue
        duration_s = span_s(path)
        stamp = started_ms(final)
        if duration_s <= 0.0 or stamp is None or str(final) in known:
            path.unlink()
            removed += 1
            continue
        size, sha256 = seal(path, final)
        session = final.stem.rpartition("-")[2]
        row = Segment(0, camera, f"{session}-repaired-{stamp}", stamp, 0, 0.0, duration_s, final, size, sha256)
        footage.add_segment(row)
        repaired += 1
    return repaired, removed


def started_ms(path: Path) -> int | None:
    """When a segment began, from its UTC name; None when the name is not one of ours."""
    try:
        day, hour = path.parent.parent.name, path.parent.name
        utc = dt.datetime.strptime(f"{day} {path.name[:10]}", "%Y-%m-%d %H%M%S.%f").replace(tzinfo=dt.UTC)
    except ValueError:
        return None
    return round(utc.timestamp() * 1000) if f"{utc:%H}" == hour else None
