"""The settings of a model apply to it alone, from the next check of the store on; invalid ones do not stop a model."""

import json
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import serving_models as make
from flask.testing import FlaskClient

from serving.app import create_app
from serving.config import Config, cores
from serving.inference import InferenceService as Core
from serving.models import settings as model_settings
from serving.models.settings import ModelSettings
from suite.errors import SuiteError, UsageError

pytestmark = pytest.mark.alone

PICTURE = [[200] * make.SIDE] * make.SIDE
Run = Callable[..., Any]


class Service:
    """A service of two models that checks the store when the test calls for it."""

    def __init__(self, models: Path, **settings: Any) -> None:
        app = create_app(Config(models=models, poll=0, **settings))
        self.core: Core = app.extensions["service"]
        self.client: FlaskClient = app.test_client()
        assert self.core.repository.wait(60)

    def described(self, name: str = "digits", **settings: Any) -> dict[str, Any]:
        """Change the settings of a model, and return its description."""
        file = self.core.config.models / name / "serving.json"
        file.write_text(json.dumps(settings))
        self.core.repository.refresh()
        return self.model(name)

    def model(self, name: str = "digits") -> dict[str, Any]:
        known = self.client.get("/models").get_json()["models"]
        return next(one for one in known if one["name"] == name)

    def seconds(self, name: str = "digits") -> float:
        """Return how long a response takes."""
        begun = time.perf_counter()
        assert self.ask(name) == 200
        return time.perf_counter() - begun

    def ask(self, name: str = "digits", **more: Any) -> int:
        asked = {"model": name, "instances": [PICTURE], **more}
        return self.client.application.test_client().post("/predict", data=json.dumps(asked)).status_code


@pytest.fixture
def store(light: Path, tmp_path: Path) -> Path:
    shutil.copytree(light / "digits", tmp_path / "digits")
    shutil.copytree(light / "digits", tmp_path / "others")
    return tmp_path


@pytest.fixture
def service(store: Path) -> Service:
    return Service(store)


def test_they_hold_for_one_model_and_go_when_they_are_taken_away(service: Service) -> None:
    known = service.described(max_batch=3, max_delay_ms=300)
    assert known["settings"] == {"max_batch": 3, "max_delay_ms": 300}
    assert service.seconds() > 0.3
    assert service.seconds("others") < 0.2
    assert "settings" not in service.described()
    assert service.seconds() < 0.2


def test_they_hold_from_the_start(store: Path) -> None:
    (store / "digits/serving.json").write_text('{"max_batch": 2, "max_delay_ms": 300}')
    service = Service(store, max_delay_ms=0)
    assert service.seconds() > 0.3


def test_a_queue_of_its_own_length(service: Service) -> None:
    service.described(max_batch=100, max_delay_ms=500, max_waiting=0)
    with ThreadPoolExecutor(cores() + 3) as pool:
        statuses = list(pool.map(lambda _: service.ask(), range(cores() + 3)))
    assert sorted(set(statuses)) == [200, 503]


def test_requests_that_wait_run_together_where_a_light_model_is_told_so(service: Service) -> None:
    service.described(max_batch=4, max_delay_ms=5_000)
    with ThreadPoolExecutor(4) as pool:
        begun = time.perf_counter()
        assert list(pool.map(lambda _: service.ask(), range(4))) == [200] * 4
    assert time.perf_counter() - begun < 4


def test_another_engine_is_loaded_for_every_version_that_is_held(store: Path, service: Service) -> None:
    make.image(store, "digits", seed=5)
    service.core.repository.refresh()
    assert service.ask(version=1) == 200
    service.described(engine="tf")
    known = service.client.get("/models").get_json()["models"]
    assert {(one["version"], one["engine"]) for one in known if one["name"] == "digits"} == {(1, "tf"), (2, "tf")}
    assert service.model("others")["engine"] == "litert"
    assert service.described(max_batch=2)["engine"] == "litert"


def test_its_own_engine_goes_before_the_services(store: Path) -> None:
    (store / "digits/serving.json").write_text('{"engine": "litert"}')
    service = Service(store, engine="tf")
    assert service.model()["engine"] == "litert"
    assert service.model("others")["engine"] == "tf"


def test_an_engine_that_cannot_be_had_leaves_the_model_with_the_services(service: Service) -> None:
    known = service.described(engine="onnx", max_batch=7)
    assert (known["state"], known["engine"]) == ("ready", "litert")
    assert known["settings_complaint"] == (
        "digits/serving.json: 'engine' is \"onnx\", and this model cannot run on 'onnx': it was saved for litert, tf"
    )
    assert service.described(engine="onnx", max_batch=8)["settings_complaint"] == known["settings_complaint"]
    assert "settings_complaint" not in service.described(max_batch=8)


def test_a_model_whose_files_are_gone_answers_on_when_another_engine_is_asked_for(
    store: Path, service: Service
) -> None:
    (store / "digits/1/model.tflite").write_bytes(b"")
    known = service.described(engine="tf")
    assert (known["state"], known["answers"], known["engine"]) == ("ready", True, "litert")
    assert "model.tflite does not match the hash" in known["settings_complaint"]
    assert service.ask(version=1) == 200


BAD = {
    '{"max_batch": 0}': "digits/serving.json: 'max_batch' is 0: give a whole number from 1 to 10000",
    '{"max_batch": true}': "digits/serving.json: 'max_batch' is true: give a whole number from 1 to 10000",
    '{"max_delay_ms": 2.5}': "digits/serving.json: 'max_delay_ms' is 2.5: give a whole number from 0 to 10000",
    '{"max_waiting": "9"}': "digits/serving.json: 'max_waiting' is \"9\": give a whole number from 0 to 10000",
    '{"engine": ["tf"]}': "digits/serving.json: 'engine' is [\"tf\"]: give one of auto, litert, onnx, tf",
    '{"max_bach": 3}': "digits/serving.json: there is no setting 'max_bach': did you mean 'max_batch'?",
    "[1]": 'digits/serving.json is no JSON object: write it like {"max_batch": 32}',
    "[1": "digits/serving.json cannot be read (Expecting ',' delimiter: line 1 column 3 (char 2)): fix or delete it",
}


@pytest.mark.parametrize("text", BAD)
def test_what_makes_no_sense_is_told_and_takes_nothing_down(store: Path, service: Service, text: str) -> None:
    for running in (service, None):
        (store / "digits/serving.json").write_text(text)
        running = running or Service(store)
        running.core.repository.refresh()
        known = running.model()
        assert (known["state"], known["settings_complaint"]) == ("ready", BAD[text])
        assert running.ask() == 200
    assert "settings_complaint" not in service.model("others")
    assert "settings_complaint" not in service.described(max_batch=3)


def test_the_verb_sets_and_takes_away(suite: Run, store: Path) -> None:
    given = ("models", "set", "digits", "--models", store)
    done = suite(*given, "max_batch=32", "max_delay_ms=5", "engine=tf")
    assert done.stdout == "digits: max_batch 32, max_delay_ms 5, engine tf\n"
    done = suite(*given, "engine=", "max_delay_ms=0", "--json")
    assert json.loads(done.stdout) == {"name": "digits", "settings": {"max_batch": 32, "max_delay_ms": 0}}
    assert model_settings.read(store / "digits") == ModelSettings(max_batch=32, max_delay_ms=0)
    done = suite(*given, "max_batch=-1")
    assert (done.returncode, done.stderr) == (
        2, "error: 'max_batch' is \"-1\": give a whole number from 1 to 10000\n",
    )  # fmt: skip
    assert model_settings.read(store / "digits").max_batch == 32


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("max_batch", "'max_batch' sets nothing: write it like max_batch=32"),
        ("max_batch=" + "9" * 5000, "give a whole number from 1 to 10000"),
        ("max_wating=3", "did you mean 'max_waiting'"),
        ("engine=torch", "give one of auto, litert, onnx, tf"),
    ],
)
def test_what_cannot_be_set_is_refused(store: Path, assignment: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        model_settings.put(store / "digits", [assignment])
    assert not (store / "digits/serving.json").exists()


def test_a_damaged_file_is_not_written_over(store: Path) -> None:
    (store / "digits/serving.json").write_text("{")
    with pytest.raises(SuiteError, match="fix or delete it"):
        model_settings.put(store / "digits", ["max_batch=3"])
    assert (store / "digits/serving.json").read_text() == "{"
