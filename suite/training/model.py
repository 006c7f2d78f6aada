"""A domain's network for given hyperparameters, compiled the way all are."""

from typing import Any

import keras
from keras_tuner import HyperParameters

from suite.domain import Domain
from suite.training.data import Prepared

WARM_UP = 0.05
STEPS_AT_ONCE = 16


@keras.saving.register_keras_serializable(package="suite")
class AveragePrecision(keras.metrics.AUC):  # type: ignore[misc]
    """Area under the precision-recall curve of the second class; y int (N,), probabilities (N, 2)."""

    def __init__(self, name: str = "average_precision", **kwargs: Any) -> None:
        super().__init__(curve="PR", name=name)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return super().update_state(y_true, y_pred[:, 1], sample_weight)


def build(domain: Domain, hp: HyperParameters, prepared: Prepared, epochs: int) -> keras.Model:
    """The compiled network; AdamW with a short warm-up and a cosine down to nothing over all of its steps."""
    model = domain.build(hp, prepared.preprocessing, len(prepared.labels))
    with hp.name_scope("training"):
        rate = hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=domain.learning_rate)
        decay = hp.Float("weight_decay", 1e-5, 1.0, sampling="log", default=domain.weight_decay)
    steps_of_epoch = -(-len(prepared.rows["train"]) // domain.batch_size)
    steps = epochs * steps_of_epoch
    warm_up = round(WARM_UP * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0 if warm_up else rate, max(1, steps - warm_up), alpha=0.01, warmup_target=rate if warm_up else None,
        warmup_steps=warm_up,
    )  # fmt: skip
    metrics = ["accuracy", AveragePrecision()] if domain.objective == "average_precision" else ["accuracy"]
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=decay, clipnorm=1.0),
        "sparse_categorical_crossentropy",
        metrics=metrics,
        # Small networks are otherwise bound by Python between the steps.
        steps_per_execution=min(STEPS_AT_ONCE, steps_of_epoch),
    )
    return model
