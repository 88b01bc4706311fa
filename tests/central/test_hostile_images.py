"""Images at the centre: what is no photograph, or would fill the memory, is refused when it is made smaller; its bytes stay on record."""

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from central.web.files import ImageRefused, shrink

pytestmark = pytest.mark.filterwarnings("ignore")  # Pillow warns of what it then refuses


def png(width: int, height: int) -> bytes:
    """A PNG of one colour, written by hand: a few kilobytes whatever its size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    row = b"\x00" + bytes(width)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def saved(kind: str, size: tuple[int, int] = (900, 1200), **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 190, 180)).save(out, kind, **options)
    return out.getvalue()


def test_photographs_become_small(tmp_path: Path) -> None:
    for kind in ("JPEG", "PNG", "TIFF"):
        path = tmp_path / kind
        path.write_bytes(saved(kind))
        assert Image.open(io.BytesIO(shrink(path, 160))).size == (160, 213)


@pytest.mark.parametrize("kind", ["EPS", "GIF", "BMP", "PPM", "ICO", "PDF", "WEBP"])
def test_other_formats_are_never_decoded(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "page"
    path.write_bytes(saved(kind, (64, 64)))
    with pytest.raises(ImageRefused):
        shrink(path, 160)


@pytest.mark.parametrize("junk", [b"", b"\xff\xd8\xff", b"<svg/onload=alert(1)>", b"II*\x00" + b"\xff" * 400, saved("JPEG")[:900]])
def test_junk_is_refused(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "page"
    path.write_bytes(junk)
    with pytest.raises(ImageRefused):
        shrink(path, 160)


def test_a_bomb_is_refused_before_a_pixel_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(png(13_000, 13_000))
    assert path.stat().st_size < 1_000_000
    with pytest.raises(ImageRefused, match="too large"):
        shrink(path, 160)
    path.write_bytes(saved("JPEG", (9000, 9000), progressive=True, quality=20))  # all its coefficients would lie in memory
    with pytest.raises(ImageRefused, match="too large"):
        shrink(path, 160)
    path.write_bytes(saved("JPEG", (9000, 9000), quality=20))  # one that is decoded row by row, at an eighth
    assert Image.open(io.BytesIO(shrink(path, 160))).size == (160, 160)
