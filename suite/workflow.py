"""The main job in steps: train and evaluate. The command line and the tuner both use it; suite.saving saves."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from suite import task as tasks
from suite.data.dataset import Dataset, SplitName
from suite.domain import Domain
from suite.errors import UsageError
from suite.task import Calibration
from suite.trained_model import TrainedModel
from suite.training import cost_column, fit, hyperparameters, member_metrics, thresholds
from suite.training.data import PreparedData, prepare
from suite.training.model import build
from suite.training.predictor import Predictor

if TYPE_CHECKING:
    import keras
    from keras_tuner import HyperParameters

EVALUATED_SPLITS: tuple[SplitName, ...] = ("validation", "test")
DEFAULT_RULE = thresholds.ThresholdRule()


def resolve_hyperparameters(
    domain: Domain, prepared: PreparedData, epochs: int, values: Mapping[str, Any]
) -> "HyperParameters":
    """The domain's hyperparameters with these values; UsageError for a name or a value that it does not have."""
    return hyperparameters.resolve(lambda hp: build(domain, hp, prepared, epochs), values)


def check_rule(domain: Domain, dataset: Dataset, rule: thresholds.ThresholdRule) -> None:
    """UsageError if the task has no threshold to choose, or if the rule's cost column is not in the data."""
    task = tasks.get(domain.task_of(dataset))
    if not task.has_threshold:
        if rule != DEFAULT_RULE:
            raise UsageError(f"{domain.name} has no threshold: it answers with {task.answers_with}")
        return
    thresholds.check_rule(rule)
    cost_column.amounts(dataset, rule, dataset.rows["validation"])


def train(
    domain: Domain,
    dataset: Dataset,
    prepared: PreparedData,
    hp: "HyperParameters",
    settings: fit.TrainingSettings,
    *,
    rule: thresholds.ThresholdRule = DEFAULT_RULE,
    callbacks: "Sequence[keras.callbacks.Callback]" = (),
    checkpoint: fit.CheckpointOptions | None = None,
    max_seconds: float | None = None,
) -> TrainedModel:
    """Fit the network; calibrate it and choose a threshold on the validation rows; evaluate it on both other splits.

    Only a task with a threshold gets one. The training takes at most about `max_seconds`.
    """
    fitted = fit.fit(
        domain, hp, prepared, settings, callbacks=callbacks, checkpoint=checkpoint, max_seconds=max_seconds
    )  # fmt: skip
    task, truth = prepared.task, {name: prepared.y[prepared.rows[name]] for name in EVALUATED_SPLITS}
    predict = Predictor(fitted.model, prepared)

    def give(calibration: Calibration) -> np.ndarray:
        task.calibrate(fitted.model, calibration)
        return predict("validation")

    settled = task.settle(dataset, truth["validation"], rule, predict("validation"), give)
    outputs = {name: predict(name) for name in EVALUATED_SPLITS}
    metrics: dict[str, dict[str, float]] = {
        name: task.evaluate(truth[name], outputs[name], settled.threshold) for name in EVALUATED_SPLITS
    }
    notes = [*_unfinished_notes(fitted, hp), *settled.notes]
    return TrainedModel(
        domain, dataset, prepared, fitted, hp, settings, metrics, settled, rule, outputs["test"], notes,
        _member_metrics(prepared, hp, settings, metrics["validation"]),
    )  # fmt: skip


def _member_metrics(
    prepared: PreparedData, hp: "HyperParameters", settings: fit.TrainingSettings, whole: dict[str, float]
) -> dict[str, dict[str, float]]:
    """The objective and the loss of base models alone; empty where the network corrects none."""
    members = str(hp.values.get("members", "")).split("+")
    names = dict.fromkeys((settings.objective, prepared.task.loss_metric or prepared.task.criterion))
    return member_metrics.on_validation_rows(prepared, members, list(names), whole)


def _unfinished_notes(fitted: fit.FitResult, hp: "HyperParameters") -> list[str]:
    """A note if the training ended while it still improved; else none."""
    epochs = len(fitted.history["loss"])
    if fitted.out_of_time:
        return [f"The training ended after {epochs} epochs, when its time was up: give it more --time."]
    # A schedule that decays to nothing nearly always ends with its best epoch.
    if fitted.best_epoch == epochs > 1 and hp.get("training/schedule") == "constant":
        return [f"Validation still improved in the last of {epochs} epochs: allow more --epochs."]
    return []


def retraining_seconds(trained: TrainedModel) -> float:
    """About how long `retrain` will take."""
    fitted, rows = trained.fitted, trained.dataset.rows
    growth = len(trained.dataset.known_rows) / len(rows["train"])
    return fitted.seconds / len(fitted.history["loss"]) * fitted.best_epoch * growth


def retrain(trained: TrainedModel, callbacks: "Sequence[keras.callbacks.Callback]" = ()) -> TrainedModel:
    """Train the same network again on the training and validation rows together, up to the best epoch.

    The choices made on validation rows stay: epoch, calibration and threshold. So do the validation metrics.
    """
    domain, dataset, settings = trained.domain, trained.dataset, trained.settings
    known = dataset.known_rows
    prepared = prepare(domain, replace(dataset, rows={**dataset.rows, "train": known}))
    best = trained.fitted.best_epoch
    fitted = fit.fit(
        domain, trained.hp, prepared, replace(settings, to_the_end=True), callbacks=callbacks, target_epoch=best
    )  # fmt: skip
    prepared.task.calibrate(fitted.model, trained.settled.calibration)
    outputs = Predictor(fitted.model, prepared)("test")
    test = prepared.task.evaluate(prepared.y[prepared.rows["test"]], outputs, trained.threshold)
    return replace(
        trained,
        prepared=prepared,
        fitted=replace(trained.fitted, model=fitted.model, seconds=trained.fitted.seconds + fitted.seconds),
        metrics={**trained.metrics, "test": test},
        test_outputs=outputs,
        notes=[
            *trained.notes,
            f"Trained anew on the {len(known):,} rows for training and validation together, for {best} epochs; the "
            "validation figures are those of the network before that.",
        ],
    )
