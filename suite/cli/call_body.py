"""What `suite call` sends of a file or a folder: bytes and their media type."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from suite.data.options import Reading
from suite.errors import SuiteError, UsageError

JSON = "application/json"
# The media type of what is sent as it is, by suffix.
AS_IT_IS = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".bmp": "image/bmp",
    ".webp": "image/webp", ".npy": "application/x-npy",
}  # fmt: skip
# The same by the first bytes of a file.
MAGIC = {
    b"\x89PNG\r\n": ".png", b"\xff\xd8\xff": ".jpg", b"GIF8": ".gif", b"RIFF": ".webp", b"\x93NUMPY": ".npy",
}  # fmt: skip
TEXT_FILE = ".txt"


def body(path: Path, reading: Reading, tell: Callable[[str], None]) -> tuple[bytes, str]:
    """The content and its media type; `tell` gets lines on what the readers decided by themselves."""
    if path.is_dir():
        return _instances(_folder(path, reading)), JSON
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise SuiteError(f"{path} cannot be read ({error.strerror}): check the path") from error
    suffix = next((suffix for magic, suffix in MAGIC.items() if start.startswith(magic)), path.suffix.lower())
    if suffix in AS_IT_IS:
        return path.read_bytes(), AS_IT_IS[suffix]
    return _text_or_table(path, reading, tell)


def _text_or_table(path: Path, reading: Reading, tell: Callable[[str], None]) -> tuple[bytes, str]:
    from suite.data import compression, file_kinds, formats

    file = formats.TableFile(path, reading)
    kind = formats.kind_of(path)
    if file.suffix == TEXT_FILE and kind == file_kinds.CSV:
        return formats.text(file).encode(), "text/plain"
    if file.suffix == ".json" and kind == file_kinds.JSON:
        with compression.opened(path) as (stream, _):
            content = stream.read()
        # A request is an object; rows are in a list or a line each.
        if content.lstrip().startswith(b"{") and _is_request(content):
            return content, JSON
    if kind == file_kinds.CSV and file_kinds.SUFFIXES.get(file.suffix) is None:
        known = ", ".join((*AS_IT_IS, *file_kinds.SUFFIXES))
        raise UsageError(f"{path.name} ends in none of {known}: give a file of such a kind")
    table = formats.table(file)
    for line in file.notes:
        tell(line)
    return _csv(table), "text/csv"


def _is_request(content: bytes) -> bool:
    try:
        return "instances" in json.loads(content)
    except (ValueError, RecursionError):
        return False


def _csv(table: Any) -> bytes:
    import csv

    text = io.StringIO()
    output = csv.writer(text)
    output.writerow(table.column_names)
    for batch in table.to_batches():
        output.writerows(zip(*(column.to_pylist() for column in batch.columns), strict=True))
    return text.getvalue().encode()


def _folder(path: Path, reading: Reading) -> list[Any]:
    """The texts of a folder's .txt files, or its pictures in base64."""
    from suite.data import formats, walk

    found = walk.files_below(path)[0]
    texts = [one for one in found if one.suffix.lower() == TEXT_FILE]
    pictures = [one for one in found if AS_IT_IS.get(one.suffix.lower(), "").startswith("image/")]
    if bool(texts) == bool(pictures):
        what = "both pictures and" if texts else "neither pictures nor"
        raise UsageError(f"{path} holds {what} .txt files: give a folder of one of these")
    if texts:
        return [formats.text(formats.TableFile(one, reading)) for one in texts]
    return [{"b64": base64.b64encode(one.read_bytes()).decode()} for one in pictures]


def _instances(found: list[Any]) -> bytes:
    return json.dumps({"instances": found}).encode()
