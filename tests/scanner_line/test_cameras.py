"""The simulated camera keeps the promises of a camera: exposed after the press, one page a turn, lost and found again."""

import asyncio
import time

import cv2
import numpy as np
import pytest

from scanner_line.cameras.base import Camera
from scanner_line.cameras.picamera import exposure_start_ns, number_of
from scanner_line.cameras.registry import CAMERAS, book_from, camera_from
from scanner_line.checks import Baseline, judge_page, measure
from scanner_line.errors import CameraError
from scanner_line.profile import Profile
from scanner_line.sim.book import FolderPages, SimulatedBook

SIM = {"driver": "picamera2", "transport": "sim"}


def test_frames_are_exposed_after_the_press_and_follow_the_book():
    async def session():
        book = book_from(SIM)
        camera: Camera = camera_from(SIM, name="left", book=book)
        await camera.start()
        press = time.monotonic_ns()
        first = await camera.capture(press)
        again = await camera.capture(time.monotonic_ns())
        book.turn_page()
        later = time.monotonic_ns() + 100_000_000
        second = await camera.capture(later)
        preview = await camera.preview()
        await camera.close()
        await camera.close()
        return press, later, first, again, second, preview

    press, later, first, again, second, preview = asyncio.run(session())
    assert first.exposed_ns >= press
    assert second.exposed_ns >= later
    assert len({first.jpeg, again.jpeg, second.jpeg}) == 3
    decoded = cv2.imdecode(np.frombuffer(first.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert decoded.shape[:2] == (first.height, first.width)
    assert max(cv2.imdecode(np.frombuffer(preview, np.uint8), cv2.IMREAD_COLOR).shape) <= 800
    profile = Profile()
    baseline = Baseline(profile)
    baseline.add("first", measure(first.jpeg, profile))
    assert not judge_page(measure(again.jpeg, profile), baseline, profile).check("duplicate").ok
    assert judge_page(measure(second.jpeg, profile), baseline, profile).check("duplicate").ok


def test_left_and_right_see_neighbouring_pages():
    book = book_from(SIM, places=2)
    assert [book.page_at(0), book.page_at(1)] == [0, 1]
    book.turn_page()
    assert [book.page_at(0), book.page_at(1)] == [2, 3]
    book.turn_page(-1)
    assert book.page_at(1) == 1


def test_an_unplugged_camera_fails_and_comes_back():
    async def session():
        camera = camera_from(SIM, name="left")
        await camera.start()
        camera.unplug()
        with pytest.raises(CameraError):
            await camera.capture(time.monotonic_ns())
        with pytest.raises(CameraError):
            await camera.start()
        camera.plug()
        await camera.start()
        frame = await camera.capture(time.monotonic_ns())
        await camera.close()
        return frame

    assert asyncio.run(session()).width > 0


def test_a_capture_gives_up_in_time():
    async def session():
        camera = camera_from(SIM, name="left")
        await camera.start()
        try:
            await camera.capture(time.monotonic_ns() + 60_000_000_000, timeout_s=0.05)
        finally:
            await camera.close()

    with pytest.raises(CameraError, match="no frame"):
        asyncio.run(session())


def test_a_folder_of_pages_is_photographed_in_name_order(tmp_path, photo):
    for number in range(3):
        (tmp_path / f"p{number}.jpg").write_bytes(photo(number))
    (tmp_path / "notes.txt").write_text("no page")
    options = {**SIM, "pages": str(tmp_path), "turns_itself": True}

    async def session():
        camera = camera_from(options, name="left")
        await camera.start()
        frames = [await camera.capture(time.monotonic_ns()) for _ in range(4)]
        await camera.close()
        return frames

    frames = asyncio.run(session())
    profile = Profile()
    baseline = Baseline(profile)
    found = []
    for frame in frames:
        measures = measure(frame.jpeg, profile)
        found.append(judge_page(measures, baseline, profile).check("duplicate").ok)
        baseline.add(str(frame.exposed_ns), measures)
    assert found == [True, True, True, False]  # after the last page the first one comes again
    (tmp_path / "empty").mkdir()
    with pytest.raises(CameraError, match="no page image"):
        FolderPages(tmp_path / "empty")


def test_scripted_defects_come_in_their_order():
    book = SimulatedBook(book_from(SIM).pages, defects=["", "skew", "blur"])
    assert [book.next_shot(0, width=0, height=0).defect for _ in range(4)] == [None, "skew", "blur", None]
    with pytest.raises(CameraError, match="unknown defects smell"):
        SimulatedBook(book.pages, defects=["smell"])


def test_a_camera_is_chosen_by_serial_never_by_order():
    cameras = [{"Num": 0, "Id": "/base/soc/i2c0mux/i2c@1/imx708@1a"}, {"Num": 1, "Id": "/base/soc/i2c0mux/i2c@0/imx708@1b"}]
    assert number_of(cameras, "imx708@1b") == 1
    with pytest.raises(CameraError, match="several"):
        number_of(cameras, "")
    with pytest.raises(CameraError, match="no camera"):
        number_of(cameras, "imx477@1a")


def test_a_frame_must_say_when_its_exposure_began():
    assert exposure_start_ns({"SensorTimestamp": 9_000_000_000, "ExposureTime": 20_000}) == 8_980_000_000
    for metadata in ({"ExposureTime": 5}, {"SensorTimestamp": 9}, {"SensorTimestamp": 0, "ExposureTime": 5}):
        with pytest.raises(CameraError, match="SensorTimestamp"):
            exposure_start_ns(metadata)


def test_every_option_has_words():
    for driver in CAMERAS.values():
        assert driver.words and all(option.words for option in driver.options)
