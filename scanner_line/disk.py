"""The one thread of a station that writes and reads its spool, so that the event loop never waits for a disk."""

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Disk:
    """Runs calls one after the other in a thread of its own."""

    def __init__(self) -> None:
        """The thread starts with the first call."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")

    async def __call__(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What the call returns, or its exception."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, functools.partial(work, *args, **kwargs))

    def close(self) -> None:
        """Wait for the calls under way and end the thread; may be called twice."""
        self._thread.shutdown(wait=True)
