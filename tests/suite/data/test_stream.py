import gzip
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from suite.artifact import TensorSpec
from suite.data import stream
from suite.data.options import Reading
from suite.data.source import check_source
from suite.data.stream import RowOptions
from suite.errors import SuiteError, UsageError
from suite.preprocessing.mirror import image

AMOUNT = TensorSpec("amount", "float32", (), "amount", "numeric")
COUNTRY = TensorSpec("country", "string", (), "country", "categorical")


def table(path: Path, **options: Any) -> tuple[list[stream.Batch], list[str]]:
    """The batches of a model of an amount and a country that knows the column `label`, and what was told."""
    told: list[str] = []
    found = stream.table(str(path), [AMOUNT, COUNTRY], ["label"], 2, RowOptions(tell=told.append, **options))
    return list(found), told


def texts(path: Path, whole_files: bool = False, **options: Any) -> tuple[list[str], list[str]]:
    told: list[str] = []
    found = stream.texts(str(path), None, 2, RowOptions(tell=told.append, **options), whole_files)
    return [text for batch in found for text in batch.inputs["text"]], told


def put(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_columns_that_the_model_does_not_use_are_passed_over_and_told_once(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", "id,amount,label,country,note\n1,2.5,0,DE,x\n2,3,1,FR,y\n3,,0,,z\n")
    batches, told = table(path)
    assert [batch.inputs["country"].tolist() for batch in batches] == [["DE", "FR"], [""]]
    assert told == ["columns that the model does not use are passed over: id, note"]
    assert all(batch.kept is None for batch in batches)


def test_the_form_of_dates_is_told_where_it_is_not_iso_8601(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", "due,at\n05.03.2026,2026-03-05\n2026-03-05,2026-03-05\n")
    specs = [TensorSpec(name, "float64", (), name, "date", form) for name, form in (("due", "%d.%m.%Y"), ("at", ""))]
    told: list[str] = []
    [batch] = stream.table(str(path), specs, [], 9, RowOptions(tell=told.append))
    assert batch.inputs["due"].tolist() == batch.inputs["at"].tolist()
    assert told == ["dates of 'due' are read as %d.%m.%Y, as the model learned them, or as ISO 8601"]


def test_columns_are_kept_beside_the_rows(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", "id,amount,country,note\n1,2.5,DE,x\n2,3,FR,y\n3,4,IT,z\n")
    batches, told = table(path, keep=("note", "id"))
    assert [batch.kept.to_pylist() for batch in batches] == [
        [{"note": "x", "id": "1"}, {"note": "y", "id": "2"}], [{"note": "z", "id": "3"}],
    ]  # fmt: skip
    assert told == []
    batches, told = table(path, keep=("all",))
    assert batches[0].kept.schema.names == ["id", "amount", "country", "note"]
    with pytest.raises(UsageError, match="there is no column to keep 'notes': did you mean 'note'"):
        table(path, keep=("notes",))


def test_a_used_column_that_is_missing_is_an_error_unless_it_is_allowed(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", "id,amuont,country\n1,2.5,DE\n")
    with pytest.raises(
        UsageError, match=r"no column amount \(is it 'amuont'\?\), which the model uses.*--allow-missing"
    ):
        table(path)
    (batch,), told = table(path, allow_missing=True)
    assert str(batch.inputs["amount"]) == "[nan]"
    assert told[0] == "columns absent, taken as missing: amount"
    with pytest.raises(UsageError, match="no column amount, country, which the model uses: give one like the training"):
        table(put(tmp_path / "b.csv", "id\n1\n"), allow_missing=True)


def test_a_first_line_that_is_a_row_is_told(tmp_path: Path) -> None:
    specs = [TensorSpec(f"column {n}", "float32", (), f"c{n}", "numeric") for n in (1, 2)]
    path = put(tmp_path / "a.csv", "1,2\n3,4\n")
    (batch,) = stream.table(str(path), specs, [], 9, RowOptions(Reading(no_header=True)))
    assert batch.inputs["column 1"].tolist() == [1, 3]


def test_rows_come_from_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    thread = threading.Thread(target=lambda: pipe.write_bytes(b"amount,country\n1,DE\n"))
    thread.start()
    (batch,), _ = table(pipe)
    thread.join()
    assert batch.inputs["amount"].tolist() == [1]
    # Training reads its data twice.
    with pytest.raises(UsageError, match="is a pipe, which can be read only once: save it to a file first"):
        check_source(pipe)


@pytest.mark.parametrize("name", ["a.txt", "a.TXT", "a.txt.gz"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_a_text_file_packed_or_not(tmp_path: Path, name: str, end: str) -> None:
    content = end.join(["one, two", "", "three", ""]).encode()
    path = put(tmp_path / name, gzip.compress(content) if name.endswith("gz") else content)
    assert texts(path) == (["one, two", "", "three"], [])


def test_a_text_file_in_another_encoding(tmp_path: Path) -> None:
    path = put(tmp_path / "a.txt", "schön\nübel\n".encode("cp1252"))
    with pytest.raises(SuiteError, match=r"a\.txt is not UTF-8 .*'schön', say --encoding cp1252"):
        texts(path)
    assert texts(path, reading=Reading("cp1252"))[0] == ["schön", "übel"]
    put(path, "schön\nübel\n".encode("utf-16"))
    assert texts(path) == (["schön", "übel"], ["encoding: utf-16, as its first bytes say"])


def test_a_text_file_is_one_text_for_a_model_of_files(tmp_path: Path) -> None:
    path = put(tmp_path / "a.txt", "one\ntwo\n")
    found, told = texts(path, whole_files=True)
    assert found == ["one\ntwo\n"]
    assert "is taken as one text" in told[0]
    assert texts(put(tmp_path / "a.csv", "text\none\ntwo\n"), whole_files=True)[0] == ["one", "two"]


def test_a_folder_of_text_files(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name, content in (("b.txt", b"two"), ("sub/a.TXT", b"three"), ("a.txt", b"one"), ("._a.txt", b"\0"),
                          ("c.txt", b"\xff\xff\xff")):  # fmt: skip
        put(tmp_path / name, content)
    batches = list(stream.texts(str(tmp_path), None, 9))
    assert batches[0].inputs["text"].tolist() == ["one", "two", "three"]
    assert [Path(path).name for path in batches[0].paths] == ["a.txt", "b.txt", "c.txt", "a.TXT"]
    assert list(batches[0].errors) == [str(tmp_path / "c.txt")]
    with pytest.raises(UsageError, match="no columns to keep"):
        list(stream.texts(str(tmp_path), None, 9, RowOptions(keep=("id",))))


def test_pictures_of_a_folder_and_of_a_table_of_any_name(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    for name in ("a.PNG", "more/b.png", ".hidden.png"):
        Image.new("L", (4, 4), 9).save(tmp_path / name, "png")
    put(tmp_path / "._a.png", b"left by macOS")
    form = image.Form(4, 4, 1)
    (batch,) = stream.images(str(tmp_path), form, 9)
    assert [Path(path).name for path in batch.paths] == ["a.PNG", "b.png"]
    put(tmp_path / "LIST.CSV", "path;id\nmore/b.png;7\ngone.png;8\n")
    (batch,) = stream.images(str(tmp_path / "LIST.CSV"), form, 9, RowOptions(keep=("id",)))
    assert batch.kept.to_pylist() == [{"id": "7"}, {"id": "8"}]
    assert [Path(path).name for path in batch.errors] == ["gone.png"]


@pytest.mark.parametrize(
    "content", ["at\n1772668800\n", '{"at": 1772668800}\n', '[{"at": 1772668800000}]', '{"at": "1772668800"}\n']
)
@pytest.mark.parametrize("form", ["", "%d.%m.%Y"])
def test_seconds_since_1970_are_dates_in_rows_to_predict(tmp_path: Path, content: str, form: str) -> None:
    path = put(tmp_path / "a", content)
    [batch] = stream.table(str(path), [TensorSpec("at", "float64", (), "at", "date", form)], [], 9)
    assert batch.inputs["at"].tolist() == [1_772_668_800]
