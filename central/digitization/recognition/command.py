"""`muniment-central recognise`, and whether what it needs is installed."""

from __future__ import annotations

import threading
from importlib.util import find_spec

from sqlalchemy import Engine

from central.config import CentralConfig

MISSING = "recognition needs RapidOCR, which is not installed: pip install 'muniment[ocr]', or set [recognition] enabled = false"


def installed() -> bool:
    """Whether the extra `ocr` is there."""
    return all(find_spec(name) is not None for name in ("rapidocr", "onnxruntime", "cv2"))


def work(config: CentralConfig, engine: Engine, stop: threading.Event) -> None:
    """Recognise until `stop` is set."""
    from central.digitization.recognition.worker import run

    run(config, engine, stop)
