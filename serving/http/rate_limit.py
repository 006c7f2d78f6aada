"""How often a key is used, counted over all workers of a service."""

import fcntl
import os
import struct
from pathlib import Path
from time import monotonic

LEFT_AND_WHEN = struct.Struct("dd")


class RateLimiter:
    """Token buckets in files of a folder in memory that all workers share; without a folder, of this process.

    Each bucket holds as many tokens as may be used in a second, one at least. `time.monotonic` is the same for all
    processes of a machine.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._files: dict[str, int] = {}
        self._buckets: dict[str, bytes] = {}

    def take(self, name: str, rate: float) -> bool:
        """Use a token of a bucket that gets `rate` a second; False where there is none left."""
        file = self._file(name)
        if file is None:
            self._buckets[name], allowed = _taken(self._buckets.get(name, b""), rate)
            return allowed
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            bucket, allowed = _taken(os.pread(file, LEFT_AND_WHEN.size, 0), rate)
            os.pwrite(file, bucket, 0)
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
        return allowed

    def _file(self, name: str) -> int | None:
        """The descriptor of a bucket's file; None where there is no room for one: then this worker counts alone."""
        if name not in self._files and self._folder is not None:
            path = self._folder / f"rate-{name[:32]}"
            try:
                file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                os.posix_fallocate(file, 0, LEFT_AND_WHEN.size)
            except OSError:
                return None
            self._files[name] = file
        return self._files.get(name)


def _taken(bucket: bytes, rate: float) -> tuple[bytes, bool]:
    """The bucket with a token less, if it has one."""
    now, most = monotonic(), max(1.0, rate)
    left, when = LEFT_AND_WHEN.unpack(bucket) if len(bucket) == LEFT_AND_WHEN.size else (0.0, 0.0)
    left = min(most, left + (now - when) * rate) if when else most
    allowed = left >= 1
    return LEFT_AND_WHEN.pack(left - allowed, now), allowed
