"""The recorder on a real MPEG-TS stream: segments that survive, clips that cover what they say."""

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import av
import pytest

from edge_agent import clock
from edge_agent.recorder.clips import holes_of, join
from edge_agent.recorder.errors import ClipError
from edge_agent.recorder.footage import Footage, Segment
from edge_agent.recorder.pins import Pins, purge
from edge_agent.recorder.segments import repair, span_s
from edge_agent.recorder.source import CameraPlan, CameraSource

MAKE_OUTBOX = "CREATE TABLE sent (n INTEGER PRIMARY KEY, lane TEXT, record TEXT, files TEXT)"


class SentTable:
    """An outbox of the plainest kind: rows in the footage's own database, in the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.execute(MAKE_OUTBOX)

    def add(self, lane: str, record: Mapping[str, Any], files: Iterable[Any] = ()) -> None:
        row = (lane, json.dumps(record), json.dumps(list(files)))
        self._connection.execute("INSERT INTO sent (lane, record, files) VALUES (?,?,?)", row)

    def clips(self) -> list[dict[str, Any]]:
        return [json.loads(row[0]) for row in self._connection.execute("SELECT record FROM sent ORDER BY n")]


class Camera:
    """A simulated camera's process."""

    def __init__(self, port: int = 0) -> None:
        command = [sys.executable, "-m", "sensors.sim.camera", "--name", "door-cam", "--port", str(port)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        self.port = int(self.url.split(":")[2].split("/")[0])

    def tell(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=10)


class Recording:
    """A recorder of one camera on a folder."""

    def __init__(self, folder: Path, url: Callable[[], str]) -> None:
        self.folder = folder
        self.footage = Footage(folder / "recorder.db")
        self.outbox = SentTable(self.footage.connection)
        self.plan = CameraPlan("door-cam", url, ("door",), pre_roll_s=2, post_roll_s=2, segment_s=1, keep_hours=1)
        self.pins = Pins(self.footage, self.outbox, agent="room-101", cameras=(self.plan,), folder=folder / "clips")
        self.states: list[str] = []
        self.changed = threading.Condition()
        self.stop = threading.Event()
        self.source = CameraSource(self.plan, self.footage, folder / "segments", stop=self.stop, on_state=self._on_state)
        self.thread = threading.Thread(target=self.source.run, name="camera")

    def _on_state(self, _camera: str, state: str, _why: str) -> None:
        with self.changed:
            self.states.append(state)
            self.changed.notify_all()

    def wait_state(self, state: str, times: int = 1) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.states.count(state) >= times, 20), self.states

    def wait_clip(self) -> None:
        until = time.monotonic() + 30
        while self.pins.make_ready() == 0:
            assert time.monotonic() < until, "no clip was made"
            self.stop.wait(0.1)

    def close(self) -> None:
        self.stop.set()
        if self.thread.is_alive():
            self.thread.join(15)
        self.footage.close()


@pytest.fixture
def camera() -> Iterator[Camera]:
    camera = Camera()
    yield camera
    camera.kill()


@pytest.fixture
def recording(tmp_path: Path, camera: Camera) -> Iterator[Recording]:
    recording = Recording(tmp_path, lambda: camera.url)
    yield recording
    recording.close()


def decoded_frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_an_opening_gets_one_clip_with_its_pre_roll(recording: Recording, camera: Camera) -> None:
    recording.thread.start()
    recording.wait_state("recording")
    while recording.footage.newest_end("door-cam") < recording.footage.segments("door-cam", from_ms=0, to_ms=2**50)[0].start_ms + 2500:
        recording.stop.wait(0.1)
    opened = clock.wall_ms()
    camera.tell("open")
    for _ in range(2):  # told twice: the core repeats what was not answered
        recording.pins.contact(contact="room-101/door", event="room-101:e:7", t_ms=opened, state="open")
    recording.pins.contact(contact="room-101/door", event="room-101:e:8", t_ms=opened + 500, state="closed")
    recording.wait_clip()
    (clip,) = recording.outbox.clips()
    assert clip["because"] == ["room-101:e:7"]
    assert clip["camera"] == "room-101/door-cam"
    assert clip["from"] <= opened - 1500 and clip["to"] >= opened + 2000
    assert clip["holes"] == []
    path = next((recording.folder / "clips").glob(f"*/{clip['sha256']}.mp4"))
    assert hashlib.sha256(path.read_bytes()).hexdigest() == clip["sha256"]
    assert path.stat().st_size == clip["bytes"]
    assert decoded_frames(path) >= 0.9 * 10 * (clip["to"] - clip["from"]) / 1000
    assert abs(span_s(path) * 1000 - (clip["to"] - clip["from"])) < 500
    assert recording.pins.make_ready() == 0


def test_a_camera_that_dies_is_told_and_comes_back(tmp_path: Path, camera: Camera) -> None:
    recording = Recording(tmp_path, lambda: camera.url)
    recording.thread.start()
    again = None
    try:
        recording.wait_state("recording")
        camera.kill()
        recording.wait_state("down")
        again = Camera(camera.port)
        recording.wait_state("recording", times=2)
        segments = recording.footage.segments("door-cam", from_ms=0, to_ms=2**50)
        assert len({segment.session for segment in segments}) == 2
        holes = holes_of(segments, from_ms=segments[0].start_ms, to_ms=segments[-1].end_ms)
        clip = join(segments, tmp_path / "clips", from_ms=segments[0].start_ms, to_ms=segments[-1].end_ms)
        assert clip.holes == holes
        assert decoded_frames(clip.path) > 10
    finally:
        recording.close()
        if again is not None:
            again.kill()


def test_a_camera_goes_on_when_the_disk_takes_its_segments_again(recording: Recording) -> None:
    full = "CREATE TRIGGER full BEFORE INSERT ON segments BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    recording.footage.connection.execute(full)
    recording.thread.start()
    recording.wait_state("down")
    recording.footage.connection.execute("DROP TRIGGER full")
    recording.wait_state("recording")


def test_a_frozen_camera_is_down(recording: Recording, camera: Camera) -> None:
    recording.thread.start()
    recording.wait_state("recording")
    camera.tell("freeze")
    recording.wait_state("down")


def test_an_event_without_footage_gets_a_clip_record_that_says_so(tmp_path: Path) -> None:
    recording = Recording(tmp_path, lambda: "http://127.0.0.1:9/stream.ts")
    long_ago = clock.wall_ms() - 60_000
    recording.pins.contact(contact="door", event="room-101:e:1", t_ms=long_ago, state="open")
    assert recording.pins.make_ready() == 1
    (clip,) = recording.outbox.clips()
    assert clip["sha256"] is None and clip["bytes"] == 0
    assert clip["holes"][0][:2] == [long_ago - 2000, long_ago + 2000]
    recording.close()


def test_what_a_killed_recorder_left_is_kept_up_to_its_last_second(tmp_path: Path, camera: Camera) -> None:
    code = f"""
import sys, threading
from pathlib import Path
from edge_agent.recorder.footage import Footage
from edge_agent.recorder.source import CameraPlan, CameraSource
folder = Path({str(tmp_path)!r})
plan = CameraPlan("door-cam", lambda: {camera.url!r}, ("door",), 2, 2, 60, 1)
tell = lambda *what: print(*what, flush=True)
CameraSource(plan, Footage(folder / "recorder.db"), folder / "segments", stop=threading.Event(), on_state=tell).run()
"""
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 30
    while not [part for part in tmp_path.glob("segments/*/*/*.part") if part.stat().st_size > 60_000]:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, 9)
    process.wait(10)
    (tmp_path / "segments" / "junk" / "00").mkdir(parents=True)
    (tmp_path / "segments" / "junk" / "00" / "rubbish.mp4.part").write_bytes(b"not a video")
    footage = Footage(tmp_path / "recorder.db")
    assert footage.segments("door-cam", from_ms=0, to_ms=2**50) == []
    assert repair(footage, tmp_path / "segments", camera="door-cam") == (1, 1)
    (segment,) = footage.segments("door-cam", from_ms=0, to_ms=2**50)
    assert segment.duration_s > 1 and decoded_frames(segment.path) > 10
    assert repair(footage, tmp_path / "segments", camera="door-cam") == (0, 0)
    footage.close()


def test_footage_a_clip_waits_for_is_never_purged(tmp_path: Path) -> None:
    footage = Footage(tmp_path / "recorder.db")
    for number in range(3):
        path = tmp_path / f"{number}.mp4"
        path.write_bytes(b"x" * 10)
        footage.add_segment(Segment(0, "door-cam", "s", 1000 * number, 0, number, 1.0, path, 10, "0" * 64))
    footage.want("door-cam", from_ms=1200, to_ms=1800, event="e", longest_ms=1)
    plan = CameraPlan("door-cam", lambda: "", (), pre_roll_s=1, post_roll_s=1, segment_s=1, keep_hours=0.1)
    assert purge(footage, [plan], bytes_max=0) == 2
    assert [segment.start_ms for segment in footage.segments("door-cam", from_ms=0, to_ms=9000)] == [1000]
    assert sorted(path.name for path in tmp_path.glob("*.mp4")) == ["1.mp4"]
    footage.close()


def test_rows_of_clips_that_were_made_long_ago_go(tmp_path: Path) -> None:
    recording = Recording(tmp_path, lambda: "")
    day_ms = 86_400_000
    for days in (40, 20):
        recording.pins.contact(contact="door", event=f"room-101:e:{days}", t_ms=clock.wall_ms() - days * day_ms, state="open")
    assert recording.pins.make_ready() == 2
    recording.pins.contact(contact="door", event="room-101:e:41", t_ms=clock.wall_ms() - 41 * day_ms, state="open")
    purge(recording.footage, [recording.plan], bytes_max=0)
    kept = [json.loads(row[0]) for row in recording.footage.connection.execute("SELECT because FROM clips ORDER BY from_ms")]
    assert kept == [["room-101:e:41"], ["room-101:e:20"]], "what is not made yet stays, however old"
    recording.close()


def test_a_request_for_a_span_that_is_none_is_refused_with_words(recording: Recording) -> None:
    with pytest.raises(ClipError, match="no camera is called"):
        recording.pins.request(camera="room-101/attic", from_ms=0, to_ms=1, because="c")
    with pytest.raises(ClipError, match="a clip lasts up to 120 s"):
        recording.pins.request(camera="room-101/door-cam", from_ms=0, to_ms=10**9, because="c")
