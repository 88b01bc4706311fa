"""Starts every named task and child process, restarts what fails with a growing wait, and stops all in order."""

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from edge_agent.backoff import Backoff

STEADY_S = 60.0  # what ran this long is well again: the next failure waits briefly
STOP_S = 10.0  # a task or child that has not ended by then is ended
KILLED_S = 5.0

Starter = Callable[[], Awaitable[None]]
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Job:
    """One supervised task: what starts it, and how it has fared."""

    name: str
    start: Starter
    backoff: Backoff
    restarts: int = 0
    failed_at: list[float] = field(default_factory=list)
    why: str = ""
    task: asyncio.Task[None] | None = None
    ending: bool = False


class Supervisor:
    """Runs jobs in the order they were added until `stop` is called (or SIGTERM, SIGINT), then stops them in reverse order."""

    def __init__(self, *, backoff: Callable[[], Backoff] = Backoff, on_failure: Callable[[str, int], None] | None = None) -> None:
        self._backoff = backoff
        self._on_failure = on_failure
        self._jobs: dict[str, Job] = {}
        self._stopping = asyncio.Event()

    def add(self, name: str, start: Starter) -> None:
        """Add a job; `start` is called again after each failure. One that returns is done and is not started again."""
        if name in self._jobs:
            raise ValueError(f"there is already a job {name}")
        self._jobs[name] = Job(name, start, self._backoff())

    def stop(self) -> None:
        """Ask all to stop; `run` returns when they have."""
        self._stopping.set()

    @property
    def stopping(self) -> bool:
        """Whether a stop was asked for."""
        return self._stopping.is_set()

    def facts(self) -> dict[str, dict[str, object]]:
        """For health records: per job, whether it runs, how often it was started again and why last."""
        return {
            job.name: {"running": job.task is not None and not job.task.done(), "restarts": job.restarts, "why": job.why}
            for job in self._jobs.values()
        }

    def failures(self, name: str, *, within_s: float) -> int:
        """How often a job failed in the last `within_s` seconds."""
        since = time.monotonic() - within_s
        return sum(1 for at in self._jobs[name].failed_at if at >= since)

    async def run(self) -> None:
        """Start everything, wait for the stop, end everything."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        try:
            for job in self._jobs.values():
                job.task = asyncio.create_task(self._keep(job), name=job.name)
            notify("READY=1")
            watchdog = asyncio.create_task(feed_watchdog(), name="watchdog")
            await self._stopping.wait()
            notify("STOPPING=1")
            watchdog.cancel()
        finally:
            for job in reversed(self._jobs.values()):
                await self._end(job)
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    async def _keep(self, job: Job) -> None:
        while True:
            began = time.monotonic()
            try:
                await job.start()
                return
            except Exception as error:  # the one place that catches everything: it is logged and the job starts again
                if job.ending:
                    raise
                if time.monotonic() - began > STEADY_S:
                    job.backoff.reset()
                job.restarts += 1
                why = f"{type(error).__name__}: {error}"[:300]
                told, job.why = job.why == why, why
                job.failed_at = [*job.failed_at[-99:], time.monotonic()]
                wait_s = job.backoff.next_s()
                trace = None if told or isinstance(error, ChildEnded) else error
                log.warning("%s failed and starts again in %.1f s: %s", job.name, wait_s, why, exc_info=trace)
                if self._on_failure:
                    self._on_failure(job.name, job.restarts)
                await asyncio.sleep(wait_s)

    async def _end(self, job: Job) -> None:
        if job.task is None:
            return
        job.ending = True
        job.task.cancel()
        done, _ = await asyncio.wait([job.task], timeout=STOP_S + KILLED_S)
        if not done:
            log.error("%s did not stop within %.0f s", job.name, STOP_S + KILLED_S)
        elif not job.task.cancelled() and (error := job.task.exception()):
            log.error("%s failed while stopping: %s", job.name, error)


class ChildEnded(Exception):
    """A child process ended on its own; the text says with what."""


class Child:
    """A child process as a job: started, waited for, ended with SIGTERM and then SIGKILL. Its output goes to ours."""

    def __init__(self, name: str, command: Sequence[str], *, on_start: Callable[[int], None] | None = None) -> None:
        """`on_start` is told the process id of each start."""
        self.name = name
        self.command = tuple(command)
        self._on_start = on_start
        self.pid: int | None = None

    async def __call__(self) -> None:
        """Run the child once; ChildEnded when it ends unasked."""
        process = await asyncio.create_subprocess_exec(*self.command, stdin=asyncio.subprocess.DEVNULL)
        self.pid = process.pid
        log.info("%s runs as process %d", self.name, process.pid)
        if self._on_start:
            self._on_start(process.pid)
        try:
            code = await process.wait()
            raise ChildEnded(f"ended with exit code {code}" if code >= 0 else f"killed by signal {-code}")
        finally:
            self.pid = None
            if process.returncode is None:
                await _end_process(process)


async def _end_process(process: asyncio.subprocess.Process) -> None:
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_S)
    except TimeoutError:
        process.kill()
        await asyncio.wait_for(process.wait(), KILLED_S)


def notify(state: str) -> None:
    """Tell systemd something (sd_notify(3)); without systemd nothing happens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        try:
            sender.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
        except OSError as error:
            log.warning("systemd cannot be told %s: %s", state, error)


async def feed_watchdog() -> None:
    """Feed systemd's watchdog (WatchdogSec=) at half its time, for as long as the event loop turns."""
    usec = os.environ.get("WATCHDOG_USEC", "")
    if not usec.isdigit():
        return
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(int(usec) / 2_000_000)
