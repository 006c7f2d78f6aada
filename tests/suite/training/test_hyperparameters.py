import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from suite.api import steps
from suite.domain import get
from suite.errors import UsageError
from suite.training import hyperparameters


def test_assignments_win_over_a_file_and_a_file_over_a_preset(tmp_path: Path) -> None:
    card = tmp_path / "card.json"
    card.write_text(json.dumps({"hyperparameters": {"conv/filters": 16, "conv/stem": 2}}))
    values, epochs = steps.hyperparameters(get("image_cls"), "quick", card, {"conv.filters": 64})
    assert epochs == 18
    assert values["conv.filters"] == 64
    assert values["conv.stem"] == 2
    assert values["conv.connection"] == "plain"
    assert "conv/filters" not in values


@pytest.mark.parametrize("content", ["{torn", "[1]", '"text"'])
def test_a_file_that_holds_no_hyperparameters(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(UsageError, match="give a JSON object"):
        hyperparameters.read_file(path)


def test_a_network_that_is_a_number_is_refused() -> None:
    from suite.blocks import heads
    from suite.domains.image_cls import model

    preprocessing = {"kind": "image", "height": 12, "width": 12, "channels": 1}
    head = partial(heads.classification, classes=2)
    with pytest.raises(UsageError, match="there is no network '5'"):
        hyperparameters.resolve(lambda hp: model.build(hp, preprocessing, head), {"network": 5})


def space(hp: Any) -> None:
    hp.Choice("filters", [16, 32])
    hp.Choice("clip", [0.0, 1.0])
    hp.Int("depth", 0, 4)
    hp.Float("dropout", 0.0, 0.6)
    hp.Boolean("squeeze")


@pytest.mark.parametrize(
    ("name", "given", "declared"),
    [("filters", 32.0, 32), ("clip", 1, 1.0), ("depth", 3.0, 3), ("dropout", 0, 0.0), ("squeeze", True, True)],
)
def test_a_value_gets_the_type_that_the_network_declares(name: str, given: Any, declared: Any) -> None:
    found = hyperparameters.resolve(space, {name: given}).values[name]
    assert found == declared
    assert type(found) is type(declared)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("filters", 32.5, "filters cannot be 32.5: choose one of 16, 32"),
        ("filters", "32", "filters cannot be '32': choose one of 16, 32"),
        ("clip", True, "clip cannot be True: choose one of 0.0, 1.0"),
        ("depth", 2.5, "depth cannot be 2.5: choose a whole number from 0 to 4"),
        ("depth", True, "depth cannot be True: choose a number from 0 to 4"),
        ("dropout", False, "dropout cannot be False: choose a number from 0.0 to 0.6"),
        ("squeeze", 1, "squeeze cannot be 1: choose true or false"),
    ],
)
def test_a_value_of_another_type_is_refused(name: str, given: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        hyperparameters.resolve(space, {name: given})
