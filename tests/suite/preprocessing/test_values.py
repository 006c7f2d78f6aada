"""The grammar of a table's cells."""

import re
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from suite.preprocessing.mirror import dates, label_names, numbers, values


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1), (" -2.5 ", -2.5), ("+3", 3), ("1.", 1), (".5", 0.5), ("1e3", 1000), ("1E-400", 0), ("007", 7),
     (str(values.LARGEST), values.LARGEST)],
)  # fmt: skip
def test_numbers(text: str, number: float) -> None:
    assert values.number(text) == number


@pytest.mark.parametrize(
    "text", ["", " ", "NA", "n/a", "NaN", " null", "None", "?", "-nan", "-", "\\N", "#N/A", "<NA>", "–", "1.#IND"]
)
def test_missing_words(text: str) -> None:
    assert np.isnan([values.number(text), values.boolean(text), values.seconds(text)]).all()
    assert values.category(text) == ""


@pytest.mark.parametrize(
    "text",
    ["inf", "-inf", "+Infinity", "INF", "1e400", "-1e39", "1_000", "1,5", "0x1", "1 000", "--1", "1e", "١٢", "３",
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


CLOCKS = ["", " %H:%M", " %H:%M:%S", " %I:%M %p", ", %I:%M:%S%p"]


@given(
    st.sampled_from([form for form in dates.FORMS if form]),
    st.sampled_from(CLOCKS),
    st.lists(st.integers(0, 9999).map(str) | st.integers(0, 61).map("{:02}".format), min_size=8, max_size=8),
    st.sampled_from(["AM", "pm"]),
)
def test_dates_are_read_as_strptime_does(form: str, clock: str, parts: list[str], half: str) -> None:
    text = form + clock
    for field, number in zip(("%Y", "%y", "%m", "%d", "%H", "%I", "%M", "%S", "%p"), [*parts, half], strict=True):
        text = text.replace(field, number)
    try:
        expected = datetime.strptime(text, form + clock).replace(tzinfo=UTC).timestamp()
    except ValueError:
        assume(not re.match(r"\d{4}-\d\d-\d\d", text))  # ISO 8601 is taken in every form
        with pytest.raises(ValueError, match=r".+"):
            values.seconds(text, form)
    else:
        assert values.seconds(text, form) == expected


@pytest.mark.parametrize("form", ["", "%d.%m.%Y", "%m/%d/%y"])
@pytest.mark.parametrize(
    "text",
    ["2024-03-12 15:05", "12 Mar 2024 15:05", "12 March 2024, 3:05 PM", "Mar 12, 2024 3:05 p.m.",
     "March 12th, 2024 15:05",
     "12-MAR-24 15:05:00", "12-Mar-2024 15:05:00.000", "2024-Mar-12 15:05", "12. Mar. 2024 15:05", "2024-03-12 3:05 PM",
     "Tue, 12 Mar 2024 16:05:00 +0100", "Tuesday, March 12, 2024 15:05 UTC", "sept 9 2024 12:00 AM"],
)  # fmt: skip
def test_dates_that_can_be_read_in_one_way_only_are_taken_in_every_column(text: str, form: str) -> None:
    wanted = datetime(2024, 9, 9, tzinfo=UTC) if text.startswith("sept") else datetime(2024, 3, 12, 15, 5, tzinfo=UTC)
    assert values.seconds(text, form) == wanted.timestamp()


@pytest.mark.parametrize(
    ("text", "form", "wanted"),
    [
        ("5.3.24", "%d.%m.%y", datetime(2024, 3, 5, tzinfo=UTC)),
        ("05.03.2024 14:30", "%d.%m.%Y", datetime(2024, 3, 5, 14, 30, tzinfo=UTC)),
        ("3/5/69 12:15 AM", "%m/%d/%y", datetime(1969, 3, 5, 0, 15, tzinfo=UTC)),
        ("68-03-05", "%y-%m-%d", datetime(2068, 3, 5, tzinfo=UTC)),
        ("05/03/2024", "%d/%m/%Y %H:%M", datetime(2024, 3, 5, tzinfo=UTC)),
    ],
)
def test_dates_in_a_form(text: str, form: str, wanted: datetime) -> None:
    assert values.seconds(text, form) == wanted.timestamp()


@pytest.mark.parametrize(
    ("text", "form"),
    [("05.03.24", "%d.%m.%Y"), ("05.03.2024", "%d.%m.%y"), ("31 Feb 2024", ""), ("12 Mars 2024", ""), ("Mar 2024", ""),
     ("2024-03-12 13:05 PM", ""), ("2024-03-12 0:05 AM", ""), ("05/03/2024 25:00", "%d/%m/%Y"), ("3:05 PM", "")],
)  # fmt: skip
def test_what_is_no_date_in_a_form(text: str, form: str) -> None:
    with pytest.raises(ValueError, match="is not a date"):
        values.seconds(text, form)


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


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("1.234,5", {"1.234,5": 1234.5, "104,13": 104.13, "-1.234.567": -1234567, "12": 12, "1,5e3": 1500, ",5": 0.5}),
        ("1,234.5", {"1,234.5": 1234.5, "12,34,567.8": 1234567.8, "104.13": 104.13, "1e3": 1000}),
        ("1 234,5", {"1 234,5": 1234.5, "1\u00a0234": 1234, "1\u202f234\u202f567,25": 1234567.25}),
        ("1'234.5", {"1'234.5": 1234.5, "1’234’567": 1234567}),
        ("1,234.5$", {"$3,123.90": 3123.9, "-$5": -5, "$-5": -5, "5 $": 5, "17.5": 17.5}),
        ("1.234,5EUR", {"1.234,50 EUR": 1234.5, "EUR 7": 7}),
        ("1234.5%", {"12.5%": 12.5, "12.5 %": 12.5, "3": 3}),
    ],
)
def test_numbers_in_a_form(form: str, written: dict[str, float]) -> None:
    assert {text: values.number(text, form) for text in written} == written
    assert form in numbers.forms(form)


@pytest.mark.parametrize(
    ("form", "text"),
    [("1.234,5", "104.13"), ("1.234,5", "1,234.5"), ("1,234.5", "1.234,5"), ("1,234.5", "1,5"), ("1,234.5$", "5 €"),
     ("1,234.5", "$5"), ("1 234,5", "1  234"), ("1.234,5", "1e999"), ("1.234,5", "١,٢")],
)  # fmt: skip
def test_numbers_in_another_form_are_refused_and_the_form_is_named(form: str, text: str) -> None:
    with pytest.raises(ValueError, match="is not a number as in 1"):
        values.number(text, form)


@pytest.mark.parametrize(
    "text",
    ["2026-03-05", "05.03.2026", "2026-03-05T00:00:00Z", "2026-03-05 01:00:00+01:00", "1772668800", "1772668800000",
     "1772668800000000", "1772668800000000000", "1772668800.0", "1.7726688e9", "20260305"],
)  # fmt: skip
def test_a_column_of_german_dates_takes_iso_8601_and_numbers_too(text: str) -> None:
    assert values.seconds(text, "%d.%m.%Y") == 1_772_668_800


@pytest.mark.parametrize("text", ["inf", "03/05/2026", "2026-3-5", "1e400"])
def test_dates_in_another_form_and_infinite_ones_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        values.seconds(text, "%d.%m.%Y")


@pytest.mark.parametrize(
    ("spellings", "wanted", "classes"),
    [
        (["none", " mild", "severe", "", "NaN"], 0, {"none": "none", " mild": "mild", "severe": "severe"}),
        (["AS", "EU", "NA"], 0, {"AS": "AS", "EU": "EU", "NA": "NA"}),
        (["card", "none"], 2, {"card": "card", "none": "none"}),
        (["good", "bad", "NA"], 2, {"good": "good", "bad": "bad"}),
        (["0", "0.0", "1", "+1", "NA"], 0, {"0": "0", "0.0": "0", "1": "1", "+1": "1"}),
        (["True", "true", "FALSE", "null"], 0, {"True": "true", "true": "true", "FALSE": "FALSE"}),
        (["1", "true", "false"], 0, {"1": "true", "true": "true", "false": "false"}),
        (["Yes", "no", "?"], 0, {"Yes": "Yes", "no": "no"}),
        (["01", "1", "1.5"], 0, {"01": "01", "1": "1", "1.5": "1.5"}),
        (["9007199254740993", "9007199254740992"], 0,
         {"9007199254740993": "9007199254740993", "9007199254740992": "9007199254740992"}),
    ],
)  # fmt: skip
def test_labels(spellings: list[str], wanted: int, classes: dict[str, str]) -> None:
    found = label_names.names(spellings, wanted)
    assert {text: name for text, name in found.items() if name} == classes


def test_labels_of_other_data_are_found_among_those_of_a_model() -> None:
    assert label_names.match(["true", "False"], ["0", "1"]) == {"true": "1", "False": "0"}
    assert label_names.match(["0.0", "2"], ["0", "1", "2"]) == {"0.0": "0", "2": "2"}
    assert label_names.match(["1", "0"], ["True", "False"]) == {"1": "True", "0": "False"}
    assert label_names.match(["Cat", "1.0"], ["cat", "1"]) == {}
