"""The body of a request: JSON or uploaded files, to what is asked of which model."""

import json
from dataclasses import dataclass, field
from typing import Any, NoReturn

import simdjson
from flask import Request
from werkzeug.exceptions import HTTPException

from serving.errors import TOO_LARGE, ServiceError, nearest

KEYS = ("model", "version", "instances")
JSON_TYPES = ("", "application/json", "application/x-www-form-urlencoded", "text/plain", "text/json")
UPLOAD = "multipart/form-data"
# Beyond this a broken document is not read a second time for a better message.
EXPLAINED = 2**20


@dataclass
class Asked:
    """What a request asks: of one model, either instances (with the text they were parsed from) or picture files."""

    model: str | None
    version: int | None
    instances: Any = None
    text: bytes = b""
    files: list[bytes] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return len(self.files) if self.instances is None else len(self.instances)


def read(request: Request, max_body: int, max_rows: int) -> Asked:
    """What the request asks; ServiceError 400, 413 or 415."""
    kind = request.mimetype
    if request.content_encoding:
        raise ServiceError(415, f"the body is encoded as {request.content_encoding}: send it as it is")
    if kind == UPLOAD:
        asked = _upload(request, max_body)
    elif kind in JSON_TYPES or kind.endswith("+json"):
        asked = parse(_content(request, max_body))
    else:
        raise ServiceError(415, f"the body is {kind}: send application/json, or pictures as {UPLOAD}")
    if asked.rows > max_rows:
        raise ServiceError(413, f"{asked.rows:,} instances in one request: send at most {max_rows:,}")
    return asked


def _content(request: Request, max_body: int) -> bytes:
    try:
        content = request.get_data(cache=False)
    except HTTPException:
        raise
    except Exception as error:
        # The server under the application names a broken transfer in its own classes.
        raise ServiceError(400, "the body could not be read to its end: send it again") from error
    _check_size(request, max_body)
    return content


def _check_size(request: Request, max_body: int) -> None:
    """ServiceError 413 for a body over the limit.

    A body without a declared length is silently cut where the framework's limit lies: that one is a byte larger.
    """
    if request.stream.tell() > max_body:
        raise ServiceError(413, TOO_LARGE.format(max_body))


def _upload(request: Request, max_body: int) -> Asked:
    fields = request.form
    _check_size(request, max_body)
    _known(list(fields), KEYS[:2])
    version = fields.get("version")
    if version is not None and not (version.isascii() and version.isdigit()):
        raise ServiceError(400, f"the version is '{version}': give a whole number")
    files = [file.read() for _, file in request.files.items(multi=True)]
    if not files:
        raise ServiceError(400, "there is no file in the form: add one as in curl -F file=@picture.png")
    return Asked(fields.get("model"), int(version) if version else None, files=files)


def parse(text: bytes) -> Asked:
    """What a JSON document asks; ServiceError 400."""
    try:
        document = simdjson.Parser().parse(text)
    except (ValueError, RuntimeError) as error:
        _explain(text, error)
    if not isinstance(document, simdjson.Object):
        raise ServiceError(400, f"the body is {name(document)}: send an object with 'instances'")
    keys = list(document)
    _known(keys, KEYS)
    if len(set(keys)) != len(keys):
        raise ServiceError(400, "a key of the body stands twice: write each once")
    if "instances" not in keys:
        raise ServiceError(400, "the body has no 'instances': add a list of what to predict")
    instances = document["instances"]
    if not isinstance(instances, simdjson.Array):
        raise ServiceError(400, f"'instances' is {name(instances)}: make it a list")
    if not len(instances):
        raise ServiceError(400, "'instances' is empty: add what to predict")
    return Asked(_model(document.get("model")), _version(document.get("version")), instances, text)


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


def name(value: object) -> str:
    """A JSON value's type in words."""
    if isinstance(value, simdjson.Object):
        return "an object"
    if isinstance(value, simdjson.Array):
        return "a list"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "text" if isinstance(value, str) else "a number"


def _refuse(constant: str) -> NoReturn:
    raise ServiceError(400, f"the body holds {constant}, which is not JSON: use null for a missing number")


def _explain(text: bytes, error: Exception) -> NoReturn:
    """Why a document was refused, in the words of Python's parser, which knows the place."""
    if not text.strip():
        raise ServiceError(400, "the body is empty: send an object with 'instances'") from error
    if len(text) <= EXPLAINED:
        try:
            json.loads(text, parse_constant=_refuse)
        except RecursionError:
            pass
        except ValueError as precise:
            raise ServiceError(400, f"the body is not JSON ({precise}): send an object with 'instances'") from error
    reason = str(error).partition(":")[2].strip() or str(error)
    raise ServiceError(400, f"the body is not JSON that can be read ({reason}): mend it")
