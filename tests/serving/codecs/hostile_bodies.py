"""Bodies that are designed to cost more than others of their length, each made by a function of its approximate size.

The entries by name are the kind of model that gets it, its content type and its function. `Ask` decodes a body.
"""

import base64
import gzip
import json
import struct
import zlib
from collections.abc import Callable
from typing import Any

import zstandard

from serving import codecs, signature
from serving.codecs import open_inference
from serving.codecs.base import Codec, Limits
from serving.codecs.payload import parse_members
from serving.deadline import NO_DEADLINE, Deadline
from serving.errors import ServiceError
from serving.http import body, content_encoding
from serving.signature import Signature, Tensor
from suite.artifact import Card, TensorSpec

JSON, COLUMNS, INFER = "application/json", "columns", "infer"
FORM = "multipart/form-data; boundary=b"
LABELS = ["no", "yes"]
COLUMN_KINDS = {"amount": "numeric", "weekend": "boolean", "time": "date", "country": "categorical"}
MAX_BODY = 32 * 2**20


def card(kind: str, inputs: list[TensorSpec]) -> Card:
    ignored = ["id"] if kind == "table" else []
    return Card(kind, 1, kind, "", inputs, [], LABELS, {"kind": kind}, ignored=ignored)


CARDS = {
    "image": card("image", [TensorSpec("image", "uint8", (8, 8, 1), "image", "image")]),
    "text": card("text", [TensorSpec("text", "string", (), "text", "text")]),
    "table": card(
        "table",
        [
            TensorSpec(name, {"date": "float64", "categorical": "string"}.get(kind, "float32"), (), name, kind, form)
            for (name, kind), form in zip(COLUMN_KINDS.items(), ("", "", "%d.%m.%Y", ""), strict=True)
        ],
    ),
}
TENSORS = Signature({"x": Tensor("float32", None), "name": Tensor("string", (None,))}, {})


def codec_of(kind: str, limits: Limits) -> Codec:
    found = CARDS.get(kind)
    return codecs.for_model(found, signature.of_card(found) if found else TENSORS, limits)


class Ask:
    """Decodes bodies for models of all kinds, as a route would; returns None for a refused body."""

    def __init__(self, limits: Limits | None = None, deadline: Deadline = NO_DEADLINE) -> None:
        self._limits, self._deadline = limits or Limits(), deadline
        self._codecs = {kind: codec_of(kind, self._limits) for kind in ("image", "text", "table", "")}

    def __call__(self, kind: str, content_type: str, content: bytes) -> Any:
        try:
            return self.decode(self._codecs[kind], content_type, content)
        except ServiceError:
            return None

    def decode(self, codec: Codec, content_type: str, content: bytes) -> Any:
        encoding = content_type if content_type in content_encoding.DECOMPRESSORS else ""
        if encoding:
            return content_encoding.decompressed(content, encoding, MAX_BODY, self._deadline)
        if content_type == COLUMNS:
            found = parse_members(content, "inputs", frozenset(("inputs",)))
            return codec.decode_columns(found["inputs"], self._deadline)
        if content_type == INFER:
            length = int.from_bytes(content[:4], "little")
            text, tail = open_inference.split(content[4:], str(length) if length else None)
            request = open_inference.decode_request(text, tail, self._limits, self._deadline)
            return codec.decode_named(request.inputs, self._deadline)
        return codec.decode(body.read(content_type, content, "", self._limits, self._deadline), self._deadline)


Make = Callable[[int], bytes]


def filled(before: bytes, piece: bytes, after: bytes = b"]}") -> Make:
    """Make as many pieces as fit, separated by commas; each gets its number if it has a placeholder."""

    def make(size: int) -> bytes:
        count = size // (len(piece) + 1 + 4 * (b"%" in piece))
        pieces = (piece % number for number in range(count)) if b"%" in piece else [piece] * count
        return before + b",".join(pieces) + after

    return make


def repeated(before: bytes, piece: bytes, after: bytes = b"") -> Make:
    """Make as many pieces as fit, one after the other."""
    return lambda size: before + piece * (size // len(piece)) + after


def values(datatype: str, shape: bytes, before: bytes, piece: bytes) -> Make:
    """Make a tensor of protocol v2 as JSON; "%d" in its shape becomes roughly the number of its values."""

    def make(size: int) -> bytes:
        lengths = shape.replace(b"%d", b"%d" % (size // (len(piece) + 1)))
        head = b'{"inputs":[{"name":"x","shape":[%s],"datatype":"%s","data":[' % (lengths, datatype.encode())
        return NO_TENSORS + filled(head + before, piece, b"]}]}")(size)

    return make


def elements(piece: bytes, count: int = 0) -> Make:
    """Make a BYTES tensor after the JSON, of as many pieces as fit; its shape may claim another number."""

    def make(size: int) -> bytes:
        content = piece * (size // len(piece))
        head = {"name": "x", "shape": [1, count or size // len(piece)], "datatype": "BYTES"}
        text = json.dumps({"inputs": [head | {"parameters": {"binary_data_size": len(content)}}]}).encode()
        return struct.pack("<I", len(text)) + text + content

    return make


def npy(size: int) -> bytes:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (%d, 8, 8), }" % (size // 512)
    return b"\x93NUMPY\1\0" + struct.pack("<H", 118) + header.ljust(117) + b"\n" + bytes(size // 512 * 512)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(piece: bytes) -> Make:
    """Make a PNG of 8 x 8 with as many copies of a chunk as fit before its pixels."""
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))
    return repeated(head, piece, chunk(b"IDAT", zlib.compress(bytes(72))) + chunk(b"IEND", b""))


def exif(size: int) -> bytes:
    """Return an EXIF block whose entries each claim all of its bytes."""
    entries = min(size // 24, 2**16 - 1)
    table = b"".join(struct.pack("<HHII", 0x9000 + i % 1000, 7, size - 8, 8) for i in range(entries))
    return (b"II*\0" + struct.pack("<IH", 8, entries) + table).ljust(size, b"\0")


def jpeg(piece: bytes) -> Make:
    """Make a JPEG with as many copies of a piece as fit among its segments."""
    return repeated(b"\xff\xd8\xff\xe0\0\2", piece, b"\xff\xd9")


def segment(marker: int, data: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


def bmp(size: int) -> bytes:
    """Return a compressed picture in which each line ends at once."""
    head = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 54 + 1024)
    head += struct.pack("<IiiHHIIiiII", 40, 1000, 1000, 1, 8, 1, 0, 0, 0, 256, 0)
    return repeated(head + bytes(1024), b"\0\0")(size)


def notes(size: int) -> bytes:
    """Return JSON with a picture in base64."""
    return b'{"instances":["' + base64.b64encode(png(chunk(b"tEXt", b"a\0b"))(size * 3 // 4)) + b'"]}'


def doubled(size: int) -> bytes:
    """Return JSON in which one key occurs many times after another that does too."""
    return filled(ROW + b'"id":1,' * (size // 14), b'"amount":1', b"}]}")(size // 2)


ROWS = b'{"instances":['
ROW, ANY = ROWS + b"{", ROWS + b'{"name":"","x":['
# The length of the JSON, if tensors follow it.
NO_TENSORS = bytes(4)
V2 = NO_TENSORS + b'{"inputs":['
TENSOR = b'{"name":"%d","shape":[1],"datatype":"FP32","data":[1]}'
PART = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nx\r\n'
FIELD = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n'
END = b"\r\n--b--\r\n"
CSV_ROWS = 9_999
GIF = b"GIF89a\x08\0\x08\0\x80\0\0" + bytes(6) + b"!\xfe"
FRAME = b"\0,\0\0\0\0\x08\0\x08\0\0\x02\x02\x4c\x01\0;"
JSON_BODIES: dict[str, tuple[str, str, Make]] = {
    "rows without columns": ("table", JSON, filled(ROWS, b"{}")),
    "unknown keys": ("table", JSON, filled(ROW, b'"k%d":1', b"}]}")),
    "a key many times": ("table", JSON, filled(ROW, b'"amount":1', b"}]}")),
    "two keys many times": ("table", JSON, doubled),
    "lists in a column that is not used": ("table", JSON, filled(ROW + b'"id":[', b"{}", b"]}]}")),
    "objects in a column that is not used": ("table", JSON, filled(ROW + b'"id":{', b'"%d":{}', b"}}]}")),
    "a long key": ("table", JSON, repeated(b'{"', b"abcdefgh", b'":1}')),
    "a long column": ("table", JSON, repeated(ROW + b'"', b"amount", b'":1}]}')),
    "a long value": ("table", JSON, repeated(ROW + b'"amount":"', b"1", b'"}]}')),
    "a long category": ("table", JSON, repeated(ROW + b'"country":"', b"n/a ", b'"}]}')),
    "a long date": ("table", JSON, repeated(ROW + b'"time":"', b"1", b'"}]}')),
    "escapes": ("text", JSON, repeated(ROWS + b'"', b"\\u00e4", b'"]}')),
    "texts": ("text", JSON, filled(ROWS, b'""')),
    "objects of texts": ("text", JSON, filled(ROWS, b'{"text":""}')),
    "open lists": ("image", JSON, repeated(ROWS, b"[")),
    "deep lists": ("image", JSON, filled(ROWS, b"[" * 900 + b"]" * 900)),
    "empty lists": ("image", JSON, filled(ROWS + b"[", b"[]", b"]]}")),
    "one picture of many numbers": ("image", JSON, filled(ROWS + b"[", b"1", b"]]}")),
    "numbers and one that is none": ("", JSON, filled(ANY + b"[", b"1", b",null]]}]}")),
    "texts where numbers are wanted": ("", JSON, filled(ANY, b'""', b"]}]}")),
    "numbers with points": ("", JSON, filled(ANY, b"1.5", b"]}]}")),
    "numbers of more than 64 bits": ("", JSON, filled(ANY, b"9" * 25, b"]}]}")),
    "a number of many digits": ("", JSON, repeated(ROWS, b"1", b"]}")),
    "a fraction of many digits": ("", JSON, repeated(ROWS + b"0.", b"1", b"]}")),
    "no JSON at its end": ("table", JSON, filled(ROWS, b"{}", b"]")),
    "no JSON, of lists": ("table", JSON, filled(ROWS, b"[]", b"]")),
    "base64 of nothing": ("image", JSON, filled(ROWS, b'""')),
    "no base64": ("image", JSON, repeated(ROWS + b'"', b"!", b'"]}')),
    "a column of numbers": ("table", COLUMNS, filled(b'{"inputs":{"amount":[', b"1", b"]}}")),
    "a column of texts": ("text", COLUMNS, filled(b'{"inputs":[', b'""')),
    "a column of lists": ("image", COLUMNS, filled(b'{"inputs":[', b"[]")),
    "a column of any shape": ("", COLUMNS, filled(b'{"inputs":{"name":["a"],"x":[', b"1", b"]}}")),
    "unknown columns": ("table", COLUMNS, filled(b'{"inputs":{', b'"k%d":[1]', b"}}")),
    "members that nobody reads": ("table", COLUMNS, filled(b"{", b'"k%d":[{}]', b',"inputs":{"amount":[1]}}')),
}  # fmt: skip
TENSORS_OF_BODIES: dict[str, tuple[str, str, Make]] = {
    "tensors": ("", INFER, filled(V2, TENSOR)),
    "a long shape": ("", INFER, filled(V2 + b'{"name":"x","datatype":"FP32","shape":[', b"1", b"]}]}")),
    "a long datatype": ("", INFER, repeated(V2 + b'{"name":"x","shape":[1],"datatype":"', b"F", b'"}]}')),
    "outputs": ("", INFER, filled(V2 + b'],"outputs":[', b'{"name":"y"}')),
    "parameters": ("", INFER, filled(V2 + b'],"parameters":{', b'"%d":{}', b"}}")),
    "texts of a tensor": ("", INFER, values("BYTES", b"1,%d", b"", b'""')),
    "empty lists of a tensor": ("", INFER, values("FP32", b"1,%d,8", b"[[1,1,1,1,1,1,1,1],", b"[]")),
    "no rows of many columns": ("", INFER, values("FP32", b"0,33554432", b"", b"[]")),
    "empty elements": ("", INFER, elements(bytes(4))),
    "elements of a byte": ("", INFER, elements(b"\1\0\0\0a")),
    "more elements than bytes": ("", INFER, elements(bytes(4), 2**26)),
}  # fmt: skip
RAW_BODIES: dict[str, tuple[str, str, Make]] = {
    "npy": ("image", "application/x-npy", npy),
    "a long header of npy": ("image", "application/x-npy", repeated(b"\x93NUMPY\2\0\xff\xff\xff\0", b"(")),
    "commas": ("table", "text/csv", repeated(b"amount\n", b",")),
    "columns of CSV": ("table", "text/csv", filled(b"", b"%d", b"\n1")),
    "rows of CSV": ("table", "text/csv", repeated(b"amount\n", b"1\n")),
    "cells of CSV": ("table", "text/csv", lambda n: b"weekend,time\n" + b"y,1.1.2020\n" * min(n // 11, CSV_ROWS)),
    "empty lines of CSV": ("table", "text/csv", repeated(b"amount\n", b"\n")),
    "quotes of CSV": ("table", "text/csv", repeated(b"amount\n", b'""')),
    "open quotes of CSV": ("table", "text/csv", repeated(b'amount\n"', b"\n")),
    "text in UTF-16": ("text", "text/plain; charset=utf-16le", repeated(b"", b"a\0")),
    "parts": ("image", FORM, repeated(b"", PART, END)),
    "headers of a part": ("image", FORM, repeated(b"--b\r\n", b"X: x\r\n", b"\r\nx" + END)),
    "boundaries": ("image", FORM, repeated(b"", b"--b\r\n")),
    "no boundary": ("image", FORM, repeated(b"", b"\r\n")),
    "beginnings of boundaries": ("image", FORM, repeated(PART[:-3], b"\r\n--", END)),
    "a field": ("image", FORM, repeated(FIELD, b"x", END)),
    "members of gzip": ("", "gzip", repeated(b"", gzip.compress(b""))),
    "members of deflate": ("", "deflate", repeated(b"", zlib.compress(b""))),
    "members of a byte": ("", "deflate", repeated(b"", zlib.compress(b"a"))),
    "frames of zstd": ("", "zstd", repeated(b"", zstandard.compress(b""))),
    "frames to be skipped": ("", "zstd", repeated(zstandard.compress(b""), struct.pack("<II", 0x184D2A50, 0))),
    "blocks of gzip without data": ("", "gzip", repeated(gzip.compress(b"")[:10], b"\0\0\0\xff\xff")),
}  # fmt: skip
PICTURES: dict[str, tuple[str, str, Make]] = {
    "chunks of metadata": ("image", "image/png", png(chunk(b"tEXt", b"a\0b"))),
    "chunks without pixels": ("image", "image/png", png(chunk(b"IDAT", b""))),
    "palettes": ("image", "image/png", png(chunk(b"PLTE", bytes(3)))),
    "bombs in notes": ("image", "image/png", png(chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**20), 9)))),
    "EXIF of a PNG": ("image", "image/png", png(chunk(b"eXIf", exif(2**19)))),
    "EXIF of a JPEG": ("image", "image/jpeg", jpeg(segment(0xE1, b"Exif\0\0" + exif(60_000)))),
    "EXIF in small pieces": ("image", "image/jpeg", jpeg(segment(0xE1, b"Exif\0\0ab"))),
    "segments": ("image", "image/jpeg", jpeg(segment(0xE5, b""))),
    "tables of a JPEG": ("image", "image/jpeg", jpeg(segment(0xDD, b"\0\0"))),
    "scans": ("image", "image/jpeg", jpeg(segment(0xDA, b"\1\1\0\0\0\0"))),
    "bytes of 0xff": ("image", "image/jpeg", jpeg(b"\xff")),
    "a comment of a GIF": ("image", "image/gif", repeated(GIF, b"\xff" + bytes(255), FRAME)),
    "lines of a BMP": ("image", "image/bmp", bmp),
    "a picture in base64": ("image", JSON, notes),
}  # fmt: skip
BODIES = JSON_BODIES | TENSORS_OF_BODIES | RAW_BODIES | PICTURES
