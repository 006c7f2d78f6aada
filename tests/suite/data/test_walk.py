from pathlib import Path

import pytest

from suite.data import folders, walk
from suite.errors import SuiteError

SUFFIXES = (".txt",)


def put(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def below(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in walk.files_below(folder)[0]]


def test_what_programs_leave_is_no_class_and_no_file(tmp_path: Path) -> None:
    put(tmp_path, "a/1.txt", "a/._1.txt", "a/.ipynb_checkpoints/1.txt", "a/.hidden/2.txt", "a/Thumbs.db", "b/1.txt",
        ".ipynb_checkpoints/1.txt", "._b/1.txt", "__MACOSX/b/1.txt", ".git/1.txt")  # fmt: skip
    found = folders.read_class_folders(tmp_path, SUFFIXES)
    assert found.labels == ["a", "b"]
    assert [path.relative_to(tmp_path).as_posix() for path in found.paths] == ["a/1.txt", "b/1.txt"]
    assert found.detected == ["hidden files ignored: 4"]


def test_a_class_may_begin_with_a_dot(tmp_path: Path) -> None:
    put(tmp_path, ".net/1.txt", "java/1.txt", ".empty/readme.md")
    found = folders.read_class_folders(tmp_path, SUFFIXES)
    assert found.labels == [".net", "java"]
    assert found.detected == ["classes whose name begins with a dot: .net"]


def test_hidden_folders_within_splits(tmp_path: Path) -> None:
    put(tmp_path, "train/a/1.txt", "train/b/1.txt", "train/.ipynb_checkpoints/1.txt", "test/a/1.txt", "test/._a/1.txt")
    found = folders.read_class_folders(tmp_path, SUFFIXES)
    assert found.labels == ["a", "b"]
    assert found.given_splits.tolist() == ["train", "test", "train"] or sorted(found.given_splits) == [
        "test", "train", "train",
    ]  # fmt: skip


def test_links_are_followed_and_loops_are_not(tmp_path: Path) -> None:
    store = put(tmp_path / "store", "x/1.txt", "x/2.TXT")
    data = put(tmp_path / "data", "a/0.txt", "b/0.txt")
    (data / "a" / "more").symlink_to(store / "x")
    (data / "a" / "up").symlink_to(data)
    (data / "a" / "same").symlink_to(data / "a")
    (store / "x" / "back").symlink_to(data / "a")
    (data / "c").symlink_to(store)
    (data / "a" / "gone.txt").symlink_to(tmp_path / "nowhere")
    assert below(data / "a") == ["0.txt", "more/1.txt", "more/2.TXT"]
    assert below(data / "c")[:1] == ["x/1.txt"]
    found = folders.read_class_folders(data, SUFFIXES)
    assert found.labels == ["a", "b", "c"]


def test_a_folder_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(SuiteError, match=r"cannot be read \(Permission denied\)"):
        walk.files_below(tmp_path)
