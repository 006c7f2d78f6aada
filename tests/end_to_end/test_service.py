"""Every domain's model behind a real gunicorn: the answers over HTTP are those of the engine in this process."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from serving import engines, run
from suite import domain as registry
from suite.artifact import PROBABILITIES
from suite.cli.demo import instance


@pytest.fixture(scope="module")
def url(make: Callable[[str], Any]) -> Iterator[str]:
    """A service of every domain's example model."""
    for name in registry.names():
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
    expected = engines.load(made.folder, made.card, "tf").run(made.dataset.take(rows))[PROBABILITIES]
    assert (answer["model"], answer["version"], answer["engine"]) == (made.card.name, 1, "litert")
    for prediction, probabilities in zip(answer["predictions"], expected, strict=True):
        given = [prediction["probabilities"][label] for label in made.card.labels]
        np.testing.assert_allclose(given, probabilities, atol=1e-4)
        if made.card.threshold is None:
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
