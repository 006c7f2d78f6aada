"""Models for all tests of the service, which are created once."""

import logging
import shutil
import subprocess
from pathlib import Path

import pytest
import serving_models as make
from flask.testing import FlaskClient

from serving.app import create_app
from serving.config import Config


@pytest.fixture
def caplog(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """What is logged, by loggers of the service that other tests' libraries (alembic) have disabled, too."""
    for name, logger in list(logging.Logger.manager.loggerDict.items()):
        if name.split(".")[0] == "serving" and isinstance(logger, logging.Logger):
            monkeypatch.setattr(logger, "disabled", False)
    return caplog


@pytest.fixture(scope="session")
def light(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of models, all of which run without TensorFlow."""
    models = tmp_path_factory.mktemp("light")
    make.image(models)
    make.image(models, "colours", channels=3)
    make.text(models)
    make.fraud(models)
    return models


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of SavedModels without cards."""
    models = tmp_path_factory.mktemp("plain")
    make.plain(models, "halves", make.Halves())
    make.plain(models, "pair", make.Pair())
    make.plain(models, "half_plus_two", make.HalfPlusTwo())
    return models


def _client(config: Config) -> FlaskClient:
    app = create_app(config)
    assert app.extensions["service"].repository.wait(60)
    return app.test_client()


@pytest.fixture(scope="session")
def client(light: Path) -> FlaskClient:
    return _client(Config(models=light))


@pytest.fixture(scope="session")
def plain_client(plain: Path) -> FlaskClient:
    return _client(Config(models=plain))


@pytest.fixture(scope="session")
def alone(light: Path, tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A service of one model."""
    models = tmp_path_factory.mktemp("alone")
    shutil.copytree(light / "reviews", models / "reviews")
    return _client(Config(models=models))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no 'openssl' here to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-days", "2"]
    named = ["-addext", "subjectAltName=IP:127.0.0.1", "-out", str(certificate), "-keyout", str(key)]
    subprocess.run([*made, *named], check=True, capture_output=True)
    return certificate, key
