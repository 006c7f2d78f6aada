"""Reads NumPy's .npy files, without trusting their headers."""

import io
from functools import lru_cache
from math import prod

import numpy as np
from numpy.lib import format as npy

from serving.errors import ServiceError

HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
# The size in bytes of the field for the header's length, by version of the format.
LENGTHS = {1: 2, 2: 4}
NUMBERS = "biuf"
MAX_AXES = 8
# Arrays of numbers need shorter headers than this. The cached headers take at most a quarter of a mebibyte.
MAX_HEADER, CACHED_HEADERS = 1024, 256


def read(content: bytes) -> np.ndarray:
    """Return the array (N, ...) of a .npy file as a view of its bytes; raise ServiceError 400.

    Arrays of Python objects are refused.
    """
    try:
        start = _start(content)
        shape, by_column, dtype = _header(content[:start])
    except Exception as error:
        # NumPy parses the header with Python's own parser, which may raise many kinds of exceptions.
        raise ServiceError(400, "the body is no .npy file of numbers: save it with numpy.save") from error
    if dtype.kind not in NUMBERS:
        raise ServiceError(400, f"the body is no .npy file of numbers ({dtype.name[:50]}): save numbers")
    # Compare types, because True and False are instances of int.
    if not shape or len(shape) > MAX_AXES or any(type(length) is not int or length < 1 for length in shape):
        raise ServiceError(400, f"the array has no rows: give it one to {MAX_AXES} axes, the rows first")
    rest = memoryview(content)[start:]
    if len(rest) != prod(shape) * dtype.itemsize:
        message = f"the body is no .npy file that is whole: {len(rest):,} bytes are not what its header says"
        raise ServiceError(400, message)
    return np.frombuffer(rest, dtype).reshape(shape, order="F" if by_column else "C")


def _start(content: bytes) -> int:
    """Return the offset at which the array begins."""
    end = npy.MAGIC_LEN + LENGTHS[content[npy.MAGIC_LEN - 2]]
    start = end + int.from_bytes(content[npy.MAGIC_LEN : end], "little")
    if start > MAX_HEADER:
        raise ValueError("no array of numbers has so long a header")
    return start


@lru_cache(CACHED_HEADERS)
def _header(head: bytes) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Return shape, whether the order is Fortran's, and dtype; cached, because clients send few different headers."""
    file = io.BytesIO(head)
    shape, by_column, dtype = HEADERS[npy.read_magic(file)](file)
    return shape, by_column, dtype
