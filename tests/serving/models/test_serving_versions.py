"""Which version answers: new versions replace old ones by themselves unless they are invalid; labels override this."""

import gc
import json
import shutil
import weakref
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import serving_models as make
from flask.testing import FlaskClient

from serving.app import create_app
from serving.config import Config
from serving.errors import ServiceError
from serving.models.repository import Repository
from serving.observability.metrics import Metrics
from suite import artifact, labels
from suite.errors import UsageError
from suite.labels import Label

PICTURE = [[200] * make.SIDE] * make.SIDE


class Service:
    """A service that checks the store when the test calls for it."""

    def __init__(self, models: Path, **settings: Any) -> None:
        app = create_app(Config(models=models, poll=0, **settings))
        self.core = app.extensions["service"]
        self.client: FlaskClient = app.test_client()
        assert self.core.repository.wait(60)

    def version(self, path: str = "digits:predict") -> int:
        """Return the version that answers."""
        return int(self.answer(path)["version"])

    def answer(self, path: str = "digits:predict", **asked: Any) -> dict[str, Any]:
        body = {"model": path.partition(":")[0], "instances": [PICTURE], **asked}
        response = self.client.post("/predict", data=json.dumps(body))
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.get_json()
        return found

    def models(self) -> dict[int, dict[str, Any]]:
        return {one["version"]: one for one in self.client.get("/models").get_json()["models"]}


@pytest.fixture
def store(light: Path, tmp_path: Path) -> Path:
    shutil.copytree(light / "digits", tmp_path / "digits")
    return tmp_path


@pytest.fixture
def service(store: Path) -> Service:
    return Service(store)


def test_a_new_version_takes_over_and_the_old_one_is_let_go(store: Path, service: Service) -> None:
    before = service.answer()
    make.image(store, "digits", seed=5)
    assert service.version() == 1
    service.core.repository.refresh()
    after = service.answer()
    assert (after["version"], after["predictions"] != before["predictions"]) == (2, True)
    assert list(service.models()) == [2]
    # A request for an older version loads it again.
    assert service.answer(version=1)["predictions"] == before["predictions"]


@pytest.mark.parametrize("damage", ["truncated", "garbage", "missing", "card"])
def test_a_bad_version_never_replaces_a_good_one_and_says_why(store: Path, service: Service, damage: str) -> None:
    folder = make.image(store, "digits", seed=5)
    file = folder / ("card.json" if damage == "card" else "model.tflite")
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(content[: len(content) // 2] if damage == "truncated" else content[::-1])
    service.core.repository.refresh()
    assert service.version() == 1
    bad = service.models()[2]
    assert bad["state"] == "failed"
    assert "digits/2/" in bad["reason"]
    # Once repaired, it is tried again.
    shutil.rmtree(folder)
    make.image(store, "digits", seed=5)
    service.core.repository.refresh()
    assert service.version() == 2


def test_where_the_newest_is_bad_from_the_start_the_one_before_answers(store: Path) -> None:
    (make.image(store, "digits", seed=5) / "model.tflite").write_bytes(b"")
    assert Service(store).version() == 1


def test_what_is_loaded_answers_on_when_its_files_are_destroyed(store: Path, service: Service) -> None:
    before = service.answer()["predictions"]
    for file in (store / "digits/1").iterdir():
        if file.is_file():
            file.write_bytes(b"")
    service.core.repository.refresh()
    assert service.answer()["predictions"] == before


@pytest.mark.parametrize("text", ['{"schema": 1, "x": NaN}', '{"schema": 1, "x": "\\ud800"}', "[" * 100_000])
def test_a_card_that_cannot_be_read_is_told_and_keeps_no_settings_from_being_taken_up(
    store: Path, service: Service, text: str
) -> None:
    artifact.replace_file(store / "digits/1/card.json", text.encode())
    (store / "digits/serving.json").write_text('{"max_batch": 7}')
    # While a file only grows, it may still be being copied.
    for _ in range(2):
        service.core.repository.refresh()
    known = service.models()[1]
    assert (known["state"], known["settings"]) == ("ready", {"max_batch": 7})
    assert "card.json cannot be read" in known["files_complaint"]
    assert service.version() == 1


def test_a_deleted_version_gives_way_to_the_one_before_and_a_deleted_model_is_gone(store: Path) -> None:
    make.image(store, "digits", seed=5)
    service = Service(store)
    assert service.version() == 2
    artifact.delete(store / "digits/2")
    service.core.repository.refresh()
    assert service.version() == 1
    shutil.rmtree(store / "digits")
    service.core.repository.refresh()
    response = service.client.post("/predict", data=json.dumps({"model": "digits", "instances": [PICTURE]}))
    assert response.status_code == 404


def test_a_label_holds_a_version_and_names_others(store: Path, service: Service) -> None:
    labels.put(store / "digits", labels.STABLE, Label(1))
    make.image(store, "digits", seed=5)
    labels.put(store / "digits", "next", Label(2))
    service.core.repository.refresh()
    assert service.version() == 1
    assert service.client.get("/v1/models/digits/labels/next").get_json()["model_version_status"][0]["version"] == "2"
    assert service.models()[2]["labels_of_version"] == ["next"]
    labels.put(store / "digits", labels.STABLE, None)
    service.core.repository.refresh()
    assert service.version() == 2


def test_a_canary_gets_its_share(store: Path, service: Service) -> None:
    make.image(store, "digits", seed=5)
    labels.put(store / "digits", labels.STABLE, Label(1))
    labels.put(store / "digits", labels.CANARY, Label(2, 30.0))
    service.core.repository.refresh()
    found = Counter(service.version() for _ in range(400))
    assert 60 < found[2] < 180
    assert service.answer(version=1)["version"] == 1


@pytest.mark.parametrize(("seed", "found"), [(0, "same"), (5, "different")])
def test_a_shadow_is_compared_and_never_answers(store: Path, service: Service, seed: int, found: str) -> None:
    make.image(store, "digits", seed=seed)
    labels.put(store / "digits", labels.STABLE, Label(1))
    labels.put(store / "digits", labels.SHADOW, Label(2))
    service.core.repository.refresh()
    assert {service.version() for _ in range(5)} == {1}
    service.core.shadow.wait()
    assert service.models()[2]["shadow"] == {found: 5}


def test_labels_that_make_no_sense_are_refused(store: Path) -> None:
    parent = store / "digits"
    for name, label, words in (
        ("Best", Label(1), "is no label"),
        ("stable", Label(7), "has no version 7: there are: 1"),
        ("stable", Label(1, 5.0), "only the label canary has a weight"),
        ("stable", None, "has no label 'stable'"),
    ):
        with pytest.raises(UsageError, match=words):
            labels.put(parent, name, label)


def test_damaged_labels_are_left_alone(store: Path) -> None:
    (store / "digits/labels.json").write_text('{"stable": ')
    assert Service(store).version() == 1


def test_before_all_models_were_tried_none_is_taken_for_the_only_one(store: Path) -> None:
    repository = Repository(Config(models=store), Metrics())
    for look in (repository.only, lambda: repository.get("digits"), lambda: repository.get("nothing")):
        with pytest.raises(ServiceError, match="still loading") as raised:
            look()
        assert raised.value.status == 503
    repository.refresh()
    assert repository.only() == "digits"


def test_what_is_let_go_of_is_freed_at_once(store: Path, service: Service) -> None:
    """Models are freed without the garbage collector, from which loaded objects are excluded."""
    before = service.core.repository.get("digits")
    gone = [weakref.ref(one) for one in (before, before.batcher, before.batcher.engine)]
    assert service.version() == 1
    del before
    shutil.copytree(store / "digits/1", store / "digits/2")
    found = artifact.read_card(store / "digits/2")
    assert found
    found.version = 2
    artifact.write_card(store / "digits/2", found)
    gc.disable()
    try:
        service.core.repository.refresh()
        assert service.version() == 2
        assert [one() for one in gone] == [None, None, None]
    finally:
        gc.enable()
