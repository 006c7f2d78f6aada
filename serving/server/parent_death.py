"""Ties a process to the one that started it, however that one ends."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """Have the kernel end this process by SIGTERM when its parent ends (Linux; elsewhere nothing is tied)."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # The parent may have ended before the kernel was asked.
    if os.getppid() != parent:
        raise SystemExit(0)
