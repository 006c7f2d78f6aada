"""Arrow's types as a table's reader knows them: numbers, dates, text, and those that cannot be learned from."""

from typing import Any

import pyarrow as pa
from pyarrow import compute as pc

from suite.errors import SuiteError

types = pa.types
# Up to here a float64 holds every whole number.
MOST_EXACT = 2.0**53
UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
DAY = 86_400.0


def plain(column: Any) -> Any:
    """The column in one piece, without a dictionary; half floats as float32, since Arrow computes little with them."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(pa.float32()) if types.is_float16(column.type) else column


def is_number(kind: Any) -> bool:
    """Whether the type is numeric."""
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def is_date(kind: Any) -> bool:
    """Whether the type is a day or a point in time."""
    return bool(types.is_date(kind) or types.is_timestamp(kind))


def is_learnable(kind: Any) -> bool:
    """Whether there is a way to learn from the type: numbers, dates, booleans and text."""
    is_text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    return is_number(kind) or is_date(kind) or bool(is_text or types.is_boolean(kind) or types.is_null(kind))


def floats(column: Any) -> Any:
    """Numbers as float64 (N,), missing ones as NaN; whole numbers beyond 2**53 lose digits."""
    return column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)


def seconds(column: Any) -> Any:
    """Days and points in time as seconds since 1970, float64 (N,), missing ones as NaN."""
    kind = column.type
    if types.is_date32(kind):
        return floats(column.cast(pa.int32())) * DAY
    whole = column.cast(pa.int64())
    if types.is_timestamp(kind) and kind.unit == "ns":
        # Text has microseconds, and a float64 does not hold today's nanoseconds.
        whole, unit = pc.divide(whole, 1000), UNITS["us"]
    else:
        unit = UNITS[kind.unit if types.is_timestamp(kind) else "ms"]
    return floats(whole) / unit


def strings(column: Any) -> Any:
    """Values as text, without spaces around it; whole numbers have no point."""
    column = plain(column)
    if not is_learnable(column.type):
        raise SuiteError(f"values of the type {column.type} cannot be read: make them text, numbers or dates")
    if types.is_decimal(column.type):
        text = pc.replace_substring_regex(column.cast(pa.string()), r"(\.[0-9]*?)0+$", r"\1")
        return pc.replace_substring_regex(text, r"\.$", "")
    if types.is_floating(column.type):
        is_whole = pc.and_(pc.equal(column, pc.round(column)), pc.less(pc.abs(column), MOST_EXACT))
        as_whole = pc.cast(pc.if_else(is_whole, column, 0), pa.int64(), safe=False).cast(pa.string())
        return pc.if_else(is_whole, as_whole, column.cast(pa.string()))
    return pc.utf8_trim_whitespace(column.cast(pa.string()))
