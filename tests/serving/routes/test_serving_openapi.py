"""The OpenAPI document is valid and correct: the service answers what it allows, and refuses everything else."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import serving_models as make
from click.testing import CliRunner
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from serving.app import create_app
from serving.config import Config
from serving.openapi import examples as examples_of
from serving.openapi import instances
from serving.server import launcher as run
from suite.artifact import TensorSpec
from suite.cli import group

HERE = Path(__file__).parents[1]
NAMED_IN_THE_URL = {"text/plain": "reviews", "text/csv": "payments"}
SEED, CASES = 1, 5


def serve(models: Path, **settings: Any) -> FlaskClient:
    app = create_app(Config(models=models, workers=1, **settings))
    assert app.extensions["service"].repository.wait(60)
    return app.test_client()


def document(client: FlaskClient) -> dict[str, Any]:
    response = client.get("/openapi.json")
    assert (response.status_code, response.content_type) == (200, "application/json")
    found: dict[str, Any] = response.get_json()
    validate(found)
    return found


def examples(found: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """Return path, media type and value of every example."""
    return [
        (path, kind, value)
        for path, operations in found["paths"].items()
        if "post" in operations
        for kind, media in operations["post"]["requestBody"]["content"].items()
        for value in [*(one["value"] for one in media.get("examples", {}).values()), media.get("example")]
        if value is not None
    ]


def answered(client: FlaskClient, path: str, kind: str, value: Any, model: str | None = None) -> None:
    body = value if isinstance(value, str) else json.dumps(value)
    response = client.post(path, data=body, content_type=kind, query_string={"model": model} if model else None)
    assert response.status_code == 200, (path, value, response.text)


@pytest.fixture
def mixed(light: Path, plain: Path, tmp_path: Path) -> Path:
    """A store with a model of each kind."""
    for name, store in {"digits": light, "reviews": light, "payments": light, "pair": plain, "halves": plain}.items():
        shutil.copytree(store / name, tmp_path / "mixed" / name)
    return tmp_path / "mixed"


def test_every_example_is_answered(client: FlaskClient, plain_client: FlaskClient) -> None:
    for asked, expected in ((client, 4), (plain_client, 3)):
        found = document(asked)
        listed = examples(found)
        assert len([1 for path, kind, _ in listed if (path, kind) == ("/predict", "application/json")]) == expected
        for path, kind, value in listed:
            answered(asked, path, kind, value, NAMED_IN_THE_URL.get(kind))


def test_every_domain_has_examples_that_are_answered(made: Any, tmp_path: Path) -> None:
    shutil.copytree(made.folder, tmp_path / made.card.name / "1")
    client = serve(tmp_path)
    listed = examples(document(client))
    method = "classify" if made.card.labels else "regress"
    assert {path for path, _, _ in listed} >= {"/predict", f"/v1/models/{made.card.name}:{method}"}
    for path, kind, value in listed:
        answered(client, path, kind, value)


def test_every_path_to_get_is_there(client: FlaskClient) -> None:
    paths = document(client)["paths"]
    assert {"/models", "/healthz", "/readyz", "/metrics", "/openapi.json", "/v2"} < paths.keys()
    assert {
        "/v1/models/digits",
        "/v1/models/digits/metadata",
        "/v2/models/digits",
        "/v2/models/digits/ready",
    } < paths.keys()
    for path, operations in paths.items():
        if "get" in operations:
            assert client.get(path).status_code == 200, path


def test_models_are_described_by_card_or_signature(client: FlaskClient, plain_client: FlaskClient) -> None:
    found = document(client)
    schemas = found["components"]["schemas"]
    assert schemas["payments.1.instance"]["properties"].keys() == {"amount", "weekend", "time", "country", "id"}
    answer = schemas["payments.1.answer"]["properties"]["predictions"]["items"]["properties"]
    assert (answer["threshold"], answer["label"]) == ({"const": make.THRESHOLD}, {"enum": ["legitimate", "fraud"]})
    assert {"/v1/models/reviews:regress", "/v1/models/digits:classify"} < found["paths"].keys()
    assert "/v1/models/digits:regress" not in found["paths"]
    found = document(plain_client)
    pair = found["components"]["schemas"]["pair.1.instance"]
    assert pair["required"] == ["n", "name"]
    assert pair["properties"]["n"]["maxItems"] == 2
    assert "/v1/models/pair:classify" not in found["paths"]


def test_only_what_is_loaded_appears(light: Path, tmp_path: Path) -> None:
    assert "/predict" not in document(serve(tmp_path))["paths"]
    shutil.copytree(light / "reviews", tmp_path / "reviews")
    shutil.copytree(light / "digits", tmp_path / "digits")
    (tmp_path / "digits" / "1" / "model.tflite").write_bytes(b"broken")
    client = serve(tmp_path)
    assert "digits" not in json.dumps(document(client))
    assert document(client)["components"]["schemas"]["reviews.1.request"]["required"] == ["model", "instances"]


def test_the_only_model_need_not_be_named(alone: FlaskClient) -> None:
    request = document(alone)["components"]["schemas"]["reviews.1.request"]
    assert (request["required"], request["properties"]["model"]) == (["instances"], {"enum": ["reviews", None]})


def test_another_version_is_asked_by_its_number(tmp_path: Path) -> None:
    make.image(tmp_path)
    make.image(tmp_path, seed=1)
    client = serve(tmp_path, keep=2)
    found = document(client)
    assert {"/v1/models/digits:predict", "/v1/models/digits/versions/1:predict"} < found["paths"].keys()
    assert found["components"]["schemas"]["digits.1.request"]["properties"]["version"] == {"const": 1}
    versions = {
        client.post(path, data=json.dumps(value)).get_json()["version"]
        for path, kind, value in examples(found)
        if (path, kind) == ("/predict", "application/json")
    }
    assert versions == {1, 2}


def test_the_page_is_made_of_files_of_ours(client: FlaskClient) -> None:
    page = client.get("/docs")
    assert (page.status_code, page.content_type) == (200, "text/html; charset=utf-8")
    kinds = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript", "favicon-32x32.png": "image/png"}
    for name, kind in (kinds | {"docs.js": "text/javascript", "docs.css": "text/css"}).items():
        assert f'"docs/{name}"' in page.text
        file = client.get(f"/docs/{name}")
        assert (file.status_code, file.mimetype, len(file.data) > 50) == (200, kind, True)
        assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert "://" not in page.text + client.get("/docs/docs.js").text
    policy = page.headers["Content-Security-Policy"]
    assert {"default-src 'none'", "script-src 'self'", "connect-src 'self'"} < set(policy.split("; "))
    assert "unsafe" not in policy
    redirect = client.get("/docs/")
    assert (redirect.status_code, redirect.headers["Location"]) == (308, "../docs")


def test_the_document_names_its_server_relative_to_itself(client: FlaskClient) -> None:
    """Under a proxy's prefix /ml, the page at /ml/docs sends its requests to /ml/predict."""
    (server,) = document(client)["servers"]
    assert urljoin("https://example.org/ml/openapi.json", server["url"]) == "https://example.org/ml/"
    assert urljoin("https://example.org/ml/docs", server["url"]) == "https://example.org/ml/"


@pytest.mark.parametrize(
    "name", ["index.css", "VERSION", "../app.py", "..%2fapp.py", "%2e%2e/app.py", "docs.js/", ".."]
)
def test_no_other_file_is_handed_out(client: FlaskClient, name: str) -> None:
    assert client.get(f"/docs/{name}").status_code == 404


def test_a_key_is_needed_for_the_document_and_not_for_the_page(light: Path, tmp_path: Path) -> None:
    key = add_key(tmp_path / "keys.json")
    client = serve(light, keys=str(tmp_path / "keys.json"))
    assert client.get("/docs").status_code == 200
    assert client.get("/openapi.json").status_code == 401
    found = client.get("/openapi.json", headers={"Authorization": f"Bearer {key}"}).get_json()
    validate(found)
    assert found["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    open_to_all = {
        path
        for path, operations in found["paths"].items()
        if not any(one.get("security") for one in operations.values())
    }
    assert open_to_all == {"/healthz", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready"}
    for path in found["paths"].keys() - open_to_all:
        assert client.get(path).status_code in (401, 405), path


def add_key(file: Path) -> str:
    done = CliRunner().invoke(group, ["keys", "add", str(file), "tester", "--json"])
    key: str = json.loads(done.stdout)["key"]
    return key


@pytest.mark.slow
def test_the_service_does_what_its_document_says(mixed: Path, tmp_path: Path) -> None:
    key = add_key(tmp_path / "keys.json")
    config = Config(models=mixed, port=0, workers=1, max_rows=20, keys=str(tmp_path / "keys.json"))
    with run.started(config) as service:
        run.wait_ready(service, 1, 60)
        command = [
            sys.executable, "-m", "schemathesis.cli", "--config-file", HERE / "schemathesis.toml",
            "run", f"{service.url}/openapi.json", "--header", f"Authorization: Bearer {key}", "--checks", "all",
            "--phases", "examples,coverage,fuzzing", "--seed", str(SEED), "--max-examples", str(CASES), "--no-color",
        ]  # fmt: skip
        environment = os.environ | {
            "SCHEMATHESIS_HOOKS": "openapi_hooks",
            "PYTHONPATH": os.pathsep.join((str(HERE), str(HERE.parents[1]))),
        }
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-2_000:]
    assert "Tested: " in done.stdout


def test_a_column_of_free_text_takes_text_or_null() -> None:
    spec = TensorSpec("note", "string", (), "note", "text")
    assert instances.cell(spec) == {"type": ["string", "null"]}
    card = make.card("tickets", [spec], ["no", "yes"], {"kind": "table", "columns": [{"name": "note", "kind": "text"}]})
    assert examples_of.by_column(card, "table") == {"note": "A fine day."}
