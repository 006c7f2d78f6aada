"""Limits how often each key is used, over all workers of a service."""

import fcntl
import os
import struct
from pathlib import Path
from time import monotonic

BUCKET = struct.Struct("dd")


class RateLimiter:
    """Token buckets, in files of an in-memory `folder` that all workers share; without it, in this process only.

    A bucket holds at most the tokens of one second, but at least one. All processes of a machine share the clock of
    `time.monotonic`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._files: dict[str, int | None] = {}
        self._buckets: dict[str, bytes] = {}

    def take(self, name: str, rate: float) -> bool:
        """Take a token from a bucket that is refilled with `rate` tokens a second; return False if it is empty."""
        file = self._file(name)
        if file is None:
            self._buckets[name], allowed = _take_token(self._buckets.get(name, b""), rate)
            return allowed
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            bucket, allowed = _take_token(os.pread(file, BUCKET.size, 0), rate)
            os.pwrite(file, bucket, 0)
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
        return allowed

    def _file(self, name: str) -> int | None:
        """Return the descriptor of a bucket's file; None if it could not be created: then this worker counts alone.

        A failure is remembered, because another attempt with each request would take time.
        """
        if name not in self._files:
            self._files[name] = None if self._folder is None else _opened(self._folder / f"rate-{name[:32]}")
        return self._files[name]


def _opened(path: Path) -> int | None:
    """Open a bucket's file and reserve its space; return None if that fails, for example on a full disk."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    try:
        os.posix_fallocate(file, 0, BUCKET.size)
    except OSError:
        os.close(file)
        return None
    return file


def _take_token(bucket: bytes, rate: float) -> tuple[bytes, bool]:
    """Refill a bucket and take one token, if it has one; return the new bucket and whether it had."""
    now, most = monotonic(), max(1.0, rate)
    left, when = BUCKET.unpack(bucket) if len(bucket) == BUCKET.size else (0.0, 0.0)
    left = min(most, left + (now - when) * rate) if when else most
    allowed = left >= 1
    return BUCKET.pack(left - allowed, now), allowed
