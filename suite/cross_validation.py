"""Cross-validation: train and test a domain's network on several splits of the same data."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from suite import workflow
from suite.data import folding
from suite.data.dataset import Dataset
from suite.domain import Domain
from suite.training.data import prepare
from suite.training.fit import TrainingSettings
from suite.training.thresholds import ThresholdRule

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Summary:
    """A metric on the test rows of all folds: mean, sample standard deviation, and the value of each fold."""

    mean: float
    deviation: float
    folds: list[float]


def cross_validate(
    domain: Domain,
    dataset: Dataset,
    values: Mapping[str, Any],
    settings: TrainingSettings,
    count: int,
    *,
    rule: ThresholdRule = workflow.DEFAULT_RULE,
    callbacks: "Callable[[int], Sequence[keras.callbacks.Callback]]" = lambda fold: (),
) -> Iterator[dict[str, float]]:
    """The test metrics of each fold in turn, with preprocessing, network and threshold of its own.

    `values` are hyperparameters as `workflow.resolve_hyperparameters` takes them; `callbacks` gives those of a fold,
    counted from 1.
    """
    for number, rows in enumerate(folding.folds(dataset, count, settings.seed), 1):
        part = replace(dataset, rows=rows)
        prepared = prepare(domain, part)
        hp = workflow.resolve_hyperparameters(domain, prepared, settings.epochs, values)
        trained = workflow.train(domain, part, prepared, hp, settings, rule=rule, callbacks=callbacks(number))
        yield trained.metrics["test"]


def summarise(folds: Sequence[Mapping[str, float]]) -> dict[str, Summary]:
    """A summary of every metric that all folds have."""
    names = [name for name in folds[0] if all(name in fold for fold in folds)]
    columns = {name: [fold[name] for fold in folds] for name in names}
    return {
        name: Summary(float(np.mean(column)), float(np.std(column, ddof=1)), column) for name, column in columns.items()
    }
