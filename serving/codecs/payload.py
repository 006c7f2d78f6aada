"""The body of a request: JSON, uploaded files or one raw value, to what is asked of which model."""

import io
import json
import re
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qs

import numpy as np
import simdjson
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Request

from serving.codecs import csv as csv_table
from serving.codecs import npy, texts
from serving.codecs.json_types import name, whole
from serving.errors import TOO_LARGE, ServiceError, nearest
from serving.http import content_encoding as content

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

KEYS = ("model", "version", "instances")
JSON_TYPES = ("", "application/json", "application/x-www-form-urlencoded", "text/json")
TOO_MANY = "{:,} instances in one request: send at most {:,}"
UPLOAD = "multipart/form-data"
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/bmp", "image/webp")
NPY = ("application/x-npy", "application/npy")
TEXT, CSV = "text/plain", "text/csv"
# Beyond this a broken document is not read a second time for a better message or a closer look.
EXPLAINED = 2**20
BAD_NUMBER = ("BIGINT_ERROR", "NUMBER_ERROR")
# The digits of 2**64.
LONGEST = 20
# A string, be it one that does not end (or the search would begin again at each quote in it), or a number so long that
# it may not fit 64 bits.
LONG = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|(?<![\d.eE+-])(?P<number>-?\d{19,})(?![\d.eE])')


@dataclass
class Asked:
    """What a request asks of one model, one of: instances (with the JSON they were parsed from), picture files, an
    array, the columns of a table as they are written.
    """

    model: str | None
    version: int | None
    instances: Any = None
    text: bytes = b""
    files: list[bytes] = field(default_factory=list)
    array: np.ndarray | None = None
    columns: csv_table.Columns | None = None

    @property
    def rows(self) -> int:
        """How many answers are wanted."""
        if self.array is not None:
            return len(self.array)
        if self.columns is not None:
            return len(next(iter(self.columns.values())))
        return len(self.files if self.instances is None else self.instances)


def read(environ: "WSGIEnvironment", max_body: int, max_rows: int) -> Asked:
    """What a request asks; ServiceError 400, 413 or 415."""
    kind = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if kind == UPLOAD:
        asked = _upload(environ, max_body)
    elif kind in JSON_TYPES or kind.endswith("+json"):
        asked = parse(content.read(environ, max_body), max_rows)
    else:
        asked = _raw(kind, environ, max_body)
    _take_query(environ, asked)
    if asked.rows > max_rows:
        raise ServiceError(413, TOO_MANY.format(asked.rows, max_rows))
    return asked


def _raw(kind: str, environ: "WSGIEnvironment", max_body: int) -> Asked:
    """A body that is the value itself; the model is named in the URL."""
    if kind not in (*PICTURES, *NPY, TEXT, CSV):
        raise ServiceError(
            415, f"the body is {kind}: send application/json, {UPLOAD}, {', '.join((*PICTURES[:2], NPY[0], TEXT, CSV))}"
        )
    asked = Asked(None, None)
    value = content.read(environ, max_body)
    if kind in PICTURES:
        asked.files = [value]
    elif kind in NPY:
        asked.array = npy.read(value)
    elif kind == CSV:
        asked.columns = csv_table.read(texts.utf8(value, "the CSV"))
    else:
        asked.instances = [texts.utf8(value, "the body")]
    return asked


def _take_query(environ: "WSGIEnvironment", asked: Asked) -> None:
    """Take from the URL what the body leaves open; ServiceError 400 where they differ."""
    if not environ.get("QUERY_STRING"):
        return
    query = parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
    _known(list(query), KEYS[:2], "the URL")
    for key, given in query.items():
        value = given[0] if key == "model" else _whole(given[0])
        if len(given) > 1 or getattr(asked, key) not in (None, value):
            raise ServiceError(400, f"the URL says '{key}' more than once, or otherwise than the body: say it once")
        setattr(asked, key, value)


def _whole(text: str | None) -> int | None:
    if text is not None and not (text.isascii() and text.isdigit() and len(text) <= LONGEST):
        raise ServiceError(400, f"the version is '{text[:20]}': give a whole number")
    return int(text) if text else None


class _Form(Request):
    """A form whose uploads need no file each on a disk that may be full; a body's bounds hold for them."""

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        return io.BytesIO()


def _upload(environ: "WSGIEnvironment", max_body: int) -> Asked:
    encoding = environ.get("HTTP_CONTENT_ENCODING")
    if encoding:
        raise ServiceError(415, f"the form is encoded as {encoding[:50]}: send it as it is")
    content.declared(environ, max_body)
    form = _Form(environ)
    # One more than is allowed, so that a body that was cut there is known to be too large.
    form.max_content_length = max_body + 1
    try:
        fields, files = form.form, [file.read() for _, file in form.files.items(multi=True)]
    except RequestEntityTooLarge as error:
        raise ServiceError(413, TOO_LARGE.format(max_body)) from error
    if form.stream.tell() > max_body:
        raise ServiceError(413, TOO_LARGE.format(max_body))
    # A part without a name has that of None here.
    _known([key or "" for key in fields], KEYS[:2])
    version = _whole(fields.get("version"))
    if not files:
        raise ServiceError(400, "there is no file in the form: add one as in curl -F file=@picture.png")
    return Asked(fields.get("model"), version, files=files)


def parsed(text: bytes, wanted: str) -> Any:
    """A JSON document, `wanted` being what an object has to hold; ServiceError 400."""
    try:
        return simdjson.Parser().parse(text)
    except (ValueError, RuntimeError) as error:
        shorter = LONG.sub(_as_fraction, text) if str(error).startswith(BAD_NUMBER) and len(text) <= EXPLAINED else text
        if shorter != text:
            return parsed(shorter, wanted)
        _explain(text, error, wanted)


def _as_fraction(found: re.Match[bytes]) -> bytes:
    """A whole number that takes more than 64 bits as one that does not claim to be exact."""
    number = found["number"]
    if number is None or (len(number) <= LONGEST and -(2**63) <= int(number) < 2**64):
        return found[0]
    return number + b"e0"


def parse(text: bytes, max_rows: int) -> Asked:
    """What a JSON document asks; ServiceError 400."""
    document = parsed(text, "instances")
    if not isinstance(document, simdjson.Object):
        raise ServiceError(400, f"the body is {name(document)}: send an object with 'instances'")
    keys = list(document)
    _known(keys, KEYS)
    if len(set(keys)) != len(keys):
        raise ServiceError(400, "a key of the body stands twice: write each once")
    if "instances" not in keys:
        raise ServiceError(400, "the body has no 'instances': add a list of what to predict")
    found = instances(document["instances"], max_rows)
    return Asked(_model(document.get("model")), _version(document.get("version")), found, text)


def instances(found: Any, max_rows: int, key: str = "instances") -> Any:
    """A list of what to predict; ServiceError 400 or 413."""
    if not isinstance(found, simdjson.Array):
        raise ServiceError(400, f"'{key}' is {name(found)}: make it a list")
    if not len(found):
        raise ServiceError(400, f"'{key}' is empty: add what to predict")
    if len(found) > max_rows:
        raise ServiceError(413, TOO_MANY.format(len(found), max_rows))
    return found


def _known(found: list[str], allowed: tuple[str, ...], place: str = "the body") -> None:
    unknown = [key for key in found if key not in allowed]
    if unknown:
        shown = ", ".join(f"'{key[:50]}'" for key in unknown[:5])
        raise ServiceError(400, f"{place} has the unknown key {shown}: {nearest(unknown[0], list(allowed))}")


def _model(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise ServiceError(400, f"'model' is {name(value)}: give its name as text")


def _version(value: object) -> int | None:
    number = whole(value)
    if number is None and value is not None:
        raise ServiceError(400, f"'version' is {name(value)}: give a whole number")
    return number


def _refuse(constant: str) -> NoReturn:
    raise ServiceError(400, f"the body holds {constant}, which is not JSON: use null for a missing number")


def _explain(text: bytes, error: Exception, wanted: str) -> NoReturn:
    """Why a document was refused, in the words of Python's parser, which knows the place."""
    if not text.strip():
        raise ServiceError(400, f"the body is empty: send an object with '{wanted}'") from error
    if len(text) <= EXPLAINED:
        try:
            json.loads(text, parse_constant=_refuse)
        except RecursionError:
            pass
        except ValueError as precise:
            raise ServiceError(400, f"the body is not JSON ({precise}): send an object with '{wanted}'") from error
    reason = str(error).partition(":")[2].strip() or str(error)
    raise ServiceError(400, f"the body is not JSON that can be read ({reason}): mend it")
