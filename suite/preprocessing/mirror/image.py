"""Picture files to arrays: the same for training, for batch prediction and for the service."""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from suite.errors import SuiteError
from suite.preprocessing.mirror import picture_formats as formats
from suite.preprocessing.mirror import sixteen_bits

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
TIFF_STARTS = (b"II*\0", b"MM\0*")
# Pillow decodes compressed BMPs in Python, pixel by pixel.
LARGEST_COMPRESSED_BMP = 4_000_000
COMPRESSED = (1, 2)
# So many pixels at a time become opaque and of one mode, so that of a large picture there are two copies at most.
BAND = 250_000
WITH_OPACITY = ("RGBA", "LA", "PA")
STRETCH, LETTERBOX = "stretch", "letterbox"
# Around a picture that keeps its proportions: the middle, which a network takes for nothing at all.
PADDING = 128


class Form(NamedTuple):
    """The pictures that a model takes, and how files become such.

    `channels` is 1 (grey) or 3 (RGB). `fit`: "stretch" to height and width, or "letterbox", which keeps proportions and
    fills the rest with grey. In files of 16 bits a channel the lowest `bits` are used.
    """

    height: int
    width: int
    channels: int
    fit: str = STRETCH
    bits: int = sixteen_bits.ALL

    @classmethod
    def of(cls, shape: Sequence[int], spec: dict[str, Any]) -> "Form":
        """Pictures of a shape, by a preprocessing specification; SuiteError for one of a later version.

        Specifications of before say neither how pictures are fitted nor how many bits are used.
        """
        height, width, channels = shape
        form = cls(height, width, channels, spec.get("fit", STRETCH), spec.get("bits", sixteen_bits.ALL))
        if form.fit not in (STRETCH, LETTERBOX) or form.bits not in sixteen_bits.CHOICES:
            raise SuiteError(
                f"the model fits pictures by {form.fit!r}, from {form.bits!r} bits, which this version does not know: "
                "install a newer one"
            )
        return form

    def spec(self) -> dict[str, Any]:
        """The preprocessing specification, without what is the default."""
        defaults = self._field_defaults
        said = {name: value for name, value in self._asdict().items() if value != defaults.get(name)}
        return {"kind": "image", **said}


class Picture(NamedTuple):
    """A picture, uint8 (height, width, channels), and of its file whether pixels are transparent or cut to 255."""

    pixels: np.ndarray
    is_transparent: bool
    is_cut: bool


def accept(pixels: int) -> None:
    """Take any number of pixels."""


def decode(
    content: bytes,
    height: int,
    width: int,
    channels: int,
    fit: str = STRETCH,
    bits: int = sixteen_bits.ALL,
    *,
    spend: Callable[[int], None] = accept,
) -> np.ndarray:
    """A picture file's first frame as uint8 (height, width, channels); the arguments are those of a Form.

    Its EXIF rotation is applied, and transparency laid on white. `spend` is called with the number of the file's pixels
    before any of them is decoded, and with 0 now and then until the end; it may raise. SuiteError when it is no picture
    of an allowed format, is damaged, lacks rows, or has more than 50 million pixels. Takes up to 24 bytes a pixel.
    """
    return read(content, Form(height, width, channels, fit, bits), spend).pixels


def read(content: bytes, form: Form, spend: Callable[[int], None] = accept) -> Picture:
    """As `decode`, with what else is to be known of the file."""
    picture, parts = _open(content)
    is_cut = False
    with picture:
        spend(picture.width * picture.height)
        parts.check(lambda: spend(0))
        with _naming_damage():
            kind = picture.tile[0].args if parts.is_deep else ""
            picture.load()
            is_transparent = _is_transparent(picture)
        if parts.is_deep and form.bits < sixteen_bits.ALL:
            is_cut = sixteen_bits.used(picture) > form.bits
            picture = sixteen_bits.scaled(picture, parts.content, kind, form.bits, _bands(picture, spend))
        flat = _upright(_flattened(picture, "L" if form.channels == 1 else "RGB", spend), parts.orientation)
    pixels = np.asarray(fitted(flat, form), np.uint8).reshape(form[:3])
    return Picture(pixels, is_transparent, is_cut)


def fitted(picture: Any, form: Form) -> Any:
    """An opaque picture of Pillow's in the form's height and width, stretched or with its proportions kept."""
    whole = form.width, form.height
    if picture.size == whole:
        return picture
    from PIL import Image

    size = whole
    if form.fit == LETTERBOX:
        scale = min(form.width / picture.width, form.height / picture.height)
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    inner = picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=None)
    if size == whole:
        return inner
    outer = Image.new(picture.mode, whole, (PADDING,) * len(picture.getbands()))
    outer.paste(inner, ((whole[0] - size[0]) // 2, (whole[1] - size[1]) // 2))
    return outer


def probe(content: bytes) -> tuple[int, int, int]:
    """A picture file's height, width (as rotated) and channels (1 grey or 3), from its header alone."""
    picture, parts = _open(content)
    with picture:
        width, height = picture.size
        if parts.orientation in formats.TURNED:
            width, height = height, width
        return height, width, 1 if picture.mode in ("1", "L", "LA", *sixteen_bits.GREY) else 3


def used_bits(content: bytes) -> int | None:
    """How many bits, 8 to 16, hold all values of a file of 16 bits a channel; None for other files."""
    if not formats.is_deep(content):
        return None
    picture, parts = _open(content)
    with picture, _naming_damage():
        parts.check(lambda: None)
        return sixteen_bits.used(picture)


def _open(content: bytes) -> tuple[Any, formats.Parts]:
    """The picture, none of whose pixels are decoded yet, and what Pillow was given of its file."""
    from PIL import Image, UnidentifiedImageError

    parts = formats.parts(content)
    with _naming_damage():
        try:
            picture = Image.open(io.BytesIO(parts.content), formats=FORMATS)
        except UnidentifiedImageError as error:
            asked = (
                "it is TIFF, save it as PNG" if content.startswith(TIFF_STARTS) else f"give one of {', '.join(FORMATS)}"
            )
            raise SuiteError(f"this is no picture of a known format: {asked}") from error
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
    if picture.mode == mode and "transparency" not in picture.info:
        return picture
    from PIL import Image

    if picture.width * picture.height <= BAND:
        return _opaque(picture, mode)
    flat = Image.new(mode, picture.size)
    for box in _bands(picture, spend):
        flat.paste(_opaque(picture.crop(box), mode), box)
    return flat


def _bands(picture: Any, spend: Callable[[int], None]) -> Iterator[tuple[int, int, int, int]]:
    """The boxes of bands of rows that make up a picture."""
    rows = max(1, BAND // picture.width)
    for top in range(0, picture.height, rows):
        spend(0)
        yield 0, top, picture.width, min(top + rows, picture.height)


def _is_transparent(picture: Any) -> bool:
    """Whether any pixel is not opaque."""
    if picture.mode in WITH_OPACITY:
        return bool(picture.getchannel("A").getextrema()[0] < 255)
    clear = None if picture.mode in sixteen_bits.GREY else picture.info.get("transparency")
    if clear is None or picture.mode not in ("P", "L"):
        return clear is not None
    # The opacity of each entry of the palette, or the one that is transparent.
    unseen = {index for index, opacity in enumerate(clear) if opacity < 255} if isinstance(clear, bytes) else {clear}
    counts = picture.histogram()
    return any(counts[index] for index in unseen if index < len(counts))


def _opaque(picture: Any, mode: str) -> Any:
    from PIL import Image

    if picture.mode in sixteen_bits.GREY:
        # Pillow would clip at 255 where the upper byte is meant.
        return Image.fromarray((np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8)).convert(mode)
    with _naming_damage():
        if picture.mode in WITH_OPACITY or "transparency" in picture.info:
            clear = picture if picture.mode == "RGBA" else picture.convert("RGBA")
            return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), clear).convert(mode)
        return picture.convert(mode)


def _upright(picture: Any, orientation: int) -> Any:
    if orientation == formats.UPRIGHT:
        return picture
    from PIL import Image

    ways = Image.Transpose
    turn = {
        2: ways.FLIP_LEFT_RIGHT, 3: ways.ROTATE_180, 4: ways.FLIP_TOP_BOTTOM, 5: ways.TRANSPOSE,
        6: ways.ROTATE_270, 7: ways.TRANSVERSE, 8: ways.ROTATE_90,
    }[orientation]  # fmt: skip
    return picture.transpose(turn)
