"""ONNX models: any number of rows, any thread, no data outside their file; and which engine is chosen."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import serving_models as make
from flask.testing import FlaskClient

from serving.app import create_app
from serving.config import Config
from serving.engines import parity, select
from serving.engines.base import Arrays
from serving.signature import Signature
from suite.artifact import Card, read_card, write_card
from suite.errors import SuiteError, UsageError


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of three models; `unlike` and `light_unlike` have a different network in their ONNX file."""
    store = tmp_path_factory.mktemp("onnx")
    make.image(store, "alike", onnx_seed=0)
    make.image(store, "unlike", onnx_seed=5)
    make.image(store, "light_unlike", onnx_seed=5, saved_model=False)
    return store


@pytest.fixture
def folder(models: Path, tmp_path: Path) -> Path:
    """A copy of the model on which all engines agree, for a test to change."""
    return Path(shutil.copytree(models / "alike/1", tmp_path / "alike/1"))


def card_of(folder: Path) -> Card:
    card = read_card(folder)
    assert card
    return card


def change(folder: Path, model: onnx.ModelProto) -> None:
    """Replace the ONNX model and its hash in the card, as if it had been saved so."""
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    write_card(folder, card_of(folder))


def client(store: Path, **settings: Any) -> FlaskClient:
    app = create_app(Config(models=store, poll=0, **settings))
    assert app.extensions["service"].repository.wait(60)
    return app.test_client()


def described(store: Path, **settings: Any) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in client(store, **settings).get("/models").get_json()["models"]}


PICTURES = np.random.default_rng(0).integers(0, 256, (150, make.SIDE, make.SIDE, 1), np.uint8)


@pytest.mark.parametrize("batch", ["any", 1, 4])
def test_onnx_answers_as_litert_whatever_the_batch(folder: Path, batch: str | int) -> None:
    if batch != "any":
        model = onnx.load(folder / "model.onnx")
        model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = batch
        change(folder, model)
    card = card_of(folder)
    for rows in (1, 2, 65, 150):
        raw = {"image": PICTURES[:rows]}
        found, expected = (select.load(folder, card, name, 2).run(raw)["probabilities"] for name in ("onnx", "litert"))
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_threads_do_not_mix_answers(folder: Path) -> None:
    engine = select.load(folder, card_of(folder), "onnx")
    expected = engine.run({"image": PICTURES})["probabilities"]
    answers = make.asked_by_threads(engine, PICTURES, 2)
    np.testing.assert_allclose(answers, np.tile(expected, (2, 1)), atol=1e-6)


def outside(model: onnx.ModelProto, location: str) -> bytes:
    """Return the model with one weight in a separate file, and that weight."""
    weight = max(model.graph.initializer, key=lambda one: len(one.raw_data))
    content = bytes(weight.raw_data)
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": "0", "length": str(len(content))}.items():
        entry = weight.external_data.add()
        entry.key, entry.value = key, value
    return content


@pytest.mark.parametrize("where", ["weights.bin", "./weights.bin", "{}/weights.bin", "../../elsewhere/weights.bin"])
def test_weights_outside_of_the_file_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    model = onnx.load(folder / "model.onnx")
    content = outside(model, where.format(folder))
    elsewhere = folder.parents[1] / "elsewhere"
    elsewhere.mkdir()
    for place in (folder, elsewhere):
        (place / "weights.bin").write_bytes(content)
    change(folder, model)
    monkeypatch.chdir(folder)
    with pytest.raises(SuiteError, match="External data path"):
        select.load(folder, card_of(folder), "onnx")


@pytest.mark.parametrize("damage", ["cut", "unknown operation", "other output", "text"])
def test_a_model_that_does_not_run_is_refused_in_one_line(folder: Path, damage: str) -> None:
    file = folder / "model.onnx"
    model = onnx.load(file)
    if damage == "unknown operation":
        model.graph.node[0].domain, model.graph.node[0].op_type = "of.mine", "ReadFile"
    if damage == "other output":
        card = card_of(folder)
        card.outputs = [type(card.outputs[0])("scores", "float32", (3,))]
        write_card(folder, card)
    change(folder, model)
    if damage in ("cut", "text"):
        file.write_bytes(file.read_bytes()[:100] if damage == "cut" else b"a text")
    with pytest.raises(SuiteError, match=r"model.onnx cannot be run \(.*\): fit the model again") as raised:
        select.load(folder, card_of(folder), "onnx")
    assert "\n" not in str(raised.value)


def test_values_that_a_model_cannot_take_are_the_requests_fault(folder: Path) -> None:
    engine = select.load(folder, card_of(folder), "onnx")
    with pytest.raises(SuiteError, match="could not be run on these inputs"):
        engine.run({"image": PICTURES[:1, :3]})


def test_of_light_engines_that_agree_the_faster_is_taken_and_what_was_measured_is_told(models: Path) -> None:
    one = described(models)["alike"]
    assert set(one["measured"]) == {"litert", "onnx"}
    assert 0 < one["measured"][one["engine"]] <= select.MARGIN * min(one["measured"].values())
    assert "passed_over" not in one
    asked = client(models).post("/predict", data=json.dumps({"model": "alike", "instances": PICTURES[:1].tolist()}))
    assert asked.get_json()["engine"] in ("litert", "onnx")


def test_where_light_engines_disagree_tensorflow_answers_and_without_it_none(models: Path) -> None:
    found = described(models)
    assert found["unlike"]["engine"] == "tf"
    assert found["unlike"]["passed_over"] == dict.fromkeys(("litert", "onnx"), "litert and onnx answer differently")
    assert found["light_unlike"]["state"] == "failed"
    assert "litert and onnx answer differently" in found["light_unlike"]["reason"]


@pytest.mark.parametrize("engine", ["litert", "onnx", "tf"])
def test_an_engine_that_is_asked_for_is_taken_unmeasured(models: Path, engine: str) -> None:
    one = described(models, engine=engine)["alike"]
    assert one["engine"] == engine
    assert "measured" not in one


def test_one_that_does_not_load_is_passed_over(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"no model")
    write_card(folder, card_of(folder))
    one = described(folder.parents[1])["alike"]
    assert one["engine"] == "litert"
    assert one["passed_over"]["onnx"].startswith("alike/1/model.onnx cannot be run (")
    assert "measured" not in one


def test_the_package_that_is_missing_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.delitem(sys.modules, "serving.engines.onnx", raising=False)
    with pytest.raises(UsageError, match=r"pip install 'neural-suite\[onnx\]'"):
        select.load(folder, card_of(folder), "onnx")
    assert select.load(folder, card_of(folder)).name == "litert"


@pytest.mark.parametrize(("listed", "loaded"), [(["litert", "onnx", "tf"], "onnxruntime"), (["litert", "tf"], "")])
def test_only_what_may_be_needed_is_imported(folder: Path, listed: list[str], loaded: str) -> None:
    card = card_of(folder)
    card.engines = {name: card.engines[name] for name in listed}
    write_card(folder, card)
    code = (
        "import sys; from pathlib import Path\n"
        "from serving.engines import select; from suite.artifact import read_card\n"
        f"folder = Path({str(folder)!r}); select.load(folder, read_card(folder))\n"
        "print(*sorted({'tensorflow', 'onnxruntime', 'onnx'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == loaded


class Slow:
    """An engine that is slow."""

    light = True
    signature = Signature({}, {})

    def __init__(self, name: str, seconds: float) -> None:
        self.name, self.seconds, self.closed = name, seconds, False

    def run(self, raw: Arrays) -> Arrays:
        time.sleep(self.seconds)
        return raw

    def close(self) -> None:
        self.closed = True


@pytest.mark.alone
def test_measuring_is_short_and_names_the_faster() -> None:
    slow, fast = Slow("litert", 0.06), Slow("onnx", 0.001)
    begun = time.perf_counter()
    measured = parity.milliseconds([slow, fast], [{}])
    assert time.perf_counter() - begun < 0.5
    assert measured["litert"] > 50 > measured["onnx"]
    choice = select._fastest([slow, fast], measured, {})
    assert choice.engine is fast
    assert (slow.closed, fast.closed) == (True, False)


def test_where_both_take_about_as_long_the_first_is_taken() -> None:
    first, second = Slow("litert", 0), Slow("onnx", 0)
    assert select._fastest([first, second], {"litert": 1.05, "onnx": 1.0}, {}).engine is first
    assert select._fastest([first, second], {"litert": 1.25, "onnx": 1.0}, {}).engine is second
