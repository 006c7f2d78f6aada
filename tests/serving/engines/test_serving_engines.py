"""Engines give the same outputs, for any number of rows and on any thread; dangerous and broken models are refused."""

import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import serving_models as make
import tensorflow as tf

from serving.engines import select
from serving.engines.base import Engine, padded
from suite.artifact import read_card
from suite.errors import SuiteError, UsageError


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (150, make.SIDE, make.SIDE, 1), np.uint8)


@pytest.fixture(scope="module", params=["litert", "tf"])
def engine(light: Path, request: pytest.FixtureRequest) -> Engine:
    folder = light / "digits/1"
    return select.load(folder, read_card(folder), request.param)


def test_the_fastest_listed_engine_is_chosen(light: Path) -> None:
    folder = light / "digits/1"
    assert select.load(folder, read_card(folder)).name == "litert"


def test_an_engine_the_card_lacks_is_refused(light: Path) -> None:
    folder = light / "reviews/1"
    with pytest.raises(UsageError, match="saved for litert"):
        select.load(folder, read_card(folder), "tf")
    with pytest.raises(UsageError, match="did you mean 'litert'"):
        select.load(folder, read_card(folder), "litrt")


@pytest.mark.parametrize("rows", [1, 2, 8, 9, 64, 65, 150])
def test_rows_are_answered_one_by_one_whatever_the_batch(engine: Engine, pictures: np.ndarray, rows: int) -> None:
    together = engine.run({"image": pictures[:rows]})["probabilities"]
    assert together.shape == (rows, 3)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-5)
    last = engine.run({"image": pictures[rows - 1 : rows]})["probabilities"]
    np.testing.assert_allclose(together[-1:], last, atol=1e-6)


def test_a_long_last_row_is_preprocessed_once_however_many_rows_are_added(light: Path) -> None:
    engine = select.load(light / "reviews/1", read_card(light / "reviews/1"), "litert")

    def seconds(texts: list[str]) -> float:
        taken = []
        for _ in range(3):
            begun = time.process_time()
            assert len(engine.run({"text": np.array(texts, object)})["probabilities"]) == len(texts)
            taken.append(time.process_time() - begun)
        return min(taken)

    # Nine rows run in a batch of 64.
    long = "!" * 200_000
    assert seconds(["a"] * 8 + [long]) < 5 * seconds([long])


def test_rows_that_are_added_are_blank() -> None:
    found = padded({"text": np.array(["a", "b"], object), "n": np.array([[1.5], [2.5]])}, 4)
    assert found["text"].tolist() == ["a", "b", "", ""]
    assert found["n"].tolist() == [[1.5], [2.5], [0.0], [0.0]]


def test_both_engines_agree(light: Path, pictures: np.ndarray) -> None:
    folder = light / "digits/1"
    card = read_card(folder)
    answers = [select.load(folder, card, name).run({"image": pictures})["probabilities"] for name in ("litert", "tf")]
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-6)


def test_threads_do_not_mix_answers(engine: Engine, pictures: np.ndarray) -> None:
    expected = engine.run({"image": pictures})["probabilities"]
    answers = make.asked_by_threads(engine, pictures, 4)
    np.testing.assert_allclose(answers, np.tile(expected, (4, 1)), atol=1e-6)


def test_a_model_without_a_card_tells_its_signature(plain: Path) -> None:
    engine = select.load(plain / "pair/1", None)
    assert engine.name == "tf"
    assert engine.signature.inputs["n"].shape == (None, 2)  # type: ignore[attr-defined]
    answer = engine.run({"name": np.array(["a", "ü"], object), "n": np.array([[1, 2], [3, 4]])})
    assert [x.decode() for x in answer["greeting"]] == ["hello a", "hello ü"]
    assert answer["total"].tolist() == [3, 7]


@pytest.mark.parametrize(
    ("module", "reason"),
    [(make.Reader, "the operation ReadFile"), (make.Printer, "the operation PrintV2"), (make.Writer, "is refused")],
)
def test_a_graph_that_touches_files_is_refused(tmp_path: Path, module: type[tf.Module], reason: str) -> None:
    folder = make.plain(tmp_path, "strange", module())
    with pytest.raises(SuiteError, match=reason):
        select.load(folder, None)


@pytest.mark.parametrize("damage", ["empty", "noise", "variables"])
def test_a_damaged_saved_model_is_refused(light: Path, tmp_path: Path, damage: str) -> None:
    folder = Path(shutil.copytree(light / "digits/1", tmp_path / "digits"))
    if damage == "variables":
        shutil.rmtree(folder / "variables")
    else:
        (folder / "saved_model.pb").write_bytes(b"" if damage == "empty" else b"\xff" * 100)
    with pytest.raises(SuiteError, match="save the model again"):
        select.load(folder, read_card(folder), "tf")


def test_a_damaged_core_is_refused(light: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(light / "digits/1", tmp_path / "digits"))
    (folder / "model.tflite").write_bytes(b"TFL3" * 10)
    with pytest.raises(SuiteError, match="fit the model again"):
        select.load(folder, read_card(folder), "litert")
