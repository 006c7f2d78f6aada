import json
import math

from hypothesis import given
from hypothesis import strategies as st

from suite.notation import dotted, format_value, slashed
from suite.search_record import Condition, DimensionRecord, Objective, SearchRecord, Trial

NAMES = st.from_regex(r"[a-z_]{1,8}(\.[a-z_]{1,8})?", fullmatch=True)
VALUES = st.booleans() | st.integers(-99, 99) | st.sampled_from(["relu", "mish"]) | st.floats(-1e6, 1e6)
SCORES = st.none() | st.floats(-1e6, 1e6)
CONDITIONS = st.builds(Condition, NAMES, st.lists(VALUES, min_size=1, max_size=3).map(tuple))
DIMENSIONS = st.builds(
    DimensionRecord,
    NAMES,
    st.just("1 to 2"),
    st.none() | st.lists(VALUES, max_size=3).map(tuple),
    SCORES,
    SCORES,
    st.booleans(),
    st.lists(CONDITIONS, max_size=2).map(tuple),
)
TRIALS = st.builds(
    Trial,
    st.integers(1, 99),
    st.sampled_from(["completed", "failed"]),
    st.dictionaries(NAMES, VALUES, max_size=3),
    SCORES,
    SCORES,
    st.dictionaries(st.sampled_from(["val_accuracy", "latency"]), st.floats(-1e6, 1e6)),
)
RECORDS = st.builds(
    SearchRecord,
    st.just("random"),
    st.integers(0, 99),
    st.floats(0, 1e6),
    st.integers(1, 99),
    st.just((Objective("val_accuracy", "max"), Objective("latency", "min"))),
    st.lists(DIMENSIONS, max_size=3).map(tuple),
    st.lists(TRIALS, max_size=3).map(tuple),
)


@given(RECORDS)
def test_a_record_round_trips_through_the_json_of_a_card(record: SearchRecord) -> None:
    assert SearchRecord.from_json(json.loads(json.dumps(record.to_json()))) == record


@given(NAMES)
def test_names_have_slashes_in_files_and_dots_for_people(name: str) -> None:
    assert dotted(slashed(name)) == name
    trial = Trial(1, "completed", {name: 1})
    assert list(trial.to_json()["hyperparameters"]) == [slashed(name)]


def test_scores_that_are_not_finite_are_left_out() -> None:
    trial = Trial(1, "completed", {}, math.nan, math.inf, {"val_accuracy": math.nan, "latency": 1.0})
    read = Trial.from_json(trial.to_json())
    assert (read.score, read.deviation, read.scores) == (None, None, {"latency": 1.0})


def test_a_card_without_a_search_or_with_an_older_record_has_none() -> None:
    assert SearchRecord.from_json({}) is None
    assert SearchRecord.from_json({"strategy": "random", "objective": "val_accuracy", "trials": []}) is None


def test_conditions_and_values_are_written_for_people() -> None:
    when = (Condition("reader.kind", ("gru", "lstm")), Condition("flip", (True,)))
    dimension = DimensionRecord("reader.units", "16, 32", (16, 32), None, None, False, when)
    assert dimension.where == "reader.kind is gru or lstm and flip is true"
    assert [format_value(value) for value in (False, 0.123456, 3, "mish")] == ["false", "0.1235", "3", "mish"]
    assert Trial(1, "completed", {"rate": 1e-3}).value_text("rate") == "0.001"
    assert Trial(1, "completed", {}).value_text("rate") == ""
