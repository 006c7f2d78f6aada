from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from suite.data import images, texts
from suite.data.options import DataOptions
from suite.data.source import check_source, content_hash
from suite.errors import SuiteError


def picture(path: Path, grey: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.full((4, 4), grey, np.uint8)).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures of two classes; as BMP files, all of one size."""
    for index in range(5):
        picture(tmp_path / "cat" / f"{index}.bmp", index)
        picture(tmp_path / "dog" / f"{index}.bmp", 200 + index)
    return tmp_path


def sha256_of_pictures(source: Path) -> str:
    found: str = images.read(source, DataOptions()).source["sha256"]
    return found


def test_another_picture_of_the_same_size_is_other_data(folder: Path) -> None:
    before = sha256_of_pictures(folder)
    assert sha256_of_pictures(folder) == before
    picture(folder / "cat" / "3.bmp", 99)
    assert sha256_of_pictures(folder) != before
    picture(folder / "cat" / "3.bmp", 3)
    assert sha256_of_pictures(folder) == before


def test_files_that_are_not_read_do_not_count(folder: Path) -> None:
    before = sha256_of_pictures(folder)
    (folder / ".DS_Store").write_bytes(b"of a file manager")
    (folder / "cat" / "Thumbs.db").write_bytes(b"of another")
    assert sha256_of_pictures(folder) == before


def test_a_picture_that_moved_to_another_class_is_other_data(folder: Path) -> None:
    before = sha256_of_pictures(folder)
    (folder / "cat" / "4.bmp").rename(folder / "dog" / "5.bmp")
    assert sha256_of_pictures(folder) != before


def test_the_same_folder_elsewhere_is_the_same_data(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    before = sha256_of_pictures(folder)
    elsewhere = tmp_path_factory.mktemp("copy") / "pictures"
    folder.rename(elsewhere)
    assert sha256_of_pictures(elsewhere) == before
    elsewhere.rename(folder)


def test_pictures_that_a_table_lists_count(folder: Path) -> None:
    table = folder / "pictures.csv"
    lines = [f"{name}/{index}.bmp,{name}" for name in ("cat", "dog") for index in range(5)]
    table.write_text("\n".join(["path,label", *lines]))
    before = sha256_of_pictures(table)
    picture(folder / "dog" / "0.bmp", 1)
    assert sha256_of_pictures(table) != before


def test_another_text_of_the_same_size_is_other_data(tmp_path: Path) -> None:
    for name in ("good", "bad"):
        (tmp_path / name).mkdir()
        for index in range(3):
            (tmp_path / name / f"{index}.txt").write_text(f"{name} film {index}")
    before = texts.read(tmp_path, DataOptions()).source["sha256"]
    (tmp_path / "good" / "1.txt").write_text("good fish 1")
    assert texts.read(tmp_path, DataOptions()).source["sha256"] != before


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "gr\udcfcn.csv"
    source.write_text("text,label")
    with pytest.raises(SuiteError, match=r"the name of .*gr\?n.csv is not UTF-8: rename it"):
        check_source(source)


def test_many_files_are_hashed_in_order(tmp_path: Path) -> None:
    files = [tmp_path / f"{index:04}" for index in range(600)]
    for index, file in enumerate(files):
        file.write_bytes(index.to_bytes(2))
    assert content_hash(tmp_path, files) == content_hash(tmp_path, files)
    assert content_hash(tmp_path, files) != content_hash(tmp_path, files[::-1])
    files[599].unlink()
    without = content_hash(tmp_path, files)
    files[599].write_bytes(b"back")
    assert content_hash(tmp_path, files) != without
