"""Models for all tests of the service, made once."""

from pathlib import Path

import pytest
import serving_models as make


@pytest.fixture(scope="session")
def light(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of models that all run without TensorFlow."""
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
    return models
