"""Ends a process when its parent process ends, for whatever reason."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """Ask the kernel to send this process SIGTERM when `parent` ends. Does nothing on systems other than Linux."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # The parent may have ended before the call above.
    if os.getppid() != parent:
        raise SystemExit(0)
