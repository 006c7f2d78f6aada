"""`suite show` and `suite blocks`, run in this process, which has loaded TensorFlow already."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from suite import domain as registry
from suite.cli import group
from suite.errors import UsageError


def run(*arguments: str) -> str:
    done = CliRunner().invoke(group, arguments)
    if done.exception:
        raise done.exception
    return done.stdout


def shown(*arguments: str) -> Any:
    return json.loads(run("show", *arguments, "--json").splitlines()[-1])


@pytest.mark.parametrize("name", registry.names())
def test_show_describes_the_network_that_fit_would_build(name: str, make: Callable[[str], Any]) -> None:
    value = shown(name)
    card = make(name).card
    fitted = {key.replace("/", "."): choice for key, choice in card.hyperparameters.items()}
    # It is chosen by the number of rows, and the model was made from few.
    for hyperparameters in (value["hyperparameters"], fitted):
        assert hyperparameters.pop("training.batch_size") in (16, 32, 64, 128, 256)
    assert value["hyperparameters"] == fitted
    assert value["layers"][-1]["name"] == "probabilities"
    assert value["layers"][-1]["shape"] == [len(card.labels)]
    assert sum(layer["parameters"] for layer in value["layers"]) == value["parameters"]
    names = {dimension["name"] for dimension in value["space"]}
    assert set(value["hyperparameters"]) <= names
    for dimension in value["space"]:
        assert {condition["parent"] for condition in dimension["when"]} <= names
    assert value["size"]["combinations"] > 1_000_000
    assert set(value["presets"]) == set(registry.get(name).presets)


def test_a_preset_and_values_change_what_is_drawn() -> None:
    text = run("show", "image_cls", "--preset", "lenet", "--set", "lenet.activation=tanh", "--quiet")
    assert "Conv2D 5 x 5, tanh" in text
    assert "stages, here lenet" in text
    assert "61,707 parameters, 416,520 multiply-adds" in text
    assert "conv.filters" not in text
    assert "presets: lenet, quick" in text


def test_an_unknown_preset_domain_or_value_is_refused() -> None:
    with pytest.raises(UsageError, match="no preset of image_cls 'lenett': did you mean 'lenet'"):
        run("show", "image_cls", "--preset", "lenett")
    with pytest.raises(UsageError, match=r"conv\.filters cannot be 7"):
        run("show", "image_cls", "--set", "conv.filters=7")
    with pytest.raises(UsageError, match="did you mean 'fraud'"):
        run("show", "fruad")


def test_blocks_lists_all_and_their_conditional_hyperparameters() -> None:
    from suite import catalogue

    value = json.loads(run("blocks", "--json").splitlines()[-1])
    listed = {block["name"]: block for block in value["blocks"]}
    assert list(listed) == [block.name for block in catalogue.BLOCKS]
    reader = {item["name"]: item for item in listed["sequence.reader"]["hyperparameters"]}
    assert reader["reader.heads"]["when"] == [{"parent": "reader.kind", "values": ["transformer"]}]
    strength = {item["name"]: item for item in listed["augment.changing"]["hyperparameters"]}["augment.strength"]
    assert strength["when"] == [{"parent": "augment.randaugment", "values": [1, 2, 3]}]
    assert "dense.units" in {item["name"] for item in listed["dense.multilayer"]["hyperparameters"]}


def test_one_block_is_shown_in_full() -> None:
    text = run("blocks", "deformable.DeformableConv2D", "--quiet")
    assert "Zhu et al. 2019" in text
    assert "suite.blocks.deformable" in text
    assert "0.0 to 0.5 by 0.1  where conv.connection is residual" in run("blocks", "conv.stages")
    with pytest.raises(UsageError, match=r"did you mean 'conv\.stages'"):
        run("blocks", "conv.stage")
