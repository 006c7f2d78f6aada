"""Our default network, trained on given rows the way `suite fit` trains."""

from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from suite.config import load_tensorflow

if TYPE_CHECKING:
    from suite.data.dataset import Dataset, SplitName
    from suite.domain import Domain


def answers(
    domain: "Domain", dataset: "Dataset", rows: "dict[SplitName, np.ndarray]", seed: int = 0
) -> tuple[np.ndarray, float]:
    """Train on these rows; the outputs for the test rows, float32 (N, K), and the seconds it took."""
    load_tensorflow()
    from suite import workflow
    from suite.training.data import prepare
    from suite.training.fit import TrainingSettings
    from suite.training.model import recipe_of, rows_of_epoch

    started = perf_counter()
    part = replace(dataset, rows=rows)
    prepared = prepare(domain, part)
    epochs = recipe_of(domain, prepared, {}).epochs_for(rows_of_epoch(prepared, {}))
    hp = workflow.resolve_hyperparameters(domain, prepared, epochs, {})
    trained = workflow.train(domain, part, prepared, hp, TrainingSettings(epochs, seed, prepared.task.objective))
    answers = workflow.retrain(trained).test_outputs
    return answers, perf_counter() - started
