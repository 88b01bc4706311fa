"""Files reach the centre whole, resumed where they were cut, and one file's trouble is not another's."""

import hashlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_agent.errors import UploadError
from edge_agent.file_queue import FileRef
from edge_agent.tus import CHUNK_BYTES, Ending, TusClient
from edge_agent.uploader import CentreAddress, Uploader
from tests.edge_agent.certificates import self_signed
from tests.edge_agent.journal_parts import Room, T, contact
from tests.edge_agent.tus_server import TusServer
from wire.records import record


class Bench:
    """A journal with files whose records are acknowledged, a centre, and the uploader between them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.room, self.centre = folder, Room(folder / "data"), TusServer()
        (folder / "token").write_text("secret\n")
        address = CentreAddress(url=self.centre.url, token_file=folder / "token")
        self.uploader = Uploader(self.room.journal, centre=address, first_wait_s=0.05)
        self.count = 0

    def file(self, size: int, *, lane: str = "capture", send: bool = True) -> FileRef:
        """A file on disk with its record, which the centre has."""
        self.count += 1
        data = random.Random(self.count).randbytes(size)
        path = self.folder / "data" / f"{self.count}.jpg"
        path.write_bytes(data)
        ref = FileRef(sha256=hashlib.sha256(data).hexdigest(), path=str(path), bytes=size)
        made = contact(self.count) if lane == "events" else record("health", T, self.count, facts={})
        self.room.journal.append(lane, [made], files=[ref])
        if send:
            self.room.drain(lane)
        self.uploader.notify()
        return ref

    def wait_state(self, ref: FileRef, state: str, timeout_s: float = 20.0) -> None:
        """Until the journal has the file in a state."""
        wait_for(lambda: self.room.journal.files.state_of(ref.sha256) == state, timeout_s)

    def close(self) -> None:
        self.uploader.close()
        self.centre.close()
        self.room.journal.close()


def wait_for(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Until something that has no event of its own holds."""
    deadline, pause = time.monotonic() + timeout_s, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        pause.wait(0.01)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def test_a_file_arrives_whole_in_chunks(bench: Bench) -> None:
    ref = bench.file(3 * CHUNK_BYTES + 17)
    bench.uploader.start()
    bench.wait_state(ref, "sent")
    assert bench.centre.stored[ref.sha256] == Path(ref.path).read_bytes()
    assert [method for method, _ in bench.centre.requests] == ["POST"] + ["PATCH"] * 4


def test_an_upload_goes_on_where_the_connection_broke(bench: Bench) -> None:
    ref = bench.file(2 * CHUNK_BYTES)
    bench.centre.cut_after = 300_000
    bench.uploader.start()
    bench.wait_state(ref, "sent")
    assert bench.centre.stored[ref.sha256] == Path(ref.path).read_bytes()
    assert {method for method, _ in bench.centre.requests[2:]} & {"HEAD", "POST"}, "it asks how far the first attempt came"


def test_a_known_digest_costs_one_request(bench: Bench) -> None:
    ref = bench.file(1000)
    bench.centre.stored[ref.sha256] = Path(ref.path).read_bytes()
    bench.uploader.start()
    bench.wait_state(ref, "sent")
    assert bench.centre.requests == [("POST", ref.sha256)]


def test_a_wrong_offset_is_asked_for_and_put_right(bench: Bench) -> None:
    ref = bench.file(CHUNK_BYTES * 2)
    bench.centre.fail("PATCH", 409)
    bench.uploader.start()
    bench.wait_state(ref, "sent")
    assert ("HEAD", ref.sha256) in bench.centre.requests


@pytest.mark.parametrize("status", [404, 409, 423, 429, 500, 503, 460])
def test_not_now_is_tried_again(bench: Bench, status: int) -> None:
    ref = bench.file(1000)
    bench.centre.fail("POST", status, times=2)
    bench.uploader.start()
    bench.wait_state(ref, "sent")


def test_a_refused_object_is_said_once_and_the_others_go_on(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bad, good = bench.file(1000), bench.file(2000)
    bench.centre.refuse.add(bad.sha256)
    bench.uploader.start()
    bench.wait_state(good, "sent")
    bench.wait_state(bad, "refused")
    assert len([r for r in caplog.records if "refused for good" in r.message]) == 1
    assert [sha256 for _, sha256 in bench.centre.requests].count(bad.sha256) == 1


def test_a_full_centre_makes_all_uploads_wait_long(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    refs = [bench.file(1000) for _ in range(3)]
    bench.centre.fail("POST", 507, times=10)
    bench.uploader.start()
    bench.centre.wait(lambda: len(bench.centre.requests) >= 1)
    threading.Event().wait(1.0)
    assert len(bench.centre.requests) <= 2, "one request a thread, then silence"
    assert all(bench.room.journal.files.state_of(ref.sha256) == "queued" for ref in refs)
    assert any("no room" in r.message for r in caplog.records)


def test_a_token_that_is_put_right_is_read_again(bench: Bench) -> None:
    (bench.folder / "token").write_text("wrong\n")
    ref = bench.file(1000)
    bench.uploader.start()
    bench.centre.wait(lambda: len(bench.centre.requests) >= 1)
    (bench.folder / "token").write_text("secret\n")
    bench.wait_state(ref, "sent")


def test_a_missing_file_is_marked_lost_and_raises_an_alarm(bench: Bench) -> None:
    gone, there = bench.file(1000), bench.file(1000)
    Path(gone.path).unlink()
    bench.uploader.start()
    bench.wait_state(gone, "lost")
    bench.wait_state(there, "sent")
    (alarm,) = [r for r in bench.room.kept("events") if r["k"] == "alarm"]
    assert (alarm["rule"], alarm["state"], alarm["subject"]) == ("file-lost", "active", "room-101/uploads")
    assert alarm["words"]["sha256"] == gone.sha256


def test_a_file_that_was_changed_is_lost_not_delivered(bench: Bench) -> None:
    ref = bench.file(1000)
    Path(ref.path).write_bytes(b"x" * 1000)
    bench.uploader.start()
    bench.wait_state(ref, "lost")
    assert ref.sha256 not in bench.centre.stored


def test_a_file_waits_for_its_record(bench: Bench) -> None:
    ref = bench.file(1000, send=False)
    bench.uploader.start()
    bench.uploader.notify()
    threading.Event().wait(0.3)
    assert bench.centre.requests == []
    bench.room.drain("capture")
    bench.uploader.notify()
    bench.wait_state(ref, "sent")


def test_clips_of_the_newest_events_go_first(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.uploader = Uploader(bench.room.journal, centre=CentreAddress(url=bench.centre.url, token_file=tmp_path / "token"), at_once=1)
    images = [bench.file(100) for _ in range(2)]
    clips = [bench.file(100, lane="events") for _ in range(2)]
    bench.uploader.start()
    bench.centre.wait(lambda: len(bench.centre.order) == 4)
    bench.close()
    assert bench.centre.order == [ref.sha256 for ref in (clips[1], clips[0], *images)]


def test_uploads_wait_while_nobody_answers_and_go_on_afterwards(bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ref = bench.file(1000)
    nobody = Uploader(bench.room.journal, centre=CentreAddress(url="http://127.0.0.1:9", token_file=tmp_path / "token"), first_wait_s=0.05)
    nobody.start()
    wait_for(lambda: any("uploads wait" in r.message for r in caplog.records))
    threading.Event().wait(0.5)
    nobody.close()
    assert len([r for r in caplog.records if "uploads wait" in r.message]) == 1, "said once"
    bench.uploader.start()
    bench.wait_state(ref, "sent")


def test_an_address_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UploadError, match="not an http"):
        TusClient("ftp://example", token_file=tmp_path / "token")


def test_a_certificate_authority_that_is_not_there_is_said_at_the_start(bench: Bench, tmp_path: Path) -> None:
    address = CentreAddress(url="https://127.0.0.1:9", token_file=tmp_path / "token", tls_ca=tmp_path / "ca.pem")
    with pytest.raises(FileNotFoundError):
        Uploader(bench.room.journal, centre=address).start()


def test_two_are_sent_at_once_and_no_more(bench: Bench) -> None:
    refs = [bench.file(200_000) for _ in range(12)]
    bench.uploader.start()
    for ref in refs:
        bench.wait_state(ref, "sent")
    assert sorted(bench.centre.order) == sorted(ref.sha256 for ref in refs)
    uploads = {thread.name for thread in threading.enumerate() if thread.name.startswith("upload-")}
    assert uploads == {"upload-0", "upload-1"}


def test_uploads_go_over_tls_to_a_centre_that_is_known_and_to_no_other(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.centre.close()
    certificate, private = self_signed(tmp_path)
    bench.centre = TusServer(tls=(certificate, private))
    ref = bench.file(2 * CHUNK_BYTES)
    trusting = TusClient(bench.centre.url, token_file=tmp_path / "token", tls_ca=certificate)
    doubting = TusClient(bench.centre.url, token_file=tmp_path / "token")
    assert doubting.send(ref, stopped=lambda: False).ending is Ending.AWAY
    assert bench.centre.requests == [], "not even the token went there"
    assert trusting.send(ref, stopped=lambda: False).ending is Ending.SENT
    assert bench.centre.stored[ref.sha256] == Path(ref.path).read_bytes()
    trusting.close()
    doubting.close()
    bench.close()
