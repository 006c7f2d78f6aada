"""From which score on a row is flagged: by F-beta, by the recall at a precision, by cost, or as given."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import precision_recall_curve

from suite.errors import UsageError

NUMBER = r"(\d+(?:\.\d+)?|\.\d+)"
SMALLEST = 1e-12


@dataclass(frozen=True)
class Costs:
    """What a missed case and a false alarm cost; with `column`, a missed case costs what the row holds there."""

    false_negative: float = 1.0
    false_positive: float = 1.0
    column: str | None = None


@dataclass(frozen=True)
class Rule:
    """How to choose the threshold; `text` as a person writes it, or else by `costs`."""

    text: str = "f1"
    costs: Costs | None = None

    def __str__(self) -> str:
        if self.costs is None:
            return self.text
        missed = self.costs.column or f"{self.costs.false_negative:g}"
        return f"least cost (missed {missed}, false alarm {self.costs.false_positive:g})"


def check(rule: Rule) -> None:
    """UsageError where the text is no rule."""
    _parse(rule.text)


def choose(rule: Rule, y: np.ndarray, scores: np.ndarray, amounts: np.ndarray | None = None) -> float:
    """The score at or above which a row counts as found, chosen on rows y (N,) in {0, 1} with scores (N,).

    `amounts` (N,) are the values of the rule's cost column. See `shortfall` for what a rule may ask in vain.
    """
    if rule.costs is None:
        return _parse(rule.text)(y, scores)
    missed = rule.costs.false_negative * np.ones(len(y)) if amounts is None else amounts
    return by_cost(y, scores, missed, rule.costs.false_positive)


def _parse(text: str) -> Callable[[np.ndarray, np.ndarray], float]:
    found = re.fullmatch(f"(f|precision>=|){NUMBER}", text)
    if found:
        kind, number = found[1], float(found[2])
        if kind == "f" and number > 0:
            return lambda y, scores: by_f(y, scores, number)
        if kind == "precision>=" and 0 < number <= 1:
            return lambda y, scores: by_precision(y, scores, number)
        if not kind and number <= 1:
            return lambda y, scores: number
    raise UsageError(
        f"'{text}' is no rule for a threshold: write f1 (or f2, f0.5), precision>=0.9, or a number from 0 to 1"
    )


def by_f(y: np.ndarray, scores: np.ndarray, beta: float) -> float:
    """The threshold of the best F-beta: a beta above 1 favours recall, below 1 precision (van Rijsbergen 1979)."""
    precision, recall, thresholds = precision_recall_curve(y, scores)
    f = (1 + beta**2) * precision * recall / np.maximum(beta**2 * precision + recall, SMALLEST)
    return float(thresholds[np.argmax(f[:-1])])


def by_precision(y: np.ndarray, scores: np.ndarray, wanted: float) -> float:
    """The threshold of the highest recall among those that reach the wanted precision; if none does, of the highest
    precision."""
    precision, recall, thresholds = precision_recall_curve(y, scores)
    found = np.where(recall[:-1] > 0, precision[:-1], 0.0)
    good = found >= min(wanted, found.max())
    return float(thresholds[good][np.argmax(recall[:-1][good])])


def shortfall(rule: Rule, y: np.ndarray, scores: np.ndarray, threshold: float) -> list[str]:
    """A note where the rule asks for more than `threshold` gives on these rows; else none."""
    asked = re.fullmatch(f"precision>={NUMBER}", rule.text)
    flagged = scores >= threshold
    if rule.costs or not asked or y[flagged].mean() >= float(asked[1]):
        return []
    return [
        f"No threshold reaches a precision of {asked[1]} on the validation rows: {threshold:.4g} has the highest, "
        f"{y[flagged].mean():.3f}."
    ]


def by_cost(y: np.ndarray, scores: np.ndarray, missed: np.ndarray, false_alarm: float) -> float:
    """The threshold of the least total cost (Elkan 2001); `missed` (N,) is what each positive costs if not found."""
    order = np.argsort(-scores, kind="stable")
    ranked, cost = scores[order], np.where(y == 1, -missed, false_alarm)[order]
    # Flagging down to each row in turn; only the last of equal scores is a threshold that exists.
    total = np.cumsum(cost)
    last = np.append(ranked[1:] < ranked[:-1], True)
    best = int(np.argmin(np.where(last, total, np.inf)))
    return float(ranked[best]) if total[best] < 0 else float(np.nextafter(ranked[0], np.inf))
