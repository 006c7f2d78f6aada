"""Models, names and bodies that try to run code, to leave the store or to fetch data from elsewhere have no effect."""

import base64
import io
import json
import os
import pickle
import shutil
import socket
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import serving_models as make
from flask.testing import FlaskClient
from PIL import Image

from serving.app import create_app
from serving.config import Config
from suite import artifact

SECRET = "what nobody may read"


def serve(models: Path) -> FlaskClient:
    app = create_app(Config(models=models))
    assert app.extensions["service"].repository.wait(60)
    return app.test_client()


def post(
    client: FlaskClient, path: str, body: bytes, kind: str = "application/json", **headers: str
) -> tuple[int, str]:
    response = client.post(path, data=body, content_type=kind, headers=headers)
    return response.status_code, response.text


class Trap:
    """An object that writes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.file),)


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
@pytest.mark.parametrize("beside", ["nothing", "a good model"])
def test_keras_files_that_run_code_are_never_loaded(light: Path, tmp_path: Path, name: str, beside: str) -> None:
    sprung, models = tmp_path / "sprung", tmp_path / "models"
    x = keras.Input((1,))
    springs = eval(f"lambda x: __import__('os').mkdir({str(sprung)!r}) or x")  # the path within the saved file
    trap = keras.Model(x, keras.layers.Lambda(springs, output_shape=(1,))(x))
    folder = models / "digits/1"
    if beside == "nothing":
        folder.mkdir(parents=True)
        trap.save(folder / name)
    else:
        shutil.copytree(light / "digits", models / "digits")
        trap.save(folder / name)
        card = artifact.read_card(folder)
        assert card
        artifact.write_card(folder, card)
    client = serve(models)
    found = client.get("/models").get_json()["models"][0]
    assert found["state"] == ("failed" if beside == "nothing" else "ready")
    if beside != "nothing":
        body = json.dumps({"instances": [[[0] * make.SIDE] * make.SIDE]}).encode()
        assert post(client, "/predict", body)[0] == 200
    assert not sprung.exists()
    # Unpickling it would run the code.
    loaded = keras.saving.load_model(folder / name, safe_mode=False)
    loaded(np.zeros((1, 1)))
    assert sprung.exists()


@pytest.mark.parametrize("kind", ["application/x-npy", "application/npy", "application/octet-stream", "text/plain"])
def test_nothing_is_unpickled(client: FlaskClient, tmp_path: Path, kind: str) -> None:
    sprung = tmp_path / "sprung"
    file, archive = io.BytesIO(), io.BytesIO()
    np.save(file, np.array([Trap(sprung)], object), allow_pickle=True)
    np.savez(archive, x=np.array([Trap(sprung)], object))
    for body in (file.getvalue(), archive.getvalue(), pickle.dumps(Trap(sprung)), pickle.dumps(np.zeros(3))):
        for model in ("digits", "payments"):
            assert post(client, f"/predict?model={model}", body, kind)[0] in (400, 415)
    assert not sprung.exists()
    pickle.loads(pickle.dumps(Trap(sprung)))
    assert sprung.exists()


def test_an_archive_is_no_body(client: FlaskClient) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../../../../tmp/out", "x")
    for kind in ("application/zip", "application/x-tar", "application/x-npz", "application/x-npy"):
        assert post(client, "/predict?model=digits", file.getvalue(), kind)[0] in (400, 415)


def give_away(link: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a link away")
    os.lchown(link, 12345, 12345)


@pytest.mark.parametrize("link", ["store", "model", "version", "file", "folder"])
def test_links_lead_nowhere(light: Path, tmp_path: Path, link: str) -> None:
    models, outside = tmp_path / "models", Path(shutil.copytree(light / "digits", tmp_path / "outside/digits"))
    shutil.copytree(light / "reviews", models / "reviews")
    if link in ("store", "model"):
        (models / "digits").symlink_to(outside if link == "model" else tmp_path)
        # A link of another user who may write to the store is not followed; the operator's own link to a model is.
        give_away(models / "digits")
    elif link == "version":
        (models / "digits").mkdir()
        (models / "digits/1").symlink_to(outside / "1")
    else:
        shutil.copytree(outside, models / "digits")
        lost = models / "digits/1" / ("model.tflite" if link == "file" else "variables")
        shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
        lost.symlink_to(outside / "1" / lost.name)
    client = serve(models)
    served = [model["name"] for model in client.get("/models").get_json()["models"] if model["state"] == "ready"]
    assert served == ["reviews"]
    assert str(tmp_path) not in client.get("/models").text


@pytest.mark.parametrize(
    "name",
    ["../outside", "..%2foutside", "%2e%2e/outside", "..%5coutside", "reviews/../../outside", "reviews%00", "/etc", "~",
     "%252e%252e%252foutside", "reviews/1/../../../outside", "x" * 5000, "..", "."],
)  # fmt: skip
def test_names_lead_nowhere(light: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(light / "reviews", tmp_path / "models/reviews")
    shutil.copytree(light / "reviews", tmp_path / "outside/1")
    client = serve(tmp_path / "models")
    given = name.replace("%2f", "/").replace("%2e", ".").replace("%00", "\0")
    body = json.dumps({"model": given, "instances": ["good"]}).encode()
    found = [post(client, "/predict", body), post(client, f"/predict?model={name}", b"good", "text/plain")]
    asked = (
        f"{name}:predict",
        f"reviews/labels/{name}:predict",
        f"reviews/versions/{name}:predict",
        f"{name}/infer",
        f"reviews/versions/{name}/infer",
    )
    for version in ("v1", "v2"):
        found += [post(client, f"/{version}/models/{path}", b'{"instances": ["good"]}') for path in asked]
    for path in (f"/v1/models/{name}", f"/v1/models/{name}/metadata", f"/v2/models/{name}", f"/v2/models/{name}/ready"):
        response = client.get(path)
        # After a client has resolved the dots, the path may be that of the list of routes.
        found.append((response.status_code, response.text))
    for status, text in found:
        assert status in (400, 404, 405, 308), text
        assert str(tmp_path) not in text
        assert "\n  File" not in text


def test_no_address_is_fetched_and_no_file_read(client: FlaskClient, plain_client: FlaskClient, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    Image.new("L", (make.SIDE, make.SIDE)).save(secret)
    (tmp_path / "secret.txt").write_text(SECRET)
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.3)
        port = trap.getsockname()[1]
        svg = f'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1:{port}/x"/></svg>'
        addresses = [f"{scheme}://127.0.0.1:{port}/x.png" for scheme in ("http", "https", "ftp", "gs", "s3", "hdfs")]
        for address in (*addresses, f"file://{secret}", str(secret), svg, base64.b64encode(svg.encode()).decode()):
            for item in (address, {"b64": address}, {"image": address}, {"url": address}, {"image_url": address}):
                body = json.dumps({"model": "digits", "instances": [item]}).encode()
                assert post(client, "/predict", body)[0] == 400
                assert post(client, "/v1/models/digits:predict", body)[0] == 400
            form = {"file": (io.BytesIO(address.encode()), address), "model": "digits"}
            assert client.post("/predict", data=form).status_code == 400
            # As texts they are valid.
            assert post(client, "/predict?model=reviews", address.encode(), "text/plain")[0] == 200
        named = {"name": f"file://{tmp_path}/secret.txt", "n": [1, 2]}
        body = json.dumps({"model": "pair", "instances": [named]}).encode()
        assert SECRET not in post(plain_client, "/predict", body)[1]
        with pytest.raises(TimeoutError):
            trap.accept()
