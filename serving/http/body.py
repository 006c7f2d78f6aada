"""Reads the body of a request, according to its Content-Type, and the query of its URL into a payload."""

import codecs
import io
import re
from math import inf
from urllib.parse import parse_qs

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import MultiPartParser

from serving.codecs import csv, npy
from serving.codecs.base import Limits
from serving.codecs.payload import MAX_DIGITS, Payload, check_known, parse
from serving.deadline import Deadline
from serving.errors import ServiceError
from serving.http import content_encoding
from serving.http.messages import Request
from suite.errors import shortened

JSON_TYPES = ("", "application/json", "application/x-www-form-urlencoded", "text/json")
UPLOAD = "multipart/form-data"
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/bmp", "image/webp")
NPY = ("application/x-npy", "application/npy")
TEXT, CSV = "text/plain", "text/csv"
# Fields that a form or a URL may have besides the data.
KNOWN_FIELDS = ("model", "version")
# Of the URL: whether columns that the model does not use are refused.
STRICT, SWITCHES = "strict", {"": True, "true": True, "1": True, "false": False, "0": False}
# https://www.rfc-editor.org/rfc/rfc9110#section-5.6.6
PARAMETER = re.compile(r""";[ \t]*([\w!#$%&'*+.^`|~-]+)=("(?:[^"\\]|\\.)*"|[^;\s"]*)""", re.ASCII)
CHARSETS = {
    "utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "ascii", "ascii": "ascii", "iso-8859-1": "latin-1",
    "iso_8859-1": "latin-1", "latin-1": "latin-1", "latin1": "latin-1", "utf-16": "utf-16", "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
}  # fmt: skip
BYTE_ORDER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# Limits of a form: the number of parts, and the bytes of a part that is no file.
MAX_PARTS, MAX_FIELD_SIZE = 1000, 500_000
JSON_LENGTH = "inference-header-content-length"
# Tensors of at most this many bytes are copied in microseconds, unlike numbers in JSON, which are slow to parse.
FAST_COPY_SIZE = 2**17


def cost(request: Request) -> float:
    """Return how many bytes must be parsed number by number, which is slow; infinity for a compressed body."""
    size = len(request.body)
    if "content-encoding" in request.headers:
        return inf
    if size <= FAST_COPY_SIZE:
        before_tensors = request.headers.get(JSON_LENGTH, "")
        if before_tensors.isascii() and before_tensors.isdigit() and len(before_tensors) <= MAX_DIGITS:
            return min(size, int(before_tensors))
        if request.headers.get("content-type") in NPY:
            return 0
    return size


def content(request: Request, max_body: int) -> bytes:
    """Return the decompressed body; raise ServiceError 400, 413, 415, 499 or 504."""
    encoding = request.headers.get("content-encoding", "")
    return content_encoding.decompressed(request.body, encoding, max_body, request.deadline)


def read(content_type: str, content: bytes, query: str, limits: Limits, deadline: Deadline) -> Payload:
    """Read a decompressed body and the query into a payload; raise ServiceError 400, 413 or 415."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in JSON_TYPES or kind.endswith("+json"):
        payload = parse(utf8(content_type, content), limits.rows)
    elif kind == UPLOAD:
        payload = _form(content_type, content, deadline)
    elif kind in PICTURES:
        payload = Payload(files=[content])
    elif kind in NPY:
        payload = Payload(array=npy.read(content))
    elif kind == CSV:
        payload = Payload(table=csv.read(_text(content_type, content), limits, deadline))
    elif kind == TEXT:
        payload = Payload(instances=[_text(content_type, content)])
    else:
        known = ", ".join((*PICTURES[:2], NPY[0], TEXT, CSV))
        raise ServiceError(415, f"the body is {shortened(kind)}: send application/json, {UPLOAD}, {known}")
    if query:
        _add_query(query, payload)
    limits.check_rows(payload.rows)
    return payload


def utf8(content_type: str, content: bytes) -> bytes:
    """Convert JSON from the charset it was sent in to UTF-8; raise ServiceError 400 or 415."""
    # Content declared as UTF-8 is not checked here: the JSON parser rejects invalid bytes.
    return content if _charset(content_type) == "utf-8" else _text(content_type, content).encode()


def _text(content_type: str, content: bytes) -> str:
    charset = _charset(content_type)
    if charset == "utf-16" and not content.startswith(BYTE_ORDER_MARKS):
        raise ServiceError(400, "the body has no byte order mark: send one, or say utf-16le or utf-16be")
    try:
        return content.decode(charset)
    except UnicodeDecodeError as error:
        reason = f"its bytes are no text in {charset.upper()} ({error.reason})"
        raise ServiceError(400, f"the body: {reason}: encode them so") from error


def _charset(content_type: str) -> str:
    """Return Python's name of the charset in a Content-Type; raise ServiceError 415 if it is unknown."""
    if ";" not in content_type:
        return "utf-8"
    given = [value.strip('"') for key, value in PARAMETER.findall(content_type) if key.lower() == "charset"]
    if len(given) > 1:
        raise ServiceError(415, "the Content-Type names more than one charset: name one")
    charset = CHARSETS.get(given[0].lower()) if given else "utf-8"
    if charset is None:
        raise ServiceError(415, f"the charset is {shortened(given[0])}: use utf-8, us-ascii, iso-8859-1 or utf-16")
    return charset


def _add_query(query: str, payload: Payload) -> None:
    """Add the fields of the query to the payload; raise ServiceError 400 if they contradict the body."""
    found = parse_qs(query, keep_blank_values=True)
    check_known(list(found), (*KNOWN_FIELDS, STRICT), "the URL")
    for switch in found.pop(STRICT, []):
        if switch.lower() not in SWITCHES:
            raise ServiceError(400, f"the URL says strict={shortened(switch)}: give true or false")
        payload.strict = SWITCHES[switch.lower()]
    for key, given in found.items():
        value = given[0] if key == "model" else _parse_version(given[0])
        if len(given) > 1 or getattr(payload, key) not in (None, value):
            raise ServiceError(400, f"the URL says '{key}' more than once, or otherwise than the body: say it once")
        setattr(payload, key, value)


def _parse_version(text: str | None) -> int | None:
    if text is not None and not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        raise ServiceError(400, f"the version is '{text[:20]}': give a whole number")
    return int(text) if text else None


class _DeadlineReader(io.BytesIO):
    """A body whose every read checks the request's deadline."""

    def __init__(self, content: bytes, deadline: Deadline) -> None:
        super().__init__(content)
        self._deadline = deadline

    def read(self, size: int | None = -1, /) -> bytes:
        self._deadline.check()
        return super().read(size)


def _form(content_type: str, content: bytes, deadline: Deadline) -> Payload:
    """Read the files of a form into memory (a disk may be full), and the fields for the model and the version."""
    boundaries = [value.strip('"') for key, value in PARAMETER.findall(content_type) if key.lower() == "boundary"]
    if len(boundaries) != 1 or not boundaries[0]:
        raise ServiceError(400, "the form has no boundary: send it as curl -F does")
    parser = MultiPartParser(
        lambda *_, **__: io.BytesIO(), max_form_memory_size=MAX_FIELD_SIZE, max_form_parts=MAX_PARTS
    )
    try:
        stream = _DeadlineReader(content, deadline)
        fields, files = parser.parse(stream, boundaries[0].encode("latin-1"), len(content))
    except RequestEntityTooLarge as error:
        most = f"send at most {MAX_PARTS:,} parts, and {MAX_FIELD_SIZE:,} bytes of what is no file"
        raise ServiceError(413, f"the form is too large: {most}") from error
    except ValueError as error:
        raise ServiceError(400, f"the form is broken ({str(error)[:100]}): send it as curl -F does") from error
    # werkzeug gives a part without a name the name None.
    check_known([key or "" for key in fields], KNOWN_FIELDS, "the form")
    for key in fields:
        if len(fields.getlist(key)) > 1:
            raise ServiceError(400, f"the form has the field '{key}' more than once: say it once")
    version = _parse_version(fields.get("version"))
    if not files:
        raise ServiceError(400, "there is no file in the form: add one as in curl -F file=@picture.png")
    return Payload(fields.get("model"), version, files=[file.read() for _, file in files.items(multi=True)])
