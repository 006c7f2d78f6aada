"""The process: loading TensorFlow quietly, the cores that it may use, and the memory that is free."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from suite.errors import SuiteError

MEMINFO = Path("/proc/meminfo")
CONTROL_GROUP = Path("/sys/fs/cgroup")
QUOTA = CONTROL_GROUP / "cpu.max"
QUOTA_V1 = CONTROL_GROUP / "cpu"


@contextmanager
def native_log_silenced() -> Iterator[None]:
    """Discard what C++ libraries print to standard error in this block; Python exceptions still propagate."""
    sys.stderr.flush()
    original = os.dup(2)
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 2)
    try:
        yield
    finally:
        os.dup2(original, 2)
        os.close(original)
        os.close(devnull)


def load_tensorflow() -> None:
    """Import TensorFlow without its start-up messages; takes seconds and hundreds of megabytes.

    Keras gets our settings, see `configure_keras`, whatever is in this user's environment.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    for limit in ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH"):
        os.environ.pop(limit, None)
    with native_log_silenced():
        try:
            import keras  # noqa: F401
        except ValueError as error:
            raise SuiteError(f"Keras refuses its keras.json ({error}): correct it, or delete it") from error
        import tensorflow as tf

        # The first operation initializes devices, which prints messages too.
        tf.constant(0)
        # Every trial of a search traces its own functions, and TensorFlow would warn of that.
        tf.get_logger().setLevel("ERROR")
        configure_keras()


def configure_keras() -> None:
    """Give Keras the settings that our networks are written for, whatever is in this user's keras.json."""
    import keras

    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")


def cores() -> int:
    """The number of cores that this process may use, by its CPU affinity and its container's quota."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota()
    return max(1, min(allowed, round(quota))) if quota else allowed


def _quota() -> float | None:
    try:
        if QUOTA.exists():
            limit, period = QUOTA.read_text().split()
        else:
            limit, period = ((QUOTA_V1 / f"cpu.cfs_{part}_us").read_text() for part in ("quota", "period"))
        return float(limit) / float(period) if float(limit) > 0 else None
    except (OSError, ValueError):
        # There is no control group, or it has no limit ("max").
        return None


def free_bytes() -> int | None:
    """The free memory of this machine and its container (Linux); None if it is unknown."""
    try:
        lines = dict(line.split(":", 1) for line in MEMINFO.read_text().splitlines())
        free = 1024 * int(lines["MemAvailable"].split()[0])
    except (OSError, ValueError, KeyError):
        return None
    try:
        limit, used = ((CONTROL_GROUP / f"memory.{name}").read_text() for name in ("max", "current"))
        return min(free, int(limit) - int(used))
    except (OSError, ValueError):
        # There is no control group, or it has no limit ("max").
        return free
