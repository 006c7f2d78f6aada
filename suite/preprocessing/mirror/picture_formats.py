"""What decoders need of a picture file, and whether all of its pixels are there.

Pillow fills pictures whose data ends early with black or grey rows, and reads metadata at any cost: an EXIF block of a
megabyte can make it take gigabytes. So pixels are accounted for here first, and only they, the palette and the
orientation are handed on. All of this takes time and memory in proportion to the file; a PNG also takes the time to
inflate the pixels that it declares. PNG: https://www.w3.org/TR/png-3; JPEG: ITU-T T.81, annex B.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from suite.errors import SuiteError

CUT = "the picture is damaged (it is cut short, or rows of it are missing): save it again"
DAMAGED = "the picture is damaged ({}): save it again"
LARGEST = 50_000_000
# Orientations as EXIF has them: as it lies, and those that swap width and height.
UPRIGHT, TURNED = 1, range(5, 9)
ORIENTATION = 0x0112
EXIF_HEADER = b"Exif\0\0"
# Photographs of the web have 10 scans; each takes a pass over all pixels.
MOST_SCANS = 64

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Where the bits a channel stand, in the first chunk.
PNG_DEPTH = 24
PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Where each pass of an interlaced PNG begins, and how far its pixels are apart: x, y, width, height.
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
# Bytes that are inflated at a time, and the most that are made of them at once.
STEP, MOST = 4096, 2**18

JPEG_START = b"\xff\xd8\xff"
# A marker that a segment follows, or the end of the picture; others stand alone, or are data.
JPEG_MARKER = re.compile(rb"\xff([\x02-\xcf\xd9-\xfe])")
SCAN, END, EXIF = 0xDA, 0xD9, 0xE1
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Applications' segments and comments; colours depend on those of JFIF (0xe0) and Adobe (0xee).
JPEG_METADATA = frozenset((*range(0xE1, 0xEE), 0xEF, 0xFE))
# Of libjpeg's warnings, those after which pixels are made up.
LACKING = ("remature end", "bad Huffman code", "instead of RST")


class Parts(NamedTuple):
    """The parts of a file that its pixels are made of, its orientation (1 to 8, as EXIF has it), and `check`.

    `is_deep` says that it has 16 bits a channel.
    `check` raises SuiteError where pixels are missing or broken. It calls its argument now and then, which may raise.
    """

    content: bytes
    orientation: int
    check: Callable[[Callable[[], None]], None]
    is_deep: bool = False


def parts(content: bytes) -> Parts:
    """What to decode of a file; SuiteError where it ends early, or says that it has too many pixels."""
    if content.startswith(PNG_SIGNATURE):
        return _png(content)
    if content.startswith(JPEG_START):
        return _jpeg(content)
    # Before Pillow sees them: its decoder of WebP takes memory for all pixels as soon as it is made, and it warns of
    # many.
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        check_size(*_webp_size(content), LARGEST)
    elif content.startswith((b"GIF87a", b"GIF89a")):
        check_size(*_sizes_at("<HH", content, 6), LARGEST)
    elif content.startswith(b"BM"):
        # Another header has its four bytes of width and height from 18 on; a height below zero stands for its value.
        check_size(*_sizes_at("<HH" if content[14:15] == b"\x0c" else "<ii", content, 18), LARGEST)
    # Pillow itself refuses these where rows are missing.
    return Parts(content, UPRIGHT, lambda _: None)


def is_deep(content: bytes) -> bool:
    """Whether a file is a PNG of 16 bits a channel."""
    return content.startswith(PNG_SIGNATURE) and content[PNG_DEPTH : PNG_DEPTH + 1] == b"\x10"


def check_size(width: int, height: int, largest: int) -> None:
    """SuiteError for more pixels than that."""
    if width * height > largest:
        raise SuiteError(f"the picture has {width} x {height} pixels: give one of at most {largest:,}")


def _sizes_at(form: str, content: bytes | memoryview, at: int) -> tuple[int, int]:
    """Two numbers of a header, without their signs; zeros where it ends early."""
    if len(content) < at + struct.calcsize(form):
        return 0, 0
    first, second = struct.unpack_from(form, content, at)
    return abs(first), abs(second)


def _png(content: bytes) -> Parts:
    """The first of each chunk that tells of pixels, and all of them in one."""
    kept, pixels, orientation = dict[bytes, bytes](), bytearray(), UPRIGHT
    for kind, data in _png_chunks(content):
        if not kept and (kind != b"IHDR" or len(data) != 13):
            raise SuiteError(DAMAGED.format("its header is broken"))
        if not kept:
            check_size(*_sizes_at(">II", data, 0), LARGEST)
        if kind == b"IDAT":
            pixels += data
        elif kind in (b"IHDR", b"PLTE", b"tRNS") and not pixels:
            kept.setdefault(kind, bytes(data))
        elif kind == b"eXIf" and orientation == UPRIGHT:
            orientation = exif_orientation(bytes(data))
    chunks: list[tuple[bytes, bytes | bytearray]] = [*kept.items(), (b"IDAT", pixels), (b"IEND", b"")]
    content = PNG_SIGNATURE + b"".join(_png_chunk(kind, data) for kind, data in chunks)
    return Parts(content, orientation, partial(_check_png, kept[b"IHDR"], memoryview(pixels)), is_deep(content))


def _check_png(header: bytes, pixels: memoryview, check: Callable[[], None]) -> None:
    expected = _png_size(header)
    if _inflated_size(pixels, expected, check) < expected:
        raise SuiteError(CUT)


def _png_chunk(kind: bytes, data: bytes | bytearray) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Each chunk's kind and data; SuiteError where the file ends before its last."""
    view, at, kind = memoryview(content), len(PNG_SIGNATURE), b""
    while kind != b"IEND":
        end = at + 12 + int.from_bytes(view[at : at + 4])
        if end > len(view):
            raise SuiteError(CUT)
        kind = bytes(view[at + 4 : at + 8])
        yield kind, view[at + 8 : end - 4]
        at = end


def _png_size(header: bytes) -> int:
    """How many bytes the pixels take, each row with its filter."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    bits = depth * PNG_CHANNELS.get(colour, 0)
    if not (width and height and bits):
        raise SuiteError(DAMAGED.format("its header is broken"))
    passes = [
        (-(-(width - x) // across), -(-(height - y) // down)) for x, y, across, down in ADAM7
    ] if interlaced else [(width, height)]  # fmt: skip
    return sum(rows * (1 + (columns * bits + 7) // 8) for columns, rows in passes if columns > 0 and rows > 0)


def _inflated_size(pixels: memoryview, most: int, check: Callable[[], None]) -> int:
    """How long the pixels are once inflated, up to a bit more than `most`; SuiteError where they are broken."""
    inflater = zlib.decompressobj()
    size = 0
    try:
        for start in range(0, len(pixels), STEP):
            check()
            left: memoryview | bytes = pixels[start : start + STEP]
            while left:
                size += len(inflater.decompress(left, MOST))
                if size > most or inflater.eof:
                    return size
                left = inflater.unconsumed_tail
    except zlib.error as error:
        raise SuiteError(DAMAGED.format(error)) from error
    # Without its end, nothing says that what is there is right.
    raise SuiteError(CUT)


def _jpeg(content: bytes) -> Parts:
    kept, orientation, components, scans = [content[:2]], UPRIGHT, 0, 0
    at = start = 2
    while found := JPEG_MARKER.search(content, at):
        marker, at = found[1][0], found.end()
        if marker == END:
            content = b"".join([*kept, content[start:at]])
            return Parts(content, orientation, partial(_check_jpeg, content, components))
        after = at + int.from_bytes(content[at : at + 2])
        if marker in JPEG_FRAMES:
            components = int.from_bytes(content[at + 7 : at + 8])
            height, width = _sizes_at(">HH", content, at + 3)
            check_size(width, height, LARGEST)
        elif marker == SCAN:
            scans += 1
            if scans > MOST_SCANS:
                raise SuiteError(f"the picture has more than {MOST_SCANS} scans: save it again")
        elif marker in JPEG_METADATA:
            if marker == EXIF and orientation == UPRIGHT:
                orientation = exif_orientation(content[at + 2 : after])
            kept.append(content[start : found.start()])
            start = after
        at = after
    raise SuiteError(CUT)


def _check_jpeg(content: bytes, components: int, check: Callable[[], None]) -> None:
    """For what is missing libjpeg makes up pixels, with no more than a warning."""
    import simplejpeg

    check()
    try:
        # As small as it goes: all data is read, and few pixels are made of it.
        simplejpeg.decode_jpeg(content, "CMYK" if components == 4 else "GRAY", min_height=1, min_width=1, min_factor=8)
    except ValueError as error:
        if any(words in str(error) for words in LACKING):
            raise SuiteError(DAMAGED.format(error)) from error


def _webp_size(content: bytes) -> tuple[int, int]:
    """Width and height as the file declares them."""
    kind, data = content[12:16], content[20:30].ljust(10, b"\0")
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[4:7], "little"), 1 + int.from_bytes(data[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(data[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF


def exif_orientation(data: bytes) -> int:
    """The orientation of an EXIF block, 1 to 8; 1 (upright) where none can be read."""
    data = data.removeprefix(EXIF_HEADER)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        return UPRIGHT
    try:
        (first,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, first)
        for entry in range(first + 2, first + 2 + 12 * count, 12):
            tag, kind, number, value = struct.unpack_from(f"{order}HHIH", data, entry)
            if (tag, kind, number) == (ORIENTATION, 3, 1):
                return value if 1 <= value <= 8 else UPRIGHT
    except struct.error:
        # Metadata that cannot be read is passed over.
        pass
    return UPRIGHT
