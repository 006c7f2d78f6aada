"""What readers of tables take values for, by the evidence of a whole column, and that they say so."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from suite.artifact import TensorSpec
from suite.data import stream, tables, texts
from suite.data.dataset import Dataset
from suite.data.options import DataOptions
from suite.data.picture_files import read_listing
from suite.errors import SuiteError, UsageError

ROWS = 60
LABEL = [int(i % 5 == 0) for i in range(ROWS)]
NOISE = [random.Random(i).random() for i in range(ROWS)]


def of_csv(folder: Path, delimiter: str = ";", **columns: Sequence[Any]) -> Path:
    """A file of these columns beside noise and a label of two values."""
    columns = {"noise": NOISE, **columns, "is_fraud": columns.get("is_fraud", LABEL)}
    path = folder / "a.csv"
    lines = [delimiter.join(columns), *(delimiter.join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def of_parquet(folder: Path, **columns: Any) -> Path:
    path = folder / "a.parquet"
    parquet.write_table(pa.table({"noise": NOISE, **columns, "is_fraud": LABEL}), path)
    return path


def read(path: Path, **options: Any) -> tuple[Dataset, dict[str, TensorSpec], str]:
    dataset = tables.read(path, DataOptions(**options))
    return dataset, {spec.name: spec for spec in dataset.specs}, "\n".join(dataset.detected)


def german(value: float) -> str:
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


@pytest.mark.parametrize(
    ("write", "form"),
    [
        (german, "1.234,5"),
        (lambda x: f"{x:.2f}".replace(".", ","), "1.234,5"),
        ("{:,.2f}".format, "1,234.5"),
        ("${:,.2f}".format, "1,234.5$"),
        (lambda x: f"{german(x)} €", "1.234,5€"),
        ("{:.2f}%".format, "1234.5%"),
        (lambda x: f"{x:,.2f}".replace(",", "'"), "1'234.5"),
        (lambda x: f"{x:,.2f}".translate(str.maketrans(",.", "\u00a0,")), "1 234,5"),
    ],
)
def test_numbers_are_read_as_a_whole_column_is_written(
    tmp_path: Path, write: Callable[[float], str], form: str
) -> None:
    amounts = [round(random.Random(i).lognormvariate(6, 2), 2) for i in range(ROWS)]
    dataset, specs, found = read(of_csv(tmp_path, amount=[*map(write, amounts[:-1]), "-"]))
    assert specs["amount"].kind == "numeric"
    assert specs["amount"].format == form
    assert f"numbers as in {form}: amount" in found
    np.testing.assert_array_equal(dataset.inputs["amount"], np.float32([*amounts[:-1], np.nan]))


def test_what_one_column_says_settles_another(tmp_path: Path) -> None:
    weights = [f"{1 + i}.{i:03}" for i in range(ROWS)]
    alone, specs, _ = read(of_csv(tmp_path, weight=weights))
    assert specs["weight"].format == ""
    assert alone.inputs["weight"][5] == np.float32(6.005)
    beside, specs, _ = read(of_csv(tmp_path, weight=weights, noise=[german(i / 7) for i in range(ROWS)]))
    assert specs["weight"].format == "1.234,5"
    assert beside.inputs["weight"][5] == 6005


def test_a_column_that_mixes_forms_is_dropped_with_the_reason(tmp_path: Path) -> None:
    mixed = [f"{i},5" if i % 3 else f"{i}.25" for i in range(ROWS)]
    _, specs, found = read(of_csv(tmp_path, amount=mixed))
    assert "amount" not in specs
    assert "dropped: amount (20 of 60 values are no numbers, such as '0.25')" in found


def test_percent_signs_on_a_few_numbers_are_not_passed_over(tmp_path: Path) -> None:
    shares = [f"{i}%" if i % 10 == 0 else str(i / 100) for i in range(ROWS)]
    assert "share" not in read(of_csv(tmp_path, share=shares))[1]


def test_numbers_beyond_float32_and_infinite_ones_are_missing_and_told(tmp_path: Path) -> None:
    amounts = ["1.7976931348623157e308", "-1e39", "INF", "inf", "-nan", *range(ROWS - 5)]
    dataset, _, found = read(of_csv(tmp_path, amount=amounts))
    assert np.isnan(dataset.inputs["amount"][:5]).all()
    assert "numbers beyond float32 (3.4e38) taken as missing: amount (2)" in found
    assert "infinite numbers taken as missing: amount (2)" in found


def test_infinite_numbers_among_numbers_in_a_form_are_told_once(tmp_path: Path) -> None:
    path = of_csv(tmp_path, amount=[*(german(i / 7) for i in range(ROWS - 1)), "-inf"])
    dataset, _, found = read(path)
    assert "infinite numbers taken as missing: amount (1)" in found
    assert "no numbers" not in found
    again, _, _ = read(path, inputs=tuple(dataset.specs), undivided=True)
    np.testing.assert_array_equal(again.inputs["amount"], dataset.inputs["amount"])
    with pytest.raises(SuiteError, match=r"row 60, column 'amount': '-inf' is not a number as in 1\.234,5"):
        list(stream.table(str(path), dataset.specs, ["is_fraud"], 100))


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("1e39", "is not a number"),
        ("INF", "is not a number"),
        ("1_000", "is not a number"),
        ("１２", "is not a number"),
    ],
)
def test_batch_prediction_refuses_them_and_names_the_row(tmp_path: Path, cell: str, message: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f"amount,noise\n1.5,1\n{cell},2\n", encoding="utf-8")
    with pytest.raises(SuiteError, match=f"row 2, column 'amount': '{cell}' {message}"):
        list(stream.table(str(path), [TensorSpec("amount", "float32", (), "amount", "numeric")], ["noise"], 100))


def test_evaluation_refuses_a_column_that_is_written_otherwise(tmp_path: Path) -> None:
    learned, _, _ = read(of_csv(tmp_path, amount=[german(i / 7) for i in range(ROWS)]))
    options = {"inputs": tuple(learned.specs), "undivided": True}
    again, _, _ = read(of_csv(tmp_path, amount=[german(i / 7) for i in range(ROWS)]), **options)
    np.testing.assert_array_equal(again.inputs["amount"], learned.inputs["amount"])
    with pytest.raises(SuiteError, match=r"values are no numbers as in 1\.234,5: write them as the model learned them"):
        read(of_csv(tmp_path, amount=[f"{i / 7:.2f}" for i in range(ROWS)]), **options)


@pytest.mark.parametrize("name", ["Unnamed: 0", "", "index"])
def test_numbers_of_rows_are_dropped_in_any_order(tmp_path: Path, name: str) -> None:
    for shuffled in (True, False):
        numbers = random.Random(0).sample(range(ROWS), ROWS) if shuffled else list(range(1, ROWS + 1))
        _, specs, found = read(of_csv(tmp_path, **{name: numbers}))
        assert list(specs) == ["noise"]
        assert f"dropped: {name or 'column 2'}" in found
        assert "row indices dropped" in found


def test_the_index_that_pandas_writes_is_dropped_from_parquet_and_other_numbers_are_kept(tmp_path: Path) -> None:
    some_rows = random.Random(0).sample(range(10 * ROWS), ROWS)
    _, specs, _ = read(of_parquet(tmp_path, __index_level_0__=some_rows, rank=random.Random(1).sample(range(60), 60)))
    assert list(specs) == ["noise", "rank"]


def test_types_that_cannot_be_learned_from_are_named(tmp_path: Path) -> None:
    columns = {
        "half": (np.arange(ROWS) % 7).astype(np.float16),
        "decimal": [Decimal(i) / 4 for i in range(ROWS)],
        "code": pa.array(["a", " b", "na"] * 20).dictionary_encode(),
        "large": pa.array([2**60 + 3 * (i % 7) for i in range(ROWS)]),
        "list": [[1.0]] * ROWS,
        "struct": [{"a": 1}] * ROWS,
        "clock": [time(1, 2, 3)] * ROWS,
        "duration": [timedelta(seconds=i) for i in range(ROWS)],
        "bytes": [b"x\xff"] * ROWS,
    }
    dataset, specs, found = read(of_parquet(tmp_path, **columns))
    assert {spec.name: spec.kind for spec in specs.values()} == {
        "noise": "numeric", "half": "numeric", "decimal": "numeric", "code": "categorical", "large": "numeric",
    }  # fmt: skip
    assert dataset.inputs["code"][:3].tolist() == ["a", "b", ""]
    assert "digits lost, since float64 holds about sixteen: large; subtract a constant" in found
    assert (
        "columns of types that cannot be learned from dropped: list (list<element: double>), "
        "struct (struct<a: int64>), clock (time64[us]), duration (duration[us]), bytes (binary)" in found
    )


@pytest.mark.parametrize("write", [repr, "{:,.3f}".format, german])
def test_numbers_that_differ_in_digits_beyond_float32_keep_them(tmp_path: Path, write: Callable[[float], str]) -> None:
    offsets = [1_772_668_800 + i * 7 % ROWS / 4 for i in range(ROWS)]
    dataset, specs, found = read(of_csv(tmp_path, offset=list(map(write, offsets))))
    assert (specs["offset"].dtype, specs["noise"].dtype) == ("float64", "float32")
    assert dataset.inputs["offset"].dtype == np.float64
    np.testing.assert_allclose(dataset.inputs["offset"], offsets, rtol=0, atol=0.01)
    assert "numbers kept as float64, since float32 holds only about seven digits: offset" in found
    assert "digits lost" not in found
    again, _, _ = read(of_csv(tmp_path, offset=list(map(write, offsets))), inputs=tuple(dataset.specs), undivided=True)
    np.testing.assert_array_equal(again.inputs["offset"], dataset.inputs["offset"])


def test_numbers_in_a_form_are_float32_where_that_is_enough(tmp_path: Path) -> None:
    dataset, specs, found = read(of_csv(tmp_path, amount=[german(i / 7) for i in range(ROWS)]))
    assert (specs["amount"].dtype, dataset.inputs["amount"].dtype) == ("float32", np.float32)
    assert "float64" not in found


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    arrays = [pa.array(NOISE), pa.array(NOISE), pa.array(LABEL)]
    parquet.write_table(pa.Table.from_arrays(arrays, ["x", "x", "is_fraud"]), path)
    with pytest.raises(SuiteError, match="two columns named 'x': rename one"):
        tables.read(path, DataOptions())


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_timestamps_of_any_unit_and_zone(tmp_path: Path, unit: str, zone: str | None) -> None:
    seconds = [1_772_668_800 + 3600 * i for i in range(ROWS)]
    moments = pa.array([datetime.fromtimestamp(s, UTC) for s in seconds]).cast(pa.timestamp(unit, zone))
    dataset, specs, _ = read(of_parquet(tmp_path, at=moments))
    assert specs["at"].kind == "date"
    np.testing.assert_array_equal(dataset.inputs["at"], seconds)


@pytest.mark.parametrize("factor", [1, 1000])
def test_numbers_that_are_dates_by_their_name_and_size(tmp_path: Path, factor: int) -> None:
    seconds = [1_772_668_800 + 3600 * (i * 7 % ROWS) for i in range(ROWS)]
    dataset, specs, _ = read(of_csv(tmp_path, created_at=[s * factor for s in seconds], size=seconds))
    assert (specs["created_at"].kind, specs["size"].kind) == ("date", "numeric")
    np.testing.assert_array_equal(dataset.inputs["created_at"], seconds)


def days(form: str, step: int = 7) -> list[str]:
    return [(date(2024, 1, 1) + timedelta(i * step % 700)).strftime(form) for i in range(ROWS)]


def test_day_and_month_are_taken_by_evidence_or_as_asked(tmp_path: Path) -> None:
    clear = of_csv(tmp_path, datum=days("%d/%m/%Y"))
    _, specs, found = read(clear)
    assert specs["datum"].format == "%d/%m/%Y"
    assert "dates as in %d/%m/%Y: datum" in found
    assert "cannot be told apart" not in found
    with pytest.raises(UsageError, match="'datum' are as in %d/%m/%Y: leave --date-order mdy out"):
        read(clear, date_order="mdy")
    unclear = [f"{1 + i % 12:02}/{1 + i * 5 % 12:02}/2024" for i in range(ROWS)]
    path = of_csv(tmp_path, datum=unclear)
    _, specs, found = read(path)
    assert specs["datum"].format == "%m/%d/%Y"
    told = "day and month cannot be told apart, the month is taken first (else: --date-order dmy): datum"
    assert told in found
    dataset, specs, _ = read(path, date_order="dmy")
    assert specs["datum"].format == "%d/%m/%Y"
    assert dataset.inputs["datum"][1] == datetime(2024, 6, 2, tzinfo=UTC).timestamp()
    # The other column has days beyond the twelfth.
    assert read(of_csv(tmp_path, datum=unclear, other=days("%d.%m.%Y")))[1]["datum"].format == "%d/%m/%Y"


@pytest.mark.parametrize(
    ("written", "form"),
    [("%d.%m.%y", "%d.%m.%y"), ("%m/%d/%y", "%m/%d/%y"), ("%y-%m-%d", "%y-%m-%d"), ("%m/%d/%Y %I:%M %p", "%m/%d/%Y"),
     ("%d %b %Y", ""), ("%b %d, %Y", ""), ("%d-%b-%y", ""), ("%A, %B %d, %Y %H:%M", "")],
)  # fmt: skip
def test_dates_with_short_years_names_of_months_and_halves_of_days(tmp_path: Path, written: str, form: str) -> None:
    first = datetime(1995, 12, 25, tzinfo=UTC)
    moments = [first, *(first + timedelta(i * 333, 60 * i * 31) for i in range(1, ROWS))]
    texts = [moment.strftime(written) for moment in moments]
    dataset, specs, found = read(of_csv(tmp_path, datum=texts))
    assert (specs["datum"].kind, specs["datum"].format) == ("date", form)
    expected = [datetime.strptime(text, written).replace(tzinfo=UTC).timestamp() for text in texts]
    np.testing.assert_array_equal(dataset.inputs["datum"], expected)
    assert "cannot be told apart" not in found


def test_short_years_that_may_be_days_are_told(tmp_path: Path) -> None:
    path = of_csv(tmp_path, datum=[f"{1 + i % 12:02}-{1 + i * 5 % 12:02}-{10 + i % 3}" for i in range(ROWS)])
    _, specs, found = read(path)
    assert specs["datum"].format == "%m-%d-%y"
    told = "day, month and year cannot be told apart, the month is taken first (else: --date-order dmy or ymd): datum"
    assert told in found
    assert read(path, date_order="ymd")[1]["datum"].format == "%y-%m-%d"


def test_versions_and_codes_are_no_dates(tmp_path: Path) -> None:
    versions = [f"{1 + i % 9}.{1 + i % 7}.{10 + i % 20}" for i in range(ROWS)]
    codes = [f"{i % 60:02}-{i * 7 % 60:02}-{i * 11 % 60:02}" for i in range(ROWS)]
    specs = read(of_csv(tmp_path, version=versions, code=codes))[1]
    assert "date" not in {spec.kind for spec in specs.values()}


def test_iso_and_german_dates_in_one_column(tmp_path: Path) -> None:
    mixed = [
        one if i % 2 else other for i, (one, other) in enumerate(zip(days("%Y-%m-%d"), days("%d.%m.%Y"), strict=True))
    ]
    dataset, specs, _ = read(of_csv(tmp_path, datum=mixed))
    assert specs["datum"].format == "%d.%m.%Y"
    assert not np.isnan(dataset.inputs["datum"]).any()


def test_a_time_needs_rows_that_come_in_its_order(tmp_path: Path) -> None:
    _, _, found = read(of_csv(tmp_path, date=days("%Y-%m-%d", 1)))
    assert "time column: date, by its name and the order of the rows (--time-column none splits at random)" in found
    assert "split: in time by date" in found
    path = of_csv(tmp_path, date=days("%Y-%m-%d", 333))
    assert "(the rows are not in the order of date; --time-column date splits by it)" in read(path)[2]
    assert "split: in time by date" in read(path, time_column="date")[2]
    assert "split: random, stratified by label (as asked)" in read(path, time_column="none")[2]
    births = of_csv(tmp_path, date_of_birth=days("%Y-%m-%d", 1))
    assert "split: random, stratified by label (no time column)" in read(births)[2]


def test_columns_that_give_the_label_away_are_named(tmp_path: Path) -> None:
    rows = 300
    label = [int(i % 7 == 0) for i in range(rows)]
    columns = {
        "noise": [NOISE[i % ROWS] for i in range(rows)],
        "status": ["closed" if value else "open" for value in label],
        "refund": [round(5 + NOISE[i % 60], 3) if value else "" for i, value in enumerate(label)],
        "hint": [value + 2 * NOISE[i * 7 % 60] for i, value in enumerate(label)],
    }
    found = read(of_csv(tmp_path, **columns, is_fraud=label))[2]
    assert "columns that alone give the label away: status (ROC AUC 1.000), refund (ROC AUC 1.000); remove" in found
    assert "hint (" not in found


@pytest.mark.parametrize("words", [("none", "severe", "mild"), ("NA", "EU", "AS")])
def test_none_and_na_are_classes_of_texts_and_pictures(tmp_path: Path, words: tuple[str, ...]) -> None:
    rows = [(f"a text of some words {i}", words[i % 3]) for i in range(30)]
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "".join(f"{text}, {label}\n" for text, label in rows))
    assert texts.read(path, DataOptions()).labels == sorted(words)
    path.write_text("path,label\n" + "".join(f"{i}.png,{label} \n" for i, (_, label) in enumerate(rows)))
    listed = read_listing(path, DataOptions())
    assert listed.labels == sorted(words)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_labels_of_pictures_are_trimmed_and_missing_ones_left_out(tmp_path: Path, suffix: str) -> None:
    labels = ["cat", " dog", None, "dog "] * 5
    path = tmp_path / f"a{suffix}"
    if suffix == ".csv":
        path.write_text("path,label\n" + "".join(f"{i}.png,{label or 'NaN'}\n" for i, label in enumerate(labels)))
    else:
        parquet.write_table(pa.table({"path": [f"{i}.png" for i in range(20)], "label": labels}), path)
    listed = read_listing(path, DataOptions())
    assert listed.labels == ["cat", "dog"]
    assert len(listed.paths) == 15
    assert "rows without a label left out: 5" in listed.detected


def test_spellings_of_one_label_meet(tmp_path: Path) -> None:
    written = [("1", "1.0", " 1")[i % 3] if value else ("0", "0.0")[i % 2] for i, value in enumerate(LABEL)]
    dataset, _, _ = read(of_csv(tmp_path, is_fraud=written))
    assert dataset.labels == ["0", "1"]
    assert dataset.y.tolist() == LABEL
    written = [str(bool(value)) if i % 2 else str(bool(value)).lower() for i, value in enumerate(LABEL)]
    assert read(of_csv(tmp_path, is_fraud=[*written[:-1], "NA"]), positive="1")[0].labels == ["false", "true"]


def test_rows_without_a_label_are_told_with_the_words_in_its_place(tmp_path: Path) -> None:
    written = ["NA" if i == 3 else "bad" if value else "good" for i, value in enumerate(LABEL)]
    dataset, _, found = read(of_csv(tmp_path, is_fraud=written))
    assert dataset.labels == ["good", "bad"]
    assert "rows without a label left out: 1 (NA)" in found
