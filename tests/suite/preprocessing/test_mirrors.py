"""The NumPy mirror and the TensorFlow graph give the same results for all inputs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.artifact import TensorSpec
from suite.preprocessing import adapt, mirror
from suite.preprocessing.mirror import text, values

WRITTEN = st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=60)
TEXTS = adapt.texts(["a b c a b", "don't stop, a b!", "我爱我爱", "ΣΑΣ ΣΑΣ", "😀 😀 ok ok"])
COLUMNS = [
    TensorSpec("amount", "float32", (), "amount", "numeric"),
    TensorSpec("flag", "float32", (), "flag", "boolean"),
    TensorSpec("at", "float64", (), "at", "date"),
    TensorSpec("country", "string", (), "country", "categorical"),
    TensorSpec("offset", "float64", (), "offset", "numeric"),
    TensorSpec("note", "string", (), "note", "text"),
    TensorSpec("more", "string", (), "more", "text"),
]
KNOWN = {
    "amount": np.array([1, 2, 3, 4, np.nan], np.float32),
    "flag": np.array([0, 1, np.nan, 1, 0], np.float32),
    "at": np.array([1.6e9, 1.7e9, 1.8e9, np.nan, 1.9e9]),
    "country": np.array(["FR", "DE", "", "FR", "é"], object),
    "offset": 1_772_668_800 + np.array([0.25, 0.5, 0.75, 1, 1.25]),
    "note": np.array(["a b c a b", "don't stop, a b!", "", "我爱我爱", "ΣΑΣ 😀 ok ok"], object),
    "more": np.array([""] * 5, object),
}
TABLE = adapt.columns(COLUMNS, KNOWN, np.arange(5))


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Don't STOP — it’s 9 o'clock!", ["dont", "stop", "its", "9", "oclock", "!"]),
        ("我爱你", ["我", "爱", "你"]),
        ("ok👍🏽ok", ["ok", "👍", "🏽", "ok"]),
        ("ΟΔΥΣΣΕΥΣ", ["οδυσσευσ"]),
        ("e\u0301té हिन्दी", ["e\u0301té", "हिन्दी"]),
        (" \t\n.,;", []),
    ],
)
def test_words_of_any_script(written: str, words: list[str]) -> None:
    assert text.words(written) == words


@settings(deadline=None)
@given(st.lists(WRITTEN, min_size=1, max_size=8))
def test_texts(written: list[str]) -> None:
    import tensorflow as tf

    from suite.preprocessing.graph import Preprocessing

    raw = {"text": np.array(written, object)}
    ours = mirror.load(TEXTS)(raw)
    theirs = Preprocessing(TEXTS)({"text": tf.constant(raw["text"])})
    for name, ids in ours.items():
        np.testing.assert_array_equal(ids, theirs[name].numpy())


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(width=32, allow_infinity=False),
            st.sampled_from([0.0, 1.0, float("nan")]),
            st.floats(-6e10, 2e11) | st.just(float("nan")),
            st.sampled_from(["FR", "DE", "é", "", "XX", "😀"]),
            st.floats(-values.LARGEST, values.LARGEST)
            | st.floats(1_772_668_799, 1_772_668_802)
            | st.just(float("nan")),
            WRITTEN | st.just("don’t stop " * 1_000),
            WRITTEN,
        ),
        min_size=1,
        max_size=8,
    )
)
def test_tables(rows: list[tuple[float, float, float, str, float, str, str]]) -> None:
    import tensorflow as tf

    from suite.preprocessing.graph import Preprocessing

    raw = {
        spec.name: np.array(column, object if spec.dtype == "string" else spec.dtype)
        for spec, column in zip(COLUMNS, zip(*rows, strict=True), strict=True)
    }
    ours = mirror.load(TABLE)(raw)
    theirs = Preprocessing(TABLE)({name: tf.constant(values) for name, values in raw.items()})
    assert list(ours) == list(theirs)
    for name, ids in ours.items():
        if name != "features":
            np.testing.assert_array_equal(ids, theirs[name].numpy())
    np.testing.assert_allclose(ours["features"], theirs["features"].numpy(), atol=1e-5, rtol=1e-5)


def test_a_text_column_is_read_as_texts_alone_are() -> None:
    core = mirror.load(TABLE)(KNOWN)
    alone = mirror.load(adapt.texts(KNOWN["note"]))({"text": KNOWN["note"]})
    for token, ids in alone.items():
        np.testing.assert_array_equal(core[f"text_0_{token}"], ids)
    assert not core["text_0_words"][2].any()
    assert not core["text_1_characters"].any()


def test_missing_is_marked_and_strange_categories_are_zero() -> None:
    raw = {
        "amount": [np.nan, 2.5], "flag": [np.nan, 1], "at": [np.nan, 1.7e9], "country": ["??", "FR"],
        "offset": [np.nan, 1_772_668_800.75], "note": ["", "a"], "more": ["", "a"],
    }  # fmt: skip
    core = mirror.load(TABLE)({name: np.array(x, KNOWN[name].dtype) for name, x in raw.items()})
    assert core["features"][0, :3].tolist() == [0, 1, 0]
    assert core["features"][1, :3].tolist() == [0, 0, 1]
    assert core["features"][:, -1].tolist() == [0, 0]
    assert core["categories"].ravel().tolist() == [0, 1 + TABLE["columns"][3]["vocabulary"].index("FR")]


def test_digits_beyond_float32_are_features() -> None:
    raw = KNOWN | {"offset": 1_772_668_800 + np.array([0.5, 0.625, 0.75, 0.875, 1])}
    steps = np.diff(mirror.load(TABLE)(raw)["features"][:, -1])
    assert (steps > 0.1).all()


@pytest.mark.parametrize(
    ("written", "form", "moment"),
    [
        ("1970-01-02", "", 86400),
        ("1970-01-01T01:00:00+01:00", "", 0),
        ("1970-01-01T00:00:01Z", "", 1),
        ("02.01.1970", "%d.%m.%Y", 86400),
        ("01/02/1970 00:01", "%m/%d/%Y %H:%M", 86460),
    ],
)
def test_dates(written: str, form: str, moment: float) -> None:
    assert values.seconds(written, form) == moment


def test_single_values() -> None:
    assert values.boolean("Yes") == 1
    assert values.boolean("0") == 0
    assert np.isnan([values.boolean("?"), values.number("N/A"), values.seconds("")]).all()
    for read in (values.number, values.boolean, values.seconds):
        with pytest.raises(ValueError, match=r".+"):
            read("oops")
