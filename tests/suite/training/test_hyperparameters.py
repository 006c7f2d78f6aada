import json
from pathlib import Path

import pytest

from suite.cli import options
from suite.domain import get
from suite.errors import UsageError
from suite.training import hyperparameters


def test_by_hand_wins_over_a_file_and_a_file_over_a_preset(tmp_path: Path) -> None:
    card = tmp_path / "card.json"
    card.write_text(json.dumps({"hyperparameters": {"conv/filters": 16, "conv/stem": 2}}))
    values, epochs = options.hyperparameters(get("image_cls"), "quick", card, ("conv.filters=64",))
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


def test_a_network_that_is_no_name_is_refused() -> None:
    from suite.domains.image_cls import model

    preprocessing = {"kind": "image", "height": 12, "width": 12, "channels": 1}
    with pytest.raises(UsageError, match="there is no network '5'"):
        hyperparameters.choose(lambda hp: model.build(hp, preprocessing, 2), {"network": 5})
