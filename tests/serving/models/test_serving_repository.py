"""The repository extension, and the rights of an administrator."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import serving_models as make
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from serving.app import create_app
from serving.config import Config
from suite.errors import UsageError

TOKEN = "correct horse"
PICTURE = [[200] * make.SIDE] * make.SIDE


@pytest.fixture
def store(light: Path, tmp_path: Path) -> Path:
    shutil.copytree(light / "digits", tmp_path / "digits")
    return tmp_path


def client_of(store: Path, **settings: Any) -> FlaskClient:
    app = create_app(Config(models=store, poll=0, **settings))
    assert app.extensions["service"].repository.wait(60)
    return app.test_client()


def change(client: FlaskClient, what: str, name: str = "digits", token: str = TOKEN, **more: Any) -> TestResponse:
    headers = {"Authorization": f"Bearer {token}"}
    return client.post(f"/v2/repository/models/{name}/{what}", headers=headers, **more)


def ask(client: FlaskClient) -> int:
    return client.post("/predict", data=json.dumps({"model": "digits", "instances": [PICTURE]})).status_code


def index(client: FlaskClient, **asked: Any) -> list[tuple[str, str, str]]:
    found = client.post("/v2/repository/index", data=json.dumps(asked)).get_json()
    return [(one["name"], one["version"], one["state"]) for one in found]


def test_a_model_is_unloaded_and_loaded_again(store: Path) -> None:
    client = client_of(store, admin_token=TOKEN)
    assert index(client) == [("digits", "1", "READY")]
    assert change(client, "unload").status_code == 200
    assert ask(client) == 503
    assert index(client) == [("digits", "", "UNAVAILABLE")]
    assert index(client, ready=True) == []
    # Another worker, or the service after a restart, knows about it.
    assert ask(client_of(store)) == 503
    assert change(client, "load").status_code == 200
    assert ask(client) == 200
    assert index(client, ready=True) == [("digits", "1", "READY")]


def test_a_model_that_cannot_be_loaded_says_why(store: Path) -> None:
    client = client_of(store, admin_token=TOKEN)
    assert change(client, "unload").status_code == 200
    (store / "digits" / "1" / "model.tflite").write_bytes(b"no")
    answer = change(client, "load")
    assert (answer.status_code, "is not served" in answer.get_json()["error"]) == (503, True)
    assert index(client) == [("digits", "1", "UNAVAILABLE")]
    assert change(client, "load", "nothing").status_code == 404
    assert change(client, "unload", "..").status_code == 404


@pytest.mark.parametrize(
    ("given", "token", "address", "status"),
    [
        ("", TOKEN, "127.0.0.1", 403),
        (TOKEN, "wrong", "127.0.0.1", 401),
        (TOKEN, "", "127.0.0.1", 401),
        (TOKEN, TOKEN, "192.0.2.1", 403),
        (TOKEN, TOKEN, "", 403),
        (TOKEN, TOKEN, "::1", 200),
    ],
)
def test_only_an_administrator_on_this_machine_may(
    store: Path, given: str, token: str, address: str, status: int
) -> None:
    client = client_of(store, admin_token=given)
    found = change(client, "unload", token=token, environ_overrides={"REMOTE_ADDR": address})
    assert found.status_code == status
    assert ask(client) == (503 if status == 200 else 200)


def test_a_store_that_cannot_be_written_to(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(store, admin_token=TOKEN)
    # A folder in the file's place makes writing fail for any user.
    (store / "digits" / "serving.json").mkdir()
    answer = change(client, "unload")
    assert answer.status_code in (503, 507)
    assert "serving.json" in answer.get_json()["error"] or "cannot be written" in answer.get_json()["error"]
    assert ask(client) == 200


@pytest.mark.parametrize(("body", "words"), [(b"[]", "send an object"), (b'{"ready": 1}', "true or false")])
def test_bad_bodies(store: Path, body: bytes, words: str) -> None:
    answer = client_of(store).post("/v2/repository/index", data=body)
    assert (answer.status_code, words in answer.get_json()["error"]) == (400, True)


def test_parameters_are_refused(store: Path) -> None:
    answer = change(client_of(store, admin_token=TOKEN), "load", data=json.dumps({"parameters": {"config": "{}"}}))
    assert (answer.status_code, "parameters" in answer.get_json()["error"]) == (400, True)


@pytest.mark.parametrize("what", ["load", "unload"])
@pytest.mark.parametrize("given", [1, True, 1.5, "config", [], [1]])
def test_parameters_that_are_no_object_are_refused(store: Path, what: str, given: Any) -> None:
    answer = change(client_of(store, admin_token=TOKEN), what, data=json.dumps({"parameters": given}))
    assert (answer.status_code, "make it an object" in answer.get_json()["error"]) == (400, True)


@pytest.mark.parametrize("given", [{}, {"parameters": None}, {"parameters": {}}, {"other": [1]}])
def test_no_parameters_are_fine(store: Path, given: Any) -> None:
    assert change(client_of(store, admin_token=TOKEN), "load", data=json.dumps(given)).status_code == 200


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1]", "holds no settings"),
        ("{", "holds no settings"),
        ('{"max_bodi": 1}', "did you mean 'max_body'"),
        ('{"port": 1}', "there is no setting 'port'"),
        ('{"keys": null}', "'keys' is null"),
        ('{"max_rows": 1.5}', "'max_rows' is 1.5"),
        ('{"engine": "ts"}', "there is no engine 'ts'"),
        ('{"max_body": "x"}', "SUITE_MAX_BODY is 'x'"),
    ],
)
def test_a_file_of_settings_that_makes_no_sense(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "settings.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=words):
        Config.of_file(file)


def test_a_file_of_settings(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text('{"max_body": 1000, "access_log": true, "engine": "litert"}')
    config = Config.from_environment(Config.of_file(file))
    assert (config.max_body, config.access_log, config.engine) == (1000, True, "litert")
