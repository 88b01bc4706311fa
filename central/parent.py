"""Lets a child end with its parent, so that a killed program leaves none of its processes behind."""

import ctypes
import signal

PR_SET_PDEATHSIG = 1  # prctl(2)


def end_with_parent() -> None:
    """Let the kernel send this process SIGTERM when its parent is gone."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
