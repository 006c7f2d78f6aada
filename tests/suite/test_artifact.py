import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite import artifact
from suite.artifact import Card, TensorSpec
from suite.errors import SuiteError, UsageError

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def card(**changes: object) -> Card:
    values = {
        "name": "m", "version": 1, "domain": "fraud", "created": "now", "labels": ["0", "1"], "preprocessing": {},
        "inputs": [TensorSpec("a b", "float32", (), "a_b", "numeric")], "outputs": [TensorSpec("p", "float32", (2,))],
    }  # fmt: skip
    return Card(**(values | changes))  # type: ignore[arg-type]


def save(models: Path, name: str = "m", content: str = "x") -> Path:
    with artifact.new_version(models, name) as (staging, version):
        (staging / "sub").mkdir()
        (staging / "sub" / "weights").write_text(content)
        artifact.write_card(staging, card(name=name, version=version))
    return models / name / str(version)


@given(
    st.lists(TEXT, max_size=3),
    st.dictionaries(TEXT, st.floats(allow_nan=False, allow_infinity=False) | st.integers() | TEXT, max_size=4),
)
def test_a_card_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, labels: list[str], values: dict[str, object]
) -> None:
    folder = tmp_path_factory.mktemp("card")
    written = card(labels=labels, hyperparameters=values, threshold=0.25)
    artifact.write_card(folder, written)
    assert artifact.read_card(folder) == written


def test_versions_count_up_and_are_found(tmp_path: Path) -> None:
    assert [save(tmp_path).name for _ in range(3)] == ["1", "2", "3"]
    assert artifact.find(tmp_path, "m") == tmp_path / "m" / "3"
    assert artifact.find(tmp_path, "m/2") == tmp_path / "m" / "2"
    assert artifact.model_names(tmp_path) == ["m"]
    for wrong in ("m/4", "m/x", "m/../m/1", "n"):
        with pytest.raises(UsageError, match="there is no"):
            artifact.find(tmp_path, wrong)


@pytest.mark.parametrize("name", ["", "..", "a/b", "-a", ".a", "a" * 65, "a b", "ü"])
def test_names_that_could_leave_the_store_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a model"), artifact.new_version(tmp_path, name):
        pass
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    def fail_half_way() -> None:
        with artifact.new_version(tmp_path, "m") as (staging, _):
            (staging / "half").write_text("x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert not list(tmp_path.iterdir())


def test_a_card_or_a_file_that_was_changed_is_noticed(tmp_path: Path) -> None:
    folder = save(tmp_path)
    artifact.verify(folder, card(files=artifact.read_card(folder).files))  # type: ignore[union-attr]
    (folder / "sub" / "weights").write_text("y")
    with pytest.raises(SuiteError, match="weights does not match the hash"):
        artifact.verify(folder, artifact.read_card(folder))  # type: ignore[arg-type]
    (folder / "sub" / "weights").unlink()
    with pytest.raises(SuiteError, match="weights is missing"):
        artifact.verify(folder, artifact.read_card(folder))  # type: ignore[arg-type]
    value = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(value | {"threshold": 0.1}))
    with pytest.raises(SuiteError, match="was changed after it was written"):
        artifact.read_card(folder)


NO_CARDS = [
    "", "{", "[]", "null", '{"schema": 99}', '{"schema": 1, "x": NaN}', '{"schema": 1, "x": 1e999}', "[" * 100_000,
    '{"schema": Infinity}', '{"schema": 1, "x": "\\ud800"}', '{"schema": ' + "9" * 5000 + "}",
    '{"schema": 1, "schema": 1}',
]  # fmt: skip


@pytest.mark.parametrize("content", NO_CARDS)
def test_cards_that_are_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "card.json").write_text(content)
    with pytest.raises(SuiteError, match=r"card\.json"):
        artifact.read_card(tmp_path)


@pytest.mark.parametrize(
    "changed",
    [{"files": [1]}, {"labels": 5}, {"threshold": "a"}, {"preprocessing": []}, {"name": 5}, {"inputs": [5]},
     {"version": "1"}, {"engines": None}],
)  # fmt: skip
def test_cards_with_fields_of_another_type(tmp_path: Path, changed: dict[str, object]) -> None:
    artifact.write_card(tmp_path, card())
    value = {**json.loads((tmp_path / "card.json").read_text()), **changed}
    del value["digest"]
    canonical = json.dumps(value, sort_keys=True, ensure_ascii=False)
    value["digest"] = hashlib.sha256(canonical.encode()).hexdigest()
    (tmp_path / "card.json").write_text(json.dumps(value))
    with pytest.raises(SuiteError, match=r"card\.json lacks a field or has one too many"):
        artifact.read_card(tmp_path)


def test_a_folder_without_a_card(tmp_path: Path) -> None:
    assert artifact.read_card(tmp_path) is None


WRITER = """
import sys, time
from pathlib import Path
from suite import artifact
with artifact.new_version(Path(sys.argv[1]), "m") as (staging, version):
    (staging / "half").write_text("x")
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_writer_that_is_stopped_leaves_no_version(tmp_path: Path, how: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout
    assert process.stdout.readline() == b"writing\n"
    process.send_signal(how)
    process.wait(30)
    process.stdout.close()
    assert artifact.model_names(tmp_path) == []
    # What a killed writer could not take away, the next one does.
    assert save(tmp_path).name == "1"
    assert [path.name for path in (tmp_path / "m").iterdir()] == ["1"]


def test_two_writers_at_once_get_versions_of_their_own(tmp_path: Path) -> None:
    with artifact.new_version(tmp_path, "m") as (first, _):
        (first / "a").write_text("1")
        other = save(tmp_path)
    names = sorted(path.name for path in (tmp_path / "m").iterdir())
    assert other.name == "2"
    assert names == ["1", "2"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """A file system of one megabyte."""
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path], check=False).returncode
    ):
        pytest.skip("needs the right to mount a small file system")
    return tmp_path


def test_a_full_disk_leaves_nothing_half_written(small_disk: Path) -> None:
    try:
        save(small_disk)
        with pytest.raises(SuiteError, match=r"saving m failed .*No space left.*nothing was written"):
            save(small_disk, content="x" * 2_000_000)
        assert [path.name for path in (small_disk / "m").iterdir()] == ["1"]
    finally:
        subprocess.run(["umount", small_disk], check=True)


def test_a_store_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(SuiteError, match="choose another folder with --models"),
        artifact.new_version(tmp_path / "file", "m"),
    ):
        pass


def test_replacing_a_file_is_all_or_nothing(tmp_path: Path) -> None:
    artifact.replace_file(tmp_path / "a", b"old")
    with pytest.raises(TypeError):
        artifact.replace_file(tmp_path / "a", "not bytes")  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"
