"""A picture file is the same picture to training, to batch prediction and to the service."""

from pathlib import Path

import numpy as np
import pytest
from hostile_bodies import card
from PIL import Image

from serving import codecs, signature
from serving.codecs.base import Limits
from serving.codecs.payload import Payload
from serving.deadline import NO_DEADLINE
from suite.artifact import TensorSpec
from suite.data import picture_files, stream
from suite.preprocessing.mirror import image


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Pictures of several sizes and modes, one of 16 bits of which 12 are used, one turned by its EXIF."""
    folder = tmp_path_factory.mktemp("pictures")
    noise = np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    colour = Image.fromarray(noise)
    exif = Image.Exif()
    exif[0x0112] = 6
    colour.save(folder / "a.jpg", exif=exif)
    colour.resize((9, 40)).convert("RGBA").save(folder / "b.webp", lossless=True)
    Image.fromarray(noise[..., 0].astype(np.uint16) * 16).save(folder / "c.png")
    colour.quantize(9).save(folder / "d.gif", transparency=3)
    return sorted(folder.iterdir())


@pytest.mark.parametrize("size", [None, 7])
@pytest.mark.parametrize("of_before", [False, True])
def test_all_readers_agree(paths: list[Path], size: int | None, of_before: bool) -> None:
    side = size or 30
    loaded = picture_files.load(paths, size, image.Form(side, side, 3) if of_before else None)
    assert loaded.form == image.Form(side, side, 3, *(() if of_before else (image.LETTERBOX, 12)))

    (batch,) = stream.images(str(paths[0].parent), loaded.form, 9)
    np.testing.assert_array_equal(batch.inputs["image"], loaded.images)

    model = card("image", [TensorSpec("image", "uint8", loaded.form[:3], "image", "image")])
    model.preprocessing = {"kind": "image"} if of_before else loaded.form.spec()
    codec = codecs.for_model(model, signature.of_card(model), Limits())
    found = codec.decode(Payload(files=[path.read_bytes() for path in paths]), NO_DEADLINE)
    np.testing.assert_array_equal(found["image"], loaded.images)
