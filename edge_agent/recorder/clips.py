"""Join segments into one clip without re-encoding, and say which span it covers and what is missing of the one asked for."""

import uuid
from dataclasses import dataclass
from pathlib import Path

import av
from av.container.output import OutputContainer
from av.video.stream import VideoStream

from edge_agent.recorder.errors import ClipError
from edge_agent.recorder.footage import Segment
from edge_agent.recorder.segments import PART, seal

HOLE_MS = 1500  # shorter breaks are the camera's own jitter
FASTSTART = {"movflags": "faststart"}  # the index first: a browser plays before it has the whole file


@dataclass(frozen=True)
class Clip:
    """A clip's file. from_ms, to_ms: what it covers; holes: [from_ms, to_ms, why] inside the span asked for."""

    path: Path
    from_ms: int
    to_ms: int
    bytes: int
    sha256: str
    holes: list[list[int | str]]


def holes_of(segments: list[Segment], *, from_ms: int, to_ms: int) -> list[list[int | str]]:
    """What of the span [from_ms, to_ms] no segment covers, as [from_ms, to_ms, why]; breaks under HOLE_MS do not count."""
    holes: list[list[int | str]] = []
    reached = from_ms
    for segment in segments:
        if segment.start_ms - reached > HOLE_MS:
            why = "not recorded before" if reached == from_ms else "recording interrupted"
            holes.append([reached, segment.start_ms, why])
        reached = max(reached, segment.end_ms)
    if to_ms - reached > HOLE_MS:
        holes.append([max(reached, from_ms), to_ms, "not recorded" if not segments else "recording ended"])
    return holes


def join(segments: list[Segment], folder: Path, *, from_ms: int, to_ms: int) -> Clip:
    """Write the segments (in order of time, not empty) into one MP4 named by its digest; ClipError when none can be read.

    A segment with another picture format than the first ends the clip; what comes after it is a hole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{uuid.uuid4().hex}.mp4{PART}"
    used: list[Segment] = []
    with av.open(str(part), "w", format="mp4", options=FASTSTART) as output:
        stream: VideoStream | None = None
        starts_s = 0.0
        for segment in segments:
            if used and segment.session == used[-1].session:
                starts_s += segment.offset_s - used[-1].offset_s  # the camera's own clock: no jitter of arrival
            elif used:
                starts_s += max(used[-1].duration_s, (segment.start_ms - used[-1].start_ms) / 1000)
            try:
                stream = _append(output, stream, segment, starts_s=starts_s)
            except (av.FFmpegError, IndexError, ClipError):
                if used:
                    break
                continue
            used.append(segment)
    if not used:
        part.unlink()
        raise ClipError(f"none of {len(segments)} segments can be read")
    size, sha256 = seal(part, part.with_name(part.name.removesuffix(PART)))
    final = folder / sha256[:2] / f"{sha256}.mp4"
    final.parent.mkdir(exist_ok=True)
    seal(part.with_name(part.name.removesuffix(PART)), final)
    return Clip(final, used[0].start_ms, used[-1].end_ms, size, sha256, holes_of(used, from_ms=from_ms, to_ms=to_ms))


def _append(output: OutputContainer, stream: VideoStream | None, segment: Segment, *, starts_s: float) -> VideoStream:
    with av.open(str(segment.path)) as source:
        video = source.streams.video[0]
        if stream is None:
            stream = output.add_stream_from_template(video)
        elif (video.codec_context.width, video.codec_context.height, video.codec_context.extradata) != (
            stream.codec_context.width,
            stream.codec_context.height,
            stream.codec_context.extradata,
        ):
            raise ClipError("the picture format changed")
        for packet in source.demux(video):
            if packet.dts is None or packet.pts is None or packet.time_base is None:
                continue
            shift = round(starts_s / packet.time_base)
            packet.dts += shift
            packet.pts += shift
            packet.stream = stream
            output.mux(packet)
        return stream
