"""Keys of JSON that begin late or pause for long are columns with missing values, in fit and in predict."""

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from suite.artifact import TensorSpec
from suite.data import formats, late_keys, stream, tables, texts
from suite.data.json_rows import ROWS_PER_BATCH
from suite.data.options import DataOptions
from suite.data.stream import RowOptions
from suite.errors import UsageError

AMOUNT = TensorSpec("amount", "float32", (), "amount", "numeric")
COUNTRY = TensorSpec("country", "string", (), "country", "categorical")
ROWS = ROWS_PER_BATCH + 50


def rows_with_late_country() -> list[dict[str, Any]]:
    late = [{"country": ("DE", "FR")[row % 2], "note": "late"} if row > ROWS_PER_BATCH else {} for row in range(ROWS)]
    return [{"amount": row % 97, "is_fraud": int(row % 7 == 0)} | more for row, more in enumerate(late)]


def put(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text(json.dumps(rows) if path.suffix == ".json" else "\n".join(map(json.dumps, rows)))
    return path


def predicted(source: str, **options: Any) -> tuple[list[stream.Batch], list[str]]:
    told: list[str] = []
    batches = stream.table(source, [AMOUNT, COUNTRY], [], 4_000, RowOptions(tell=told.append, **options))
    return list(batches), told


def from_pipe(path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(path.read_bytes())))
    return stream.STDIN


@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
def test_a_late_key_is_a_column_that_is_missing_before(tmp_path: Path, suffix: str) -> None:
    dataset = tables.read(put(tmp_path / f"a{suffix}", rows_with_late_country()), DataOptions())
    assert [spec.name for spec in dataset.specs] == ["amount", "country", "note"]
    assert set(dataset.inputs["country"][:ROWS_PER_BATCH]) == {""}
    assert set(dataset.inputs["country"][ROWS_PER_BATCH + 1 :]) == {"DE", "FR"}


@pytest.mark.parametrize("piped", [False, True])
def test_a_late_key_is_missing_before_in_prediction_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piped: bool
) -> None:
    path = put(tmp_path / "a.jsonl", rows_with_late_country())
    source = from_pipe(path, monkeypatch) if piped else str(path)
    batches, told = predicted(source, keep=("note",))
    country = np.concatenate([batch.inputs["country"] for batch in batches])
    assert set(country[:ROWS_PER_BATCH]) == {""}
    assert country[-2:].tolist() == ["DE", "FR"]
    assert [row["note"] for batch in batches for row in batch.kept.to_pylist()][-1] == "late"
    assert told == ["columns that the model does not use are passed over: is_fraud"]


def test_all_columns_of_a_file_are_kept_however_late_they_begin(tmp_path: Path) -> None:
    batches, _ = predicted(str(put(tmp_path / "a.jsonl", rows_with_late_country())), keep=("all",))
    assert batches[0].kept.schema.names == ["amount", "is_fraud", "country", "note"]


@pytest.mark.parametrize("piped", [False, True])
def test_a_key_that_no_row_has_is_refused_or_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piped: bool) -> None:
    rows = [{"amount": row, "contry": "DE"} for row in range(ROWS)]
    path = put(tmp_path / "a.jsonl", rows)
    with pytest.raises(
        UsageError,
        match=r"has no column country \(is it 'contry'\?\), which the model uses: add it, or say --allow-missing",
    ):
        predicted(from_pipe(path, monkeypatch) if piped else str(path))
    batches, told = predicted(from_pipe(path, monkeypatch) if piped else str(path), allow_missing=True)
    assert sum(len(batch.inputs["country"]) for batch in batches) == ROWS
    assert told[0] == "columns absent, taken as missing: country"


@pytest.mark.parametrize("piped", [False, True])
def test_a_key_that_writers_left_out_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piped: bool) -> None:
    path = put(tmp_path / "a.jsonl", [{"amount": row} for row in range(ROWS)])
    batches, told = predicted(from_pipe(path, monkeypatch) if piped else str(path))
    assert {text for batch in batches for text in batch.inputs["country"]} == {""}
    assert sum(len(batch.inputs["amount"]) for batch in batches) == ROWS
    assert told == ["columns that no row has, taken as missing: country"]
    with pytest.raises(UsageError, match="there is no column to keep 'note'"):
        predicted(str(path), keep=("note",))


def test_a_late_key_that_may_be_missing_is_used_where_it_is_there(tmp_path: Path) -> None:
    batches, told = predicted(str(put(tmp_path / "a.jsonl", rows_with_late_country())), allow_missing=True)
    assert batches[-1].inputs["country"][-1] == "FR"
    assert "absent" not in "".join(told)


def test_keys_that_begin_late_or_pause_are_no_error_for_texts(tmp_path: Path) -> None:
    rows = [
        {"label": "ab"[row % 2]} | ({} if row < ROWS_PER_BATCH else {"text": f"some words {row}"})
        for row in range(ROWS)
    ]
    path = put(tmp_path / "a.jsonl", rows)
    assert texts.read(path, DataOptions()).inputs["text"][0] == ""
    found = [text for batch in stream.texts(str(path), "text", 5_000) for text in batch.inputs["text"]]
    assert (found[0], found[-1], len(found)) == ("", f"some words {ROWS - 1}", ROWS)


def test_only_what_is_needed_is_looked_for(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", rows_with_late_country())
    file = formats.TableFile(path)
    first = next(late_keys.batches(file, ["amount"]))
    assert first.num_rows == ROWS_PER_BATCH
    assert list(file.columns) == ["amount", "is_fraud"]
