"""A file is what it holds, whatever it is called: the same rows come back from every form in which they are written."""

import gzip
import io
import os
import threading
from pathlib import Path
from typing import Any

import pytest
import written_tables as written
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.data import formats
from suite.data.options import Reading
from suite.errors import SuiteError, UsageError

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=12)
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00\x1f"), max_size=12)
LATIN = st.text(st.characters(min_codepoint=0xA1, max_codepoint=0xFF), max_size=6).map(lambda text: f"x{text}")


def rows(source: Any, **reading: Any) -> list[list[str]]:
    """The names and the rows, with nothing for null."""
    file = formats.TableFile(source, Reading(**reading))
    found: list[list[str]] = []
    for batch in formats.batches(file):
        found = found or [batch.schema.names]
        found += [[value or "" for value in row.values()] for row in batch.to_pylist()]
    return found


@st.composite
def tables(draw: Any, names: Any = NAMES, cells: Any = CELLS) -> tuple[list[str], list[list[str]]]:
    columns = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    return columns, draw(
        st.lists(st.lists(cells, min_size=len(columns), max_size=len(columns)), min_size=1, max_size=5)
    )


@given(
    tables(),
    st.sampled_from(list(written.PACKINGS)),
    st.sampled_from([
        written.as_parquet, written.as_feather, written.as_arrow_stream, written.json_lines, written.json_list,
    ]),
    st.booleans(),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_every_format_in_every_packing(
    tmp_path_factory: pytest.TempPathFactory, table: Any, packing: str, write: Any, as_stream: bool
) -> None:
    content = write(*table)
    packed = written.PACKINGS[packing](content.encode() if isinstance(content, str) else content)
    path = tmp_path_factory.getbasetemp() / "misnamed.csv"
    path.write_bytes(packed)
    assert rows(io.BytesIO(packed) if as_stream else path) == [table[0], *table[1]]


@given(
    tables(),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    st.sampled_from(list(written.PACKINGS)),
)
@settings(max_examples=300, deadline=None)
def test_every_dialect_of_csv_in_every_encoding(
    table: Any, delimiter: str, end: str, quote_all: bool, encoding: str, packing: str
) -> None:
    text = written.csv(*table, delimiter=delimiter, end=end, quote_all=quote_all)
    assert rows(io.BytesIO(written.PACKINGS[packing](text.encode(encoding)))) == [table[0], *table[1]]


@given(tables(LATIN, LATIN), st.sampled_from(["latin-1", "cp1252", "utf-16-le", "utf-16-be"]))
@settings(max_examples=50, deadline=None)
def test_an_encoding_that_is_named(table: Any, encoding: str) -> None:
    content = io.BytesIO(written.csv(*table).encode(encoding))
    assert rows(content, encoding=encoding) == [table[0], *table[1]]


def test_a_wrong_name_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(written.as_parquet(["a"], [["1"]]))
    file = formats.TableFile(path)
    list(formats.batches(file))
    assert file.notes == ["format: Parquet, whatever the name says"]


@pytest.mark.parametrize("header", ['"a\nb",c', '"a;b,c|d",e', "\n\na,b", '"a ""quoted""",b'])
def test_what_a_header_may_hold(header: str) -> None:
    import csv

    names = next(csv.reader(io.StringIO(header.lstrip("\n"))))
    assert rows(io.BytesIO(f"{header}\n1,2\n3,4\n".encode())) == [names, ["1", "2"], ["3", "4"]]


@pytest.mark.parametrize(("line", "delimiter"), [("sep=;", ";"), ('"sep=|"', "|"), ("SEP=\t", "\t"), ("sep=~", "~")])
def test_the_line_that_names_the_delimiter(line: str, delimiter: str) -> None:
    content = f"{line}\r\na,b{delimiter}c\r\n1,5{delimiter}2\r\n"
    assert rows(io.BytesIO(content.encode())) == [["a,b", "c"], ["1,5", "2"]]


def test_rows_without_any_value_are_rows() -> None:
    assert rows(io.BytesIO(b"a\tb\n\t\n")) == [["a", "b"], ["", ""]]
    assert rows(io.BytesIO(b"a\tb\n\n\t\n\n1\t2\n")) == [["a", "b"], ["", ""], ["1", "2"]]
    assert rows(io.BytesIO(b"\n\t\n1\t2\n")) == [["column 1", "column 2"], ["1", "2"]]


def test_one_column_holds_delimiters_and_empty_lines() -> None:
    content = b"text\nwell, it works\n\nfine; really\n"
    assert rows(io.BytesIO(content)) == [["text"], ["well, it works"], [""], ["fine; really"]]
    assert rows(io.BytesIO(content.replace(b"\n", b"\r"))) == rows(io.BytesIO(content))
    # Where there are more columns, an empty line is none.
    assert rows(io.BytesIO(b"a,b\n1,2\n\n3,4\n")) == [["a", "b"], ["1", "2"], ["3", "4"]]


def test_empty_lines_at_the_edge_of_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    for block in range(3, 12):
        monkeypatch.setattr(formats, "BLOCK", block)
        for end in ("\n", "\r\n", "\r"):
            content = end.join(["t", "a", "", "", "b", "", "c", ""])
            assert [row for (row,) in rows(io.BytesIO(content.encode()))] == ["t", "a", "", "", "b", "", "c"]


def test_columns_without_a_name_get_their_position(tmp_path: Path) -> None:
    assert rows(io.BytesIO(b"a,,\n1,2,3\n"))[0] == ["a", "column 2", "column 3"]
    (tmp_path / "a").write_bytes(written.as_parquet(["", "b"], [["1", "2"]]))
    assert rows(tmp_path / "a")[0] == ["column 1", "b"]


@pytest.mark.parametrize("name", ["self", "class", "a/b", "it's", '"', "😀", "x" * 300, "A", "None", "0"])
def test_a_column_of_any_name(name: str) -> None:
    for content in (written.csv([name, "a"], [["1", "2"]]), written.json_lines([name, "a"], [["1", "2"]])):
        assert rows(io.BytesIO(content.encode())) == [[name, "a"], ["1", "2"]]


def test_doubled_names_are_refused_in_every_format(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]), tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_bytes(b"a, a\n1,2\n")
    (tmp_path / "a.xlsx").write_bytes(written.workbook({"one": [["a", "a"], [1, 2]]}))
    for suffix in ("parquet", "csv", "xlsx"):
        with pytest.raises(SuiteError, match=r"two columns named 'a': rename one"):
            rows(tmp_path / f"a.{suffix}")
    for content in (b'{"b": 1}\n{"a": 1, "a": 2}\n', b'[{"b": 1},\n{"a": 1, "a": 2}]'):
        with pytest.raises(SuiteError, match=r"line 2 is not JSON .it has the key 'a' twice"):
            rows(io.BytesIO(content))


def test_a_first_line_that_is_a_row() -> None:
    content = b"12.5,FR,1\n3.5,DE,0\n99,FR,0\n"
    assert rows(io.BytesIO(content), no_header=True)[:2] == [["column 1", "column 2", "column 3"], ["12.5", "FR", "1"]]
    file = formats.TableFile(io.BytesIO(content))
    list(formats.batches(file))
    assert "(12.5, FR, 1): if it is one, say --no-header" in file.notes[0]
    for usual in (b"amount,country\n3,DE\n", b"2019,2020\na,b\n", b"text\nlovely\n"):
        file = formats.TableFile(io.BytesIO(usual))
        list(formats.batches(file))
        assert not file.notes
    with pytest.raises(UsageError, match="JSON, which names its columns"):
        rows(io.BytesIO(b'{"a": 1}\n'), no_header=True)


def test_text_that_is_not_utf8_is_refused_with_a_guess(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("name,n\nKäse,1\n".encode("cp1252"))
    with pytest.raises(
        SuiteError, match=r"is not UTF-8 \(byte 0xe4\): if a word in it is 'Käse', say --encoding cp1252"
    ):
        rows(tmp_path / "a.csv")
    assert rows(tmp_path / "a.csv", encoding="cp1252")[1] == ["Käse", "1"]
    with pytest.raises(SuiteError, match="does not start with BOM; name another --encoding"):
        rows(tmp_path / "a.csv", encoding="utf-16")
    with pytest.raises(UsageError, match="there is no encoding 'klingon'"):
        rows(tmp_path / "a.csv", encoding="klingon")


def test_utf16_without_a_mark_is_told() -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        file = formats.TableFile(io.BytesIO("name,n\nKäse,1\n".encode(encoding)))
        assert [batch.to_pylist() for batch in formats.batches(file)] == [[{"name": "Käse", "n": "1"}]]
        assert file.notes == [f"encoding: {encoding}, as its first bytes say"]


def test_a_sheet_of_a_workbook(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(written.workbook({"first": [["a", "b"], [1, 2.5], ["x & y", 3]], "Zahlen": [["c"], [7]]}))
    assert rows(path) == [["a", "b"], ["1", "2.5"], ["x & y", "3"]]
    assert rows(path, sheet="Zahlen") == [["c"], ["7"]]
    file = formats.TableFile(path)
    list(formats.batches(file))
    assert "sheet: first, the first of 2 (--sheet names another)" in file.notes
    with pytest.raises(UsageError, match=r"there is no sheet in .* 'zahlen': did you mean 'Zahlen'"):
        rows(path, sheet="zahlen")
    with pytest.raises(UsageError, match="is CSV and has no sheets"):
        rows(io.BytesIO(b"a\n1\n"), sheet="first")
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(SuiteError, match=r"is a workbook that cannot be read .*save it as CSV"):
        rows(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"SQLite format 3\0" + bytes(80), "is an SQLite database, not a table: save the table as"),
        (b"%PDF-1.7\n", "is a PDF document"),
        (b"PK\x03\x04" + bytes(60), "is a ZIP archive, not a table: unpack it first"),
        (b"<!DOCTYPE html><html>", "is a web page, not a table: download the table itself"),
        (b"a,b\n\x00\x01\x02\x03,2\n", "holds zero bytes, so it is no text"),
        (gzip.compress(gzip.compress(b"a\n1\n", mtime=0), mtime=0), "is packed twice"),
        (b'[{"a": 1} {"a": 2}]', "line 1 is not JSON .a comma or the end of the list is missing"),
        (b'[{"a": 1},\n{"a": 2}', "line 2 is not JSON"),
        (b'[{"a": 1}]\n[]', "line 2 is not JSON .more follows after the list"),
        (b'[{"a": 1},\n3]', "line 2 is no JSON object"),
        (b'{"a": "\\ud800"}\n', "half of a pair of surrogates"),
        (b'{"a": ' + b"[" * 100_000, "line 1 is not JSON"),
        (b'a,"b\n1,2\n3,4\n', "its first line opens a quote that is not closed"),
    ],
)
def test_other_files_are_called_by_their_name(content: bytes, message: str) -> None:
    with pytest.raises(SuiteError, match=message):
        rows(io.BytesIO(content))


def test_numbers_in_json_keep_their_digits() -> None:
    content = b'{"a": 12345678901234567890123, "b": 0.1000, "c": 1e400, "d": ' + b"9" * 5000 + b"}\n"
    assert rows(io.BytesIO(content))[1] == ["12345678901234567890123", "0.1000", "1e400", "9" * 5000]


def test_keys_that_pause_or_come_late_are_null_elsewhere() -> None:
    lines = [b'{"a": 1, "b": 2}\n', *[b'{"a": 1}\n'] * 20_000, b'{"a": 1, "c": 3}\n']
    stream = io.BytesIO(b"".join(lines))
    file = formats.TableFile(stream)
    assert [batch.schema.names for batch in formats.batches(file)] == [["a", "b"], ["a", "b"], ["a", "b", "c"]]
    # In a second pass all are known from the beginning.
    stream.seek(0)
    assert {tuple(batch.schema.names) for batch in formats.batches(file)} == {("a", "b", "c")}


def test_a_long_list_is_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    from suite.data import json_rows

    monkeypatch.setattr(json_rows, "BLOCK", 7)
    names, values = ["a", "b"], [[f"text {i}, [{{", "\n"] for i in range(50)]
    assert rows(io.BytesIO(written.json_list(names, values).encode())) == [names, *values]


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    content = gzip.compress(written.as_parquet(["a"], [["1"]]))
    thread = threading.Thread(target=lambda: pipe.write_bytes(content))
    thread.start()
    assert rows(pipe) == [["a"], ["1"]]
    thread.join()


@pytest.mark.parametrize("write", [written.as_arrow_stream, written.as_feather, written.as_parquet])
def test_text_that_is_damaged_within_a_file_of_arrow_is_an_error(tmp_path: Path, write: Any) -> None:
    content = write(["a"], [["Österreich"], ["é"]])
    (tmp_path / "a").write_bytes(content.replace("Ö".encode(), b"\xff\xfe"))
    with pytest.raises(SuiteError, match=r"a cannot be read: .*Invalid UTF8"):
        rows(tmp_path / "a")
