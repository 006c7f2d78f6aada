"""The contract of a task, which is a kind of answer, and the registry of tasks, which are imported on use."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from suite.artifact import Card, TensorSpec, Threshold
from suite.registry import Registry

if TYPE_CHECKING:
    import keras
    import keras_tuner

    from suite.data.dataset import Dataset
    from suite.domain import Recipe

# A function from how often each row counts, (N,), to a metric's value; NaN where it is undefined for those rows.
Measure = Callable[[np.ndarray], float]
# Numbers that `Task.calibrate` gives a network, by name.
Calibration = Mapping[str, float]


@dataclass(frozen=True)
class Settled:
    """What was settled on validation rows after a training, with notes; `threshold` is None where there is none."""

    calibration: Calibration
    threshold: Threshold | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Scores:
    """The numbers that a task's answer follows from, `count` a row: a mean, or what softmax or the like is taken of.

    `objective` is the loss, by LightGBM's name, with which other models than networks learn them.
    """

    objective: str
    count: int


@dataclass(frozen=True)
class ReportSections:
    """The sections of a report that belong to a task: titles by id, the folder of their templates, their content.

    The folder is one of the package's `templates`. It holds ID.html for each title, `answers.html` with words on what
    the model answers, and `rows.html` with a table of the splits.
    """

    titles: Mapping[str, str]
    folder: str
    content: Mapping[str, Any]
    package: str = "suite.report"


class Task(ABC):
    """A kind of answer: only what differs from other tasks.

    `objective` is the validation metric that selects the best epoch and the best trial. `output` is the name of the
    network's output. `has_threshold` is set where a score, or the score of each label, counts from a threshold on.
    y is the truth of rows as a Dataset has it, and outputs float32 (N, K) the network's output for them.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    objective: ClassVar[str]
    output: ClassVar[str]
    has_threshold: ClassVar[bool] = False
    # What selects the epoch where no metric is asked for.
    criterion: ClassVar[str]
    # The metric that is the loss on validation rows; None if there is none in its units.
    loss_metric: ClassVar[str | None] = None
    # What it answers with where nothing is flagged, in words.
    answers_with: ClassVar[str]

    @abstractmethod
    def check(self, dataset: Dataset) -> None:
        """SuiteError where a split cannot be trained or validated on."""

    @abstractmethod
    def target(self, dataset: Dataset) -> dict[str, Any]:
        """What the head and the targets need to know, learned from the training split only; plain JSON values."""

    @abstractmethod
    def head(
        self, x: keras.KerasTensor, target: Mapping[str, Any], offset: keras.KerasTensor | None = None
    ) -> dict[str, keras.KerasTensor]:
        """The last layers: (N, F), or (N, members, F) of an ensemble, to the output by name.

        `offset` (N, scores) is what is added to the scores of every row, if the task has scores.
        """

    def scores(self, target: Mapping[str, Any]) -> Scores | None:
        """What base models can predict, for a network to correct; None where it does without them."""
        return None

    def answers_of(self, scores: np.ndarray, target: Mapping[str, Any]) -> np.ndarray:
        """The outputs float32 (N, K) of a model that has only these scores (N, count)."""
        raise NotImplementedError

    @abstractmethod
    def loss(self, hp: keras_tuner.HyperParameters, recipe: Recipe) -> keras.losses.Loss:
        """The loss of targets and the network's output."""

    @abstractmethod
    def targets(self, y: np.ndarray, target: Mapping[str, Any]) -> np.ndarray:
        """What the loss compares the output of rows with, float32 (N, width)."""

    def training_metrics(self) -> list[keras.metrics.Metric]:
        """Metrics of training batches."""
        return []

    def balance(self, hp: keras_tuner.HyperParameters) -> tuple[float, float]:
        """How far rare classes are balanced by weight, and by how often their rows are seen; see training.model."""
        return 0.0, 0.0

    @abstractmethod
    def evaluate(self, y: np.ndarray, outputs: np.ndarray, threshold: Threshold | None = None) -> dict[str, float]:
        """Metrics under their usual names, the most informative first."""

    def criterion_of(self, y: np.ndarray, outputs: np.ndarray) -> float:
        """The value of `criterion`, where it is none of the metrics of `evaluate`; lower is better."""
        raise NotImplementedError

    @abstractmethod
    def direction(self, metric: str) -> float:
        """1 if higher is better, -1 if lower is."""

    @abstractmethod
    def check_objective(self, metric: str, classes: int, others: tuple[str, ...] = ()) -> None:
        """UsageError for a metric that is unknown or undefined for this many classes; `others` are suggested too."""

    def undefined_metrics(self, y: np.ndarray, labels: Sequence[str], metrics: Mapping[str, float]) -> list[str]:
        """A note on metrics that are undefined for these rows; else none."""
        return []

    @abstractmethod
    def settle(
        self, dataset: Dataset, y: np.ndarray, rule: Any, outputs: np.ndarray, give: Callable[[Calibration], np.ndarray]
    ) -> Settled:
        """Calibration and threshold, from the outputs for the validation rows, with truth y.

        `give` calibrates the network and returns its outputs then. `rule` is a suite.training.thresholds.ThresholdRule.
        """

    @abstractmethod
    def calibrate(self, model: keras.Model, calibration: Calibration) -> None:
        """Give a network the numbers of a calibration."""

    @abstractmethod
    def outputs(self, dataset: Dataset) -> list[TensorSpec]:
        """The network's outputs for the card."""

    def parity_scale(self, target: Mapping[str, Any]) -> float:
        """By what differences between engines are divided before they are compared with the tolerance."""
        return 1.0

    @abstractmethod
    def is_truth(self, y: np.ndarray, classes: int) -> bool:
        """Whether values can be the truth of rows, with so many labels."""

    def describe(self, labels: Sequence[str]) -> str:
        """What there is to answer, in a few words."""
        return self.summary

    def decide(self, predictions: Any) -> np.ndarray:
        """What each row is answered with, such as a class number, of a suite.report.statistics.Predictions."""
        return np.asarray(predictions.outputs)

    def right(self, predictions: Any) -> np.ndarray | None:
        """Whether each row is answered rightly, bool (N,); None where answers are only more or less wrong."""
        return None

    @abstractmethod
    def headline_metrics(self, predictions: Any) -> dict[str, Callable[[Any], Measure]]:
        """The metrics worth an interval, the most informative first, of a suite.report.statistics.Predictions."""

    @abstractmethod
    def charts(self, card: Card, predictions: Any) -> Sequence[Any]:
        """Drawings of a suite.report.statistics.Predictions, the most telling first."""

    @abstractmethod
    def report(self, card: Card, data: Any) -> ReportSections:
        """The sections of a report of this card and suite.report.page.ReportData."""


REGISTRY: Registry[Task] = Registry(
    "task",
    "suite.tasks",
    {
        "classification": "suite.tasks.classification:TASK",
        "detection": "suite.tasks.detection:TASK",
        "regression": "suite.tasks.regression:TASK",
        "multi_label": "suite.tasks.multi_label:TASK",
    },
)
names, get = REGISTRY.names, REGISTRY.get
