"""All readers agree on a column: those of files to learn from, of files to answer, and of requests."""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from serving import codecs, signature
from serving.codecs import csv as csv_body
from serving.codecs.base import Limits
from serving.codecs.payload import Payload
from serving.deadline import NO_DEADLINE
from serving.errors import ServiceError
from suite.artifact import Card, TensorSpec
from suite.data import stream, tables
from suite.data.options import DataOptions

ROWS = 63
LABEL = [i % 2 for i in range(ROWS)]
COMMA, APOSTROPHE, SPACE = (str.maketrans(",.", marks) for marks in (".,", "'.", "\u202f,"))


@dataclass
class Cells:
    """A column: as text, as a typed Arrow array, as JSON values, and the values that every reader has to find."""

    kind: str
    text: list[str]
    typed: Any
    values: list[Any]
    expected: np.ndarray


def written(value: float, style: str) -> str:
    grouped = f"{value:,.2f}"
    return {
        "plain": f"{value:.2f}", "english": grouped, "german": grouped.translate(COMMA),
        "swiss": grouped.translate(APOSTROPHE), "french": grouped.translate(SPACE), "dollars": f"${grouped}",
        "percent": f"{value:.2f} %", "euros": f"{grouped.translate(COMMA)}€",
    }[style]  # fmt: skip


MISSING = st.sampled_from(["", " ", "NA", "n/a", "-nan", "NULL", "None", "-", "\\N", "#N/A", "?"])
SPACES = st.text(" \u00a0", max_size=1)
STYLES = ["plain", "english", "german", "swiss", "french", "dollars", "percent", "euros"]


def texts_of(draw: Any, values: list[Any], write: Any) -> list[str]:
    return [
        draw(MISSING) if value is None else f"{draw(SPACES)}{write(value)}{draw(SPACES)}" for value in values
    ]  # fmt: skip


def column_of(draw: Any, cells: Any, first: Any) -> list[Any]:
    """Cells of which some are missing; the first ones show how the column is written."""
    return [*first, *draw(st.lists(st.none() | cells, min_size=ROWS - len(first), max_size=ROWS - len(first)))]


@st.composite
def numeric(draw: Any) -> Cells:
    hundredths = st.integers(-(10**9), 10**9).map(lambda number: number / 100)
    values = column_of(draw, hundredths, [1234567.89, 0.25, -1.5])
    style = draw(st.sampled_from(STYLES))
    expected = np.float32([np.nan if value is None else value for value in values])
    return Cells("numeric", texts_of(draw, values, lambda x: written(x, style)), pa.array(values), values, expected)


@st.composite
def offsets(draw: Any) -> Cells:
    """Numbers that float32 cannot tell apart."""
    quarters = st.integers(0, 40).map(lambda number: 1_772_668_800 + number / 4)
    values = column_of(draw, quarters, [1_772_668_800.25, 1_772_668_805.0, 1_772_668_802.5])
    style = draw(st.sampled_from(STYLES))
    expected = np.float64([np.nan if value is None else value for value in values])
    return Cells("numeric", texts_of(draw, values, lambda x: written(x, style)), pa.array(values), values, expected)


@st.composite
def dates(draw: Any) -> Cells:
    # Smaller numbers of seconds could be days of eight digits.
    moments = st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31))
    values = column_of(draw, moments, [datetime(2026, 1, 31), datetime(1999, 12, 25)])
    form = draw(st.sampled_from(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%SZ", "%d.%m.%Y", "%m/%d/%Y",
                                 "%d/%m/%Y %H:%M", "%d-%m-%Y %H:%M:%S", "%Y/%m/%d", "%d.%m.%y", "%d/%m/%y",
                                 "%m/%d/%y %I:%M %p", "%d %b %Y", "%B %d, %Y %I:%M:%S %p", "%d-%b-%y"]))  # fmt: skip
    parsed = form.replace("Z", "")
    values = [None if value is None else datetime.strptime(value.strftime(parsed), parsed) for value in values]
    seconds = [None if value is None else value.replace(tzinfo=UTC).timestamp() for value in values]
    typed = pa.array(values, pa.timestamp(draw(st.sampled_from(["us", "ns"]))))
    expected = np.float64([np.nan if value is None else value for value in seconds])
    return Cells("date", texts_of(draw, values, lambda x: x.strftime(form)), typed, seconds, expected)


@st.composite
def booleans(draw: Any) -> Cells:
    values = column_of(draw, st.booleans(), [True, False])
    words = draw(st.sampled_from([("true", "false"), ("Yes", "no"), ("1", "0"), ("1.0", "0.0"), ("T", "F")]))
    expected = np.float32([np.nan if value is None else value for value in values])
    return Cells("boolean", texts_of(draw, values, lambda x: words[not x]), pa.array(values), values, expected)


@st.composite
def categories(draw: Any) -> Cells:
    letters = st.characters(exclude_categories=["C", "Z"], exclude_characters="'\"")
    words = st.text(letters, min_size=1, max_size=3).map(lambda word: f"x{word}")
    values = column_of(draw, st.sampled_from(draw(st.lists(words, min_size=2, max_size=4))), ["a b", "c"])
    expected = np.array(["" if value is None else value for value in values], object)
    typed = pa.array(values).dictionary_encode()
    return Cells("categorical", texts_of(draw, values, str), typed, values, expected)


@st.composite
def sentences(draw: Any) -> Cells:
    letters = st.characters(exclude_categories=["C", "Z"], exclude_characters="'\"")
    words = st.text(letters, min_size=1, max_size=3).map(lambda word: f"x{word}")
    endings = draw(st.lists(words, min_size=1, max_size=4))
    values = column_of(draw, st.none(), [f"the note {row}, {endings[row % len(endings)]}" for row in range(ROWS - 3)])
    expected = np.array(["" if value is None else value for value in values], object)
    return Cells("text", texts_of(draw, values, str), pa.array(values), values, expected)


def write_csv(path: Path, columns: dict[str, list[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([columns, *zip(*columns.values(), strict=True)])


def write_lines(path: Path, columns: dict[str, list[Any]]) -> None:
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


def files(folder: Path, cells: Cells) -> Iterator[Path]:
    """The column beside a label: in CSV, in JSON Lines as text and as values, and in Parquet."""
    paths = [folder / name for name in ("a.csv", "text.jsonl", "values.jsonl", "a.parquet")]
    write_csv(paths[0], {"x": cells.text, "label": LABEL})
    write_lines(paths[1], {"x": cells.text, "label": LABEL})
    write_lines(paths[2], {"x": cells.values, "label": LABEL})
    parquet.write_table(pa.table({"x": cells.typed, "label": LABEL}), paths[3])
    yield from paths


def requests(spec: TensorSpec, cells: Cells) -> Iterator[tuple[str, Any]]:
    """The column as a service decodes it: from CSV, and from JSON."""
    card = Card("a", 1, "fraud", "", [spec], [], ["0", "1"], {"kind": "table"})
    codec = codecs.for_model(card, signature.of_card(card), Limits())
    body = io.StringIO(newline="")
    csv.writer(body, quoting=csv.QUOTE_ALL).writerows([["x"], *([text] for text in cells.text)])
    table = csv_body.read(body.getvalue(), Limits(), NO_DEADLINE)
    yield "text/csv", codec.decode(Payload(table=table), NO_DEADLINE)["x"]
    yield "JSON values", codec.decode(Payload(instances=[{"x": value} for value in cells.values]), NO_DEADLINE)["x"]
    if spec.format or spec.kind in ("date", "categorical", "text"):
        present = [None if value is None else text for text, value in zip(cells.text, cells.values, strict=True)]
        yield "JSON text", codec.decode(Payload(instances=[{"x": text} for text in present]), NO_DEADLINE)["x"]


@pytest.mark.parametrize("strategy", [numeric(), offsets(), dates(), booleans(), categories(), sentences()])
def test_all_readers_agree(tmp_path: Path, strategy: Any) -> None:
    @given(strategy)
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    def agree(cells: Cells) -> None:
        paths = list(files(tmp_path, cells))
        learned = tables.read(paths[0], DataOptions(label_column="label", time_column="none"))
        (spec,) = learned.specs
        assert (spec.kind, spec.dtype) == (cells.kind, cells.expected.dtype.name.replace("object", "string")), spec
        np.testing.assert_array_equal(learned.inputs["x"], cells.expected)
        for path in paths:
            measured = tables.read(path, DataOptions(label_column="label", inputs=(spec,), undivided=True))
            np.testing.assert_array_equal(measured.inputs["x"], cells.expected, path.name)
            (batch,) = stream.table(str(path), [spec], ["label"], 100)
            np.testing.assert_array_equal(batch.inputs["x"], cells.expected, path.name)
        for name, found in requests(spec, cells):
            np.testing.assert_array_equal(found, cells.expected, name)

    agree()


@pytest.mark.parametrize(
    ("kind", "form", "cell", "wanted"),
    [
        ("numeric", "1.234,5", "104.13", "a number, or text as in 1.234,5"),
        ("numeric", "", "104,13", "a number"),
        ("date", "%d.%m.%Y", "03/05/2026", "an ISO 8601 date or seconds since 1970, or text as in %d.%m.%Y"),
        ("date", "", "1e400", "an ISO 8601 date or seconds since 1970"),
    ],
)
def test_a_refused_cell_says_how_the_column_is_written(kind: str, form: str, cell: Any, wanted: str) -> None:
    spec = TensorSpec("x", "float64" if kind == "date" else "float32", (), "x", kind, form)
    card = Card("a", 1, "fraud", "", [spec], [], ["0", "1"], {"kind": "table"})
    codec = codecs.for_model(card, signature.of_card(card), Limits())
    shown = f"'{cell}'" if isinstance(cell, str) else str(cell)
    with pytest.raises(ServiceError, match=re.escape(f"column 'x': expected {wanted}, found {shown}")):
        codec.decode(Payload(instances=[{"x": cell}]), NO_DEADLINE)
    with pytest.raises(ServiceError, match=re.escape(f"row 0, column 'x': expected {wanted}, found '{cell}'")):
        codec.decode(Payload(table={"x": [str(cell)]}), NO_DEADLINE)
