"""Pages a minute that the reader of texts reads, on one processor, and what memory it takes: an A4 page at 300 dpi, Chinese and English."""

import io
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from PIL import Image, ImageDraw

from central.digitization.recognition.reading import Found, Reader
from scanner_line.sim.fonts import font_of

A4_300 = (2480, 3508)
PAGES = 5
CHARACTERS = 1500  # about as many as stand on a page that is set at 10.5 points, single-spaced
SIZE_PX = 44  # 10.5 points
PACE = 800 / 60  # pages a minute: a professional operator's, whom one reader should keep up with
MEMORY_MB = 2560  # of address space, which the reader may not exceed
ZH = "供电人与用电人就供用电事宜经协商一致订立本合同。用电人应当按照国家有关规定和当事人的约定及时支付电费。"
EN = "The customer pays for the energy metered each month; the supplier reads the meter on the first working day. "


def page(number: int) -> tuple[bytes, str]:
    """(a page as JPEG, its text without spaces)."""
    image = Image.new("RGB", A4_300, (248, 246, 240))
    draw, font, x, y = ImageDraw.Draw(image), font_of(SIZE_PX), 260, 280
    source, text = (ZH * 3 + EN) * 40, ""
    for one in f"{number} {source}":
        width = draw.textlength(one, font=font)
        if x + width > A4_300[0] - 260:
            x, y = 260, y + 66
            if y > A4_300[1] - 300:
                break
        draw.text((x, y), one, fill=(30, 30, 30), font=font)
        x, text = x + width, text + one
        if len(text) >= CHARACTERS:
            break
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90, dpi=(300, 300))
    return out.getvalue(), "".join(text.split())


def same(read: str, text: str) -> float:
    """Share of the text's characters that were read, as a multiset: what order the lines came in does not matter."""
    left = list(read)
    found = 0
    for one in text:
        if one in left:
            left.remove(one)
            found += 1
    return found / len(text)


def figures() -> list[dict[str, Any]]:
    """ocr.pages_per_min (against an operator's 13.3), ocr.cpu (seconds a page), ocr.memory (MB resident), ocr.characters (share read)."""
    paces, memory, right, cpu = [], [], [], []
    reader = Reader(threading.Event(), memory_mb=MEMORY_MB, page_s=300)
    with tempfile.TemporaryDirectory(prefix="bench-ocr-") as folder:
        try:
            for number in range(PAGES + 1):
                data, text = page(number)
                file = Path(folder) / "page"
                file.write_bytes(data)
                began, used = time.monotonic(), _cpu_s(reader)
                found = reader.read(file)
                took = time.monotonic() - began
                if not isinstance(found, Found):
                    raise RuntimeError(found.words)
                if number:  # the first one loads the models
                    paces.append(60 / took)
                    cpu.append(_cpu_s(reader) - used)
                    memory.append(psutil.Process(reader.pid).memory_info().rss / 1e6)
                    right.append(same("".join("".join(line.text.split()) for line in found.lines), text))
        finally:
            reader.close()
    against = f"800 pages an hour, one operator's pace; {CHARACTERS} characters a page, one processor, nice 19"
    return [
        _figure("ocr.pages_per_min", "1/min", paces, PACE, against),
        _figure("ocr.cpu", "s/page", cpu, 60 / PACE, "the same pace"),
        _figure("ocr.memory", "MB", memory, MEMORY_MB, "the reader's bound"),
        _figure("ocr.characters", "share", right, 1.0, "every character"),
    ]


def _cpu_s(reader: Reader) -> float:
    """Seconds of a processor that the reader has used."""
    if reader.pid is None:
        return 0.0
    times = psutil.Process(reader.pid).cpu_times()
    return float(times.user + times.system)


def _figure(name: str, unit: str, values: list[float], limit: float, against: str) -> dict[str, Any]:
    value = median(values)
    return {"name": name, "value": value, "unit": unit, "spread": [min(values), max(values)], "against": against, "ratio": value / limit}
