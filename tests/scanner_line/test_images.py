"""`judge` on files nobody should be able to stop it with: each refused in words, the others judged, memory bounded."""

import io
import json
import os
import resource
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scanner_line.checks.images import open_page
from scanner_line.errors import ImageRefused
from scanner_line.profile import Profile

MEMORY_BYTES = 2_000_000_000  # of address space: OpenCV and its threads alone reserve half of it
JUDGE = "import sys; from pathlib import Path; from scanner_line.judge import main; sys.exit(main(Path(sys.argv[1]), as_json=True))"


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def png_bomb(width, height):
    """A PNG that names a giant picture, with the few bytes that would fill it with zeros."""

    def chunk(name, body):
        return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(10_000_000))) + chunk(b"IEND", b"")


def jpeg_bomb(jpeg):
    """A JPEG whose header names 65,000 by 65,000 pixels."""
    at = jpeg.index(b"\xff\xc0")
    return jpeg[: at + 5] + struct.pack(">HH", 65_000, 65_000) + jpeg[at + 9 :]


def tiff_bomb():
    """A TIFF that names a giant picture and holds one byte of it."""
    side, plain = ((256, 4), (257, 4), (278, 4)), ((258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1), (279, 4, 1))
    tags = sorted([(tag, kind, 200_000) for tag, kind in side] + list(plain))
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\x00" + (10).to_bytes(4, "little") + b"\x00\x00" + len(tags).to_bytes(2, "little") + entries + bytes(4)


@pytest.fixture(scope="module")
def page(photo):
    return Image.open(io.BytesIO(photo(1))).convert("RGB").resize((700, 933))


def test_hostile_files_are_refused_one_by_one_and_the_memory_stays_bounded(tmp_path, photo, page):
    good = photo(0)
    damaged = bytearray(good)
    damaged[len(good) // 2 : len(good) // 2 + 60] = bytes(60)
    refused = {
        "a-empty.jpg": b"",
        "b-cut.jpg": good[: len(good) // 2],
        "c-damaged.jpg": bytes(damaged),
        "d-bomb.png": png_bomb(60_000, 60_000),
        "e-bomb.jpg": jpeg_bomb(good),
        "f-bomb.tif": tiff_bomb(),
        "g-text.jpg": b"this is no picture" * 100,
        "h-pages.tif": saved(page, "TIFF", save_all=True, append_images=[page.rotate(180)]),
        "i-moving.png": saved(page, "PNG", save_all=True, append_images=[page.rotate(180)]),
        "j-other.gif": saved(page, "GIF"),
        "k-cut.tif": saved(page, "TIFF")[:100_000],
        "l-cut.png": saved(page, "PNG")[:-5000],
    }
    for name, data in refused.items():
        (tmp_path / name).write_bytes(data)
    os.mkfifo(tmp_path / "m-pipe.jpg")
    (tmp_path / "n-folder.jpg").mkdir()
    (tmp_path / "o-nowhere.jpg").symlink_to(tmp_path / "nothing")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/p-\xb5\xb5\n.jpg")).write_bytes(photo(2))
    (tmp_path / "q-good.jpg").write_bytes(good)
    (tmp_path / "._q-good.jpg").write_bytes(b"what another system leaves behind")

    def bound():
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))

    done = subprocess.run(
        [sys.executable, "-c", JUDGE, str(tmp_path)], capture_output=True, timeout=100, check=False, preexec_fn=bound,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    pages = {entry["file"]: entry for entry in json.loads(done.stdout)["pages"]}
    assert done.returncode == 1, done.stderr
    assert {name for name, entry in pages.items() if entry["verdict"] != "bad"} == {"p-\\xb5\\xb5\\x0a.jpg", "q-good.jpg"}
    words = {name[0]: entry["checks"][1]["words"] for name, entry in pages.items() if entry["verdict"] == "bad"}
    assert set(words) == set("abcdefghijklmno")
    for letter in "def":
        assert "megapixels" in words[letter]
    for letter in "hi":
        assert "several pictures" in words[letter]
    assert "pipe" in words["m"] and "irectory" in words["n"] and "too early" in words["b"]


def test_every_way_to_write_a_page_is_judged_alike(photo, page):
    """Formats of scanners, colour modes and depths: the same page is seen in each."""
    plain = open_page(saved(page, "PNG")).gray.astype(int)
    gray = page.convert("L")
    deep = Image.fromarray(np.asarray(gray, np.uint16) * 257)
    clear = page.convert("RGBA")
    ways = {
        "progressive JPEG": saved(page, "JPEG", quality=95, progressive=True),
        "JPEG in print colours": saved(page.convert("CMYK"), "JPEG", quality=95),
        "grey JPEG": saved(gray, "JPEG", quality=95),
        "grey PNG": saved(gray, "PNG"),
        "16-bit PNG": saved(deep, "PNG"),
        "16-bit TIFF": saved(deep, "TIFF"),
        "palette PNG": saved(page.quantize(256), "PNG"),
        "transparent PNG": saved(clear, "PNG"),
        "LZW TIFF": saved(page, "TIFF", compression="tiff_lzw"),
        "deflated TIFF": saved(page, "TIFF", compression="tiff_adobe_deflate"),
    }
    for way, data in ways.items():
        seen = open_page(data)
        assert (seen.width, seen.height) == page.size, way
        assert np.abs(seen.gray.astype(int) - plain).mean() < 6, way
    fax = open_page(saved(page.convert("1"), "TIFF", compression="group4"))
    assert fax.mode == "gray" and fax.gray.max() == 255


def test_what_is_transparent_is_white_as_the_screen_shows_it():
    sheet = Image.new("RGBA", (400, 500), (0, 0, 0, 0))
    assert open_page(saved(sheet, "PNG")).gray.min() == 255


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_page_is_judged_as_its_orientation_says(page, orientation):
    upright = np.asarray(page.convert("L"))
    back = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]  # Pillow's transpositions, which undo the orientation
    stored = page if back is None else page.transpose(Image.Transpose(back))
    exif = Image.Exif()
    exif[0x0112] = orientation
    seen = open_page(saved(stored, "JPEG", quality=95, exif=exif))
    assert (seen.width, seen.height) == page.size
    assert np.abs(seen.gray.astype(int) - upright).mean() < 4
    assert seen.small.shape[0] > seen.small.shape[1]


@settings(max_examples=60, deadline=None)
@given(kind=st.sampled_from(["JPEG", "PNG", "TIFF"]), changes=st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=12))
def test_any_damage_to_a_header_is_a_refusal_or_a_picture(kind, changes):
    image = Image.fromarray((np.indices((90, 120)).sum(axis=0) % 256).astype(np.uint8))
    data = bytearray(saved(image, kind))
    for at, value in changes:
        data[at % len(data)] = value
    try:
        seen = open_page(bytes(data), max_megapixels=Profile().max_megapixels)
    except ImageRefused as error:
        assert str(error)
    else:
        assert seen.gray.size > 0


def test_a_camera_picture_with_a_preview_and_with_bytes_behind_it_is_whole(photo):
    """A preview among the headers has an end of its own; telephones write films and maps behind the picture."""
    assert cv2.imdecode(np.frombuffer(photo(0), np.uint8), 0) is not None
    assert open_page(photo(0) + bytes(50_000)).width == open_page(photo(0)).width
    segment = b"\xff\xe1" + (4 + 200).to_bytes(2, "big") + b"\xff\xd9" + bytes(200)
    with pytest.raises(ImageRefused, match="too early"):
        open_page(photo(0)[:2] + segment + photo(0)[2 : len(photo(0)) // 2])


def test_a_page_is_decoded_no_larger_than_it_is_looked_at(page):
    """Colours at a quarter and an eighth; a giant photograph in a half: what is decoded larger costs the operator seconds."""
    whole = page.resize((1600, 2400))
    for kind in ("JPEG", "PNG"):
        seen = open_page(saved(whole, kind))
        assert (seen.gray.shape, seen.colour.shape, seen.small.shape) == ((2400, 1600), (600, 400, 3), (300, 200, 3)), kind
    giant = open_page(saved(Image.new("L", (6400, 7200), 200), "JPEG"))
    assert (giant.width, giant.gray.shape, giant.colour.shape) == (6400, (3600, 3200), (1800, 1600, 3))
