"""The process around the networks: how TensorFlow is loaded, how much memory there is."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/proc/meminfo")
GROUP = Path("/sys/fs/cgroup")


@contextmanager
def native_log_silenced() -> Iterator[None]:
    """Drop what C++ libraries print on standard error meanwhile; Python's own errors are not lost."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def load_tensorflow() -> None:
    """Import TensorFlow (seconds, and hundreds of megabytes) without its start-up messages."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with native_log_silenced():
        import keras
        import tensorflow as tf

        # The first operation sets up devices, which prints too.
        tf.constant(0)
        # Every trial of a search traces functions of its own, which TensorFlow would warn of.
        tf.get_logger().setLevel("ERROR")
        keras.backend.backend()


def free_bytes() -> int | None:
    """The memory that this machine and its container have left (Linux); None where it cannot be told."""
    try:
        lines = dict(line.split(":", 1) for line in MEMORY.read_text().splitlines())
        free = 1024 * int(lines["MemAvailable"].split()[0])
    except (OSError, ValueError, KeyError):
        return None
    try:
        most, now = ((GROUP / f"memory.{what}").read_text() for what in ("max", "current"))
        return min(free, int(most) - int(now))
    except (OSError, ValueError):
        # No control group, or no limit in it ("max").
        return free
