"""With a key, listings, errors, suggestions and documents only show the models that it allows."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from serving_repositories import Service

from serving.app import create_app
from serving.config import Config
from serving.context import allow_all
from serving.errors import ServiceError
from serving.routes.health import readiness
from suite.cli import group

SECRET = ("colours", "payments", "digits2", "hidden model")


@pytest.fixture(scope="module")
def store(light: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    models = tmp_path_factory.mktemp("models")
    shutil.copytree(light, models, dirs_exist_ok=True)
    (models / "hidden model/1").mkdir(parents=True)
    (models / "reviews/old").mkdir()
    shutil.copytree(light / "payments", models / "payments2")
    (models / "payments2/serving.json").write_text('{"served": false}')
    (models / "payments2/1/model.tflite").unlink()
    shutil.copytree(light / "digits", models / "digits2")
    (models / "digits2/1/model.tflite").unlink()
    return models


@pytest.fixture(scope="module")
def service(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Service:
    keys = tmp_path_factory.mktemp("keys") / "keys.json"
    given = {name: add_key(keys, name) for name in ("reviews", "nothing")}
    service = Service(store, keys=str(keys), workers=1, admin_token="t")
    service.keys = given  # type: ignore[attr-defined]
    return service


def add_key(file: Path, model: str) -> str:
    done = CliRunner().invoke(group, ["keys", "add", str(file), model, "--model", model, "--json"])
    return str(json.loads(done.stdout)["key"])


@pytest.fixture
def client(service: Service) -> FlaskClient:
    client = service.client.application.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {service.keys['reviews']}"  # type: ignore[attr-defined]
    return client


GETS = ("/models", "/openapi.json", "/v2/models/stats", "/v1/models/reviews", "/v1/models/reviews/metadata")


@pytest.mark.parametrize("path", GETS)
def test_what_is_listed_is_what_the_key_is_for(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert "reviews" in path + response.text
    assert not [name for name in SECRET if name in response.text]


def test_metrics_by_model_are_for_who_has_its_key(service: Service, client: FlaskClient) -> None:
    everything = service.core.metrics.text()
    assert 'model="colours"' in everything
    own, nobody = client.get("/metrics").text, service.client.get("/metrics").text
    assert not [name for name in SECRET if name in own]
    assert 'suite_reloads_total{model="reviews",result="ready"}' in own
    assert "reviews" not in nobody
    for text in (own, nobody):
        assert 'suite_requests_total{model="",protocol="other",status="200"}' in text
        assert "suite_workers 1" in text


def test_its_own_folders_that_are_passed_over_are_told(client: FlaskClient) -> None:
    found = client.get("/models").get_json()["passed_over"]
    assert [one["folder"] for one in found] == ["reviews/old"]


def test_the_index_of_the_repository(client: FlaskClient) -> None:
    found = client.post("/v2/repository/index").get_json()
    assert [(one["name"], one["version"]) for one in found] == [("reviews", "1")]


@pytest.mark.parametrize("name", ["digits", "payments2", "digits2", "nothing", "review", "hidden model"])
@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/{}", "/v1/models/{}/metadata", "/v1/models/{}/versions/7", "/v1/models/{}/labels/x",
        "/v2/models/{}", "/v2/models/{}/ready", "/v2/models/{}/config", "/v2/models/{}/stats",
        "/v2/models/{}/versions/7/ready",
    ],
)  # fmt: skip
def test_another_name_gets_the_same_answer_whether_there_is_such_a_model_or_not(
    client: FlaskClient, path: str, name: str
) -> None:
    response = client.get(path.format(name))
    assert (response.status_code, response.get_json()) == (
        403, {"error": f"this key is not for the model '{name}': ask who gave it to you"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/predict", {"model": "{}", "instances": [1]}),
        ("/predict", {"model": "{}", "version": 7, "instances": [1]}),
        ("/v1/models/{}:predict", {"instances": [1]}),
        ("/v1/models/{}/labels/x:classify", {"examples": [1]}),
        ("/v2/models/{}/infer", {"inputs": []}),
    ],
)
def test_nor_do_predictions(client: FlaskClient, path: str, body: dict[str, Any]) -> None:
    answers = set()
    for name in ("digits", "payments2", "nothing"):
        text = json.dumps(body).replace("{}", name)
        response = client.post(path.format(name), data=text)
        answers.add((response.status_code, response.text.replace(name, "NAME")))
    assert len(answers) == 1
    assert answers.pop()[0] == 403


def test_the_only_model_it_is_for_need_not_be_named(client: FlaskClient) -> None:
    response = client.post("/predict", data=json.dumps({"instances": ["good"]}))
    assert response.get_json()["model"] == "reviews"


def test_a_key_for_no_model_is_told_of_none(service: Service) -> None:
    headers = {"Authorization": f"Bearer {service.keys['nothing']}"}  # type: ignore[attr-defined]
    response = service.client.post("/predict", data=json.dumps({"instances": ["good"]}), headers=headers)
    assert response.status_code == 403
    assert "reviews" not in response.text
    assert service.client.get("/models", headers=headers).get_json() == {"models": [], "passed_over": []}


def test_lookups_suggest_only_what_may_be_asked(service: Service) -> None:
    repository = service.repository

    def may_ask(name: str) -> bool:
        return name in ("reviews", "review", "digits2")

    for ask in (repository.find, repository.find_ready, repository.load, repository.get):
        with pytest.raises(ServiceError, match="did you mean 'reviews'") as raised:
            ask("review", None, may_ask)
        assert raised.value.status == 404
    with pytest.raises(ServiceError, match=r"there are: digits2, reviews$"):
        repository.only("", may_ask)
    assert [model.name for model in repository.models(may_ask)] == ["digits2", "reviews"]
    assert repository.unserved(may_ask) == []
    assert repository.unserved() == ["payments2"]
    with pytest.raises(ServiceError) as raised:
        repository.serve("payments2", True, may_ask)
    assert raised.value.status == 403


def test_readiness_tells_of_models_that_may_be_asked(service: Service) -> None:
    answer, status = readiness(service.core, lambda name: name == "reviews")
    assert (status, answer["models"]) == (200, {"reviews/1": "ready"})
    answer, _ = readiness(service.core, allow_all)
    assert "digits2/1/model.tflite is missing" in answer["models"]["digits2/1"]
    assert "payments2/1" not in answer["models"]


def test_without_a_key_readiness_names_no_model(light: Path, tmp_path: Path) -> None:
    arguments = ["keys", "add", str(tmp_path / "keys.json"), "shop", "--model", "reviews", "--json"]
    key = json.loads(CliRunner().invoke(group, arguments).stdout)["key"]
    app = create_app(Config(models=light, keys=str(tmp_path / "keys.json")))
    assert app.extensions["service"].repository.wait(60)
    client = app.test_client()
    assert client.get("/readyz").get_json()["models"] == {}
    named = client.get("/readyz", headers={"Authorization": f"Bearer {key}"}).get_json()["models"]
    assert list(named) == ["reviews/1"]
