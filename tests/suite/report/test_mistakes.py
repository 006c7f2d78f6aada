import base64
import io

import numpy as np
from PIL import Image

from suite.artifact import TensorSpec
from suite.data.dataset import Dataset
from suite.report import mistakes
from suite.report.statistics import Predictions


def dataset(inputs: dict[str, np.ndarray], kinds: dict[str, str], y: list[int], labels: list[str]) -> Dataset:
    rows = np.arange(len(y))
    specs = [TensorSpec(name, str(values.dtype), (), name, kinds[name]) for name, values in inputs.items()]
    return Dataset(inputs, np.array(y), labels, {"train": rows, "validation": rows, "test": rows}, specs)


def test_both_kinds_of_mistake_are_shown_most_confident_first() -> None:
    y = [0] * 20 + [1] * 3
    scores = np.array([*np.linspace(0.51, 0.7, 20), 0.1, 0.01, 0.4])
    found = mistakes.worst(
        dataset({"text": np.array(["t"] * 23, object)}, {"text": "text"}, y, ["no", "yes"]),
        Predictions(np.array(y), np.stack([1 - scores, scores], axis=1)), {"kind": "text"},
    )  # fmt: skip
    assert [(item.truth, item.row) for item in found if item.truth == "yes"] == [("yes", 21), ("yes", 20), ("yes", 22)]
    assert [item.row for item in found if item.truth == "no"] == list(range(19, 10, -1))
    assert found[0].score == scores[19]


def test_a_picture_is_the_picture_itself() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (1, 5, 7, 3)).astype(np.uint8)
    data = dataset({"image": pictures}, {"image": "image"}, [0], ["a", "b", "c"])
    data.files = ["a/one.png"]
    (found,) = mistakes.worst(data, Predictions(np.array([0]), np.array([[0.1, 0.2, 0.7]])), {"kind": "image"})
    assert found.file == "a/one.png"
    prefix, _, content = found.picture.partition(",")
    assert prefix == "data:image/png;base64"
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(content)))), pictures[0])


def test_a_row_of_a_table_is_its_most_unusual_columns() -> None:
    inputs = {
        "usual": np.zeros(100, np.float32),
        "far": np.full(100, -7.0, np.float32),
        "none": np.full(100, np.nan, np.float32),
        "when": np.full(100, 86_400.0 * 3),
        "flag": np.array([1.0] + [0.0] * 99, np.float32),
        "place": np.array(["<b>here</b>"] + ["there"] * 99, object),
    }
    kinds = {"usual": "numeric", "far": "numeric", "none": "numeric", "when": "date", "flag": "boolean",
             "place": "categorical"}  # fmt: skip
    scaled = {"usual": (0.0, 1.0), "far": (0.0, 2.0), "none": (0.0, 1.0), "when": (86_400.0, 86_400.0)}
    columns = [
        {"name": name, "kind": kind} | dict(zip(("centre", "scale"), scaled.get(name, ()), strict=False))
        for name, kind in kinds.items()
    ]
    data = dataset(inputs, kinds, [1] + [0] * 99, ["no", "yes"])
    wrong = np.array([[0.9, 0.1]] * 100)
    (found,) = mistakes.worst(data, Predictions(data.y, wrong), {"kind": "table", "columns": columns})
    assert list(found.columns) == [
        ("far", "-7", "-3.5 deviations"),
        ("flag", "true", "1.0% of training rows"),
        ("place", "<b>here</b>", "1.0% of training rows"),
        ("when", "1970-01-04 00:00", "+2.0 deviations"),
        ("usual", "0", "+0.0 deviations"),
        ("none", "missing", ""),
    ]


def test_a_text_of_a_row_comes_first_and_is_shortened() -> None:
    note = np.array([f"left  {'it ' * 200}"] + [f"note {i}" for i in range(9)], object)
    data = dataset(
        {"far": np.full(10, -7.0), "note": note}, {"far": "numeric", "note": "text"}, [1] + [0] * 9, ["n", "y"]
    )
    columns = [{"name": "far", "kind": "numeric", "centre": 0.0, "scale": 2.0}, {"name": "note", "kind": "text"}]
    wrong = Predictions(data.y, np.array([[0.9, 0.1]] * 10))
    (found,) = mistakes.worst(data, wrong, {"kind": "table", "columns": columns})
    (name, shown, unusual), far = found.columns
    assert (name, shown[:8], shown[-1], len(shown), unusual) == ("note", "left it ", "…", 400, "")
    assert far == ("far", "-7", "-3.5 deviations")
