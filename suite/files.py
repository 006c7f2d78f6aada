"""Reads files from other people safely: only regular files, and only up to an expected size."""

import errno
import hashlib
import io
import os
import stat
from pathlib import Path

MEBIBYTE = 2**20
# Smaller files are hashed without checking how much of them is stored.
SPARSE_FROM = 1024 * MEBIBYTE
# At least one part in so many of a larger file has to be stored.
LEAST_DATA = 16


def open_regular(path: Path) -> io.BufferedReader:
    """Open a regular file for reading; OSError for anything else.

    Opening a named pipe would block until somebody writes to it, and opening a device may have any effect.
    """
    _check_regular(os.stat(path), path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        # The file may have been replaced in the meantime.
        _check_regular(os.fstat(descriptor), path)
    except OSError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def read_small(path: Path, max_bytes: int = MEBIBYTE) -> bytes:
    """The content of a regular file; OSError for one that is larger than `max_bytes`."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(min(size, max_bytes) + 1)
    if max(size, len(content)) > max_bytes:
        raise OSError(errno.EFBIG, f"it is larger than {max_bytes:,} bytes", str(path))
    return content


def sha256(path: Path) -> str:
    """The hexadecimal SHA-256 of a regular file; OSError for a file that consists mostly of holes."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        # Reading ten gigabytes of holes takes as long as reading ten gigabytes of data.
        if size > SPARSE_FROM and _data_bytes(file.fileno(), size) < size // LEAST_DATA:
            raise OSError(errno.EINVAL, "it is mostly holes, as a file is whose copy has only begun", str(path))
        return hashlib.file_digest(file, "sha256").hexdigest()


def explain(error: Exception) -> str:
    """The message of an error, without the path that Python adds to it."""
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


def _check_regular(found: os.stat_result, path: Path) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file", str(path))


def _data_bytes(descriptor: int, size: int) -> int:
    """How many bytes of a file are stored; stops counting when it is enough."""
    at = found = 0
    try:
        while at < size and found < size // LEAST_DATA:
            begin = os.lseek(descriptor, at, os.SEEK_DATA)
            at = os.lseek(descriptor, begin, os.SEEK_HOLE)
            found += at - begin
    except OSError as error:
        # ENXIO means that there is no more data.
        if error.errno != errno.ENXIO:
            raise
    os.lseek(descriptor, 0, os.SEEK_SET)
    return found
