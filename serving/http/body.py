"""The body of a request as its Content-Type says, and what the URL adds to it, to a payload."""

import codecs
import io
import re
from math import inf
from urllib.parse import parse_qs

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import MultiPartParser

from serving.codecs import csv, npy
from serving.codecs.base import Limits
from serving.codecs.payload import LONGEST, Payload, check_known, parse
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
# What a form or a URL says beside a body.
FIELDS = ("model", "version")
# https://www.rfc-editor.org/rfc/rfc9110#section-5.6.6
PARAMETER = re.compile(r""";[ \t]*([\w!#$%&'*+.^`|~-]+)=("(?:[^"\\]|\\.)*"|[^;\s"]*)""", re.ASCII)
CHARSETS = {
    "utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "ascii", "ascii": "ascii", "iso-8859-1": "latin-1",
    "iso_8859-1": "latin-1", "latin-1": "latin-1", "latin1": "latin-1", "utf-16": "utf-16", "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
}  # fmt: skip
MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# Of a form: parts, and bytes of one that is no file.
MOST_PARTS, LONGEST_FIELD = 1000, 500_000
JSON_LENGTH = "inference-header-content-length"
# Tensors of up to so many bytes are copied in microseconds; numbers in JSON take longer than that to read.
QUICKLY_COPIED = 2**17


def cost(request: Request) -> float:
    """How many bytes have to be read number by number, which is what takes time; infinite if they are compressed."""
    size = len(request.body)
    if "content-encoding" in request.headers:
        return inf
    if size <= QUICKLY_COPIED:
        before_tensors = request.headers.get(JSON_LENGTH, "")
        if before_tensors.isascii() and before_tensors.isdigit() and len(before_tensors) <= LONGEST:
            return min(size, int(before_tensors))
        if request.headers.get("content-type") in NPY:
            return 0
    return size


def content(request: Request, max_body: int) -> bytes:
    """The body as it was before it was compressed; ServiceError 400, 413, 415, 499 or 504."""
    encoding = request.headers.get("content-encoding", "")
    return content_encoding.decompressed(request.body, encoding, max_body, request.deadline)


def read(content_type: str, content: bytes, query: str, limits: Limits, deadline: Deadline) -> Payload:
    """What a request asks; ServiceError 400, 413 or 415."""
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
        _take_query(query, payload)
    limits.check_rows(payload.rows)
    return payload


def utf8(content_type: str, content: bytes) -> bytes:
    """JSON in UTF-8, whatever charset it was sent in; ServiceError 400 or 415."""
    # The parser finds what is no UTF-8.
    return content if _charset(content_type) == "utf-8" else _text(content_type, content).encode()


def _text(content_type: str, content: bytes) -> str:
    charset = _charset(content_type)
    if charset == "utf-16" and not content.startswith(MARKS):
        raise ServiceError(400, "the body has no byte order mark: send one, or say utf-16le or utf-16be")
    try:
        return content.decode(charset)
    except UnicodeDecodeError as error:
        reason = f"its bytes are no text in {charset.upper()} ({error.reason})"
        raise ServiceError(400, f"the body: {reason}: encode them so") from error


def _charset(content_type: str) -> str:
    """The charset that a body is said to have, as Python calls it; ServiceError 415 for one that is not known."""
    if ";" not in content_type:
        return "utf-8"
    given = [value.strip('"') for key, value in PARAMETER.findall(content_type) if key.lower() == "charset"]
    if len(given) > 1:
        raise ServiceError(415, "the Content-Type names more than one charset: name one")
    charset = CHARSETS.get(given[0].lower()) if given else "utf-8"
    if charset is None:
        raise ServiceError(415, f"the charset is {shortened(given[0])}: use utf-8, us-ascii, iso-8859-1 or utf-16")
    return charset


def _take_query(query: str, payload: Payload) -> None:
    """Take from the URL what the body leaves open; ServiceError 400 where they differ."""
    found = parse_qs(query, keep_blank_values=True)
    check_known(list(found), FIELDS, "the URL")
    for key, given in found.items():
        value = given[0] if key == "model" else _whole(given[0])
        if len(given) > 1 or getattr(payload, key) not in (None, value):
            raise ServiceError(400, f"the URL says '{key}' more than once, or otherwise than the body: say it once")
        setattr(payload, key, value)


def _whole(text: str | None) -> int | None:
    if text is not None and not (text.isascii() and text.isdigit() and len(text) <= LONGEST):
        raise ServiceError(400, f"the version is '{text[:20]}': give a whole number")
    return int(text) if text else None


class _Watched(io.BytesIO):
    """A body that is read in parts for as long as somebody waits."""

    def __init__(self, content: bytes, deadline: Deadline) -> None:
        super().__init__(content)
        self._deadline = deadline

    def read(self, size: int | None = -1, /) -> bytes:
        self._deadline.check()
        return super().read(size)


def _form(content_type: str, content: bytes, deadline: Deadline) -> Payload:
    """Files of a form, each in memory: a disk may be full. The model and the version are fields beside them."""
    boundaries = [value.strip('"') for key, value in PARAMETER.findall(content_type) if key.lower() == "boundary"]
    if len(boundaries) != 1 or not boundaries[0]:
        raise ServiceError(400, "the form has no boundary: send it as curl -F does")
    parser = MultiPartParser(
        lambda *_, **__: io.BytesIO(), max_form_memory_size=LONGEST_FIELD, max_form_parts=MOST_PARTS
    )
    try:
        stream = _Watched(content, deadline)
        fields, files = parser.parse(stream, boundaries[0].encode("latin-1"), len(content))
    except RequestEntityTooLarge as error:
        most = f"send at most {MOST_PARTS:,} parts, and {LONGEST_FIELD:,} bytes of what is no file"
        raise ServiceError(413, f"the form is too large: {most}") from error
    except ValueError as error:
        raise ServiceError(400, f"the form is broken ({str(error)[:100]}): send it as curl -F does") from error
    # A part without a name has that of None here.
    check_known([key or "" for key in fields], FIELDS, "the form")
    for key in fields:
        if len(fields.getlist(key)) > 1:
            raise ServiceError(400, f"the form has the field '{key}' more than once: say it once")
    version = _whole(fields.get("version"))
    if not files:
        raise ServiceError(400, "there is no file in the form: add one as in curl -F file=@picture.png")
    return Payload(fields.get("model"), version, files=[file.read() for _, file in files.items(multi=True)])
