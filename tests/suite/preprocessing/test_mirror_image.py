import io
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


def test_transparency_lies_on_white() -> None:
    clear = Image.new("RGBA", (2, 2), (0, 0, 0, 0))
    assert (image.decode(packed(clear), 2, 2, 3) == 255).all()
    palette = Image.new("P", (2, 2), 0)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    assert (image.decode(packed(palette, "PNG", transparency=0), 2, 2, 3) == 255).all()


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
    with pytest.raises(SuiteError, match="no picture of a known format"):
        image.decode(packed(Image.new("L", (2, 2)), "TIFF"), 2, 2, 1)
    with pytest.raises(SuiteError, match="damaged"):
        image.decode(packed(Image.effect_noise((64, 64), 50))[:900], 2, 2, 1)


def test_a_picture_too_large_is_refused_before_it_is_decoded() -> None:
    bomb = packed(Image.new("1", (10_000, 6_000)))
    assert len(bomb) < 100_000
    with pytest.raises(SuiteError, match="10000 x 6000 pixels"):
        image.decode(bomb, 2, 2, 1)
