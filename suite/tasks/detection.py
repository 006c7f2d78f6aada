"""Detection: whether a row is the rare case, by a threshold on how likely that is."""

from typing import Any, ClassVar

import numpy as np

from suite.data.dataset import Dataset
from suite.task import Task
from suite.tasks.classification import Classification


class Detection(Classification):
    """Classification of two classes, where a row is flagged if the second one's probability reaches a threshold."""

    name: ClassVar[str] = "detection"
    summary: ClassVar[str] = "how likely the rare one of two classes is, and whether that is flagged at a threshold"
    answers_with: ClassVar[str] = "a score and whether it is flagged"
    objective: ClassVar[str] = "average_precision"
    has_threshold: ClassVar[bool] = True

    def threshold(
        self, dataset: Dataset, y: np.ndarray, rule: Any, probabilities: np.ndarray
    ) -> tuple[float | None, list[str]]:
        from suite.training import cost_column, thresholds

        amounts = cost_column.amounts(dataset, rule, dataset.rows["validation"])
        scores = probabilities[:, 1]
        threshold = thresholds.choose_smoothed(rule, y, scores, amounts)
        return threshold, [
            *cost_column.negative_notes(dataset, rule),
            *thresholds.precision_shortfall(rule, y, scores, threshold),
            *thresholds.few_positives_notes(rule, y, scores, threshold, amounts),
        ]


TASK: Task = Detection()
