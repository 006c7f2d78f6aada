"""Cells are read in the same way from CSV over HTTP, batch files, JSON and text tensors: as the mirror reads them."""

import csv
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from hostile_bodies import COLUMN_KINDS, Ask, codec_of
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.codecs.base import Limits
from serving.codecs.payload import Payload
from serving.deadline import NO_DEADLINE
from serving.errors import ServiceError
from suite.artifact import TensorSpec
from suite.data import stream
from suite.errors import SuiteError
from suite.preprocessing.mirror import values

REFUSED = "refused"
FORMATS = {"time": "%d.%m.%Y"}
WORDS = [*values.MISSING, *values.TRUE, *values.FALSE, "inf", "-inf", "Infinity", "1e400", "1e39", "1_000", "١٢", "３",
         "2020-01-01", "1.2.2020", "31.02.2020", "٠١.٠١.٢٠٢٠", "+1", "-.5", "1.", "--1", "0x1", "1,5"]  # fmt: skip
SPACES = st.text(" \t\u00a0\u2003", max_size=2)
numbers = st.from_regex(r"[+-]?[0-9]{0,3}\.?[0-9]{0,3}([eE][+-]?[0-9]{1,3})?", fullmatch=True)
words = st.sampled_from(WORDS).flatmap(lambda word: st.sampled_from([word, word.upper(), word.title()]))
printable = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=6)
cells = st.tuples(SPACES, words | numbers | printable, SPACES).map("".join)


def by_mirror(text: str, column: str) -> Any:
    try:
        return values.cell(text, COLUMN_KINDS[column], FORMATS.get(column, ""))
    except (ValueError, OverflowError):
        return REFUSED


def by_csv(text: str, column: str) -> Any:
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows([[column], [text]])
    found = Ask()("table", "text/csv", file.getvalue().encode())
    return REFUSED if found is None else found[column][0]


def by_tensor(text: str, column: str) -> Any:
    given_as = np.array([text.encode()], object)
    try:
        return codec_of("table", Limits()).decode_named({column: given_as}, NO_DEADLINE)[column][0]
    except ServiceError:
        return REFUSED


def by_json(text: str, column: str) -> Any:
    try:
        payload = Payload(instances=[{column: text}])
        return codec_of("table", Limits()).decode(payload, NO_DEADLINE)[column][0]
    except ServiceError:
        return REFUSED


def same(one: Any, other: Any, column: str) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return bool(one == other)
    dtype = np.float64 if column == "time" else np.float32
    return bool(np.array_equal(dtype(one), dtype(other), equal_nan=True))


@given(cells, st.sampled_from(list(COLUMN_KINDS)))
@settings(max_examples=500)
def test_csv_over_http_and_the_mirror_agree(text: str, column: str) -> None:
    assert same(by_csv(text, column), by_mirror(text, column), column)


@given(cells)
@settings(max_examples=300)
def test_text_in_json_and_in_tensors_is_read_so_too(text: str) -> None:
    # JSON has null for missing values, and types for numbers and booleans.
    for read in (by_json, by_tensor):
        assert read(text, "country") == by_mirror(text, "country")
        if not values.is_missing(text):
            assert same(read(text, "time"), by_mirror(text, "time"), "time")
        assert read(text, "amount") == read(text, "weekend") == REFUSED


@given(st.lists(cells, min_size=1, max_size=20), st.sampled_from(list(COLUMN_KINDS)))
@settings(max_examples=200, deadline=None)
def test_batch_files_and_the_mirror_agree(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], column: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "cells.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(
            [[column, "weekend" if column != "weekend" else "x"], *([text, ""] for text in texts)]
        )
    dtype = {"time": "float64", "country": "string"}.get(column, "float32")
    spec = TensorSpec(column, dtype, (), column, COLUMN_KINDS[column], FORMATS.get(column, ""))
    expected = [by_mirror(text, column) for text in texts]
    try:
        (batch,) = stream.table(str(path), [spec], ["weekend", "x"], 100)
    except SuiteError:
        assert REFUSED in expected
    else:
        assert REFUSED not in expected
        assert all(map(same, batch.inputs[column].tolist(), expected, [column] * len(texts)))


@pytest.mark.parametrize("value", ["inf", "-inf", "1e400", "1_000", "\u0661\u0662", "３"])
def test_what_json_refuses_csv_refuses(client: FlaskClient, value: str) -> None:
    body = f"amount,country\n{value},de\n".encode()
    response = client.post("/predict?model=payments", data=body, content_type="text/csv")
    words = f"row 0, column 'amount': expected a number, found '{value}'"
    assert (response.status_code, response.get_json()["error"]) == (400, words)


def test_spaces_do_not_count(client: FlaskClient) -> None:
    def ask(text: str) -> Any:
        response = client.post("/predict?model=payments", data=text.encode(), content_type="text/csv")
        assert response.status_code == 200, response.text
        return response.get_json()["predictions"]

    plain = ask("amount,weekend,time,country\n1,yes,2020-01-01,de\n")
    assert ask(" amount, weekend,time ,country\n 1, yes , 2020-01-01,\tde\n") == plain
    as_json = {"amount": 1, "weekend": True, "time": " 2020-01-01", "country": " de "}
    assert (
        client.post("/predict", json={"model": "payments", "instances": [as_json]}).get_json()["predictions"] == plain
    )


def test_a_missing_word_is_no_category(client: FlaskClient) -> None:
    found = [
        client.post("/predict", json={"model": "payments", "instances": [{"country": word}]}).get_json()["predictions"]
        for word in (None, "", "NA", " n/a ")
    ]
    assert all(one == found[0] for one in found)


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_infinite_numbers_of_tensors_are_refused(value: float) -> None:
    for column in ("amount", "time", "weekend"):
        with pytest.raises(ServiceError, match=f"instance 1, column '{column}': expected .* found -?inf"):
            codec_of("table", Limits()).decode_named({column: np.array([0.0, value])}, NO_DEADLINE)


def test_batch_files_name_the_row(tmp_path: Path) -> None:
    from pyarrow import parquet, table

    spec = TensorSpec("amount", "float32", (), "amount", "numeric")
    path = tmp_path / "a.parquet"
    for value in (math.inf, 1e39):
        parquet.write_table(table({"amount": [1.0, None, value]}), path)
        with pytest.raises(SuiteError, match=r"row 3, column 'amount': '(inf|1e\+39)' is not a number"):
            list(stream.table(str(path), [spec], [], 100))


@pytest.mark.parametrize(("body", "rows"), [(b"text\ngood\n\nbad\n", 3), (b"text,id\ngood,1\n\nbad,2\n", 2)])
def test_an_empty_line_is_a_row_where_there_is_one_column(client: FlaskClient, body: bytes, rows: int) -> None:
    answer = client.post("/predict?model=reviews", data=body, content_type="text/csv")
    assert len(answer.get_json()["predictions"]) == rows
