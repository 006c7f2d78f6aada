import gzip
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from suite.data import images
from suite.data.options import DataOptions
from suite.domains.image_cls import DOMAIN
from suite.errors import SuiteError, UsageError
from suite.preprocessing.mirror import image

OPTIONS = DataOptions()


def picture(path: Path, value: int, size: tuple[int, int] = (12, 10), mode: str = "L") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = {"L": value, "P": value, "RGB": (value, 0, 0), "RGBA": (value, 0, 0, 255), "I;16": value * 257}[mode]
    Image.new(mode, size, colour).save(path)
    return path


def folder(root: Path, count: int = 10, **options: object) -> Path:
    for label in ("cat", "dog"):
        for index in range(count):
            picture(root / label / f"{index:02}.png", 10 * index, **options)  # type: ignore[arg-type]
    return root


def test_class_folders(tmp_path: Path) -> None:
    dataset = images.read(folder(tmp_path), OPTIONS)
    assert dataset.labels == ["cat", "dog"]
    assert dataset.inputs["image"].shape == (20, 10, 12, 1)
    assert [int(image[0, 0, 0]) for image in dataset.inputs["image"][:3]] == [0, 10, 20]
    assert dataset.y.tolist() == [0] * 10 + [1] * 10
    assert dataset.source["rows"] == {"train": 12, "validation": 4, "test": 4}
    assert "pictures: 20 of 10 x 12, grey" in dataset.detected


def test_rows_know_their_files(tmp_path: Path) -> None:
    folder(tmp_path / "pictures")
    (tmp_path / "pictures" / "cat" / "03.png").write_bytes(b"damaged")
    dataset = images.read(tmp_path / "pictures", OPTIONS)
    assert [dataset.file_of(row) for row in (0, 3, 18)] == ["cat/00.png", "cat/04.png", "dog/09.png"]
    row = int(dataset.rows["test"][0])
    sampled = dataset.sample(8)
    assert dataset.file_of(row) in [sampled.file_of(index) for index in sampled.rows["test"]]
    (tmp_path / "list.csv").write_text(
        "path,label\n" + "\n".join(f"pictures/dog/{i:02}.png,{i % 2}" for i in range(10))
    )
    assert images.read(tmp_path / "list.csv", OPTIONS).file_of(9) == "pictures/dog/09.png"
    assert dataset.file_of(999) == ""


def test_every_format_mode_and_size_becomes_one_array(tmp_path: Path) -> None:
    folder(tmp_path)
    for name, mode, size in [("a.JPG", "RGB", (30, 20)), ("b.bmp", "RGB", (9, 40)), ("c.webp", "RGBA", (16, 16)),
                             ("d.gif", "P", (8, 8)), ("e.png", "I;16", (50, 50))]:  # fmt: skip
        picture(tmp_path / "cat" / name, 200, size, mode)
    (tmp_path / "cat" / "notes.txt").write_text("not a picture")
    dataset = images.read(tmp_path, OPTIONS)
    assert dataset.inputs["image"].shape == (25, 12, 12, 3)
    assert any("other files ignored: 1" in line for line in dataset.detected)
    (told,) = (line for line in dataset.detected if line.startswith("sizes"))
    assert told == (
        "sizes: sides of 8 to 50 pixels, made to fit into 12 x 12 with their proportions kept, the rest grey "
        "(--image-size sets another)"
    )
    assert images.read(tmp_path, DataOptions(image_size=16)).inputs["image"].shape == (25, 16, 16, 3)


def test_pictures_of_the_same_proportions_are_stretched_as_ever(tmp_path: Path) -> None:
    folder(tmp_path)
    picture(tmp_path / "cat" / "large.png", 200, (36, 30))
    dataset = images.read(tmp_path, OPTIONS)
    assert any("stretched to 10 x 10" in line for line in dataset.detected)
    assert DOMAIN.adapt(dataset) == {"kind": "image", "height": 10, "width": 10, "channels": 1}


def test_what_was_done_to_pictures_is_told_and_kept_for_prediction(tmp_path: Path) -> None:
    folder(tmp_path)
    for index in range(3):
        deep = np.full((20, 10), 4095, np.uint16)
        Image.fromarray(deep).save(tmp_path / "cat" / f"deep{index}.png")
        Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(tmp_path / "dog" / f"clear{index}.png")
    picture(tmp_path / "dog" / "opaque.png", 200, (10, 10), "RGBA")
    dataset = images.read(tmp_path, OPTIONS)
    assert "pictures of 16 bits: 3, scaled from 0 to 4,095, as they use 12 bits" in dataset.detected
    assert "pictures with transparent pixels: 3, laid on white" in dataset.detected
    assert dataset.inputs["image"][10].max() == 255
    spec = DOMAIN.adapt(dataset)
    assert spec == {"kind": "image", "height": 12, "width": 12, "channels": 3, "fit": "letterbox", "bits": 12}

    # Whoever measures the model takes other pictures in the same way.
    other = tmp_path / "other"
    Image.new("L", (12, 10)).save(picture(other / "cat" / "a.png", 1))
    Image.fromarray(np.full((10, 12), 9000, np.uint16)).save(picture(other / "dog" / "b.png", 1))
    form = image.Form.of([12, 12, 3], spec)
    measured = images.read(other, DataOptions(picture=form, undivided=True))
    assert measured.picture == form
    assert (measured.inputs["image"][:, 0] == image.PADDING).all()
    assert "pictures of 16 bits: 1, scaled from 0 to 4,095" in measured.detected
    assert [note.partition(", which")[0] for note in measured.notes] == [
        "1 of 1 pictures of 16 bits have values above 4,095"
    ]
    np.savez(other / "a.npz", images=np.full((2, 10, 12), 7, np.uint8), labels=[0, 1])
    measured = images.read(other / "a.npz", DataOptions(picture=form, undivided=True))
    assert measured.inputs["image"][0, :3, 0, 0].tolist() == [image.PADDING, 7, 7]


def test_split_folders_are_honoured_and_missing_ones_made_from_train(tmp_path: Path) -> None:
    folder(tmp_path / "train")
    folder(tmp_path / "test", count=3)
    dataset = images.read(tmp_path, OPTIONS)
    assert dataset.source["rows"] == {"train": 18, "validation": 2, "test": 6}
    assert any("splits: test, train as given" in line for line in dataset.detected)
    for label in range(3):
        picture(tmp_path / "test" / "bird" / f"{label}.png", 1)
    with pytest.raises(SuiteError, match="class 'bird' has no training rows"):
        images.read(tmp_path, OPTIONS)


def test_damaged_pictures_are_left_out_named_and_counted(tmp_path: Path) -> None:
    folder(tmp_path, count=20)
    broken = tmp_path / "cat" / "07.png"
    broken.write_bytes(broken.read_bytes()[:45])
    dataset = images.read(tmp_path, OPTIONS)
    assert len(dataset.y) == 39
    assert [int(image[0, 0, 0]) for image in dataset.inputs["image"][6:9]] == [60, 80, 90]
    assert any(line.startswith("damaged pictures left out: 1 of 40") and "07.png" in line for line in dataset.detected)
    for index in range(3):
        (tmp_path / "dog" / f"{index:02}.png").write_bytes(b"no picture")
    with pytest.raises(SuiteError, match=r"pictures cannot be used, more than 5%; the first is .*png"):
        images.read(tmp_path, OPTIONS)


@pytest.mark.parametrize("name", ["x_{}", "{}_images"])
def test_npz_with_validation_rows_of_its_own(tmp_path: Path, name: str) -> None:
    sizes = {"train": 30, "val": 12, "test": 6}
    label = "y_{}" if name == "x_{}" else "{}_labels"
    found = {name.format(split): np.full((size, 4, 4), size, np.uint8) for split, size in sizes.items()}
    found |= {label.format(split): np.arange(size)[:, None] % 2 for split, size in sizes.items()}
    np.savez(tmp_path / "a.npz", **found)
    dataset = images.read(tmp_path / "a.npz", OPTIONS)
    for split, size in zip(("train", "validation", "test"), sizes.values(), strict=True):
        assert (dataset.take(dataset.rows[split])["image"] == size).all()
        assert len(dataset.rows[split]) == size
    with pytest.raises(UsageError, match="the data has validation pictures of its own: leave them or"):
        images.read(tmp_path / "a.npz", DataOptions(validation=str(tmp_path / "a.npz")))


def test_npz_with_given_splits_and_floats(tmp_path: Path) -> None:
    x = np.linspace(0, 1, 40 * 25, dtype=np.float32).reshape(40, 5, 5)
    y = np.arange(40) % 4
    np.savez(tmp_path / "a.npz", x_train=x[:30], y_train=y[:30], x_test=x[30:], y_test=y[30:])
    dataset = images.read(tmp_path / "a.npz", OPTIONS)
    assert dataset.inputs["image"].shape == (40, 5, 5, 1)
    assert dataset.inputs["image"].max() == 255
    assert dataset.rows["test"].tolist() == list(range(30, 40))
    assert dataset.labels == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": np.array([{"a": 1}] * 9, object), "labels": np.zeros(9)}, "Python objects"),
        ({"pictures": np.zeros((9, 4, 4))}, "name the arrays"),
        ({"images": np.zeros((9, 3, 8, 8)), "labels": np.arange(9) % 2}, "channels last"),
        ({"images": np.zeros((9, 4, 4)), "labels": np.zeros(8)}, "one label each"),
        ({"images": np.full((9, 4, 4), -1.0), "labels": np.arange(9) % 2}, "0 to 255"),
        ({"images": np.full((9, 4, 4), np.nan), "labels": np.arange(9) % 2}, "0 to 255"),
        ({"images": np.zeros((9, 4, 4)), "labels": np.linspace(0, 1, 9)}, "no classes"),
    ],
)
def test_npz_that_cannot_be_used(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(SuiteError, match=message):
        images.read(tmp_path / "a.npz", OPTIONS)


def idx(path: Path, values: np.ndarray) -> None:
    header = bytes([0, 0, 8, values.ndim]) + b"".join(int(size).to_bytes(4, "big") for size in values.shape)
    path.write_bytes(gzip.compress(header + values.astype(np.uint8).tobytes()))


def test_idx_files(tmp_path: Path) -> None:
    for name, count in (("train", 30), ("t10k", 10)):
        idx(tmp_path / f"{name}-images-idx3-ubyte.gz", np.full((count, 6, 6), 7))
        idx(tmp_path / f"{name}-labels-idx1-ubyte.gz", np.arange(count) % 2)
    dataset = images.read(tmp_path, OPTIONS)
    assert dataset.source["rows"] == {"train": 26, "validation": 4, "test": 10}
    torn = tmp_path / "train-images-idx3-ubyte.gz"
    torn.write_bytes(torn.read_bytes()[:-9])
    with pytest.raises(SuiteError, match="cannot be unpacked"):
        images.read(tmp_path, OPTIONS)


def test_a_table_of_paths(tmp_path: Path) -> None:
    folder(tmp_path / "pictures")
    rows = [f"pictures/{label}/{index:02}.png,{label}" for label in ("cat", "dog") for index in range(10)]
    (tmp_path / "list.csv").write_text("\n".join(["path,label", *rows]))
    assert images.read(tmp_path / "list.csv", OPTIONS).source["rows"]["test"] == 4
    (tmp_path / "list.csv").write_text("path,label\n" + "\n".join(f"gone{i}.png,{i % 2}" for i in range(8)))
    with pytest.raises(SuiteError, match=r"gone0\.png: the file cannot be read"):
        images.read(tmp_path / "list.csv", OPTIONS)


def test_invalid_sources_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is nothing at"):
        images.read(tmp_path / "no", OPTIONS)
    with pytest.raises(SuiteError, match="has no sub-folders"):
        images.read(tmp_path, OPTIONS)
    (tmp_path / "cat").mkdir()
    with pytest.raises(SuiteError, match=r"holds no \.png"):
        images.read(tmp_path, OPTIONS)
    (tmp_path / "cat" / "scan.TIF").touch()
    with pytest.raises(SuiteError, match=r"in its class folders, only \.tif: add some"):
        images.read(tmp_path, OPTIONS)
    (tmp_path / "a.xlsx").write_bytes(b"x")
    with pytest.raises(UsageError, match="no source of pictures"):
        images.read(tmp_path / "a.xlsx", OPTIONS)
    (tmp_path / "a.npz").write_bytes(b"")
    with pytest.raises(SuiteError, match="is empty"):
        images.read(tmp_path / "a.npz", OPTIONS)


def test_one_class_only(tmp_path: Path) -> None:
    for index in range(5):
        picture(tmp_path / "cat" / f"{index}.png", index)
    with pytest.raises(SuiteError, match="only 'cat'"):
        images.read(tmp_path, OPTIONS)
