"""NumPy's .npy files to arrays, without believing what they say about themselves."""

import io
from functools import lru_cache
from math import prod

import numpy as np
from numpy.lib import format as npy

from serving.errors import ServiceError

HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
# In how many bytes each version says how long its header is.
LENGTHS = {1: 2, 2: 4}
NUMBERS = "biuf"
MOST_AXES = 8
# An array of numbers needs less; as many headers as are kept then take a quarter of a mebibyte.
LONGEST_HEADER, KEPT_HEADERS = 1024, 256


def read(content: bytes) -> np.ndarray:
    """The array (N, ...) of a .npy file, never one of Python objects, in the memory of the file; ServiceError 400."""
    try:
        start = _start(content)
        shape, by_column, dtype = _header(content[:start])
    except Exception as error:
        # NumPy hands the header to Python's own parser, which may fail in any way.
        raise ServiceError(400, "the body is no .npy file of numbers: save it with numpy.save") from error
    if dtype.kind not in NUMBERS:
        raise ServiceError(400, f"the body is no .npy file of numbers ({dtype.name[:50]}): save numbers")
    # True and False are whole numbers to NumPy.
    if not shape or len(shape) > MOST_AXES or any(type(length) is not int or length < 1 for length in shape):
        raise ServiceError(400, f"the array has no rows: give it one to {MOST_AXES} axes, the rows first")
    rest = memoryview(content)[start:]
    if len(rest) != prod(shape) * dtype.itemsize:
        message = f"the body is no .npy file that is whole: {len(rest):,} bytes are not what its header says"
        raise ServiceError(400, message)
    return np.frombuffer(rest, dtype).reshape(shape, order="F" if by_column else "C")


def _start(content: bytes) -> int:
    """Where the array begins."""
    end = npy.MAGIC_LEN + LENGTHS[content[npy.MAGIC_LEN - 2]]
    start = end + int.from_bytes(content[npy.MAGIC_LEN : end], "little")
    if start > LONGEST_HEADER:
        raise ValueError("no array of numbers has so long a header")
    return start


@lru_cache(KEPT_HEADERS)
def _header(head: bytes) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether it lies column by column, and type; kept, since a client's arrays have few different ones."""
    file = io.BytesIO(head)
    shape, by_column, dtype = HEADERS[npy.read_magic(file)](file)
    return shape, by_column, dtype
