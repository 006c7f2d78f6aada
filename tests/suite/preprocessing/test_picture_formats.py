"""Pictures whose files say more than they hold, and what is left out of those that hold more than pixels."""

import contextlib
import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from suite.errors import SuiteError
from suite.preprocessing.mirror import image, picture_formats

SIDE = 40
NOISE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
SMOOTH = np.add.outer(np.arange(SIDE), np.arange(SIDE)).astype(np.uint8)
FORMS: dict[str, tuple[str, np.ndarray, dict[str, Any]]] = {
    "png": ("PNG", NOISE, {}),
    "jpeg": ("JPEG", NOISE, {}),
    "progressive jpeg": ("JPEG", NOISE, {"progressive": True}),
    "grey jpeg": ("JPEG", SMOOTH, {}),
    "gif": ("GIF", SMOOTH, {}),
    "interlaced gif": ("GIF", SMOOTH, {"interlace": 1}),
    "bmp": ("BMP", NOISE, {}),
    "webp": ("WEBP", NOISE, {}),
    "lossless webp": ("WEBP", NOISE, {"lossless": True}),
}


def saved(name: str) -> bytes:
    form, pixels, options = FORMS[name]
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, **options)
    return file.getvalue()


def taller(name: str, content: bytes, height: int) -> bytes:
    """The same file with another height in its header."""
    if "png" in name:
        header = content[12:20] + struct.pack(">I", height) + content[24:29]
        return content[:12] + header + struct.pack(">I", zlib.crc32(header)) + content[33:]
    if "jpeg" in name:
        at = content.index(b"\xff\xc2" if "progressive" in name else b"\xff\xc0") + 5
        return content[:at] + struct.pack(">H", height) + content[at + 2 :]
    if "gif" in name:
        at = content.index(b",", 13 + (3 << (content[10] & 7) + 1)) + 7
        both = struct.pack("<H", height)
        return content[:8] + both + content[10:at] + both + content[at + 2 :]
    if name == "bmp":
        return content[:22] + struct.pack("<i", height) + content[26:]
    if name == "webp":
        return content[:28] + struct.pack("<H", height) + content[30:]
    bits = int.from_bytes(content[21:25], "little") & ~(0x3FFF << 14) | (height - 1) << 14
    return content[:21] + struct.pack("<I", bits) + content[25:]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks: bytes, width: int = 9, height: int = 7, depth: int = 8, colour: int = 0, interlaced: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return picture_formats.PNG_SIGNATURE + chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IEND", b"")


def rows(count: int = 7, length: int = 9) -> bytes:
    return zlib.compress(b"".join(b"\0" + bytes([200] * length) for _ in range(count)))


GOOD = chunk(b"IDAT", rows())


def grey(content: bytes, height: int = 7, width: int = 9) -> np.ndarray:
    return image.decode(content, height, width, 1)


@pytest.mark.parametrize("name", FORMS)
def test_a_file_that_is_cut_short_is_refused_or_has_all_its_pixels(name: str) -> None:
    content = saved(name)
    whole = image.decode(content, SIDE, SIDE, 3)
    for length in range(len(content)):
        try:
            found = image.decode(content[:length], SIDE, SIDE, 3)
        except SuiteError:
            continue
        # A GIF's last byte or two come after its pixels.
        assert "gif" in name
        np.testing.assert_array_equal(found, whole)


@pytest.mark.parametrize("height", [56, 80, 400])
@pytest.mark.parametrize("name", FORMS)
def test_rows_that_are_not_there_are_not_made_up(name: str, height: int) -> None:
    content = saved(name)
    assert image.decode(taller(name, content, SIDE), SIDE, SIDE, 3).shape == (SIDE, SIDE, 3)
    with pytest.raises(SuiteError, match="damaged"):
        image.decode(taller(name, content, height), SIDE, SIDE, 3)


# One that is progressive may end after any of its scans.
@pytest.mark.parametrize("name", ["jpeg", "grey jpeg"])
def test_a_jpeg_that_is_cut_and_ended_is_refused(name: str) -> None:
    content = saved(name)
    begun = content.index(b"\xff\xda") + 20
    for length in range(begun, len(content) - 10, 37):
        with pytest.raises(SuiteError, match="damaged"):
            image.decode(content[:length] + b"\xff\xd9", SIDE, SIDE, 3)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (png(chunk(b"IDAT", rows(6))), "rows of it are missing"),
        (png(chunk(b"IDAT", rows()[:-1])), "cut short"),
        (png(chunk(b"IDAT", rows()[:-4] + b"abcd")), "incorrect data check"),
        (png(chunk(b"IDAT", b"no data")), "damaged"),
        (png(), "cut short"),
        (png(GOOD)[:-12], "cut short"),
        (png(GOOD, width=0), "no picture"),
        (png(GOOD, colour=5), "no picture"),
        (picture_formats.PNG_SIGNATURE + GOOD + chunk(b"IEND", b""), "header is broken"),
        (png(chunk(b"IDAT", rows()), interlaced=1), "rows of it are missing"),
    ],
)
def test_broken_pngs(broken: bytes, words: str) -> None:
    assert (grey(png(GOOD)) == 200).all()
    with pytest.raises(SuiteError, match=words):
        grey(broken)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 2), (8, 8), (9, 7), (5, 1), (1, 9)])
@pytest.mark.parametrize("depth", [1, 8, 16])
def test_interlaced_pngs_have_all_their_passes(width: int, height: int, depth: int) -> None:
    passes = [
        b"\0" + bytes((len(range(x, width, across)) * depth + 7) // 8)
        for x, y, across, down in picture_formats.ADAM7
        for _ in range(y, height, down)
        if x < width
    ]
    whole = png(chunk(b"IDAT", zlib.compress(b"".join(passes))), width=width, height=height, depth=depth, interlaced=1)
    assert grey(whole, height, width).shape == (height, width, 1)
    lacking = zlib.compress(b"".join(passes)[:-1])
    with pytest.raises(SuiteError, match="rows of it are missing"):
        grey(png(chunk(b"IDAT", lacking), width=width, height=height, depth=depth, interlaced=1))


def metadata() -> Iterator[bytes]:
    """Chunks that say nothing of pixels, and are broken."""
    for kind in (
        b"iCCP",
        b"eXIf",
        b"zTXt",
        b"iTXt",
        b"tEXt",
        b"pHYs",
        b"gAMA",
        b"cHRM",
        b"acTL",
        b"fcTL",
        b"fdAT",
        b"sRGB",
        b"abcd",
    ):
        for data in (b"", b"k\0", b"k\0\0nothing", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"):
            yield chunk(kind, data)


def test_metadata_that_cannot_be_read_is_passed_over() -> None:
    for one in metadata():
        for content in (png(one, GOOD), png(GOOD, one)):
            assert (grey(content) == 200).all(), one


def test_pixels_in_several_pieces() -> None:
    data = rows()
    pieces = [chunk(b"IDAT", data[at : at + 1]) for at in range(len(data))]
    assert (grey(png(*pieces)) == 200).all()
    assert (grey(png(*pieces[:5], chunk(b"IDAT", b""), chunk(b"tIME", b"x"), *pieces[5:])) == 200).all()


@pytest.mark.parametrize(
    ("block", "orientation"),
    [
        (b"", 1),
        (b"II*\0", 1),
        (b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0", 6),
        (b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\3\0\0\0", 3),
        (b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\x09\0\0", 1),
        (b"MM\0*\0\0\0\x08\xff\xff", 1),
        (b"MM\0*\xff\xff\xff\xff", 1),
    ],
)
def test_orientations(block: bytes, orientation: int) -> None:
    assert picture_formats.exif_orientation(block) == orientation


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_pictures_are_turned_upright(form: str, orientation: int) -> None:
    from PIL import ImageOps

    marked = np.zeros((16, 32), np.uint8)
    marked[:8, :8] = 255
    exif = Image.Exif()
    exif[picture_formats.ORIENTATION] = orientation
    file = io.BytesIO()
    Image.fromarray(marked).convert("RGB").save(file, form, exif=exif)
    expected = ImageOps.exif_transpose(Image.open(file)).convert("L")
    found = image.decode(file.getvalue(), expected.height, expected.width, 1)[..., 0]
    np.testing.assert_array_equal(found, np.asarray(expected))


def test_a_jpeg_of_too_many_scans_is_refused() -> None:
    scan = b"\xff\xda\0\x08\1\1\0\0\0\0"
    content = saved("jpeg")
    with pytest.raises(SuiteError, match="more than 64 scans"):
        image.decode(content[:-2] + scan * 64 + content[-2:], SIDE, SIDE, 3)


@pytest.mark.parametrize(
    "header",
    [
        b"VP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff",
        b"VP8L\x0a\0\0\0\x2f\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"VP8 \x0a\0\0\0\0\0\0\x9d\x01\x2a\xff\xff\xff\xff",
    ],
)
def test_a_webp_is_measured_before_it_is_opened(header: bytes) -> None:
    with pytest.raises(SuiteError, match="pixels: give one of at most 50,000,000"):
        image.decode(b"RIFF\xff\0\0\0WEBP" + header + bytes(100), 2, 2, 1)


def test_a_compressed_bmp_is_small() -> None:
    head = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 1078)
    head += struct.pack("<IiiHHIIiiII", 40, 2001, 2000, 1, 8, 1, 0, 0, 0, 256, 0)
    with pytest.raises(SuiteError, match="2001 x 2000 pixels: give one of at most 4,000,000"):
        image.decode(head + bytes(1024), 2, 2, 1)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_bands_make_the_same_picture(mode: str, channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Image.fromarray(NOISE).convert("L" if mode == "I;16" else "RGB")
    file = io.BytesIO()
    if mode == "I;16":
        Image.fromarray(np.asarray(picture).astype(np.uint16) * 257).save(file, "PNG")
    else:
        picture.convert(mode).save(file, "JPEG" if mode == "CMYK" else "PNG")
    whole = image.decode(file.getvalue(), SIDE, SIDE, channels)
    monkeypatch.setattr(image, "BAND", 3 * SIDE)
    np.testing.assert_array_equal(image.decode(file.getvalue(), SIDE, SIDE, channels), whole)


@given(st.sampled_from(list(FORMS)), st.data())
def test_no_change_of_a_file_breaks_the_decoder(name: str, data: st.DataObject) -> None:
    content = saved(name)
    start = data.draw(st.integers(0, min(300, len(content) - 1)))
    end = data.draw(st.integers(start, min(start + 8, len(content))))
    changed = content[:start] + data.draw(st.binary(max_size=8)) + content[end:]
    with contextlib.suppress(SuiteError):
        assert image.decode(changed, 8, 8, 1).shape == (8, 8, 1)


@given(
    st.sampled_from([b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"eXIf"]),
    st.binary(max_size=40),
    st.sampled_from([0, 2, 3, 4, 6]),
    st.booleans(),
)  # fmt: skip
def test_no_chunk_breaks_the_decoder(kind: bytes, data: bytes, colour: int, before: bool) -> None:
    chunks = [chunk(b"PLTE", bytes(30)), GOOD]
    chunks.insert(0 if before else 2, chunk(kind, data))
    with contextlib.suppress(SuiteError):
        assert grey(png(*chunks, colour=colour)).shape == (7, 9, 1)


def test_pixels_are_spent_before_they_are_decoded() -> None:
    class EnoughError(Exception):
        pass

    def spend(pixels: int) -> None:
        raise EnoughError(pixels)

    with pytest.raises(EnoughError, match="63"):
        image.decode(png(GOOD), 2, 2, 1, spend=spend)
