"""The choice of a decision threshold: by F-beta, by recall at a precision, by cost, or as given."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from suite.decision import is_flagged
from suite.errors import UsageError

NUMBER = r"(\d+(?:\.\d+)?|\.\d+)"
TINY = 1e-12
# A threshold beyond these, chosen on fewer positive rows than this, hangs on single rows.
EXTREMES, FEW_POSITIVES = (0.05, 0.95), 50
RESAMPLINGS, INTERVAL = 200, (5, 95)


@dataclass(frozen=True)
class ErrorCosts:
    """The costs of a missed case and of a false alarm; with `column`, a missed case costs the row's value there."""

    false_negative: float = 1.0
    false_positive: float = 1.0
    column: str | None = None


@dataclass(frozen=True)
class ThresholdRule:
    """How to choose a threshold: by `costs` if they are given, else by `text`, as people write it."""

    text: str = "f1"
    costs: ErrorCosts | None = None

    def __str__(self) -> str:
        if self.costs is None:
            return self.text
        missed = self.costs.column or f"{self.costs.false_negative:g}"
        return f"least cost (missed {missed}, false alarm {self.costs.false_positive:g})"


def check_rule(rule: ThresholdRule) -> None:
    """UsageError if the text is not a rule."""
    _parse(rule.text)


def is_given(rule: ThresholdRule) -> bool:
    """Whether the rule is a number, so that no rows choose it."""
    return rule.costs is None and re.fullmatch(NUMBER, rule.text) is not None


def choose(rule: ThresholdRule, y: np.ndarray, scores: np.ndarray, amounts: np.ndarray | None = None) -> float:
    """The threshold that the rule chooses on rows with classes y (N,) in {0, 1} and scores (N,).

    It lies midway between two scores: a row's own score would make that row's decision one of rounding. `amounts` (N,)
    are the values of the rule's cost column.
    """
    if rule.costs is None:
        return _parse(rule.text)(y, scores)
    missed = rule.costs.false_negative * np.ones(len(y)) if amounts is None else amounts
    return by_cost(y, scores, missed, rule.costs.false_positive)


def choose_smoothed(rule: ThresholdRule, y: np.ndarray, scores: np.ndarray, amounts: np.ndarray | None = None) -> float:
    """As `choose`, but where few positive rows decide, the median of what the rule chooses on resampled rows.

    A single row moves it less (bagging, Breiman 1996). A precision that was asked for stays as it is reached.
    """
    chosen = choose(rule, y, scores, amounts)
    is_smoothed = rule.costs is not None or rule.text.startswith("f")
    if not is_smoothed or (y == 1).sum() >= FEW_POSITIVES:
        return chosen
    middle = float(np.median(_resampled_thresholds(rule, y, scores, amounts)))
    from_middle_on = scores[scores >= middle]
    return _midway_below(scores, from_middle_on.min()) if len(from_middle_on) else _midway_above(scores.max())


def _parse(text: str) -> Callable[[np.ndarray, np.ndarray], float]:
    match = re.fullmatch(f"(f|precision>=|){NUMBER}", text)
    if match:
        kind, number = match[1], float(match[2])
        if kind == "f" and number > 0:
            return lambda y, scores: by_f_beta(y, scores, number)
        if kind == "precision>=" and 0 < number <= 1:
            return lambda y, scores: by_precision(y, scores, number)
        if not kind and number <= 1:
            return lambda y, scores: number
    raise UsageError(
        f"'{text}' is no rule for a threshold: write f1 (or f2, f0.5), precision>=0.9, or a number from 0 to 1"
    )


def by_f_beta(y: np.ndarray, scores: np.ndarray, beta: float) -> float:
    """The threshold of the best F-beta; a beta above 1 favours recall, below 1 precision (van Rijsbergen 1979)."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, thresholds = precision_recall_curve(y, scores)
    f = (1 + beta**2) * precision * recall / np.maximum(beta**2 * precision + recall, TINY)
    return _midway_below(scores, thresholds[np.argmax(f[:-1])])


def by_precision(y: np.ndarray, scores: np.ndarray, wanted: float) -> float:
    """The threshold of the highest recall at the wanted precision; if none reaches it, of the highest precision."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, thresholds = precision_recall_curve(y, scores)
    reached = np.where(recall[:-1] > 0, precision[:-1], 0.0)
    good = reached >= min(wanted, reached.max())
    return _midway_below(scores, thresholds[good][np.argmax(recall[:-1][good])])


def _midway_below(scores: np.ndarray, lowest: float) -> float:
    """The threshold for rows from the score `lowest` on: midway between it and the next lower score, or 0."""
    below = scores[scores < lowest]
    return _midway(float(below.max()) if len(below) else 0.0, float(lowest))


def _midway_above(highest: float) -> float:
    """The threshold that flags no row."""
    middle = (float(highest) + 1) / 2
    return middle if np.float32(middle) > np.float32(highest) else float(np.nextafter(np.float32(highest), np.inf))


def _midway(lower: float, upper: float) -> float:
    """A number between two scores that tells them apart in float32 too; `upper` itself if they are neighbours there."""
    middle = (lower + upper) / 2
    return middle if np.float32(lower) < np.float32(middle) else upper


def few_positives_notes(
    rule: ThresholdRule, y: np.ndarray, scores: np.ndarray, threshold: float, amounts: np.ndarray | None = None
) -> list[str]:
    """A note if few positive rows chose an extreme threshold, with its interval over resampled rows; else none."""
    positives = int((y == 1).sum())
    if is_given(rule) or positives >= FEW_POSITIVES or EXTREMES[0] <= threshold <= EXTREMES[1]:
        return []
    low, high = np.percentile(_resampled_thresholds(rule, y, scores, amounts), INTERVAL)
    return [
        f"The threshold {threshold:.4g} is unsure: it was chosen on {positives} positive validation rows, and on "
        f"others like them it would lie between {low:.2g} and {high:.2g} (90%). Bring more positive rows, or set one "
        "that fits your costs, such as --threshold 0.5."
    ]


def _resampled_thresholds(
    rule: ThresholdRule, y: np.ndarray, scores: np.ndarray, amounts: np.ndarray | None
) -> list[float]:
    """The thresholds that the rule chooses on rows drawn with replacement, the same number of each class."""
    generator = np.random.default_rng(0)
    classes = [np.flatnonzero(y == label) for label in (0, 1)]
    chosen = []
    for _ in range(RESAMPLINGS):
        rows = np.concatenate([generator.choice(members, len(members)) for members in classes if len(members)])
        chosen.append(choose(rule, y[rows], scores[rows], None if amounts is None else amounts[rows]))
    return chosen


def precision_shortfall(rule: ThresholdRule, y: np.ndarray, scores: np.ndarray, threshold: float) -> list[str]:
    """A note if the rule asks for a higher precision than `threshold` has on these rows; else none."""
    match = re.fullmatch(f"precision>={NUMBER}", rule.text)
    flagged = is_flagged(scores, threshold)
    if rule.costs or not match or y[flagged].mean() >= float(match[1]):
        return []
    return [
        f"No threshold reaches a precision of {match[1]} on the validation rows: {threshold:.4g} has the highest, "
        f"{y[flagged].mean():.3f}."
    ]


def by_cost(y: np.ndarray, scores: np.ndarray, missed: np.ndarray, false_alarm: float) -> float:
    """The threshold of the least total cost (Elkan 2001); `missed` (N,) is what each positive row costs if missed."""
    order = np.argsort(-scores, kind="stable")
    ranked, cost = scores[order], np.where(y == 1, -missed, false_alarm)[order]
    # The total cost of flagging all rows down to each; only the last of several equal scores can be a threshold.
    total = np.cumsum(cost)
    last_of_equals = np.append(ranked[1:] < ranked[:-1], True)
    best = int(np.argmin(np.where(last_of_equals, total, np.inf)))
    return _midway_below(scores, ranked[best]) if total[best] < 0 else _midway_above(ranked[0])
