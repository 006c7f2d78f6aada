"""A repository that checks the store when the test calls for it."""

import json
import shutil
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from serving.app import create_app
from serving.config import Config
from serving.models.repository import Repository
from suite import artifact

TEXTS = ["good good"]


class Service:
    """A service that checks its store when the test calls for it."""

    def __init__(self, models: Path, **settings: Any) -> None:
        app = create_app(Config(models=models, **({"poll": 0} | settings)))
        self.core = app.extensions["service"]
        self.repository: Repository = self.core.repository
        self.client: FlaskClient = app.test_client()
        assert self.repository.wait(60)

    def refresh(self) -> None:
        self.repository.refresh()

    def ask(self, model: str = "reviews", instances: Any = TEXTS, **more: Any) -> Any:
        body = {"model": model, "instances": instances} | more
        return self.client.post("/predict", data=json.dumps(body))

    def version(self, model: str = "reviews", **more: Any) -> int:
        """Return the version that answers."""
        response = self.ask(model, **more)
        assert response.status_code == 200, response.text
        return int(response.get_json()["version"])

    def models(self) -> dict[str, dict[str, Any]]:
        found = self.client.get("/models").get_json()["models"]
        return {f"{one['name']}/{one['version']}": one for one in found}

    def passed_over(self) -> dict[str, str]:
        found = self.client.get("/models").get_json()["passed_over"]
        return {one["folder"]: one["reason"] for one in found}


def copy_version(source: Path, target: Path, labels: list[str] | None = None) -> Path:
    """Copy a version as if it had been saved under the target's number, with other labels if given."""
    shutil.copytree(source, target)
    card = artifact.read_card(target)
    assert card
    card.version = int(target.name)
    card.labels = labels or card.labels
    artifact.write_card(target, card)
    return target


def files_of(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
