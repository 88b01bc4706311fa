"""The agent's clocks: when a `clock` record is due, and what the kernel says."""

import subprocess
import sys

from edge_agent import clock
from wire.records import T_MIN, check

T = 1_790_000_000_000


def test_a_boot_is_declared_once_and_again_at_a_step() -> None:
    watch = clock.ClockWatch("boot-1")
    first = watch.look(t_ms=1_000, m_ms=5_000, ok=False)
    assert first is not None
    assert (first["boot"], first["ok"]) == ("boot-1", False)
    assert "step_ms" not in first
    assert watch.look(t_ms=2_000, m_ms=6_000, ok=False) is None
    step = watch.look(t_ms=T, m_ms=7_000, ok=True)
    assert step is not None
    assert (step["ok"], step["step_ms"]) == (True, T - 7_000 + 4_000)
    assert watch.look(t_ms=T + 5_010, m_ms=12_000, ok=True) is None, "slewing by a few ms is no step"
    back = watch.look(t_ms=T + 5_010 - 900, m_ms=12_000, ok=True)
    assert back is not None
    assert back["step_ms"] == -900
    check(back, "events")


def test_slow_slewing_never_adds_up_to_a_step() -> None:
    watch = clock.ClockWatch("boot-1")
    watch.look(t_ms=T, m_ms=0, ok=True)
    assert all(watch.look(t_ms=T + n * 5_002, m_ms=n * 5_000, ok=True) is None for n in range(1, 2_000))


def test_boot_time_runs_on_when_the_wall_clock_is_set() -> None:
    before = clock.boot_ms()
    assert clock.boot_ms() >= before
    assert clock.wall_ms() > T_MIN
    assert len(clock.boot_id()) == 36


def test_a_clock_before_2020_is_not_disciplined_whatever_the_kernel_says() -> None:
    code = "from edge_agent import clock; print(clock.wall_ms() < 1577836800000, clock.disciplined())"
    done = subprocess.run(
        ["faketime", "1970-01-02 00:00:00", sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["True", "False"]


def test_a_span_is_given_in_utc() -> None:
    assert clock.span(T, T + 61_000) == "2026-09-21T14:13:20Z/2026-09-21T14:14:21Z"
