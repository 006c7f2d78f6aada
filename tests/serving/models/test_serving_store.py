"""The newest versions in a store are loaded at once, older ones on request, and damaged ones never."""

import json
import os
import shutil
from pathlib import Path

import pytest
import serving_models as make
from flask.testing import FlaskClient

from serving.app import create_app
from serving.config import Config
from suite.errors import UsageError


def serve(models: Path, **settings: str) -> FlaskClient:
    app = create_app(Config(models=models, **settings))  # type: ignore[arg-type]
    assert app.extensions["service"].repository.wait(60)
    return app.test_client()


@pytest.fixture
def store(light: Path, tmp_path: Path) -> Path:
    """A store of only the model `reviews`, which a test may damage."""
    shutil.copytree(light / "reviews", tmp_path / "reviews")
    return tmp_path


def test_an_older_version_answers_when_it_is_asked_for(store: Path, light: Path) -> None:
    make.text(store)
    client = serve(store)
    asked = {"model": "reviews", "instances": ["good"]}
    assert client.post("/predict", data=json.dumps(asked)).get_json()["version"] == 2
    assert [model["version"] for model in client.get("/models").get_json()["models"]] == [2]
    assert client.post("/predict", data=json.dumps(asked | {"version": 1})).get_json()["version"] == 1
    assert [model["version"] for model in client.get("/models").get_json()["models"]] == [1, 2]


@pytest.mark.parametrize("damage", ["card.json", "model.tflite", "no card"])
def test_a_damaged_model_does_not_keep_others_from_serving(store: Path, light: Path, damage: str) -> None:
    folder = Path(shutil.copytree(light / "digits", store / "digits")) / "1"
    if damage == "no card":
        (folder / "card.json").unlink()
        (folder / "saved_model.pb").write_bytes(b"broken")
    else:
        content = (folder / damage).read_bytes()
        (folder / damage).write_bytes(content.replace(b"a", b"b"))
    client = serve(store)
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()["models"]["reviews/1"]) == (200, "ready")
    response = client.post("/predict", data='{"model": "digits", "instances": [1]}')
    assert response.status_code == 503
    assert "'digits' version 1 is not served: digits/1/" in response.get_json()["error"]
    assert str(store) not in response.text
    assert client.post("/predict", data='{"model": "reviews", "instances": ["good"]}').status_code == 200


def test_nothing_can_be_served(store: Path) -> None:
    (store / "reviews/1/model.tflite").unlink()
    response = serve(store).get("/readyz")
    assert (response.status_code, response.get_json()["state"]) == (503, "failed")
    assert "reviews/1/model.tflite is missing" in response.get_json()["error"]


@pytest.mark.parametrize("exists", [True, False])
def test_an_empty_store(tmp_path: Path, exists: bool) -> None:
    client = serve(tmp_path if exists else tmp_path / "none")
    response = client.get("/readyz")
    assert (response.status_code, response.get_json()["state"]) == (503, "empty")
    assert client.post("/predict", data='{"instances": [1]}').status_code == 400


def test_links_out_of_the_store_are_followed_from_the_top_alone(store: Path, light: Path) -> None:
    (store / "digits").mkdir()
    os.symlink(light / "digits/1", store / "digits/1")
    os.symlink(light / "payments", store / "payments")
    found = serve(store).get("/models").get_json()
    assert [model["name"] for model in found["models"]] == ["payments", "reviews"]
    assert found["passed_over"][0]["folder"] == "digits/1"
    assert "link out of the store" in found["passed_over"][0]["reason"]


def test_a_wanted_engine_that_a_model_lacks(store: Path) -> None:
    response = serve(store, engine="tf").get("/readyz")
    assert response.status_code == 503
    assert "saved for litert" in response.get_json()["error"]


def test_settings_survive_the_environment() -> None:
    config = Config(models=Path("/x"), engine="tf", workers=3, access_log=True)
    assert Config.from_environment(config.environment()) == config
    with pytest.raises(UsageError, match="SUITE_PORT is 'x'"):
        Config.from_environment({"SUITE_PORT": "x"})
