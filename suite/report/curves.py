"""The charts of a report: how a network learned, ranks, how sure it is, and what a threshold costs."""

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from suite.report import statistics
from suite.report.plots import Chart, cut
from suite.report.statistics import Answers

UNIT = (0.0, 1.0)
BINS = 10
SEVERAL = 5
GRID = 201
SMALLEST = 1e-6
LONGEST_NAME = 40
# Of a training, with its objective; others depend on a threshold that is chosen later.
FOLLOWED = ("loss", "accuracy", "macro_f1", "average_precision", "roc_auc")


def learning(history: Mapping[str, Sequence[float]], objective: str, best_epoch: int) -> list[Markup]:
    """A chart a metric: training and validation, or validation alone where training has none."""
    figures = []
    for name in dict.fromkeys(["loss", objective, *FOLLOWED]):
        if f"val_{name}" not in history:
            continue
        chart = Chart(name, "epoch", name, whole=True)
        for label, key in (("train", name), ("validation", f"val_{name}")):
            if key in history:
                series = chart.line(label, enumerate(history[key], 1))
                if len(history[key]) == 1:
                    chart.dot(1, history[key][0], f"{label} {history[key][0]:.4f}", series)
        if len(history["loss"]) > 1:
            chart.mark(best_epoch, f"best epoch, {best_epoch}")
        figures.append(chart.figure())
    return figures


def one_class(answers: Answers, index: int) -> Answers:
    """The same answers as to whether a row is of one class; without a threshold of their own."""
    score = answers.probabilities[:, index]
    return Answers((answers.y == index).astype(np.int64), np.stack([1 - score, score], axis=1))


def hardest(answers: Answers) -> list[int]:
    """The classes to draw: the second of two; of more, those with the least average precision."""
    if answers.probabilities.shape[1] == 2:
        return [1] if len(np.unique(answers.y)) == 2 else []
    whole = np.ones(len(answers.y))
    precision = {
        int(index): statistics.average_precision(one_class(answers, index))(whole) for index in np.unique(answers.y)
    }
    known = [index for index in precision if not np.isnan(precision[index])]
    return sorted(known, key=lambda index: precision[index])[:SEVERAL]


def _short(label: str) -> str:
    return cut(label, LONGEST_NAME)


def _scale(scores: np.ndarray, *others: float) -> tuple[float, float]:
    """An axis for scores: from 0 to 1, or less where all are low, as those of rare cases may be."""
    highest = max(float(scores.max()), *others, SMALLEST)
    if highest > 0.5:
        return UNIT
    digit = 10.0 ** np.floor(np.log10(highest))
    return (0.0, float(np.ceil(1.05 * highest / digit) * digit))


def ranking(answers: Answers, labels: Sequence[str]) -> list[Markup]:
    """ROC and precision-recall of the hardest classes; the dots are where the model's own decision puts it."""
    classes = hardest(answers)
    if not classes:
        return []
    roc = Chart("ROC", "false positive rate", "true positive rate", UNIT, UNIT)
    trade = Chart("Precision and recall", "recall", "precision", UNIT, UNIT)
    roc.line("chance", [(0, 0), (1, 1)], guide=True)
    table, whole = statistics.confusion(answers), np.ones(len(answers.y))
    for index in classes:
        one = one_class(answers, index)
        order = np.argsort(-one.probabilities[:, 1], kind="stable")
        last = np.append(np.diff(one.probabilities[order, 1]) < 0, True)
        found, alarms = (np.cumsum(one.y[order] == value)[last] for value in (1, 0))
        area, average = statistics.roc_auc(one)(whole), statistics.average_precision(one)(whole)
        rates = zip(np.append(0, alarms / alarms[-1]), np.append(0, found / found[-1]), strict=True)
        series = roc.line(f"{_short(labels[index])} (AUC {area:.3f})", rates)
        trade.line(
            f"{_short(labels[index])} (AP {average:.3f})",
            zip(found / found[-1], found / (found + alarms), strict=True),
        )
        hit, flagged, present = table[index, index], table[:, index].sum(), table[index].sum()
        false, recall = (flagged - hit) / (len(answers.y) - present), hit / present
        precision = hit / flagged if flagged else 0.0
        roc.dot(false, recall, f"{labels[index]}: recall {recall:.4f}, false positive rate {false:.4f}", series)
        trade.dot(recall, precision, f"{labels[index]}: precision {precision:.4f}, recall {recall:.4f}", series)
    return [roc.figure(), trade.figure()]


def calibration(answers: Answers, labels: Sequence[str]) -> list[Markup]:
    """How often a row is what it is said to be, by how sure the answer is; and how many rows are how sure."""
    if answers.probabilities.shape[1] == 2:
        sure, true = answers.probabilities[:, 1], answers.y == 1
        what, share = f"score of {_short(labels[1])}", f"share that is {_short(labels[1])}"
    else:
        sure = answers.probabilities.max(axis=1)
        true = answers.probabilities.argmax(axis=1) == answers.y
        what, share = "confidence", "share that is right"
    scale = _scale(sure)
    width = scale[1] / BINS
    reliability = Chart("Reliability", what, share, scale, scale)
    counts = Chart("Rows by score", what, "rows", scale, log=True)
    reliability.line("perfect", [(0, 0), (scale[1], scale[1])], guide=True)
    bins = np.minimum((sure / width).astype(int), BINS - 1)
    points = []
    for index in range(BINS):
        inside = bins == index
        rows, hits = int(inside.sum()), int(true[inside].sum())
        bounds = f"{index * width:.3g} to {(index + 1) * width:.3g}"
        counts.bar(index * width, (index + 1) * width, rows, f"{bounds}: {rows:,} rows")
        if rows:
            mean = float(sure[inside].mean())
            points.append((mean, hits / rows, f"{bounds}: {hits:,} of {rows:,} rows, {mean:.3f} expected"))
            reliability.error(mean, *statistics.wilson(hits, rows))
    reliability.line("model", [(x, y) for x, y, _ in points])
    for x, y, text in points:
        reliability.dot(x, y, text)
    return [reliability.figure(), counts.figure()]


def thresholds(answers: Answers, missed: np.ndarray, alarm: float) -> list[Markup]:
    """Two classes: precision, recall, F1 and cost by the score from which a row is flagged.

    `missed` (N,) is what each row costs if it is of the second class and not found, `alarm` what a false alarm costs.
    """
    positive = answers.y == 1
    order = np.argsort(answers.probabilities[:, 1], kind="stable")
    scores = answers.probabilities[order, 1]
    chosen = 0.5 if answers.threshold is None else answers.threshold
    scale = _scale(scores, chosen)
    at = np.linspace(*scale, GRID)
    start = np.searchsorted(scores, at, side="left")

    def from_threshold(values: np.ndarray) -> np.ndarray:
        summed = np.append(np.cumsum(values[order][::-1])[::-1], 0.0)
        return np.asarray(summed[start], np.float64)

    found, flagged = from_threshold(positive), from_threshold(np.ones(len(order)))
    precision = np.where(flagged > 0, found / np.maximum(flagged, 1), np.nan)
    recall = found / max(1, positive.sum())
    f1 = 2 * found / np.maximum(flagged + positive.sum(), 1)
    cost = missed[positive].sum() - from_threshold(np.where(positive, missed, 0)) + alarm * (flagged - found)
    quality = Chart("Precision, recall and F1", "threshold", "share", scale, UNIT)
    for name, values in (("precision", precision), ("recall", recall), ("F1", f1)):
        quality.line(name, zip(at, values, strict=True))
    # Flagging every row may cost many times what any sensible threshold does, and would hide all the rest.
    most = max(missed[positive].sum(), cost[GRID // 2], 1.0) * 1.5
    price = Chart("Cost on the test rows", "threshold", "cost", scale, (0.0, most))
    price.line("cost", zip(at, cost, strict=True))
    for chart in (quality, price):
        chart.mark(chosen, f"{'chosen' if answers.threshold is not None else 'the likelier class'}, {chosen:.3f}")
    return [quality.figure(), price.figure()]


def cost(answers: Answers, missed: np.ndarray, alarm: float) -> float:
    """What the model's decisions on these rows cost."""
    flagged, positive = answers.predicted == 1, answers.y == 1
    return float(missed[positive & ~flagged].sum() + alarm * (flagged & ~positive).sum())


def abstention(answers: Answers) -> list[Markup]:
    """Several classes: how right the answers are, and how many are left, if those below a confidence are not given."""
    sure, right = answers.probabilities.max(axis=1), answers.predicted == answers.y
    order = np.argsort(sure, kind="stable")
    at = np.linspace(0, 1, GRID)
    start = np.searchsorted(sure[order], at, side="left")
    answered = len(sure) - start
    hits = np.append(np.cumsum(right[order][::-1])[::-1], 0)[start]
    chart = Chart("Answers from a confidence on", "least confidence", "share", UNIT, UNIT)
    known = answered > 0
    chart.line("right, of those answered", zip(at[known], hits[known] / answered[known], strict=True))
    chart.line("answered, of all", zip(at, answered / len(sure), strict=True))
    return [chart.figure()]
