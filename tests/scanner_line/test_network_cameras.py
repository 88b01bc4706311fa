"""Network and USB cameras on real wires: only what was exposed after the press counts; what is old, torn, huge or gone is told in words."""

import asyncio
import os
import signal
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_line.cameras.address import HTTP_SCHEMES, STREAM_SCHEMES, Address, address_fault
from scanner_line.cameras.base import Camera
from scanner_line.cameras.live import StreamClock
from scanner_line.cameras.registry import CAMERAS, camera_from
from scanner_line.cameras.snapshot import stale_words
from scanner_line.cameras.stream import StreamCamera
from scanner_line.cameras.v4l2 import V4l2Camera, device_of
from scanner_line.errors import CameraError
from tests.edge_agent.certificates import self_signed
from tests.scanner_line.camera_wires import PASSWORD, USER, FilmedFifo, RtspWire, SnapshotWire, TransportWire, colour_of

LONG_S = 20.0  # a busy machine is not what is asked about


@pytest.fixture
def rtsp() -> Iterator[RtspWire]:
    wire = RtspWire()
    yield wire
    wire.kill()


@pytest.fixture
async def snapshots() -> AsyncIterator[SnapshotWire]:
    async with SnapshotWire() as wire:
        yield wire


async def test_an_rtsp_frame_shows_what_lay_there_after_the_press(rtsp: RtspWire) -> None:
    camera = camera_from({"driver": "stream", "url": rtsp.url, "serial": "L-1", "latency_ms": 250.0}, name="left")
    await camera.start()
    try:
        for colour in ("red", "blue", "green", "red"):
            await asyncio.to_thread(rtsp.show, colour)
            press = time.monotonic_ns()
            frame = await camera.capture(press, timeout_s=LONG_S)
            assert colour_of(frame.jpeg) == colour
            assert frame.exposed_ns >= press
            assert (frame.width, frame.height) == (640, 480)
        with pytest.raises(CameraError, match="very picture of the last press"):
            await camera.capture(time.monotonic_ns(), timeout_s=LONG_S)
        assert len(await camera.preview()) > 500
        assert camera.serial == "L-1"
    finally:
        await camera.close()
        await camera.close()


async def test_a_stream_that_freezes_or_dies_fails_in_words_and_comes_back(rtsp: RtspWire) -> None:
    camera = StreamCamera(Address(rtsp.url), serial="L-1", latency_ms=0, read_s=1.5)
    await camera.start()
    try:
        rtsp.process.send_signal(signal.SIGSTOP)
        with pytest.raises(CameraError, match=r"frozen, no new picture|no stream"):
            await camera.capture(time.monotonic_ns(), timeout_s=1.0)
        rtsp.process.send_signal(signal.SIGCONT)
        await asyncio.to_thread(rtsp.kill)
        with pytest.raises(CameraError, match=r"frozen|no stream|has ended"):
            await camera.capture(time.monotonic_ns(), timeout_s=1.0)
        again = await asyncio.to_thread(RtspWire, rtsp.port, "blue")
        try:
            frame = await camera.capture(time.monotonic_ns(), timeout_s=LONG_S)
            assert colour_of(frame.jpeg) == "blue"
        finally:
            await asyncio.to_thread(again.kill)
    finally:
        await camera.close()


async def test_a_transport_stream_over_http_is_a_camera_too() -> None:
    wire = await asyncio.to_thread(TransportWire)
    camera = camera_from({"driver": "stream", "url": wire.url, "latency_ms": 100.0}, name="page")
    try:
        await camera.start()
        press = time.monotonic_ns()
        assert (await camera.capture(press, timeout_s=LONG_S)).exposed_ns >= press
    finally:
        await camera.close()
        await asyncio.to_thread(wire.kill)


@given(
    st.lists(st.tuples(st.floats(0.001, 2.0), st.floats(0.0, 4.0)), min_size=1, max_size=60),
    st.floats(0.0, 1.0),
    st.integers(-(10**15), 10**15),
)
def test_a_frame_that_waited_in_a_buffer_counts_as_old(frames: list[tuple[float, float]], latency_s: float, offset_ns: int) -> None:
    """Each frame is sent some time after the one before and held up for some time; the first is not held up."""
    clock, exposed_ns, arrived_ns = StreamClock(latency_s=latency_s), 10**12, 0
    for number, (later_s, held_s) in enumerate(frames):
        exposed_ns += round(later_s * 1e9)
        held_ns = 0 if number == 0 else round(held_s * 1e9)
        arrived_ns = max(arrived_ns, exposed_ns + round(latency_s * 1e9) + held_ns)
        told_ns = clock.exposed_ns(exposed_ns + offset_ns, arrived_ns)
        assert told_ns <= arrived_ns - round(latency_s * 1e9)
        if arrived_ns - 10**12 < 60 * 10**9:
            assert abs(told_ns - exposed_ns) <= 2


def test_a_camera_whose_clock_leaps_is_timed_anew() -> None:
    clock = StreamClock(latency_s=0.1)
    clock.exposed_ns(5 * 10**9, 10**12)
    assert clock.exposed_ns(900 * 10**9, 10**12 + 10**9) == 10**12 + 10**9 - 10**8
    assert clock.exposed_ns(None, 7 * 10**9) == 69 * 10**8


async def started(wire: SnapshotWire, **options: Any) -> Camera:
    camera = camera_from({"driver": "snapshot", "url": wire.url(), "serial": "R-1", **options}, name="right")
    await camera.start()
    return camera


async def test_each_press_asks_for_a_picture_of_its_own(snapshots: SnapshotWire) -> None:
    camera = await started(snapshots)
    try:
        press = time.monotonic_ns() + 50_000_000
        first = await camera.capture(press)
        second = await camera.capture(time.monotonic_ns())
        assert first.exposed_ns >= press
        assert first.jpeg != second.jpeg
        assert (first.width, first.height) == (640, 480)
        assert first.metadata == {"ExposureTime": 20000.0, "FNumber": 8.0, "ISO": 100.0}
        assert len(await camera.preview()) > 500
    finally:
        await camera.close()
        await camera.close()


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("cached", "very picture of the last press"),
        ("etag", "same ETag"),
        ("aged", "a picture 7 s old"),
        ("modified", "a picture 9 s old"),
        ("torn", "ends too early"),
        ("text", "not a JPEG"),
        ("bomb", "larger than the 200 megapixels allowed"),
        ("endless", "larger than the 67108864 bytes"),
        ("redirect", "302 Found: the camera sends elsewhere, which is not followed"),
        ("digest", "401 Unauthorized: look at `user`"),
    ],
)
async def test_what_is_no_new_picture_is_refused_in_words(snapshots: SnapshotWire, mode: str, words: str) -> None:
    camera = await started(snapshots)
    try:
        await camera.capture(time.monotonic_ns())
        snapshots.mode = mode
        if mode == "etag":
            await camera.capture(time.monotonic_ns())
        with pytest.raises(CameraError, match=words):
            await camera.capture(time.monotonic_ns(), timeout_s=LONG_S if mode == "endless" else 1.0)
        assert snapshots.reached == []
        snapshots.mode = "fresh"
        await camera.capture(time.monotonic_ns())
    finally:
        await camera.close()


async def test_a_camera_that_hands_out_an_old_picture_is_asked_again_in_time(snapshots: SnapshotWire) -> None:
    camera = await started(snapshots)
    try:
        first = await camera.capture(time.monotonic_ns())
        snapshots.mode = "cached-once"
        asked = snapshots.asked
        assert (await camera.capture(time.monotonic_ns(), timeout_s=LONG_S)).jpeg != first.jpeg
        assert snapshots.asked == asked + 2
    finally:
        await camera.close()


@pytest.mark.parametrize("auth", ["digest", "basic"])
async def test_a_camera_asks_who_is_there_and_the_secret_lies_in_a_file(snapshots: SnapshotWire, auth: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("wrong\n")
    snapshots.mode = auth
    options = {"user": USER, "password_file": str(secret), "auth": auth}
    with pytest.raises(CameraError, match="401") as refused:
        await started(snapshots, **options)
    assert "wrong" not in str(refused.value)
    secret.write_text(PASSWORD + "\n")
    camera = await started(snapshots, **options)
    await camera.capture(time.monotonic_ns())
    await camera.close()
    secret.unlink()
    with pytest.raises(CameraError, match="password file"):
        await started(snapshots, **options)


async def test_an_encrypted_camera_is_believed_by_its_certificate_alone(tmp_path: Path) -> None:
    certificate, private = self_signed(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, private)
    async with SnapshotWire(tls) as wire:
        for driver, path in (("snapshot", "snap.jpg"), ("stream", "motion")):
            options = {"driver": driver, "url": wire.url(path), "serial": "R-1"}
            stranger = camera_from(options, name="right")
            with pytest.raises(CameraError):
                await stranger.start()
            await stranger.close()
            camera = camera_from({**options, "tls_ca": str(certificate)}, name="right")
            await camera.start()
            press = time.monotonic_ns()
            frame = await camera.capture(press, timeout_s=LONG_S)
            assert frame.exposed_ns >= press
            assert frame.metadata["ISO"] == 100  # the camera's own JPEG, not one made anew
            await camera.close()
        with pytest.raises(CameraError, match="cannot be read"):
            await camera_from({**options, "tls_ca": "/nowhere"}, name="right").start()


async def test_a_camera_that_is_another_one_is_not_believed(snapshots: SnapshotWire) -> None:
    snapshots.serial = "R-1"
    await (await started(snapshots, serial_url=snapshots.url("info"))).close()
    snapshots.serial = "L-1"
    with pytest.raises(CameraError, match="is not R-1: another camera has its address"):
        await started(snapshots, serial_url=snapshots.url("info"))
    stream = camera_from(
        {"driver": "stream", "url": "rtsp://127.0.0.1:9/", "serial": "R-1", "serial_url": snapshots.url("info")}, name="right"
    )
    with pytest.raises(CameraError, match="another camera"):
        await stream.start()


async def test_a_camera_that_is_not_there_says_so() -> None:
    for driver, url in (("snapshot", "http://127.0.0.1:9/snap.jpg"), ("stream", "rtsp://127.0.0.1:9/page")):
        camera = camera_from({"driver": driver, "url": url}, name="page")
        with pytest.raises(CameraError, match=r"127.0.0.1:9"):
            await camera.start()
        with pytest.raises(CameraError, match="not open"):
            await camera.capture(time.monotonic_ns())
        await camera.close()


@pytest.mark.parametrize("body", ["#EXTM3U\n#EXTINF:1,\n{0}\n", "ffconcat version 1.0\nfile '{0}'\n", "v=0\r\nm=video 9 RTP/AVP 96\r\n"])
async def test_a_stream_that_is_a_list_of_other_addresses_is_not_followed(snapshots: SnapshotWire, body: str) -> None:
    from aiohttp import web

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=body.replace("{0}", snapshots.url("inside.ts")), content_type="application/octet-stream")

    async def moved(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": snapshots.url("inside.ts")})

    app = web.Application()
    app.router.add_get("/stream", answer)
    app.router.add_get("/moved", moved)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        for path in ("stream", "moved"):
            camera = camera_from({"driver": "stream", "url": f"http://127.0.0.1:{runner.addresses[0][1]}/{path}"}, name="page")
            with pytest.raises(CameraError):
                await camera.start()
            await camera.close()
        assert snapshots.reached == []
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, None),
        ({"Age": "0", "ETag": '"2"'}, None),
        ({"Age": "3"}, "3 s old"),
        ({"ETag": '"1"'}, "same ETag"),
        ({"Date": "Tue, 24 Nov 2026 10:00:01 GMT", "Last-Modified": "Tue, 24 Nov 2026 10:00:00 GMT"}, None),
        ({"Date": "Tue, 24 Nov 2026 10:00:05 GMT", "Last-Modified": "Tue, 24 Nov 2026 10:00:00 GMT"}, "5 s old"),
        ({"Date": "yesterday", "Last-Modified": "Tue, 24 Nov 2026 10:00:00 GMT"}, None),
        ({"Age": "99999999999999999999 years"}, None),
    ],
)
def test_headers_tell_an_old_picture(headers: dict[str, str], words: str | None) -> None:
    told = stale_words(headers, took_s=0.5, etag='"1"')
    assert told is None if words is None else told is not None and words in told


@pytest.mark.parametrize(
    ("url", "schemes", "words"),
    [
        ("rtsp://camera/1", STREAM_SCHEMES, None),
        ("https://camera/snap.jpg", HTTP_SCHEMES, None),
        ("rtsp://camera/1", HTTP_SCHEMES, "begins with"),
        ("file:///etc/passwd", STREAM_SCHEMES, "begins with"),
        ("concat:a|b", STREAM_SCHEMES, "begins with"),
        ("http:///x", HTTP_SCHEMES, "names no host"),
        ("http://user:secret@camera/", HTTP_SCHEMES, "password_file"),
        ("http://[::1/", HTTP_SCHEMES, "is no address"),
        ("http://camera:99999/", HTTP_SCHEMES, "is no address"),
    ],
)
def test_addresses_are_judged_before_anything_is_asked(url: str, schemes: tuple[str, ...], words: str | None) -> None:
    fault = address_fault(url, schemes)
    assert fault is None if words is None else fault is not None and words in fault


def test_what_does_not_fit_together_in_a_table_is_told() -> None:
    judge = CAMERAS["snapshot"].mistakes
    assert judge is not None
    told = judge({"url": "ftp://x", "user": "u", "serial_url": "http://x/"})
    assert [keys for keys, _ in told] == [("url",), ("user",), ("serial_url",)]
    assert judge({"transport": "sim"}) == []


def test_a_usb_camera_is_found_by_its_serial_number(tmp_path: Path) -> None:
    names = ("usb-046d_HD_Pro_Webcam_C920_A1B2C3D4", "usb-046d_HD_Pro_Webcam_C920_9F8E7D6C", "usb-Plustek_Cam_A1B2")
    for name in names:
        for index in (0, 1):
            (tmp_path / f"{name}-video-index{index}").touch()
    assert device_of("A1B2C3D4", by_id=tmp_path).name == names[0] + "-video-index0"
    assert device_of(names[1], by_id=tmp_path).name == names[1] + "-video-index0"
    assert device_of(str(tmp_path / f"{names[2]}-video-index0"), by_id=tmp_path).exists()
    with pytest.raises(CameraError, match="several USB cameras fit 046d"):
        device_of("046d", by_id=tmp_path)
    for serial in ("FFFF", "", "../../x"):
        with pytest.raises(CameraError, match="no USB camera"):
            device_of(serial, by_id=tmp_path)
    with pytest.raises(CameraError, match="no camera /dev/none"):
        device_of("/dev/none")


async def test_frames_of_a_usb_camera_are_its_own_jpegs_and_come_after_the_press(tmp_path: Path) -> None:
    """The device is a FIFO with motion JPEG in it: all but the kernel's own part is what runs at a bench."""
    device = tmp_path / "usb-Maker_Cam_S1-video-index0"
    os.mkfifo(device)
    film = FilmedFifo(device)
    camera = V4l2Camera(serial="S1", by_id=tmp_path, format_name="nut", latency_ms=100, settle_s=0)
    try:
        await camera.start()
        for colour, shown in (("red", (255, 0, 0)), ("blue", (0, 0, 255))):
            film.colour = shown
            press = time.monotonic_ns()
            frame = await camera.capture(press, timeout_s=LONG_S)
            assert frame.exposed_ns >= press
            assert colour_of(frame.jpeg) == colour
            assert frame.metadata == {}  # a FIFO has no controls that could tell
        device.unlink()
        await asyncio.to_thread(film.close)
        with pytest.raises(CameraError, match=r"has ended|frozen|no stream|no USB"):
            await camera.capture(time.monotonic_ns(), timeout_s=2.0)
    finally:
        await asyncio.to_thread(film.close)
        await camera.close()
