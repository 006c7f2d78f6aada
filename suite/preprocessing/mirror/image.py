"""Picture files to arrays: the same for training, for batch prediction and for the service."""

import io
from typing import Any

import numpy as np

from suite.errors import SuiteError

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
LARGEST = 50_000_000
ORIENTATION = 0x0112
TURNED = range(5, 9)
SIXTEEN_BIT = ("I", "I;16", "I;16B", "I;16L", "I;16N")


def decode(content: bytes, height: int, width: int, channels: int) -> np.ndarray:
    """A picture file's first frame as uint8 (height, width, channels); channels is 1 (grey) or 3 (RGB).

    Its EXIF rotation is applied, transparency laid on white, and it is stretched to the size if it has another.
    SuiteError when it is no picture of an allowed format, is damaged, or has more than 50 million pixels.
    """
    from PIL import Image, ImageOps

    with _opened(content) as picture:
        try:
            flat = _flatten(ImageOps.exif_transpose(picture), "L" if channels == 1 else "RGB")
        except (OSError, SyntaxError, ValueError) as error:
            raise SuiteError(f"the picture is damaged ({error}): save it again") from error
    if flat.size != (width, height):
        flat = flat.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=None)
    return np.asarray(flat, np.uint8).reshape(height, width, channels)


def probe(content: bytes) -> tuple[int, int, int]:
    """A picture file's height, width (as rotated) and channels (1 grey or 3), from its header alone."""
    with _opened(content) as picture:
        width, height = picture.size
        if picture.getexif().get(ORIENTATION) in TURNED:
            width, height = height, width
        return height, width, 1 if picture.mode in ("1", "L", "LA", *SIXTEEN_BIT) else 3


def _opened(content: bytes) -> Any:
    from PIL import Image, UnidentifiedImageError

    try:
        picture = Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise SuiteError(f"this is no picture of a known format: give one of {', '.join(FORMATS)}") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:  # where warnings are errors
        raise SuiteError(f"the picture has more than {LARGEST:,} pixels: give a smaller one") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise SuiteError(f"the picture is damaged ({error}): save it again") from error
    width, height = picture.size
    if width * height > LARGEST:
        picture.close()
        raise SuiteError(f"the picture has {width} x {height} pixels: give one of at most {LARGEST:,}")
    return picture


def _flatten(picture: Any, mode: str) -> Any:
    """One opaque 8-bit picture in `mode`."""
    from PIL import Image

    if picture.mode in SIXTEEN_BIT:
        # Pillow would clip at 255 where the upper byte is meant.
        return Image.fromarray((np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8)).convert(mode)
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert(mode)
    return picture.convert(mode)
