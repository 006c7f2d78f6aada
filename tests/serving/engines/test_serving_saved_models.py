"""The signatures of a SavedModel are read from its file; each is an engine of its own, and none may be dangerous."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_models as make
from serving_repositories import Service

from serving.engines import select
from serving.engines.base import batch_key, count_rows
from serving.engines.tf import TensorFlow
from serving.models.loader import limits
from serving.signature import Tensor
from suite.artifact import read_card
from suite.config import cores
from suite.errors import SuiteError


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> TensorFlow:
    return load(make.half_plus_two(tmp_path_factory.mktemp("half")))


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> TensorFlow:
    return load(make.several(tmp_path_factory.mktemp("several")))


def load(folder: Path) -> TensorFlow:
    engine = select.load(folder, None)
    assert isinstance(engine, TensorFlow)
    return engine


def test_signatures_are_read_with_their_methods(half: TensorFlow) -> None:
    assert half.signature is half.signatures["serving_default"]
    assert half.signature.inputs == {"x": Tensor("float32", (None, 1), "x:0")}
    methods = {name: one.method.removeprefix("tensorflow/serving/") for name, one in half.signatures.items()}
    assert methods["classify_both"] == "classify"
    assert methods["regress_x_to_y"] == "regress"


def test_each_signature_runs_by_itself(several: TensorFlow) -> None:
    double, total = several.for_signature("double"), several.for_signature("total")
    assert double.for_signature("double") is double
    assert double.run({"x": np.array([1.0, 2.0], np.float32)})["y"].tolist() == [2, 4]
    assert total.run({"x": np.ones((2, 3), np.float32)})["total"] == 6
    with pytest.raises(KeyError):
        several.for_signature("other")


def test_without_a_default_the_first_is_taken(several: TensorFlow) -> None:
    assert several.signature is several.signatures["classify"]


def test_a_light_model_has_one_signature(light: Path) -> None:
    engine = select.load(light / "digits/1", read_card(light / "digits/1"))
    assert list(engine.signatures) == ["serving_default"]
    assert engine.for_signature("serving_default") is engine
    with pytest.raises(KeyError):
        engine.for_signature("other")
    assert (engine.name, engine.concurrency) == ("litert", 1)


def test_as_many_batches_as_cores_run_at_the_same_time(half: TensorFlow) -> None:
    assert half.concurrency == cores()


def test_only_rows_that_are_rows_go_together(half: TensorFlow, several: TensorFlow) -> None:
    column = {"x": np.ones((2, 1), np.float32)}
    assert half.batch_key(column) == half.batch_key({"x": np.zeros((5, 1), np.float32)}) is not None
    # A graph that takes columns does not treat two lists of numbers as one longer list.
    assert half.batch_key({"x": np.ones(2, np.float32)}) is None
    # One output for all rows is not an output for each.
    assert several.for_signature("total").batch_key({"x": np.ones((2, 1), np.float32)}) is None
    scaled = {"x": np.ones(2, np.float32), "scale": np.float32(2).reshape(())}
    assert several.for_signature("scaled").batch_key(scaled) is None
    assert count_rows(scaled) == 2
    assert count_rows({"scale": scaled["scale"], "x": scaled["x"]}) == 2


def test_a_model_with_a_card_joins_what_is_alike(light: Path) -> None:
    folder = light / "digits/1"
    pictures = {"image": np.zeros((2, 8, 8, 1), np.uint8)}
    for name in ("litert", "tf"):
        engine = select.load(folder, read_card(folder), name)
        assert engine.batch_key(pictures) == batch_key({"image": np.zeros((1, 8, 8, 1), np.uint8)})
        assert engine.batch_key(pictures) != batch_key({"image": np.zeros((2, 8, 7, 1), np.uint8)})


def test_requests_for_a_model_without_a_card_are_not_run_together_unasked(tmp_path: Path) -> None:
    """How the rows of such a model depend on each other is unknown."""
    make.centred(tmp_path)
    service = Service(tmp_path)

    def ask(number: int) -> list[float]:
        found = service.ask("centred", [number, number + 2])
        assert found.status_code == 200, found.text
        return list(found.get_json()["predictions"])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(200))) == [[-1, 1]] * 200
    (model,) = service.repository.models()
    assert limits(model, service.core.config).max_rows == 1


def test_the_graph_says_what_it_does_not_take_in_one_line(several: TensorFlow, tmp_path: Path) -> None:
    engine = load(make.matrix(tmp_path))
    with pytest.raises(SuiteError, match=r"^[^\n/]*ndims[^\n/]*'x': expected shape \(any, 1\), found \(3,\)$"):
        engine.run({"x": np.ones(3, np.float32)})
    with pytest.raises(SuiteError, match=r"^[^\n/]*Could not parse example input[^\n/]*$"):
        several.run({"examples": np.array([b"no example"], object)})


def test_every_output_becomes_an_array(several: TensorFlow, tmp_path: Path) -> None:
    shouted = several.for_signature("shout").run({"text": np.array(["a"], object)})
    assert (shouted["text"].dtype, shouted["text"].tolist()) == (np.dtype(object), [b"A"])
    narrow = {"serving_default": (lambda _, x: {"y": tf.cast(x, tf.bfloat16), "s": tf.constant("a")}, make.x([None]))}
    outputs = load(make.functions(tmp_path, "narrow", **narrow)).run({"x": np.ones(2, np.float32)})
    assert (outputs["y"].dtype, outputs["y"].tolist()) == (np.dtype("float32"), [1, 1])
    assert (outputs["s"].shape, outputs["s"].item()) == ((), b"a")


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (make.x([None], tf.complex64), "the input 'x' is complex64, which JSON cannot hold"),
        (make.x([]), "the input 'x' has no batch axis"),
    ],
)
def test_a_default_that_cannot_be_asked_is_refused(tmp_path: Path, spec: tf.TensorSpec, reason: str) -> None:
    folder = make.functions(tmp_path, "strange", serving_default=(lambda _, x: {"y": tf.identity(x)}, spec))
    with pytest.raises(SuiteError, match=reason):
        select.load(folder, None)


def test_several_graphs_are_one_model_for_serving(tmp_path: Path) -> None:
    v1, folder = tf.compat.v1, tmp_path / "two/1"
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None], name="x")
        signature = v1.saved_model.signature_def_utils.predict_signature_def({"x": x}, {"y": x * 2})
        builder = v1.saved_model.builder.SavedModelBuilder(str(folder))
        weight = v1.Variable(1.0)
        session.run(weight.initializer)
        builder.add_meta_graph_and_variables(session, ["train"])
        builder.add_meta_graph(["serve"], signature_def_map={"serving_default": signature})
        builder.save()
    assert load(folder).run({"x": np.ones(1, np.float32)})["y"].tolist() == [2]


@pytest.mark.parametrize("name", ["serving_default", "a", "zzz"])
def test_a_dangerous_signature_is_found_wherever_it_stands(tmp_path: Path, name: str) -> None:
    def read(_: tf.Module, path: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"content": tf.map_fn(tf.io.read_file, path)}

    folder = make.several(tmp_path, **{name: (read, make.x([None], tf.string, "path"))})
    with pytest.raises(SuiteError, match="the operation ReadFile"):
        select.load(folder, None)


@pytest.mark.parametrize("where", ["another signature", "legacy_init_op", "saved_model_main_op"])
def test_a_checkpoint_is_not_read_by_what_a_prediction_or_loading_reaches(tmp_path: Path, where: str) -> None:
    """A graph of TensorFlow 1 has operations for its own checkpoint, which nothing else may reach."""
    v1, folder = tf.compat.v1, tmp_path / "reader/1"
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None], name="x")
        stolen = tf.raw_ops.RestoreV2(prefix="/etc/x", tensor_names=["a"], shape_and_slices=[""], dtypes=[tf.float32])
        utils = v1.saved_model.signature_def_utils
        signatures = {"serving_default": utils.predict_signature_def({"x": x}, {"y": x * 2})}
        if where == "another signature":
            signatures["other"] = utils.predict_signature_def({"x": x}, {"y": stolen[0]})
        weight = v1.Variable(1.0)
        session.run(weight.initializer)
        builder = v1.saved_model.builder.SavedModelBuilder(str(folder))
        if where == "legacy_init_op":
            v1.add_to_collection("legacy_init_op", stolen[0].op)
        main = stolen[0].op if where == "saved_model_main_op" else None
        builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map=signatures, main_op=main)
        builder.save()
    with pytest.raises(SuiteError, match="the operation RestoreV2"):
        select.load(folder, None)
