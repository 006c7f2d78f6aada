import gzip
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from suite.data import formats
from suite.errors import SuiteError

CSV = 'text,label\n"one, with ""quotes""",a\n"two\nlines",b\n,c\n'
ROWS = [{"text": 'one, with "quotes"', "label": "a"}, {"text": "two\nlines", "label": "b"}, {"text": "", "label": "c"}]


def rows(source: Any) -> list[dict[str, Any]]:
    return [row for batch in formats.batches(source) for row in batch.to_pylist()]


def write(path: Path, content: bytes) -> Path:
    if path.suffix == ".zst":
        with pa.CompressedOutputStream(str(path), "zstd") as file:
            file.write(content)
    else:
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
def test_csv_tsv_json_lines_and_parquet_each_packed_or_not(tmp_path: Path, packing: str) -> None:
    assert rows(write(tmp_path / f"a.csv{packing}", CSV.encode())) == ROWS
    tsv = "text\tlabel\nx, y\ta\n"
    assert rows(write(tmp_path / f"a.tsv{packing}", tsv.encode())) == [{"text": "x, y", "label": "a"}]
    lines = b'{"text": "x", "n": 1, "ok": true}\n\n{"text": null, "extra": 2.5}\n'
    assert rows(write(tmp_path / f"a.jsonl{packing}", lines)) == [
        {"text": "x", "n": "1", "ok": "true", "extra": None},
        {"text": None, "n": None, "ok": None, "extra": "2.5"},
    ]
    buffer = io.BytesIO()
    parquet.write_table(pa.table({"n": [1, 2]}), buffer)
    assert rows(write(tmp_path / f"a.parquet{packing}", buffer.getvalue())) == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("content", ["a;b\n1,5;2\n", "a|b\n1,5|2\n", '\ufeffa,b\n"1,5",2\n', 'a,b\r\n"1,5",2\r\n'])
def test_delimiter_byte_order_mark_and_line_ends_are_detected(tmp_path: Path, content: str) -> None:
    assert rows(write(tmp_path / "a.csv", content.encode())) == [{"a": "1,5", "b": "2"}]


def test_a_stream_without_a_name(tmp_path: Path) -> None:
    assert rows(io.BytesIO(CSV.encode())) == ROWS
    assert rows(io.BytesIO(b'{"a": 1}\n')) == [{"a": "1"}]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=30))
def test_csv_round_trips(pairs: list[tuple[str, str]]) -> None:
    buffer = io.BytesIO()
    table = pa.table({"first": [a for a, _ in pairs], "second": [b for _, b in pairs]})
    arrow_csv.write_csv(table, buffer)
    buffer.seek(0)
    assert [(row["first"], row["second"]) for row in rows(buffer)] == pairs


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=30), st.sampled_from([512, 700]))
def test_a_stream_is_cut_between_rows_only(pairs: list[tuple[str, str]], block: int) -> None:
    buffer = io.BytesIO()
    table = pa.table({"first": [a for a, _ in pairs], "second": [f"{b}," for _, b in pairs]})
    arrow_csv.write_csv(table, buffer)
    buffer.seek(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formats, "BLOCK", block)
        assert [(row["first"], row["second"]) for row in rows(buffer)] == [(a, f"{b},") for a, b in pairs]


def test_a_quote_within_a_value_is_a_character(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "BLOCK", 64)
    content = b"size,name\n" + b'5" wide,pipe\n' * 20
    assert rows(io.BytesIO(content)) == [{"size": '5" wide', "name": "pipe"}] * 20


def test_a_broken_stream_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SuiteError, match=r"standard input cannot be read: .*longer than 4 MB"):
        rows(io.BytesIO(b"a,b\n" + b"x" * 9_000_000 + b",1\n"))
    monkeypatch.setattr(formats, "BLOCK", 64)
    with pytest.raises(SuiteError, match=r"standard input cannot be read: .*Row #102: Expected 2 columns, got 3"):
        rows(io.BytesIO(b"a,b\n" + b"1,2\n" * 100 + b"1,2,3\n"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"a,b\n1,2\n1,2,3\n", r"Expected 2 columns, got 3"),
        ("a.csv", "a,b\nü,2\n".encode("latin-1"), "not UTF-8"),
        ("a.jsonl", b'{"a": 1}\n{"a": "\xff"}\n', "not UTF-8"),
        ("a.csv", b"a,a\n1,2\n", "two columns named 'a'"),
        ("a.jsonl", b'{"a": 1}\n{"a": \n', "line 2 is not JSON"),
        ("a.jsonl", b"[1, 2]\n", "line 1 is no JSON object"),
        ("a.jsonl", b'{"a": {"b": 1}}\n', "nested value under 'a'"),
        ("a.parquet", b"PAR1 torn", "cannot be read"),
        ("a.csv", b" \n ", "is empty"),
        ("a.csv", b"a,b\n" + b"x" * 9_000_000 + b",1\n", "longer than 4 MB"),
    ],
)
def test_broken_files_say_what_is_wrong(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SuiteError, match=message):
        rows(tmp_path / name)


def test_a_torn_gzip_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(CSV.encode() * 999)[:-20])
    with pytest.raises(SuiteError, match="cannot be read"):
        rows(tmp_path / "a.csv.gz")
