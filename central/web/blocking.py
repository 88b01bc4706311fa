"""Runs what waits for the disk in a real thread where gevent serves, so that live clients are not kept waiting."""

from __future__ import annotations

from collections.abc import Callable

from gevent import get_hub
from gevent.monkey import is_module_patched


def blocking(work: Callable[[], None]) -> None:
    """Do the work and return when it is done; its exceptions come out here."""
    if is_module_patched("socket"):
        get_hub().threadpool.apply(work)
    else:
        work()
