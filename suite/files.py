"""Read files that other people have put somewhere: regular ones only, and no more of them than expected."""

import errno
import hashlib
import io
import os
import stat
from pathlib import Path

MEBIBYTE = 2**20
# Below this size a file is hashed without a look at how much of it is there.
SPARSE_FROM = 1024 * MEBIBYTE
# Of a larger file, one part in so many has to be data.
LEAST_DATA = 16


def open_regular(path: Path) -> io.BufferedReader:
    """Open a regular file for reading; OSError for anything else.

    Opening a named pipe waits until somebody writes to it, and opening a device may do anything.
    """
    _check_regular(os.stat(path), path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        # Another file may have taken its place meanwhile.
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
    """The SHA-256 of a regular file, in hexadecimal; OSError for one that is mostly holes."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        # Reading ten gigabytes of nothing takes as long as reading ten of weights.
        if size > SPARSE_FROM and _data_bytes(file.fileno(), size) < size // LEAST_DATA:
            raise OSError(errno.EINVAL, "it is mostly holes, as a file is whose copy has only begun", str(path))
        return hashlib.file_digest(file, "sha256").hexdigest()


def explain(error: Exception) -> str:
    """What an error says, without the path that Python adds to it."""
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


def _check_regular(found: os.stat_result, path: Path) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file", str(path))


def _data_bytes(descriptor: int, size: int) -> int:
    """How much of a file is stored; no more of it is counted than is needed to see that it is enough."""
    at = found = 0
    try:
        while at < size and found < size // LEAST_DATA:
            begin = os.lseek(descriptor, at, os.SEEK_DATA)
            at = os.lseek(descriptor, begin, os.SEEK_HOLE)
            found += at - begin
    except OSError as error:
        # There is no data after this place.
        if error.errno != errno.ENXIO:
            raise
    os.lseek(descriptor, 0, os.SEEK_SET)
    return found
