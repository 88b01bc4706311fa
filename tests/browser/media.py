"""Small pictures and a small clip, drawn and encoded for the browser tests."""

from __future__ import annotations

import io
import tempfile
from functools import cache
from pathlib import Path

import av
from PIL import Image, ImageDraw

FPS = 12


def page_image(number: int, *, skewed: bool = False) -> bytes:
    """A page of lines as a JPEG of 600 x 800."""
    page = Image.new("RGB", (600, 800), (246, 240, 226))
    draw = ImageDraw.Draw(page)
    draw.text((280, 40), f"- {number} -", fill=(60, 50, 40))
    for row in range(24):
        length = 440 if row % 6 != 5 else 200 + 30 * (number % 7)
        for word in range(0, length, 40):
            draw.rectangle(
                (80 + word, 100 + row * 26, 80 + word + 20 + (row * 7 + word + number * 11) % 16, 110 + row * 26), fill=(50, 44, 38)
            )
    if skewed:
        page = page.rotate(1.8, fillcolor=(120, 112, 100))
    out = io.BytesIO()
    page.save(out, "JPEG", quality=80)
    return out.getvalue()


@cache
def clip_of_a_door(seconds: int = 8, opens_at_s: int = 3) -> bytes:
    """An MP4 (H.264) in which a door opens."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with av.open(str(path), "w", options={"movflags": "faststart"}) as out:
            stream = out.add_stream("libx264", rate=FPS)
            stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
            for i in range(seconds * FPS):
                picture = Image.new("RGB", (640, 360), (66, 74, 78))
                draw = ImageDraw.Draw(picture)
                for x in range(6):
                    draw.rectangle((16 + x * 48, 60, 58 + x * 48, 320), outline=(130, 125, 110), width=3)
                gap = max(0, min(120, (i - opens_at_s * FPS) * 5))
                draw.rectangle((400, 40, 540, 340), fill=(20, 24, 28))
                draw.rectangle((400 + gap, 40, 540, 340), fill=(150, 120, 80))
                out.mux(stream.encode(av.VideoFrame.from_image(picture)))
            out.mux(stream.encode())
        return path.read_bytes()
