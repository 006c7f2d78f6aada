"""The cost column: what each row costs if its case is missed."""

import numpy as np

from suite.data.dataset import Dataset
from suite.errors import unknown
from suite.training.thresholds import ThresholdRule


def amounts(dataset: Dataset, rule: ThresholdRule, rows: np.ndarray) -> np.ndarray | None:
    """The absolute values of the rule's cost column in these rows, the mean for missing ones; None without a column.

    UsageError if the data has no such numeric column.
    """
    column = _column(rule)
    if column is None:
        return None
    numeric = [spec.name for spec in dataset.specs if spec.kind == "numeric"]
    if column not in numeric:
        raise unknown("numeric column", column, numeric)
    values = np.abs(dataset.inputs[column][rows].astype(np.float64))
    return np.asarray(np.where(np.isnan(values), np.nanmean(values), values))


def negative_notes(dataset: Dataset, rule: ThresholdRule) -> list[str]:
    """A note on negative values in the cost column, such as refunds; none if there are none."""
    column = _column(rule)
    negative = 0 if column is None else int((dataset.inputs[column] < 0).sum())
    if not negative:
        return []
    return [f"{negative:,} of {len(dataset.y):,} values in '{column}' are negative: each costs as if it were positive."]


def _column(rule: ThresholdRule) -> str | None:
    return rule.costs.column if rule.costs else None
