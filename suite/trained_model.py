"""A network after its training: what saving it needs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from suite.artifact import Threshold
from suite.data.dataset import Dataset
from suite.domain import Domain
from suite.task import Settled
from suite.training import fit, thresholds
from suite.training.data import PreparedData

if TYPE_CHECKING:
    from keras_tuner import HyperParameters


@dataclass
class TrainedModel:
    """A trained and evaluated network, ready to be saved.

    `test_outputs` are float32 (N, K), for the rows of the test split. `members` are validation metrics of base models
    alone, see suite.training.member_metrics.
    """

    domain: Domain
    dataset: Dataset
    prepared: PreparedData
    fitted: fit.FitResult
    hp: "HyperParameters"
    settings: fit.TrainingSettings
    metrics: dict[str, dict[str, float]]
    settled: Settled
    rule: thresholds.ThresholdRule
    test_outputs: np.ndarray
    notes: list[str]
    members: dict[str, dict[str, float]]

    @property
    def threshold(self) -> Threshold | None:
        """The threshold that was settled, or one for each label; None where there is none."""
        return self.settled.threshold

    @property
    def retrained(self) -> bool:
        """Whether the network was trained on training and validation rows together in the end."""
        return len(self.prepared.rows["train"]) > len(self.dataset.rows["train"])
