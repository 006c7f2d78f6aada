"""The grammar of a table's cells."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.preprocessing.mirror import values


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1), (" -2.5 ", -2.5), ("+3", 3), ("1.", 1), (".5", 0.5), ("1e3", 1000), ("1E-400", 0), ("007", 7),
     (str(values.LARGEST), values.LARGEST)],
)  # fmt: skip
def test_numbers(text: str, number: float) -> None:
    assert values.number(text) == number


@pytest.mark.parametrize("text", ["", " ", "NA", "n/a", "NaN", " null", "None", "?"])
def test_missing_words(text: str) -> None:
    assert np.isnan([values.number(text), values.boolean(text), values.seconds(text)]).all()
    assert values.category(text) == ""


@pytest.mark.parametrize(
    "text",
    ["inf", "-inf", "+Infinity", "-nan", "1e400", "-1e39", "1_000", "1,5", "0x1", "1 000", "--1", "1e", "١٢", "３",
     "1\u0660", "²", "oops", "1" * 50],
)  # fmt: skip
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        values.number(text)


@pytest.mark.parametrize("text", ["2", "maybe", "１", "tru"])
def test_what_is_neither_true_nor_false(text: str) -> None:
    with pytest.raises(ValueError, match="neither true nor false"):
        values.boolean(text)


@pytest.mark.parametrize(
    ("text", "form"),
    [("yesterday", ""), ("1" * 100_000, ""), ("٠١.٠١.٢٠٢٠", "%d.%m.%Y"), ("1٠.01.2020", "%d.%m.%Y"),
     ("2020-01-01١10:00", ""), ("31.02.2020", "%d.%m.%Y")],
)  # fmt: skip
def test_what_is_no_date(text: str, form: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        values.seconds(text, form)


@given(
    st.sampled_from([form for form in values.DATE_FORMATS if form]),
    st.lists(st.integers(0, 9999).map(str) | st.integers(0, 61).map("{:02}".format), min_size=6, max_size=6),
)
def test_dates_are_read_as_strptime_does(form: str, numbers: list[str]) -> None:
    text = form
    for field, number in zip(values.FIELDS, numbers, strict=True):
        text = text.replace(field, number)
    try:
        expected = datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()
    except ValueError:
        with pytest.raises(ValueError, match=r".+"):
            values.seconds(text, form)
    else:
        assert values.seconds(text, form) == expected


def test_other_formats_are_left_to_strptime() -> None:
    assert values.seconds("2 Jan 1970", "%d %b %Y") == 86_400
    assert values.seconds("1970-01-01 00:00:00+0100", "%Y-%m-%d %H:%M:%S%z") == -3600


def test_a_cell_is_read_as_its_column_says() -> None:
    assert values.cell(" 1.5", "numeric") == 1.5
    assert values.cell("Yes ", "boolean") == 1
    assert values.cell("02.01.1970", "date", "%d.%m.%Y") == 86_400
    assert values.cell(" de ", "categorical") == "de"


def test_what_is_refused_is_not_repeated_at_length() -> None:
    for kind in ("numeric", "boolean", "date"):
        with pytest.raises(ValueError, match=r".+") as raised:
            values.cell("x" * 10_000, kind)
        assert len(str(raised.value)) < 100
