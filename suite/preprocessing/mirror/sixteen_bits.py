"""PNG files of 16 bits a channel: how many of the bits are used, and pictures of 8 bits made of these."""

import io
from collections.abc import Iterable
from typing import Any

import numpy as np

ALL, FEWEST = 16, 8
CHOICES = range(FEWEST, ALL + 1)
GREY = ("I", "I;16", "I;16B", "I;16L", "I;16N")
# Where Pillow takes the upper byte of each value, how it takes the lower one: as colours, or as colour and opacity
# of grey, four bytes a pixel.
LOWER = {"RGB;16B": ("RGB", "RGB;16L"), "RGBA;16B": ("RGBA", "RGBA;16L"), "LA;16B": ("RGBA", "RGBA")}


def used(picture: Any) -> int:
    """How many bits, 8 to 16, hold all values of a picture that was decoded from a file of 16 bits."""
    if picture.mode in GREY:
        return max(FEWEST, int(picture.getextrema()[1]).bit_length())
    # Pillow keeps the upper byte of each colour.
    colours = picture.getextrema()[: 3 if picture.mode == "RGBA" else None]
    return FEWEST + int(max(high for _, high in colours)).bit_length()


def scaled(picture: Any, content: bytes, kind: str, bits: int, boxes: Iterable[tuple[int, int, int, int]]) -> Any:
    """A picture of 8 bits where the largest value of `bits` becomes white, as do those above it.

    `picture` is decoded from `content`; `kind` is the kind of its only tile before that. `boxes` are those of the bands
    that make it up: they are converted one by one, so that of a large picture there are few copies.
    """
    from PIL import Image

    if picture.mode in GREY:
        flat = Image.new("L", picture.size)
        for box in boxes:
            flat.paste(Image.fromarray(_cut(np.asarray(picture.crop(box)), bits)), box)
        return flat
    mode, lower_kind = LOWER[kind]
    with Image.open(io.BytesIO(content), formats=("PNG",)) as lower:
        lower.tile = [tile._replace(args=lower_kind) for tile in lower.tile]
        lower.load()
        for box in boxes:
            high, low = np.array(picture.crop(box)), np.asarray(lower.crop(box))
            # Of grey with opacity, the lower byte of the grey is the second of four.
            low = low[..., 1:2] if lower_kind == mode else low[..., :3]
            high[..., :3] = _cut(high[..., :3].astype(np.uint16) << 8 | low, bits)
            picture.paste(Image.fromarray(high), box)
    return picture


def _cut(values: np.ndarray, bits: int) -> np.ndarray:
    whites: np.ndarray = np.minimum(values >> (bits - FEWEST), 255).astype(np.uint8)
    return whites
