"""Every domain's model behind a real gunicorn: the answers over HTTP are those of the engine in this process."""

import json
import re
import shlex
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.engines import select
from serving.server import launcher as run
from suite import domain as registry
from suite.cli.demo import instance
from tests.conftest import every_model

ROOT = Path(__file__).parents[2]


def typed_curls() -> list[list[str]]:
    """The words of every curl command in the READMEs that posts JSON."""
    texts = [path.read_text() for path in (ROOT / "README.md", ROOT / "serving" / "README.md")]
    return [shlex.split(line) for text in texts for line in re.findall(r"^\s*(curl -d .*)$", text, re.MULTILINE)]


@pytest.fixture(scope="module")
def url(make: Callable[[str], Any]) -> Iterator[str]:
    """A service of every domain's example model for each of its tasks."""
    for name in every_model():
        models = make(name).models
    with run.running(models) as address:
        yield address


def ask(url: str, body: Any) -> dict[str, Any]:
    request = urllib.request.Request(f"{url}/predict", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def test_the_same_numbers_over_http(url: str, made: Any) -> None:
    rows = made.dataset.rows["test"][:5]
    answer = ask(url, {"model": made.card.name, "instances": [instance(made.dataset, row) for row in rows]})
    expected = select.load(made.folder, made.card, "tf").run(made.dataset.take(rows))[made.card.outputs[0].name]
    assert (answer["model"], answer["version"], answer["engine"]) == (made.card.name, 1, "litert")
    if not made.card.labels:
        given = [list(prediction.values()) for prediction in answer["predictions"]]
        np.testing.assert_allclose(given, expected, atol=1e-4 * made.card.target["scale"])
        return
    for prediction, probabilities in zip(answer["predictions"], expected, strict=True):
        given = [prediction["probabilities"][label] for label in made.card.labels]
        np.testing.assert_allclose(given, probabilities, atol=1e-4)
        if "labels" in prediction:
            held = probabilities >= made.card.threshold
            assert prediction["labels"] == [
                label for label, is_held in zip(made.card.labels, held, strict=True) if is_held
            ]
        elif made.card.threshold is None:
            assert prediction["label"] == made.card.labels[probabilities.argmax()]
            assert prediction["score"] == max(given)
        else:
            assert prediction["score"] == given[1]
            assert prediction["flagged"] == (prediction["score"] >= prediction["threshold"])


def test_a_model_has_to_be_named_where_there_are_several(url: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(url, {"instances": ["x"]})
    assert refused.value.code == 400
    error = json.load(refused.value)["error"]
    assert all(name in error for name in registry.names())


@pytest.mark.parametrize("words", typed_curls(), ids=" ".join)
def test_the_service_answers_the_requests_in_the_readmes(url: str, words: list[str]) -> None:
    answer = ask(url, json.loads(words[words.index("-d") + 1]))
    assert answer["predictions"]


def test_a_picture_is_uploaded_by_curl(url: str, tmp_path: Path) -> None:
    from PIL import Image

    Image.effect_noise((60, 40), 50).save(tmp_path / "photo.jpg")
    command = ["curl", "-sS", "-F", f"file=@{tmp_path / 'photo.jpg'}", f"{url}/predict"]
    if not shutil.which("curl"):
        pytest.skip("needs curl")
    answer = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    assert answer["model"] == "image_cls"
    assert len(answer["predictions"]) == 1
