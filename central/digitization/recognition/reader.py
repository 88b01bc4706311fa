"""The program that reads images: a child of the worker that may be killed; its memory is bounded, it opens no connection.

A line of JSON in, {"path"}; a line out: {"width", "height", "lines", "took_ms"} or {"words", "words_zh"} where the image cannot be read.
Its first line is {"engine", "version"}. RapidOCR's wheel carries its models (PP-OCR, Chinese and English).
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import struct
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image

from central.digitization.recognition.lines import LINE_CHARS_MAX, LINES_MAX, Line
from central.digitization.recognition.reading_order import in_order
from central.parent import end_with_parent

ENGINE = "rapidocr"
FORMATS = ("JPEG", "PNG", "TIFF")
PIXELS_MAX = 170_000_000  # of a baseline JPEG, which is decoded at a fraction of its size
WHOLE_PIXELS_MAX = 60_000_000  # of all others, decoded whole
LONG_SIDE = 4000  # pixels, of what the engine is given
NICE = 19
MB = 1024 * 1024
HOSTILE = (OSError, SyntaxError, ValueError, EOFError, KeyError, TypeError, OverflowError, struct.error, MemoryError)  # Pillow's


class Refused(Exception):
    """The image is not read; the words say why, in both languages."""

    def __init__(self, words: str, words_zh: str) -> None:
        super().__init__(words)
        self.words, self.words_zh = words, words_zh


def _no_network(event: str, _args: tuple[Any, ...]) -> None:
    if event.startswith("socket."):
        raise PermissionError(f"{event}: the reader opens no connection")


def _bound(memory_mb: int) -> None:
    """Lowest priority, one thread, so much memory and no more."""
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb * MB, memory_mb * MB))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"


def _engine() -> Any:
    import cv2
    from rapidocr import RapidOCR

    cv2.setNumThreads(1)
    threads = {"EngineConfig.onnxruntime.intra_op_num_threads": 1, "EngineConfig.onnxruntime.inter_op_num_threads": 1}
    return RapidOCR(params={**threads, "Global.log_level": "error"})


def _decoded(path: Path) -> tuple[Any, tuple[int, int]]:
    """(pixels as RGB, the size of the whole image); Refused where it is none of our formats, damaged or too large."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            size = image.size
            baseline = image.format == "JPEG" and not image.info.get("progressive")
            if size[0] * size[1] > (PIXELS_MAX if baseline else WHOLE_PIXELS_MAX):
                raise Refused(f"{size[0]} x {size[1]} pixels are too many to be read", f"图像 {size[0]} x {size[1]} 像素过大，无法识别")
            scale = min(LONG_SIDE / max(size), 1.0)
            wanted = (max(round(size[0] * scale), 1), max(round(size[1] * scale), 1))
            image.draft("RGB", wanted)
            made = image.convert("RGB")
            return (made if made.size == wanted else made.resize(wanted, Image.Resampling.BILINEAR)), size
    except Image.DecompressionBombError as error:
        raise Refused("it has too many pixels to be read", "图像像素过多，无法识别") from error
    except HOSTILE as error:
        raise Refused(f"the image cannot be decoded: {type(error).__name__}", f"图像无法解码：{type(error).__name__}") from error


def _line(box: Any, text: str, score: float, *, scale: tuple[float, float], size: tuple[int, int]) -> Line:
    xs, ys = [float(point[0]) * scale[0] for point in box], [float(point[1]) * scale[1] for point in box]
    left, top = min(max(round(min(xs)), 0), size[0] - 1), min(max(round(min(ys)), 0), size[1] - 1)
    right, bottom = min(max(round(max(xs)), left + 1), size[0]), min(max(round(max(ys)), top + 1), size[1])
    return Line(left, top, right - left, bottom - top, round(float(score), 3), text[:LINE_CHARS_MAX])


def read(engine: Any, path: Path) -> dict[str, Any]:
    """What stands on an image."""
    import numpy as np

    began = time.monotonic()
    image, size = _decoded(path)
    pixels = np.asarray(image)[:, :, ::-1]  # the engine takes BGR
    scale = (size[0] / pixels.shape[1], size[1] / pixels.shape[0])
    if min(pixels.shape[:2]) < 8:
        lines: list[Line] = []
    else:
        found = engine(np.ascontiguousarray(pixels))
        boxes = [] if found.boxes is None else found.boxes
        given = zip(boxes, found.txts or (), found.scores or (), strict=False)
        lines = [_line(box, text, score, scale=scale, size=size) for box, text, score in given if text.strip()]
    took_ms = round((time.monotonic() - began) * 1000)
    return {"width": size[0], "height": size[1], "lines": in_order(lines[:LINES_MAX]), "took_ms": took_ms}


def _answer(engine: Any, asked: bytes) -> dict[str, Any]:
    try:
        return read(engine, Path(msgspec.json.decode(asked, type=dict[str, str])["path"]))
    except Refused as error:
        return {"words": error.words, "words_zh": error.words_zh}
    except (MemoryError, RuntimeError, ValueError, OSError) as error:  # of the engine: out of memory comes as a RuntimeError of its own
        gc.collect()
        words = f"recognition failed: {type(error).__name__}"
        return {"words": words, "words_zh": f"识别失败：{type(error).__name__}"}


def main() -> int:
    """Read what is asked until nothing more comes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory-mb", type=int, default=2560)
    end_with_parent()
    _bound(parser.parse_args().memory_mb)
    sys.addaudithook(_no_network)
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what libraries print is no answer
    engine = _engine()
    of = f"{version('rapidocr')} {engine.cfg.Rec.ocr_version.value} {engine.cfg.Rec.model_type.value}, onnxruntime {version('onnxruntime')}"
    answers.write(msgspec.json.encode({"engine": ENGINE, "version": of}) + b"\n")
    while asked := sys.stdin.buffer.readline():
        answers.write(msgspec.json.encode(_answer(engine, asked)) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
