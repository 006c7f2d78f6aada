"""Which epoch a training selects."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from suite import domain as registry
from suite.domain import Domain


@pytest.mark.parametrize("to_the_end", [False, True])
def test_a_training_ends_with_its_best_epoch_or_with_its_last(
    make: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, to_the_end: bool
) -> None:
    from suite import workflow
    from suite.training import fit
    from suite.training.data import prepare
    from suite.training.predictor import Predictor

    domain: Domain = registry.get("fraud")
    recipe = replace(domain.recipe, patience=2, to_the_end=to_the_end)
    monkeypatch.setattr(type(domain), "recipe", recipe)
    monkeypatch.setattr(type(domain), "objective", "log_loss" if to_the_end else domain.objective)
    prepared = prepare(domain, make("fraud").dataset)
    # Where the validation rows are wrong they are answered worse as the network learns.
    wrong = prepared.y.copy()
    wrong[prepared.rows["validation"]] = 1 - wrong[prepared.rows["validation"]]
    prepared = replace(prepared, y=wrong)
    hp = workflow.resolve_hyperparameters(domain, prepared, 6, {"mlp.members": 1, "mlp.units": 16})
    fitted = fit.fit(domain, hp, prepared, fit.TrainingSettings(6, 0, "log_loss"))
    found = fitted.history["val_log_loss"]
    best = int(np.argmin(found)) + 1
    assert best < 4
    if to_the_end:
        assert (fitted.best_epoch, len(found)) == (6, 6)
    else:
        assert (fitted.best_epoch, len(found)) == (best, best + 2)
    y, answers = prepared.y[prepared.rows["validation"]], Predictor(fitted.model, prepared)("validation")
    loss = -np.log(answers[np.arange(len(y)), y]).mean()
    assert loss == pytest.approx(found[fitted.best_epoch - 1], rel=1e-3)
