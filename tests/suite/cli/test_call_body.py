import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from suite.cli.call_body import body
from suite.data.options import Reading
from suite.errors import SuiteError, UsageError


def sent(path: Path, **reading: Any) -> tuple[bytes, str, list[str]]:
    told: list[str] = []
    content, kind = body(path, Reading(**reading), told.append)
    return content, kind, told


def put(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


ROWS = [["a", "b"], ["1,5", ""], ["x\ny", "2"]]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'a;b\n"1,5";\n"x\ny";2\n'),
        ("A.CSV", 'sep=|\r\na|b\r\n1,5|\r\n"x\ny"|2\r\n'),
        ("a.jsonl", '{"a": "1,5"}\n{"a": "x\\ny", "b": 2}\n'),
        ("a.json", '[{"a": "1,5"}, {"a": "x\\ny", "b": 2}]'),
        ("a.csv.gz", gzip.compress(b'a,b\n"1,5",\n"x\ny",2\n', mtime=0)),
    ],
)
def test_a_table_of_any_form_is_sent_as_csv(tmp_path: Path, name: str, content: str | bytes) -> None:
    found, kind, told = sent(put(tmp_path / name, content))
    assert (kind, told) == ("text/csv", [])
    assert list(csv.reader(io.StringIO(found.decode(), newline=""))) == ROWS


def test_what_the_reader_decided_is_told(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"a": [1]}), tmp_path / "a.csv")
    assert sent(tmp_path / "a.csv") == (b"a\r\n1\r\n", "text/csv", ["format: Parquet, whatever the name says"])
    latin = put(tmp_path / "b.csv", "a\nKäse\n".encode("cp1252"))
    with pytest.raises(SuiteError, match="--encoding cp1252"):
        sent(latin)
    assert sent(latin, encoding="cp1252")[0] == "a\r\nKäse\r\n".encode()


def test_a_request_is_sent_as_it_is(tmp_path: Path) -> None:
    request = b'{"instances": [{"a": 1}]}'
    assert sent(put(tmp_path / "a.JSON", request)) == (request, "application/json", [])


def test_texts_and_pictures_and_folders_of_them(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "pictures").mkdir()
    put(tmp_path / "texts" / "b.TXT", "two\nlines")
    put(tmp_path / "texts" / "a.txt", "schön".encode("utf-16"))
    put(tmp_path / "texts" / "._a.txt", b"\0")
    Image.new("L", (2, 2)).save(tmp_path / "pictures" / "a.png")
    assert sent(tmp_path / "texts" / "a.txt") == ("schön".encode(), "text/plain", [])
    assert json.loads(sent(tmp_path / "texts")[0]) == {"instances": ["schön", "two\nlines"]}
    assert [list(one) for one in json.loads(sent(tmp_path / "pictures")[0])["instances"]] == [["b64"]]
    (tmp_path / "pictures" / "a.png").rename(tmp_path / "pictures" / "photo")
    assert sent(tmp_path / "pictures" / "photo")[1] == "image/png"
    with pytest.raises(UsageError, match=r"holds neither pictures nor \.txt files"):
        sent(tmp_path / "pictures")


def test_what_cannot_be_sent(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="cannot be read"):
        sent(tmp_path / "gone.csv")
    with pytest.raises(UsageError, match="ends in none of"):
        sent(put(tmp_path / "a.conf", "x"))
