"""Which epoch a training selects, and when it stops."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from suite import domain as registry
from suite.domain import Domain


def fit_on_wrong_validation_rows(
    make: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, objective: str, **options: Any
) -> tuple[Any, np.ndarray]:
    """A network of payments whose validation rows are answered worse as it learns; its log loss on them."""
    from suite import workflow
    from suite.training import fit
    from suite.training.data import prepare
    from suite.training.predictor import Predictor

    domain: Domain = registry.get("fraud")
    monkeypatch.setattr(type(domain), "recipe", replace(domain.recipe, patience=2, patience_steps=0))
    prepared = prepare(domain, make("fraud").dataset)
    wrong = prepared.y.copy()
    wrong[prepared.rows["validation"]] = 1 - wrong[prepared.rows["validation"]]
    prepared = replace(prepared, y=wrong)
    hp = workflow.resolve_hyperparameters(domain, prepared, 6, {"members": "mlp", "mlp.members": 1, "mlp.units": 16})
    settings = fit.TrainingSettings(6, 0, objective, to_the_end=options.pop("to_the_end", False))
    fitted = fit.fit(domain, hp, prepared, settings, **options)
    y, answers = prepared.y[prepared.rows["validation"]], Predictor(fitted.model, prepared)("validation")
    return fitted, -np.log(answers[np.arange(len(y)), y]).mean()


def test_a_training_stops_after_its_best_epoch_and_keeps_it(
    make: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted, loss = fit_on_wrong_validation_rows(make, monkeypatch, "log_loss")
    found = fitted.history["val_log_loss"]
    best = int(np.argmin(found)) + 1
    assert best < 4
    assert (fitted.best_epoch, len(found)) == (best, best + 2)
    assert loss == pytest.approx(found[best - 1], rel=1e-3)


def test_a_retraining_goes_on_to_its_last_epoch_and_validates_none(
    make: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted, _ = fit_on_wrong_validation_rows(make, monkeypatch, "log_loss", to_the_end=True, target_epoch=4)
    assert (fitted.best_epoch, len(fitted.history["loss"])) == (4, 4)
    assert not [name for name in fitted.history if name.startswith("val_")]


def test_without_an_objective_the_calibrated_log_loss_selects(
    make: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted, _ = fit_on_wrong_validation_rows(make, monkeypatch, "average_precision")
    found = fitted.history["val_calibrated_log_loss"]
    assert fitted.best_epoch == int(np.argmin(found)) + 1


def test_a_training_ends_when_its_time_is_up(make: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    fitted, _ = fit_on_wrong_validation_rows(make, monkeypatch, "log_loss", max_seconds=0.01)
    assert fitted.out_of_time
    assert len(fitted.history["loss"]) == 1


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([], 0), ([1.0], 0), ([1.0, 2.0], 0), ([1.0, 1.0], 1), ([1.0, 1.0005, 1.0009], 2), ([-1.0, -0.998, -1.5], 1)],
)
def test_small_gains_do_not_count(scores: list[float], expected: int) -> None:
    from suite.training.epoch_selection import epochs_without_gain

    assert epochs_without_gain(scores) == expected


def test_patience_lasts_longer_where_an_epoch_has_few_steps() -> None:
    recipe = registry.get("text_cls").recipe
    assert recipe.patience_for(1_000) == recipe.patience
    assert recipe.patience_for(2) == recipe.patience_steps / 2


def test_the_calibrated_log_loss_does_not_depend_on_how_sure_the_network_is() -> None:
    from suite.training.calibration import calibrated_log_loss

    generator = np.random.default_rng(0)
    logits = generator.normal(size=(500, 3))
    y = (logits + generator.gumbel(size=logits.shape)).argmax(axis=1)

    def probabilities(temperature: float) -> np.ndarray:
        scaled = np.exp(logits / temperature)
        return scaled / scaled.sum(axis=1, keepdims=True)

    losses = [calibrated_log_loss(y, probabilities(temperature)) for temperature in (0.5, 1.0, 3.0)]
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-3)
