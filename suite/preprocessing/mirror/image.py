"""Picture files to arrays: the same for training, for batch prediction and for the service."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from suite.errors import SuiteError
from suite.preprocessing.mirror import picture_formats as formats

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
# Pillow decodes compressed BMPs in Python, pixel by pixel.
LARGEST_COMPRESSED_BMP = 4_000_000
COMPRESSED = (1, 2)
SIXTEEN_BIT = ("I", "I;16", "I;16B", "I;16L", "I;16N")
# So many pixels at a time become opaque and of one mode, so that of a large picture there are two copies at most.
BAND = 250_000


def accept(pixels: int) -> None:
    """Take any number of pixels."""


def decode(
    content: bytes, height: int, width: int, channels: int, *, spend: Callable[[int], None] = accept
) -> np.ndarray:
    """A picture file's first frame as uint8 (height, width, channels); channels is 1 (grey) or 3 (RGB).

    Its EXIF rotation is applied, transparency laid on white, and it is stretched to the size if it has another. `spend`
    is called with the number of the file's pixels before any of them is decoded, and with 0 now and then until the end;
    it may raise. SuiteError when it is no picture of an allowed format, is damaged, lacks rows, or has more than 50
    million pixels. Takes up to 24 bytes a pixel.
    """
    from PIL import Image

    picture, parts = _open(content)
    with picture:
        spend(picture.width * picture.height)
        parts.check(lambda: spend(0))
        with _naming_damage():
            picture.load()
        flat = _upright(_flattened(picture, "L" if channels == 1 else "RGB", spend), parts.orientation)
    if flat.size != (width, height):
        flat = flat.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=None)
    return np.asarray(flat, np.uint8).reshape(height, width, channels)


def probe(content: bytes) -> tuple[int, int, int]:
    """A picture file's height, width (as rotated) and channels (1 grey or 3), from its header alone."""
    picture, parts = _open(content)
    with picture:
        width, height = picture.size
        if parts.orientation in formats.TURNED:
            width, height = height, width
        return height, width, 1 if picture.mode in ("1", "L", "LA", *SIXTEEN_BIT) else 3


def _open(content: bytes) -> tuple[Any, formats.Parts]:
    """The picture, none of whose pixels are decoded yet, and what Pillow was given of its file."""
    from PIL import Image, UnidentifiedImageError

    parts = formats.parts(content)
    with _naming_damage():
        try:
            picture = Image.open(io.BytesIO(parts.content), formats=FORMATS)
        except UnidentifiedImageError as error:
            raise SuiteError(f"this is no picture of a known format: give one of {', '.join(FORMATS)}") from error
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:  # where warnings are errors
            raise SuiteError(f"the picture has more than {formats.LARGEST:,} pixels: give a smaller one") from error
    try:
        is_compressed = picture.format == "BMP" and picture.info.get("compression") in COMPRESSED
        formats.check_size(*picture.size, LARGEST_COMPRESSED_BMP if is_compressed else formats.LARGEST)
    except SuiteError:
        picture.close()
        raise
    if picture.format == "WEBP":
        parts = parts._replace(orientation=formats.exif_orientation(picture.info.get("exif", b"")))
    return picture, parts


@contextmanager
def _naming_damage() -> Iterator[None]:
    """SuiteError for whatever Pillow raises, which may be anything where a file is broken."""
    try:
        yield
    except (SuiteError, MemoryError):
        raise
    except Exception as error:
        raise SuiteError(formats.DAMAGED.format(str(error)[:200])) from error


def _flattened(picture: Any, mode: str, spend: Callable[[int], None]) -> Any:
    """One opaque 8-bit picture in `mode`."""
    from PIL import Image

    if picture.mode == mode and "transparency" not in picture.info:
        return picture
    rows = max(1, BAND // picture.width)
    if rows >= picture.height:
        return _opaque(picture, mode)
    flat = Image.new(mode, picture.size)
    for top in range(0, picture.height, rows):
        spend(0)
        band = picture.crop((0, top, picture.width, min(top + rows, picture.height)))
        flat.paste(_opaque(band, mode), (0, top))
    return flat


def _opaque(picture: Any, mode: str) -> Any:
    from PIL import Image

    if picture.mode in SIXTEEN_BIT:
        # Pillow would clip at 255 where the upper byte is meant.
        return Image.fromarray((np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8)).convert(mode)
    with _naming_damage():
        if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
            clear = picture if picture.mode == "RGBA" else picture.convert("RGBA")
            return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), clear).convert(mode)
        return picture.convert(mode)


def _upright(picture: Any, orientation: int) -> Any:
    from PIL import Image

    ways = Image.Transpose
    turn = {
        2: ways.FLIP_LEFT_RIGHT, 3: ways.ROTATE_180, 4: ways.FLIP_TOP_BOTTOM, 5: ways.TRANSPOSE,
        6: ways.ROTATE_270, 7: ways.TRANSVERSE, 8: ways.ROTATE_90,
    }.get(orientation)  # fmt: skip
    return picture if turn is None else picture.transpose(turn)
