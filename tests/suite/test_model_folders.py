import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite import artifact, model_folders
from suite.errors import SuiteError, UsageError

Run = Callable[..., Any]


def folders(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).mkdir(parents=True)
    return root


def passed_over(root: Path) -> dict[str, str]:
    return {one.folder: one.reason for one in model_folders.list_models(root)[1]}


def test_leading_zeros_do_not_count(tmp_path: Path) -> None:
    folders(tmp_path, "m/00000123", "m/7", "m/0")
    assert artifact.versions(tmp_path / "m") == [0, 7, 123]
    assert artifact.find(tmp_path, "m") == tmp_path / "m/00000123"
    assert artifact.find(tmp_path, "m/123") == artifact.find(tmp_path, "m/0123") == tmp_path / "m/00000123"


@pytest.mark.parametrize("names", [("1", "001", "01"), ("001", "01", "1"), ("001", "0001")])
def test_of_two_folders_for_a_version_the_shorter_name_is_taken(tmp_path: Path, names: tuple[str, ...]) -> None:
    folders(tmp_path, *(f"m/{name}" for name in names))
    found, others = model_folders.list_versions(tmp_path / "m")
    shortest = min(names, key=len)
    assert found == {1: tmp_path / "m" / shortest}
    assert {one.folder for one in others} == {f"m/{name}" for name in names if name != shortest}
    assert {one.reason for one in others} == {f"it is version 1 too, for which {shortest} is taken"}


def test_what_is_passed_over_is_named_with_the_reason(tmp_path: Path) -> None:
    folders(tmp_path, "mein modell/1", "ümlaut/1", "empty", "m/1", "m/v2", "m/٣", "m/" + "1" * 19, ".hidden/1", "m/.x")
    (tmp_path / "README").touch()
    (tmp_path / "m/labels.json").touch()
    (tmp_path / "m/8").touch()
    os.mkfifo(tmp_path / "m/9")
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "line\nbreak").mkdir()
    found = passed_over(tmp_path)
    for name in ("mein modell", "ümlaut", "line?break"):
        assert found.pop(name).startswith("its name cannot be a model's: use letters, digits")
    for name in ("m/v2", "m/٣", "m/" + "1" * 19):
        assert found.pop(name).startswith("its name is no version number")
    for name in ("m/8", "m/9"):
        assert found.pop(name).startswith("it is no folder")
    assert found.pop("empty") == "there is no version in it: put the files of the first into empty/1"
    assert found.pop("gone") == "it is a link that leads to no folder"
    assert found == {}


def test_a_saved_model_without_a_version_is_one_line(tmp_path: Path) -> None:
    folders(tmp_path, "m/variables", "m/assets")
    assert list(passed_over(tmp_path)) == ["m"]


@given(st.lists(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8)))
def test_no_name_breaks_a_look(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    root = tmp_path_factory.mktemp("store")
    for name in {*names} - {".", ".."}:
        for path in (root / name, root / "m" / name):
            path.mkdir(parents=True, exist_ok=True)
    found, others = model_folders.list_models(root)
    assert {*found} <= {*os.listdir(root)}
    assert all(one.folder.isprintable() for one in others)


def test_names_that_are_no_text_can_be_told(tmp_path: Path) -> None:
    os.mkdir(os.fsencode(tmp_path) + b"/bad\xff")
    (found,) = passed_over(tmp_path)
    assert found.encode() == b"bad?"


def test_a_card_that_lists_files_elsewhere_is_refused(tmp_path: Path) -> None:
    for name in ("../secret", "/etc/hostname", "a/../../secret"):
        card = artifact.Card("m", 1, "d", "now", [], [], [], {}, files={name: "0" * 64})
        with pytest.raises(SuiteError, match="outside of its folder"):
            artifact.verify(tmp_path, card)


def test_the_verb_lists_versions_with_zeros_and_what_is_passed_over(suite: Run, tmp_path: Path) -> None:
    folders(tmp_path, "padded/0001", "mein modell/1", "padded/old")
    os.mkfifo(tmp_path / "padded/0001/card.json")
    done = suite("models", "list", "--models", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "padded/1  damaged: " in done.stdout
    assert "card.json cannot be read (it is no regular file)" in done.stdout
    assert "mein modell  passed over: its name cannot be a model's" in done.stdout
    found = json.loads(suite("models", "list", "--models", tmp_path, "--json").stdout)
    assert [one["folder"] for one in found["passed_over"]] == ["mein modell", "padded/old"]
    assert [one["version"] for one in found["models"]] == [1]


def test_a_label_and_a_deletion_find_a_version_with_zeros(suite: Run, tmp_path: Path) -> None:
    folders(tmp_path, "m/0001", "m/2")
    assert suite("models", "label", "m", "stable", "1", "--models", tmp_path).returncode == 0
    done = suite("models", "delete", "m/1", "--yes", "--models", tmp_path)
    assert "is called stable" in done.stderr
    assert suite("models", "label", "m", "stable", "--remove", "--models", tmp_path).returncode == 0
    assert suite("models", "delete", "m/1", "--yes", "--models", tmp_path).returncode == 0
    assert os.listdir(tmp_path / "m") == ["2"] or sorted(os.listdir(tmp_path / "m")) == ["2", "labels.json"]
    with pytest.raises(UsageError, match="there is no version"):
        artifact.find(tmp_path, "m/1")
