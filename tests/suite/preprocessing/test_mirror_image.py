import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from suite.errors import SuiteError
from suite.preprocessing.mirror import image, picture_formats


def packed(picture: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def test_grey_and_colour_are_kept_and_turned_into_each_other() -> None:
    red = packed(Image.new("RGB", (3, 2), (255, 0, 0)))
    assert image.decode(red, 2, 3, 3)[0, 0].tolist() == [255, 0, 0]
    assert image.decode(red, 2, 3, 1)[0, 0].tolist() == [76]
    grey = packed(Image.new("L", (3, 2), 9))
    assert image.decode(grey, 2, 3, 3)[1, 2].tolist() == [9, 9, 9]
    assert image.probe(grey) == (2, 3, 1)
    assert image.probe(red) == (2, 3, 3)


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    deep = Image.fromarray(np.array([[0, 0x7FFF, 0xFFFF]], np.uint16))
    assert image.decode(packed(deep), 1, 3, 1).ravel().tolist() == [0, 127, 255]


def deep(values: np.ndarray, colour: int) -> bytes:
    """A PNG of 16 bits a channel, of shape (height, width, channels); Pillow writes only grey ones."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return picture_formats.PNG_SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


@pytest.mark.parametrize(("colour", "channels", "opaque"), [(0, 1, 0), (2, 3, 0), (4, 1, 1), (6, 3, 1)])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("band", [image.BAND, 9])
def test_of_sixteen_bits_those_that_are_used_are_scaled(
    colour: int, channels: int, opaque: int, bits: int, band: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image, "BAND", band)
    values = np.random.default_rng(bits).integers(0, 2**bits, (5, 4, channels))
    values[2, 1] = 2**bits - 1
    content = deep(np.concatenate([values, np.full((5, 4, opaque), 2**16 - 1)], axis=2), colour)
    assert image.used_bits(content) == bits
    found = image.read(content, image.Form(5, 4, channels, bits=bits))
    np.testing.assert_array_equal(found.pixels, values >> (bits - 8))
    assert (found.is_cut, found.is_transparent) == (False, False)
    fewer = image.read(content, image.Form(5, 4, channels, bits=8))
    np.testing.assert_array_equal(fewer.pixels, np.minimum(values, 255))
    assert fewer.is_cut == (bits > 8)


def test_files_of_eight_bits_use_no_sixteen() -> None:
    assert image.used_bits(packed(Image.new("L", (2, 2), 255))) is None
    assert image.used_bits(packed(Image.new("RGB", (2, 2)), "JPEG")) is None


def test_transparency_lies_on_white() -> None:
    clear = Image.new("RGBA", (2, 2), (0, 0, 0, 0))
    assert (image.decode(packed(clear), 2, 2, 3) == 255).all()
    palette = Image.new("P", (2, 2), 0)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    assert (image.decode(packed(palette, "PNG", transparency=0), 2, 2, 3) == 255).all()


def test_transparent_are_pictures_with_pixels_that_are() -> None:
    form = image.Form(2, 2, 3)
    palette = Image.new("P", (2, 2), 1)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    grey = Image.new("L", (2, 2), 1)
    for clear in (packed(Image.new("RGBA", (2, 2), (9, 9, 9, 254))), packed(Image.new("LA", (2, 2), (9, 0))),
                  packed(palette, transparency=1), packed(palette, transparency=b"\xff\x80"),
                  packed(grey, transparency=1)):  # fmt: skip
        assert image.read(clear, form).is_transparent
    for opaque in (packed(Image.new("RGBA", (2, 2), (9, 9, 9, 255))), packed(palette, transparency=0),
                   packed(palette, transparency=b"\x80"), packed(grey, transparency=0), packed(grey)):  # fmt: skip
        assert not image.read(opaque, form).is_transparent


@pytest.mark.parametrize("channels", [1, 3])
def test_a_letterbox_keeps_proportions_amid_grey(channels: int) -> None:
    for size, rows, columns in (((40, 20), (2, 6), (0, 8)), ((20, 40), (0, 8), (2, 6)), ((4, 4), (0, 8), (0, 8)),
                                ((300, 1), (3, 4), (0, 8)), ((8, 5), (1, 6), (0, 8))):  # fmt: skip
        content = packed(Image.new("RGB", size, "white"))
        found = image.decode(content, 8, 8, channels, image.LETTERBOX)
        expected = np.full((8, 8, channels), image.PADDING)
        expected[slice(*rows), slice(*columns)] = 255
        np.testing.assert_array_equal(found, expected)


def test_a_form_is_in_the_specification_as_far_as_it_is_not_the_default() -> None:
    plain = image.Form(4, 5, 1)
    assert plain.spec() == {"kind": "image", "height": 4, "width": 5, "channels": 1}
    assert image.Form.of([4, 5, 1], plain.spec()) == plain
    other = image.Form(4, 5, 3, image.LETTERBOX, 12)
    assert other.spec() | {"fit": "letterbox", "bits": 12} == other.spec()
    assert image.Form.of([4, 5, 3], other.spec()) == other
    for later in ({"fit": "crop"}, {"bits": 24}, {"bits": "12"}):
        with pytest.raises(SuiteError, match="which this version does not know"):
            image.Form.of([4, 5, 3], later)


def test_exif_rotation_is_applied() -> None:
    wide = Image.new("L", (4, 2), 0)
    wide.putpixel((0, 0), 255)
    exif = Image.Exif()
    exif[picture_formats.ORIENTATION] = 6
    content = packed(wide, "PNG", exif=exif)
    assert image.probe(content) == (4, 2, 1)
    turned = image.decode(content, 4, 2, 1)
    assert turned[0, 1, 0] == 255


def test_the_first_frame_of_an_animation() -> None:
    frames = [Image.new("L", (2, 2), value) for value in (200, 10)]
    content = packed(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (image.decode(content, 2, 2, 1) == 200).all()


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(SuiteError, match="no picture of a known format"):
        image.decode(b"<svg/>", 2, 2, 1)
    with pytest.raises(SuiteError, match="no picture of a known format: it is TIFF, save it as PNG"):
        image.decode(packed(Image.new("F", (2, 2)), "TIFF"), 2, 2, 1)
    with pytest.raises(SuiteError, match="damaged"):
        image.decode(packed(Image.effect_noise((64, 64), 50))[:900], 2, 2, 1)


def test_a_picture_too_large_is_refused_before_it_is_decoded() -> None:
    bomb = packed(Image.new("1", (10_000, 6_000)))
    assert len(bomb) < 100_000
    with pytest.raises(SuiteError, match="10000 x 6000 pixels"):
        image.decode(bomb, 2, 2, 1)


@pytest.mark.parametrize(
    ("form", "at", "pattern"), [("JPEG", None, ">HH"), ("GIF", 6, "<HH"), ("BMP", 18, "<ii"), ("BMP", 18, "<Ii")]
)
def test_no_decoder_sees_more_pixels_than_are_allowed(form: str, at: int | None, pattern: str) -> None:
    content = packed(Image.new("RGB", (8, 8)), form)
    # Pillow warns of 100 million.
    at = content.index(b"\xff\xc0") + 5 if at is None else at
    many = content[:at] + struct.pack(pattern, 10_000, -10_000 if "i" in pattern else 10_000)
    with pytest.raises(SuiteError, match="10000 x 10000 pixels: give one of at most 50,000,000"):
        image.decode(many + content[len(many) :], 2, 2, 1)
