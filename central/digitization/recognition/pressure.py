"""Says whether capture and ingest are busy, so that recognition stands back; and how long it may be kept waiting."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, select

from central.ledger.tables import live

NEWEST = 200  # live events that are looked through


@dataclass(frozen=True)
class Pressure:
    """What keeps the centre busy: seconds since an upload grew, since a press or page came, and the load a processor."""

    upload_s: float
    capture_s: float
    load: float


@dataclass(frozen=True)
class Reason:
    """Why recognition stands back, in both languages."""

    words: str
    words_zh: str


def _since_upload(partials: Path, now_s: float) -> float:
    """Seconds since any upload that is under way grew; a long time where there is none."""
    newest = 0.0
    try:
        for entry in os.scandir(partials):
            try:
                newest = max(newest, entry.stat().st_mtime)
            except FileNotFoundError:
                return 0.0  # it became whole this moment
    except FileNotFoundError:
        pass
    return max(now_s - newest, 0.0)


def measure(connection: Connection, partials: Path, *, load: Callable[[], float]) -> Pressure:
    """How busy the centre is now. `load` is the machine's load average of a minute."""
    now_s = time.time()
    latest = select(live.c.event, live.c.t_ms).order_by(live.c.id.desc()).limit(NEWEST).subquery()
    pressed = connection.scalar(select(func.max(latest.c.t_ms)).where(latest.c.event.in_(("press", "page"))))
    capture_s = now_s - pressed / 1000 if pressed else now_s
    return Pressure(_since_upload(partials, now_s), abs(capture_s), load() / (os.cpu_count() or 1))


def busy(pressure: Pressure, *, quiet_s: float, load_max: float) -> Reason | None:
    """Why recognition should wait, None if it need not. `load_max` is a processor's."""
    if pressure.upload_s < quiet_s:
        return Reason("an upload is coming in", "正在接收上传")
    if pressure.capture_s < quiet_s:
        return Reason("a bench is capturing", "工位正在拍摄")
    if pressure.load > load_max:
        return Reason("the machine is busy", "服务器繁忙")
    return None
