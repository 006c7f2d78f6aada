import os
from collections.abc import Callable
from pathlib import Path

import pytest

from suite import files


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: os.mkfifo(path), "no regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "no regular file"),
        (lambda path: path.mkdir(), "a folder"),
        (lambda path: path.symlink_to(path.name), "symbolic links"),
        (lambda path: None, "No such file"),
    ],
)
def test_only_regular_files_are_opened(tmp_path: Path, make: Callable[[Path], object], words: str) -> None:
    make(tmp_path / "file")
    for read in (files.open_regular, files.read_small, files.sha256):
        with pytest.raises(OSError, match=words):
            read(tmp_path / "file")


def test_a_small_file_is_read_and_a_large_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 10)
    assert files.read_small(tmp_path / "file", 10) == b"x" * 10
    with pytest.raises(OSError, match="larger than 9 bytes"):
        files.read_small(tmp_path / "file", 9)
    os.truncate(tmp_path / "file", 10 * 2**30)
    with pytest.raises(OSError, match="larger than 1,048,576 bytes"):
        files.read_small(tmp_path / "file")


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    assert files.read_small(tmp_path / "link") == b"x"
    assert files.sha256(tmp_path / "link").startswith("2d711642")


@pytest.mark.parametrize(("at", "size"), [(0, 10), (3 * 2**30, 10), (0, 300 * 2**20)])
def test_a_large_file_is_hashed_if_enough_of_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, size: int
) -> None:
    monkeypatch.setattr(files, "LEAST_DATA", 4 * 2**30 // (200 * 2**20))
    with (tmp_path / "file").open("wb") as file:
        file.truncate(4 * 2**30)
        file.seek(at)
        file.write(b"x" * size)
    monkeypatch.setattr(files.hashlib, "file_digest", lambda *_: files.hashlib.sha256())
    if size > 200 * 2**20:
        assert files.sha256(tmp_path / "file")
    else:
        with pytest.raises(OSError, match="mostly holes"):
            files.sha256(tmp_path / "file")


def test_what_an_error_says_has_no_path() -> None:
    assert files.explain(FileNotFoundError(2, "No such file", "/secret")) == "No such file"
    assert files.explain(ValueError("bad")) == "bad"
