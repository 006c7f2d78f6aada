"""Requests with no key, a wrong key or too high a rate are refused."""

import json
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from serving.app import create_app
from serving.config import Config
from serving.http import auth
from serving.http.auth import fingerprint
from suite import artifact
from suite.cli import group
from suite.errors import UsageError

BODY = json.dumps({"model": "reviews", "instances": ["good"]})


def keys(*arguments: object) -> Any:
    done = CliRunner().invoke(group, ["keys", *map(str, arguments), "--json"])
    return json.loads(done.stdout) if done.exit_code == 0 else done.exception


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def serve(light: Path, file: Path) -> FlaskClient:
    app = create_app(Config(models=light, keys=str(file), workers=1))
    assert app.extensions["service"].repository.wait(60)
    return app.test_client()


def ask(client: FlaskClient, key: str | None, body: str = BODY) -> int:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return client.post("/predict", data=body, headers=headers).status_code


def test_a_key_opens_what_it_is_for(light: Path, file: Path) -> None:
    everything = keys("add", file, "analyst")["key"]
    pictures = keys("add", file, "shop", "--model", "digits")["key"]
    assert everything not in file.read_text()
    client = serve(light, file)
    assert ask(client, everything) == 200
    assert ask(client, pictures) == 403
    assert [ask(client, key) for key in (None, "", "wrong", everything[:-1], everything + "x")] == [401] * 5
    assert client.post("/predict", data=BODY, headers={"X-Api-Key": everything}).status_code == 200
    refused = client.post("/v2/models/reviews/infer", data="{}")
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    # Health checks need no key.
    assert client.get("/healthz").status_code == 200


def test_no_key_is_needed_for_whole_names_of_paths_alone(light: Path, file: Path) -> None:
    keys("add", file, "analyst")
    client = serve(light, file)
    for path in ("/healthz", "/readyz", "/metrics", "/v2/health/live", "/docs", "/docs/docs.css"):
        assert client.get(path).status_code == 200
    for path in ("/healthzfoo", "/metricsfoo", "/metrics.json", "/docsfoo", "/v2/healthy", "/v2/repository/modelsfoo"):
        assert client.get(path).status_code == 401


def test_a_key_has_versions_loaded_of_its_models_alone(light: Path, tmp_path: Path, file: Path) -> None:
    newer = shutil.copytree(light / "reviews/1", tmp_path / "models/reviews/2")
    shutil.copytree(light / "reviews/1", tmp_path / "models/reviews/1")
    card = artifact.read_card(newer)
    assert card
    card.version = 2
    artifact.write_card(newer, card)
    own, other = (keys("add", file, name, "--model", name)["key"] for name in ("reviews", "digits"))
    client = serve(tmp_path / "models", file)
    older, missing = (json.dumps({"version": version, "instances": ["good"]}) for version in (1, 9))

    def loaded() -> list[int]:
        found = client.get("/models", headers={"Authorization": f"Bearer {own}"}).get_json()["models"]
        return [one["version"] for one in found]

    assert [ask(client, other, body) for body in (older, missing)] == [403, 403]
    assert loaded() == [2]
    assert [ask(client, own, body) for body in (older, missing)] == [200, 404]
    assert loaded() == [1, 2]


def test_a_key_may_ask_so_often(light: Path, file: Path) -> None:
    keys("add", file, "shop")
    assert keys("remove", file, "shop") == {"removed": "shop"}
    key = keys("add", file, "shop", "--per-second", 2)["key"]
    client = serve(light, file)
    assert [ask(client, key) for _ in range(3)] == [200, 200, 429]
    time.sleep(0.6)
    assert ask(client, key) == 200


def test_a_name_has_one_key(file: Path) -> None:
    assert keys("add", file, "shop")["key"]
    assert "has a key of 'shop'" in str(keys("add", file, "shop"))
    assert "no key of 'analyst': there are: shop" in str(keys("remove", file, "analyst"))


@pytest.mark.parametrize("text", ["", "[]", '{"shop": {}}', '{"shop": {"sha256": "short"}}', '{"shop": 5}'])
def test_a_file_that_cannot_be_read_opens_nothing(light: Path, file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(UsageError, match="holds no keys that can be read"):
        create_app(Config(models=light, keys=str(file), workers=1))


HASH = fingerprint("K1")
NO_KEYS = {
    json.dumps({"a": {"sha256": "é" * 64}}): "the sha256 of 'a' is not 64 hexadecimal digits",
    json.dumps({"a": {"sha256": HASH + "\n"}}): "the sha256 of 'a' is not 64 hexadecimal digits",
    json.dumps({"a": {"sha256": 5}}): "the sha256 of 'a' is not 64 hexadecimal digits",
    json.dumps({"a": {"sha256": HASH, "models": "fraud"}}): "the models of 'a' are no list of names",
    json.dumps({"a": {"sha256": HASH, "models": [1]}}): "the models of 'a' are no list of names",
    json.dumps({"a": {"sha256": HASH, "model": ["fraud"]}}): "'a' has 'model', and a key has sha256, models",
    json.dumps({"a\n": {"sha256": HASH}}): "is no name with an object of sha256, models, per_second",
    json.dumps({"a": [HASH]}): "'a' is no name with an object of sha256, models, per_second",
    f'{{"a": {{"sha256": "{HASH}"}}, "a": {{"sha256": "{HASH}"}}}}': "a name stands there twice",
    **{
        f'{{"a": {{"sha256": "{HASH}", "per_second": {rate}}}}}': "and no number from 0 to 1,000,000,000"
        for rate in ("NaN", "Infinity", "-1", "1e999", "1" + "0" * 400, "true", "null", '"5"', "[]")
    },
}


@pytest.mark.parametrize("text", NO_KEYS)
def test_an_entry_that_makes_no_sense_is_told(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(UsageError, match=f"^{re.escape(str(file))} holds no keys") as told:
        auth.read(file)
    assert NO_KEYS[text] in str(told.value)
    assert len(str(told.value).splitlines()) == 1


def test_a_hash_in_capitals_is_the_same(light: Path, file: Path) -> None:
    file.write_text(json.dumps({"a": {"sha256": HASH.upper()}}))
    client = serve(light, file)
    assert [ask(client, key) for key in ("K1", "K2")] == [200, 401]


@pytest.mark.parametrize("told", [["shop", "--per-second", "nan"], ["shop", "--per-second", "inf"], ["a\nb"]])
def test_no_key_is_written_that_could_not_be_read(file: Path, told: list[str]) -> None:
    assert "no key was written" in str(keys("add", file, *told))
    assert not file.exists()
