"""Every domain's network predicts the same as an ONNX file and in Keras; a card lists the file if it was requested."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suite import artifact
from suite import domain as registry
from suite.errors import UsageError
from tests.conftest import every_model

Run = Callable[..., Any]


@pytest.mark.parametrize("name", every_model())
def test_the_file_answers_as_the_network(name: str, make: Callable[[str], Any], tmp_path: Path) -> None:
    from suite import workflow
    from suite.training import onnx_model
    from suite.training.data import prepare
    from suite.training.model import build, complete

    domain, dataset = registry.get(name.partition("-")[0]), make(name).dataset
    prepared = prepare(domain, dataset)
    hp = workflow.resolve_hyperparameters(domain, prepared, 1, {})
    model = complete(domain, hp, prepared, build(domain, hp, prepared, 1))
    core = {key: values[:20] for key, values in prepared.core.items()}
    onnx_model.write(tmp_path / "model.onnx", model)
    scale = prepared.task.parity_scale(prepared.target)
    expected = model(core, training=False)[prepared.task.output].numpy()
    np.testing.assert_allclose(
        onnx_model.run(tmp_path / "model.onnx", core, prepared.task.output), expected, atol=1e-5 * scale
    )


def test_fit_writes_an_onnx_file_when_asked(suite: Run, tmp_path: Path) -> None:
    done = suite("fit", "fraud", "--models", tmp_path, "--epochs", "1", "--onnx", "--quiet")
    assert done.returncode == 0, done.stderr
    card = artifact.read_card(tmp_path / "fraud/1")
    assert card
    assert card.engines["onnx"]["file"] == "model.onnx"
    assert card.engines["onnx"]["max_abs_diff"] <= 1e-4
    assert card.engines["onnx"]["rows_checked"] >= 256
    assert "model.onnx" in card.files
    payment = tmp_path / "payment.jsonl"
    payment.write_text(json.dumps({spec.name: 1.0 for spec in card.inputs}))
    answers = [
        suite("predict", "fraud", "--models", tmp_path, "--input", payment, "--engine", engine).stdout
        for engine in ("onnx", "litert")
    ]
    assert "onnx" not in done.stderr
    score = [float(answer.splitlines()[1].split(",")[1]) for answer in answers]
    assert score[0] == pytest.approx(score[1], abs=1e-4)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from suite.training import onnx_model

    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(UsageError, match=r"pip install 'neural-suite\[onnx\]'"):
        onnx_model.check_installed()
