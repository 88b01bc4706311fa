"""Waiting for what a test expects, without guessing how long it takes."""

import asyncio
import time
from collections.abc import Callable


def wait_until(true: Callable[[], object], timeout_s: float = 20.0) -> None:
    """Return when the condition holds; fail after timeout_s."""
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, f"not so after {timeout_s} s"
        time.sleep(0.002)


async def until(true: Callable[[], object], timeout_s: float = 20.0) -> None:
    """The same inside an event loop."""
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, f"not so after {timeout_s} s"
        await asyncio.sleep(0.005)
