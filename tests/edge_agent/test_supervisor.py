"""The supervisor: what fails starts again, what is asked to stop stops in order, children included."""

import asyncio
import os
import random
import signal
import socket
import sys
from pathlib import Path

import psutil
import pytest

from edge_agent.backoff import Backoff
from edge_agent.supervisor import Child, Supervisor


def quick() -> Backoff:
    return Backoff(first_s=0.01, most_s=0.05)


def test_waits_double_up_to_their_bound_and_jitter() -> None:
    backoff = Backoff(first_s=1, most_s=8, chance=random.Random(1))
    waits = [backoff.next_s() for _ in range(6)]
    for wait, bound in zip(waits, [1, 2, 4, 8, 8, 8], strict=True):
        assert bound / 2 <= wait <= bound
    backoff.reset()
    assert backoff.next_s() <= 1


async def test_a_failing_job_starts_again_and_the_others_never_notice() -> None:
    supervisor = Supervisor(backoff=quick)
    starts: list[str] = []
    recovered = asyncio.Event()

    async def shaky() -> None:
        starts.append("shaky")
        if len(starts) < 4:
            raise RuntimeError("wire fell off")
        recovered.set()
        await asyncio.Event().wait()

    steady_ended: list[bool] = []

    async def steady() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            steady_ended.append(True)

    supervisor.add("steady", steady)
    supervisor.add("shaky", shaky)
    running = asyncio.create_task(supervisor.run())
    await asyncio.wait_for(recovered.wait(), 5)
    assert not steady_ended
    facts = supervisor.facts()["shaky"]
    assert facts["restarts"] == 3 and "wire fell off" in str(facts["why"])
    supervisor.stop()
    await asyncio.wait_for(running, 5)
    assert steady_ended == [True]


async def test_sigterm_stops_jobs_in_reverse_order_of_their_start() -> None:
    supervisor = Supervisor()
    ended: list[str] = []
    up = asyncio.Event()

    def job(name: str) -> None:
        async def body() -> None:
            if name == "c":
                up.set()
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0.01)
                ended.append(name)

        supervisor.add(name, body)

    for name in "abc":
        job(name)
    running = asyncio.create_task(supervisor.run())
    await asyncio.wait_for(up.wait(), 5)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(running, 5)
    assert ended == ["c", "b", "a"]


async def test_a_killed_child_comes_back_and_none_is_left_behind() -> None:
    supervisor = Supervisor(backoff=quick)
    pids: asyncio.Queue[int] = asyncio.Queue()
    child = Child("sleeper", [sys.executable, "-c", "import time; time.sleep(600)"], on_start=pids.put_nowait)
    supervisor.add("sleeper", child)
    running = asyncio.create_task(supervisor.run())
    first = await asyncio.wait_for(pids.get(), 20)
    os.kill(first, signal.SIGKILL)
    second = await asyncio.wait_for(pids.get(), 20)
    assert psutil.pid_exists(second)
    assert "killed by signal 9" in str(supervisor.facts()["sleeper"]["why"])
    supervisor.stop()
    await asyncio.wait_for(running, 20)
    assert not psutil.pid_exists(second)


async def test_systemd_is_told_and_its_watchdog_fed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "40000")
        loop = asyncio.get_running_loop()
        supervisor = Supervisor()
        running = asyncio.create_task(supervisor.run())
        heard = [await asyncio.wait_for(loop.sock_recv(systemd, 100), 5) for _ in range(4)]
        assert heard == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"WATCHDOG=1"]
        supervisor.stop()
        await asyncio.wait_for(running, 5)
        while (told := await asyncio.wait_for(loop.sock_recv(systemd, 100), 5)) == b"WATCHDOG=1":
            pass
        assert told == b"STOPPING=1"


async def test_a_job_that_fails_while_it_is_ended_is_not_started_again() -> None:
    supervisor = Supervisor(backoff=quick)
    starts: list[int] = []
    began = asyncio.Event()

    async def broken_at_the_end() -> None:
        starts.append(1)
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("nothing can be written any more")

    supervisor.add("writes", broken_at_the_end)
    running = asyncio.create_task(supervisor.run())
    await asyncio.wait_for(began.wait(), 5)
    supervisor.stop()
    await asyncio.wait_for(running, 5)
    assert starts == [1]
