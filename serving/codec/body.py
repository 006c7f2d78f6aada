"""The body of a request: JSON, uploaded files or one raw value, to what is asked of which model."""

import json
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
import simdjson
from flask import Request

from serving.codec import content, csv_table, npy, texts
from serving.codec.kinds import name
from serving.errors import ServiceError, nearest

KEYS = ("model", "version", "instances")
JSON_TYPES = ("", "application/json", "application/x-www-form-urlencoded", "text/json")
TOO_MANY = "{:,} instances in one request: send at most {:,}"
UPLOAD = "multipart/form-data"
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/bmp", "image/webp")
NPY = ("application/x-npy", "application/npy")
TEXT, CSV = "text/plain", "text/csv"
# Beyond this a broken document is not read a second time for a better message.
EXPLAINED = 2**20


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


def read(request: Request, max_body: int, max_rows: int) -> Asked:
    """What the request asks; ServiceError 400, 413 or 415."""
    kind = request.mimetype
    if kind == UPLOAD:
        asked = _upload(request, max_body)
    elif kind in JSON_TYPES or kind.endswith("+json"):
        asked = parse(content.read(request, max_body), max_rows)
        if asked.model is None:
            asked.model = request.args.get("model")
        if asked.version is None:
            asked.version = _whole(request.args.get("version"))
    else:
        asked = _raw(kind, request, max_body)
    if asked.rows > max_rows:
        raise ServiceError(413, TOO_MANY.format(asked.rows, max_rows))
    return asked


def _raw(kind: str, request: Request, max_body: int) -> Asked:
    """A body that is the value itself; the model is named in the URL."""
    if kind not in (*PICTURES, *NPY, TEXT, CSV):
        raise ServiceError(
            415, f"the body is {kind}: send application/json, {UPLOAD}, {', '.join((*PICTURES[:2], NPY[0], TEXT, CSV))}"
        )
    _known(list(request.args), KEYS[:2])
    asked = Asked(request.args.get("model"), _whole(request.args.get("version")))
    value = content.read(request, max_body)
    if kind in PICTURES:
        asked.files = [value]
    elif kind in NPY:
        asked.array = npy.read(value)
    elif kind == CSV:
        asked.columns = csv_table.read(texts.utf8(value, "the CSV"))
    else:
        asked.instances = [texts.utf8(value, "the body")]
    return asked


def _whole(text: str | None) -> int | None:
    if text is not None and not (text.isascii() and text.isdigit()):
        raise ServiceError(400, f"the version is '{text[:20]}': give a whole number")
    return int(text) if text else None


def _upload(request: Request, max_body: int) -> Asked:
    if request.content_encoding:
        raise ServiceError(415, f"the form is encoded as {request.content_encoding[:50]}: send it as it is")
    fields = request.form
    content.check_size(request, max_body)
    # The framework gives a part without a name that of None.
    _known([key or "" for key in fields], KEYS[:2])
    version = _whole(fields.get("version"))
    files = [file.read() for _, file in request.files.items(multi=True)]
    if not files:
        raise ServiceError(400, "there is no file in the form: add one as in curl -F file=@picture.png")
    return Asked(fields.get("model"), version, files=files)


def parsed(text: bytes, wanted: str) -> Any:
    """A JSON document, `wanted` being what an object has to hold; ServiceError 400."""
    try:
        return simdjson.Parser().parse(text)
    except (ValueError, RuntimeError) as error:
        _explain(text, error, wanted)


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


def _known(found: list[str], allowed: tuple[str, ...]) -> None:
    unknown = [key for key in found if key not in allowed]
    if unknown:
        shown = ", ".join(f"'{key[:50]}'" for key in unknown[:5])
        raise ServiceError(400, f"the body has the unknown key {shown}: {nearest(unknown[0], list(allowed))}")


def _model(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise ServiceError(400, f"'model' is {name(value)}: give its name as text")


def _version(value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise ServiceError(400, f"'version' is {name(value)}: give a whole number")


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
