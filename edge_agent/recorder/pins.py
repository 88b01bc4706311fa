"""From what happened at the doors to clips: an event pins a span of video, the clip is made when the span is on disk."""

import logging
import shutil
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from edge_agent import clock
from edge_agent.recorder.clips import join
from edge_agent.recorder.errors import ClipError
from edge_agent.recorder.footage import Footage, WantedClip
from edge_agent.recorder.source import CameraPlan
from wire.records import record

log = logging.getLogger(__name__)
LONGEST_MS = 120_000  # a clip that grew so long is closed, the next event begins another
GRACE_MS = 8_000  # how long a clip waits for footage that should be there by now (a camera may be reconnecting)
COPIES = 3  # of a clip's bytes that are on the disk at once while it is joined
ROOM_BYTES = 1024 * 1024
KEEP_MADE_MS = 30 * 86_400_000  # rows of made clips: by then the core has long been answered, and nobody asks for the event again
OPENING = ("open", "active")


class Outbox(Protocol):
    """Where records for the core go; called inside the footage's transaction, on the footage's connection."""

    def add(self, lane: str, record: Mapping[str, Any], files: Iterable[Any] = ()) -> Any:
        """Keep one record, and the files it speaks of, for the core."""


class Pins:
    """Turns events into wanted clips and wanted clips into files and records, each exactly once."""

    def __init__(self, footage: Footage, outbox: Outbox, *, agent: str, cameras: tuple[CameraPlan, ...], folder: Path) -> None:
        """agent: its name, the first part of a camera's identity; folder: where clips are kept."""
        self._footage = footage
        self._outbox = outbox
        self._agent = agent
        self._cameras = {camera.name: camera for camera in cameras}
        self._folder = folder
        self.held = threading.Event()  # while set, clips wait: the disk keeps what it has left for events

    def contact(self, *, contact: str, event: str, t_ms: int, state: str) -> None:
        """A contact opened or closed: the cameras that watch it keep the span around it. contact: name or identity."""
        name = contact.rpartition("/")[2]
        for camera in self._cameras.values():
            if name not in camera.contacts:
                continue
            until_ms = t_ms + round(camera.post_roll_s * 1000)
            if state in OPENING:
                from_ms = t_ms - round(camera.pre_roll_s * 1000)
                self._footage.want(camera.name, from_ms=from_ms, to_ms=until_ms, event=event, longest_ms=LONGEST_MS)
            else:
                self._footage.extend(camera.name, at_ms=t_ms, to_ms=until_ms, longest_ms=LONGEST_MS)

    def request(self, *, camera: str, from_ms: int, to_ms: int, because: str) -> str:
        """A person asks for a span of a camera; the clip's id. ClipError when the camera is unknown or the span is no span."""
        name = camera.rpartition("/")[2]
        if name not in self._cameras:
            raise ClipError(f"no camera is called {name!r}; known: {', '.join(sorted(self._cameras))}")
        if not 0 < to_ms - from_ms <= LONGEST_MS:
            raise ClipError(f"a clip lasts up to {LONGEST_MS // 1000} s, this span has {(to_ms - from_ms) / 1000:.0f}")
        return self._footage.want(name, from_ms=from_ms, to_ms=to_ms, event=because, longest_ms=0)

    def make_ready(self) -> int:
        """Make every clip whose span is on disk, or will not come any more; how many were made. Those that find no room wait."""
        made = 0
        for wanted in self._footage.wanted():
            if self.held.is_set():
                break
            segment_ms = round(self._cameras[wanted.camera].segment_s * 1000) if wanted.camera in self._cameras else 0
            late = clock.wall_ms() > wanted.to_ms + 2 * segment_ms + GRACE_MS
            if late or self._footage.newest_end(wanted.camera) >= wanted.to_ms:
                made += self._make(wanted)
        return made

    def _make(self, wanted: WantedClip) -> bool:
        """Make one clip; False when the disk has no room to join its footage, which stays pinned."""
        segments = self._footage.segments(wanted.camera, from_ms=wanted.from_ms, to_ms=wanted.to_ms)
        needed = COPIES * sum(segment.bytes for segment in segments) + ROOM_BYTES
        if segments and shutil.disk_usage(segments[0].path.parent).free < needed:
            return False  # a muxer that meets a full disk takes its process with it
        t_ms, m_ms = clock.now()
        because = list(wanted.because)
        fields: dict[str, Any] = {"clip": wanted.clip, "camera": f"{self._agent}/{wanted.camera}", "because": because}
        files: list[dict[str, Any]] = []
        path = None
        try:
            if not segments:
                raise ClipError("nothing of this span was recorded")
            clip = join(segments, self._folder, from_ms=wanted.from_ms, to_ms=wanted.to_ms)
        except ClipError as error:
            log.warning("clip %s of camera %s cannot be had: %s", wanted.clip, wanted.camera, error)
            hole = [wanted.from_ms, wanted.to_ms, str(error)]
            fields |= {"from": wanted.from_ms, "to": wanted.to_ms, "sha256": None, "bytes": 0, "holes": [hole]}
        else:
            path = str(clip.path)
            fields |= {"from": clip.from_ms, "to": clip.to_ms, "sha256": clip.sha256, "bytes": clip.bytes, "holes": clip.holes}
            files.append({"sha256": clip.sha256, "path": path, "bytes": clip.bytes})
        made = record("clip", t_ms, m_ms, **fields)
        with self._footage.transaction() as connection:
            done = connection.execute(
                "UPDATE clips SET state='made', path=?, sha256=? WHERE clip=? AND state='wanted' AND to_ms=?",
                (path, fields["sha256"], wanted.clip, wanted.to_ms),
            )
            if done.rowcount == 1:  # else another event has just made the span longer: it is made again, later
                self._outbox.add("events", made, files)
        return True


def purge(footage: Footage, cameras: Iterable[CameraPlan], *, bytes_max: int, batch: int = 100) -> int:
    """Remove footage that no clip needs and that is too old, or over the space for video; how many segments went.

    Pinned footage is never purged: when only that is left and still too much, nothing goes, and the disk's own guard stops recording.
    """
    keep_ms = {camera.name: round(camera.keep_hours * 3_600_000) for camera in cameras}
    now, total, removed = clock.wall_ms(), footage.total_bytes(), 0
    footage.forget_made(before_ms=now - KEEP_MADE_MS)
    for segment in footage.oldest_unpinned(batch):
        if total <= bytes_max and now - segment.end_ms <= keep_ms.get(segment.camera, 0):
            continue
        footage.forget(segment)
        total -= segment.bytes
        removed += 1
    return removed
