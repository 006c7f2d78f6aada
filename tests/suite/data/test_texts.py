import json
from pathlib import Path

import pytest

from suite.data import texts
from suite.data.options import DataOptions
from suite.errors import SuiteError, UsageError

OPTIONS = DataOptions()
ROWS = [(f"a review number {i} that is long enough to be one", ("good", "bad", "so-so")[i % 3]) for i in range(30)]


def lines(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def test_columns_are_found_by_their_contents(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [{"n": i, "b": text, "q": label} for i, (text, label) in enumerate(ROWS)])
    dataset = texts.read(path, OPTIONS)
    assert dataset.labels == ["bad", "good", "so-so"]
    assert dataset.inputs["text"][4] == ROWS[4][0]
    assert dataset.labels[dataset.y[4]] == ROWS[4][1]
    assert dataset.detected == ["text column: b", "label column: q (bad, good, so-so)"]


def test_numbers_as_labels_and_columns_by_hand(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "a.jsonl",
        [{"x": text, "y": text[::-1], "stars": i % 5, "z": i % 2} for i, (text, _) in enumerate(ROWS)],
    )
    with pytest.raises(UsageError, match="several columns that may be the text \\(x, y\\)"):
        texts.read(path, OPTIONS)
    with pytest.raises(UsageError, match="candidates: stars, z"):
        texts.read(path, DataOptions(text_column="x"))
    dataset = texts.read(path, DataOptions(text_column="x", label_column="stars"))
    assert dataset.labels == ["0", "1", "2", "3", "4"]
    with pytest.raises(UsageError, match="did you mean 'stars'"):
        texts.read(path, DataOptions(text_column="x", label_column="star"))


def test_any_script_emoji_empty_and_very_long_texts_are_kept(tmp_path: Path) -> None:
    strange = ["", "我爱北京天安门", "😀👍🏽", "مرحبا", "x" * 300_000]
    rows = [{"text": text, "label": str(i % 2)} for i, text in enumerate(strange + [text for text, _ in ROWS])]
    dataset = texts.read(lines(tmp_path / "a.jsonl", rows), OPTIONS)
    assert dataset.inputs["text"][:5].tolist() == strange


def test_a_folder_of_text_files(tmp_path: Path) -> None:
    for text, label in ROWS:
        (tmp_path / label).mkdir(exist_ok=True)
        (tmp_path / label / f"{text[16:18]}.txt").write_text(text, encoding="utf-8")
    dataset = texts.read(tmp_path, OPTIONS)
    assert len(dataset.y) == 30
    assert dataset.labels == ["bad", "good", "so-so"]
    (tmp_path / "bad" / "latin.txt").write_bytes("für".encode("latin-1"))
    with pytest.raises(SuiteError, match=r"latin\.txt is not UTF-8"):
        texts.read(tmp_path, OPTIONS)


def test_one_class_and_floats_as_labels(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [{"text": text, "label": "same"} for text, _ in ROWS])
    with pytest.raises(SuiteError, match="only 'same'"):
        texts.read(path, OPTIONS)
    path = lines(tmp_path / "b.jsonl", [{"text": text, "label": i % 4 / 3} for i, (text, _) in enumerate(ROWS)])
    with pytest.raises(SuiteError, match="no classes"):
        texts.read(path, DataOptions(label_column="label"))


def test_a_table_of_numbers_has_no_texts(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n" + "1,2\n" * 9)
    with pytest.raises(SuiteError, match="no column of texts"):
        texts.read(tmp_path / "a.csv", OPTIONS)
