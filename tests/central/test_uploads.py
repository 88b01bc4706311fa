"""Uploads by tus: begun, broken off, carried on, refused; only verified bytes become objects."""

import base64
import hashlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select
from werkzeug.test import TestResponse

from central.digitization.tables import object_refs, objects
from central.ledger.tables import agents, live
from central.people.users import digest
from central.store.engine import reading, writing
from tests.central.web_fixtures import Centre, make_centre

OFFSET_TYPE = "application/offset+octet-stream"


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    made = make_centre(Path(tmp_path_factory.mktemp("uploads")), "[limits]\nupload_mb = 4\nreserve_mb = 1\n", people=("archivist",))
    with writing(made.engine) as connection:
        for name in ("room-101", "bench-1"):
            made.tokens[name] = f"token of {name}"
            connection.execute(insert(agents).values(name=name, room=name, token_hash=digest(made.tokens[name]), enrolled_ms=0))
    yield made
    made.engine.dispose()


def journal(centre: Centre, data: bytes, agent: str = "bench-1", kind: str = "page") -> str:
    """Let the centre know a record of this agent that names the bytes; their digest."""
    sha256 = hashlib.sha256(data).hexdigest()
    with writing(centre.engine) as connection:
        row = {"sha256": sha256, "kind": kind, "ref_id": f"{kind}-{sha256[:8]}-{agent}", "agent": agent, "bytes": len(data), "t_ms": 0}
        connection.execute(insert(object_refs).values(row))
    return sha256


def tus(centre: Centre, method: str, sha256: str, *, agent: str = "bench-1", data: Any = None, **headers: Any) -> TestResponse:
    sent = {"Tus-Resumable": "1.0.0"} | {name.replace("_", "-"): str(value) for name, value in headers.items()}
    kwargs = {} if data is None else {"data": data, "content_type": OFFSET_TYPE}
    return centre.call(method, f"/api/v1/uploads/{sha256}", agent, headers=sent, **kwargs)


def test_an_image_broken_off_is_carried_on_and_becomes_an_object(centre: Centre) -> None:
    data = os.urandom(2_500_000)
    sha256 = journal(centre, data)
    begun = tus(centre, "POST", sha256, Upload_Length=len(data))
    assert (begun.status_code, begun.headers["Upload-Offset"]) == (201, "0")
    assert begun.headers["Location"] == f"/api/v1/uploads/{sha256}"
    assert tus(centre, "PATCH", sha256, data=data[:1_000_001], Upload_Offset=0).headers["Upload-Offset"] == "1000001"
    assert tus(centre, "HEAD", sha256).headers["Upload-Offset"] == "1000001"
    wrong = tus(centre, "PATCH", sha256, data=data[:5], Upload_Offset=0)
    assert (wrong.status_code, wrong.headers["Upload-Offset"]) == (409, "1000001")
    again = tus(centre, "POST", sha256, Upload_Length=len(data))
    assert (again.status_code, again.headers["Upload-Offset"]) == (201, "1000001")
    done = tus(centre, "PATCH", sha256, data=data[1_000_001:], Upload_Offset=1_000_001)
    assert (done.status_code, done.headers["Upload-Offset"]) == (204, str(len(data)))
    kept = centre.config.objects / sha256[:2] / sha256
    assert kept.read_bytes() == data
    with reading(centre.engine) as connection:
        assert connection.scalar(select(objects.c.state).where(objects.c.sha256 == sha256)) == "stored"
        told = connection.execute(select(live.c.event, live.c.data).order_by(live.c.id.desc())).first()
    assert told is not None
    assert told.event == "page"
    assert sha256[:8] in told.data


def test_a_known_digest_is_there_already(centre: Centre) -> None:
    data = b"the same page" * 100
    sha256 = journal(centre, data)
    tus(centre, "POST", sha256, Upload_Length=len(data))
    tus(centre, "PATCH", sha256, data=data, Upload_Offset=0)
    for answer in (tus(centre, "POST", sha256, Upload_Length=len(data)), tus(centre, "HEAD", sha256)):
        assert answer.headers["Upload-Offset"] == str(len(data)) == answer.headers["Upload-Length"]
    metadata = f"sha256 {base64.b64encode(sha256.encode()).decode()}"
    named = centre.call(
        "POST",
        "/api/v1/uploads",
        "bench-1",
        headers={"Tus-Resumable": "1.0.0", "Upload-Length": str(len(data)), "Upload-Metadata": metadata},
    )
    assert (named.status_code, named.headers["Upload-Offset"]) == (201, str(len(data)))


def test_only_what_the_agent_itself_has_journalled_may_be_uploaded(centre: Centre) -> None:
    sha256 = journal(centre, b"bench's own", agent="bench-1")
    foreign = tus(centre, "POST", sha256, agent="room-101", Upload_Length=11)
    assert (foreign.status_code, foreign.json["code"], foreign.headers["Retry-After"]) == (409, "not-journalled", "10")
    assert tus(centre, "HEAD", sha256, agent="room-101").status_code == 409
    assert tus(centre, "POST", "0" * 64, Upload_Length=11).status_code == 409
    assert tus(centre, "POST", sha256, agent="archivist", Upload_Length=11).status_code == 403
    assert tus(centre, "POST", sha256, Upload_Length=12).status_code == 400  # not the length that the record says
    assert tus(centre, "POST", "..", Upload_Length=11).status_code in (400, 404)


def test_bytes_that_do_not_match_are_refused_and_the_upload_begins_anew(centre: Centre) -> None:
    data = b"x" * 5000
    sha256 = journal(centre, data)
    tus(centre, "POST", sha256, Upload_Length=len(data))
    refused = tus(centre, "PATCH", sha256, data=b"y" * 5000, Upload_Offset=0)
    assert (refused.status_code, refused.json["code"]) == (460, "checksum-mismatch")
    assert tus(centre, "HEAD", sha256).status_code == 404
    assert not (centre.config.objects / sha256[:2] / sha256).exists()


def test_a_wrong_checksum_drops_that_request_only(centre: Centre) -> None:
    data = os.urandom(3000)
    sha256 = journal(centre, data)
    tus(centre, "POST", sha256, Upload_Length=len(data))
    good = "sha256 " + base64.b64encode(hashlib.sha256(data[:1000]).digest()).decode()
    assert tus(centre, "PATCH", sha256, data=data[:1000], Upload_Offset=0, Upload_Checksum=good).status_code == 204
    assert tus(centre, "PATCH", sha256, data=data[1000:], Upload_Offset=1000, Upload_Checksum=good).status_code == 460
    assert tus(centre, "HEAD", sha256).headers["Upload-Offset"] == "1000"
    sha1 = "sha1 " + base64.b64encode(hashlib.sha1(data[1000:], usedforsecurity=False).digest()).decode()
    assert tus(centre, "PATCH", sha256, data=data[1000:], Upload_Offset=1000, Upload_Checksum=sha1).status_code == 204
    assert tus(centre, "PATCH", sha256, data=b"", Upload_Offset=0, Upload_Checksum="md5 x").status_code == 400


def test_sizes_quotas_and_versions_are_bounded(centre: Centre) -> None:
    big = journal(centre, bytes(4 * 1024 * 1024 + 1))
    assert tus(centre, "POST", big, Upload_Length=4 * 1024 * 1024 + 1).status_code == 413
    small = journal(centre, b"ten bytes!")
    tus(centre, "POST", small, Upload_Length=10)
    assert tus(centre, "PATCH", small, data=b"eleven byte", Upload_Offset=0).status_code == 413
    assert centre.call("POST", f"/api/v1/uploads/{small}", "bench-1", headers={"Upload-Length": "10"}).status_code == 412
    assert tus(centre, "POST", small, Upload_Length="ten").json["errors"][0]["field"] == "Upload-Length"
    shown = centre.app.test_client().options(f"/api/v1/uploads/{small}")
    assert shown.headers["Tus-Extension"] == "creation,checksum,expiration"
    assert shown.headers["Tus-Max-Size"] == str(4 * 1024 * 1024)
    status = 201
    for n in range(12):
        data = n.to_bytes(4, "big") + bytes(3_900_000)
        status = tus(centre, "POST", journal(centre, data, agent="room-101"), agent="room-101", Upload_Length=len(data)).status_code
    assert status == 429  # eight uploads of the largest size may be under way


def test_partials_expire(centre: Centre) -> None:
    data = b"left behind"
    sha256 = journal(centre, data)
    tus(centre, "POST", sha256, Upload_Length=len(data))
    (left,) = (centre.config.objects / "partial").glob(f"{sha256}.*")
    os.utime(left, (time.time() - 25 * 3600,) * 2)
    other = journal(centre, b"another")
    tus(centre, "POST", other, Upload_Length=7)  # creating sweeps
    assert not left.exists()
    assert tus(centre, "HEAD", sha256).status_code == 404


def test_an_object_whose_row_was_lost_in_a_power_cut_is_found_again(centre: Centre) -> None:
    data = b"whole on disk, no row"
    sha256 = journal(centre, data)
    path = centre.config.objects / sha256[:2] / sha256
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    assert tus(centre, "POST", sha256, Upload_Length=len(data)).headers["Upload-Offset"] == str(len(data))
    torn = journal(centre, b"torn bytes")
    path = centre.config.objects / torn[:2] / torn
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"torn")
    assert tus(centre, "POST", torn, Upload_Length=10).headers["Upload-Offset"] == "0"


class Slow:
    """A body whose second half waits until it is let go."""

    def __init__(self, data: bytes, begun: threading.Event, go: threading.Event) -> None:
        self._parts = [data[: len(data) // 2], data[len(data) // 2 :]]
        self._begun, self._go = begun, go

    def read(self, _size: int = -1) -> bytes:
        if len(self._parts) == 1:
            self._begun.set()
            assert self._go.wait(20)
        return self._parts.pop(0) if self._parts else b""


def test_two_uploaders_of_one_digest_at_once_do_not_spoil_it(centre: Centre) -> None:
    data = os.urandom(1_200_000)
    sha256 = journal(centre, data)
    journal(centre, data, agent="room-101", kind="clip")
    for agent in ("bench-1", "room-101"):
        assert tus(centre, "POST", sha256, agent=agent, Upload_Length=len(data)).status_code in (201, 429)
    store = centre.app.extensions["muniment"].objects
    partial = store.partial(sha256, "bench-1")
    begun, go, ends = threading.Event(), threading.Event(), []
    thread = threading.Thread(
        target=lambda: ends.append(store.append(partial, offset=0, stream=Slow(data, begun, go), checksum=None)), name="slow uploader"
    )
    thread.start()
    assert begun.wait(20)
    locked = tus(centre, "PATCH", sha256, data=data[:10], Upload_Offset=600_000)
    assert (locked.status_code, locked.json["code"]) == (423, "upload-locked")
    go.set()
    thread.join(20)
    assert ends == [len(data)]
    late = tus(centre, "PATCH", sha256, agent="room-101", data=data[:100], Upload_Offset=0)
    assert (late.status_code, late.headers["Upload-Offset"]) == (204, str(len(data)))
    assert (centre.config.objects / sha256[:2] / sha256).read_bytes() == data
    with reading(centre.engine) as connection:
        assert connection.scalar(select(func.count()).select_from(objects).where(objects.c.sha256 == sha256)) == 1


def test_below_its_reserve_the_centre_refuses(tmp_path: Path) -> None:
    made = make_centre(tmp_path, "[limits]\nreserve_mb = 1000000\n", people=())
    made.tokens["bench-1"] = "t"
    with writing(made.engine) as connection:
        connection.execute(insert(agents).values(name="bench-1", room="r", token_hash=digest("t"), enrolled_ms=0))
    sha256 = journal(made, b"no room")
    answer = tus(made, "POST", sha256, Upload_Length=7)
    assert (answer.status_code, answer.json["code"]) == (507, "disk-reserve")
    made.engine.dispose()
