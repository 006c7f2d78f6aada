"""The charts of a report: learning curves, ROC and precision-recall, calibration, and thresholds."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from markupsafe import Markup

from suite.decision import LIKELIER, single
from suite.report import statistics
from suite.report.plots import Chart, truncate
from suite.report.statistics import Predictions

UNIT = (0.0, 1.0)
BINS = 10
VALIDATION = 1
MAX_CLASSES = 5
GRID_POINTS = 201
MIN_SCORE = 1e-6
MAX_NAME = 40
Direction = Callable[[str], float]
# Charts for these metrics and the objective; others depend on a threshold that is chosen after training.
LEARNING_METRICS = (
    "loss", "accuracy", "macro_f1", "average_precision", "roc_auc", "macro_average_precision", "macro_roc_auc",
    "exact_match", "rmse", "r2",
)  # fmt: skip


def learning(history: Mapping[str, Sequence[float]], objective: str, chosen: int, direction: Direction) -> list[Markup]:
    """A chart for each metric, with a line for validation, and one for training if it is measured there.

    `direction` is that of suite.task.Task; `chosen` is the epoch whose weights count; where the objective was better
    after another, that is marked too.
    """
    best = best_epoch(history, objective, direction)
    figures = []
    for name in dict.fromkeys(["loss", objective, *LEARNING_METRICS]):
        if f"val_{name}" not in history:
            continue
        chart = Chart(name, "epoch", name, whole=True, legend=True)
        # Validation has the same colour in every chart, also where nothing is measured on the training rows.
        for series, (label, key) in enumerate((("train", name), ("validation", f"val_{name}"))):
            if key in history:
                chart.line(label, enumerate(history[key], 1), series=series)
                if len(history[key]) == 1:
                    chart.dot(1, history[key][0], f"{label} {history[key][0]:.4f}", series)
        if len(history["loss"]) > 1:
            chart.mark(chosen, f"{'best' if chosen == best else 'chosen'} epoch, {chosen}")
        if name == objective and best != chosen:
            value = history[f"val_{name}"][best - 1]
            chart.dot(best, value, f"validation was best after epoch {best}: {value:.4f}", VALIDATION)
        figures.append(chart.figure())
    return figures


def best_epoch(history: Mapping[str, Sequence[float]], objective: str, direction: Direction) -> int:
    """The first epoch after which validation was best by the objective; the last epoch if that was not measured."""
    values = np.array(history.get(f"val_{objective}", ()), np.float64) * direction(objective)
    return int(values.argmax()) + 1 if len(values) else len(history["loss"])


def describe_epoch(history: Mapping[str, Sequence[float]], objective: str, chosen: int, direction: Direction) -> str:
    """Which epoch's weights count, and whether validation was better after another."""
    best, epochs = best_epoch(history, objective, direction), len(history["loss"])
    values = history.get(f"val_{objective}", ())
    if not values or chosen == best:
        return f"The weights are those of epoch {chosen} of {epochs}, the best by {objective} on validation."
    which = f"the last epoch, {chosen}" if chosen == epochs else f"epoch {chosen} of {epochs}"
    return (
        f"The weights are those of {which}, with a validation {objective} of {values[chosen - 1]:.4f}. Validation was "
        f"best after epoch {best}, with {values[best - 1]:.4f}: the dot in the chart of {objective}."
    )


def one_class(predictions: Predictions, index: int) -> Predictions:
    """Predictions of whether a row is of one class or any other, without a threshold."""
    score = predictions.probabilities[:, index]
    return Predictions((predictions.y == index).astype(np.int64), np.stack([1 - score, score], axis=1))


def hardest(predictions: Predictions) -> list[int]:
    """The classes to draw: the second of two; of more, those with the lowest average precision."""
    if predictions.probabilities.shape[1] == 2:
        return [1] if len(np.unique(predictions.y)) == 2 else []
    once = np.ones(len(predictions.y))
    precision = {
        int(index): statistics.average_precision(one_class(predictions, index))(once)
        for index in np.unique(predictions.y)
    }
    known = [index for index in precision if not np.isnan(precision[index])]
    return sorted(known, key=lambda index: precision[index])[:MAX_CLASSES]


def _short(label: str) -> str:
    return truncate(label, MAX_NAME)


def _scale(scores: np.ndarray, *others: float) -> tuple[float, float]:
    """An axis for scores: from 0 to 1, or a shorter one if all are low, as scores of rare classes may be."""
    highest = max(float(scores.max()), *others, MIN_SCORE)
    if highest > 0.5:
        return UNIT
    digit = 10.0 ** np.floor(np.log10(highest))
    return (0.0, float(np.ceil(1.05 * highest / digit) * digit))


def ranking(predictions: Predictions, labels: Sequence[str]) -> list[Markup]:
    """ROC and precision-recall curves of the hardest classes; dots mark the model's own operating points."""
    answered = [
        (labels[index], one_class(predictions, index), predictions.predicted == index) for index in hardest(predictions)
    ]
    return draw_ranking(answered)


def draw_ranking(answered: Sequence[tuple[str, Predictions, np.ndarray]]) -> list[Markup]:
    """ROC and precision-recall curves of some labels: each with predictions of whether it holds, and where it is said.

    The latter, bool (N,), are the operating points, which dots mark.
    """
    if not answered:
        return []
    roc = Chart("ROC", "false positive rate", "true positive rate", UNIT, UNIT, legend=True)
    precision_recall = Chart("Precision and recall", "recall", "precision", UNIT, UNIT, legend=True)
    roc.line("chance", [(0, 0), (1, 1)], guide=True)
    for label, one, said in answered:
        once = np.ones(len(one.y))
        order = np.argsort(-one.probabilities[:, 1], kind="stable")
        last = np.append(np.diff(one.probabilities[order, 1]) < 0, True)
        found, alarms = (np.cumsum(one.y[order] == value)[last] for value in (1, 0))
        area, average = statistics.roc_auc(one)(once), statistics.average_precision(one)(once)
        rates = zip(np.append(0, alarms / alarms[-1]), np.append(0, found / found[-1]), strict=True)
        series = roc.line(f"{_short(label)} (AUC {area:.3f})", rates)
        precision_recall.line(
            f"{_short(label)} (AP {average:.3f})",
            zip(found / found[-1], found / (found + alarms), strict=True),
        )
        hit, flagged, present = ((one.y == 1) & said).sum(), said.sum(), (one.y == 1).sum()
        false, recall = (flagged - hit) / (len(one.y) - present), hit / present
        precision = hit / flagged if flagged else 0.0
        roc.dot(false, recall, f"{label}: recall {recall:.4f}, false positive rate {false:.4f}", series)
        text = f"{label}: precision {precision:.4f}, recall {recall:.4f}"
        precision_recall.dot(recall, precision, text, series)
    return [roc.figure(), precision_recall.figure()]


def calibration(predictions: Predictions, labels: Sequence[str]) -> list[Markup]:
    """A reliability diagram, and the number of rows by score."""
    if predictions.probabilities.shape[1] == 2:
        confidence, true = predictions.probabilities[:, 1], predictions.y == 1
        what, share = f"score of {_short(labels[1])}", f"share that is {_short(labels[1])}"
    else:
        confidence = predictions.probabilities.max(axis=1)
        true = predictions.probabilities.argmax(axis=1) == predictions.y
        what, share = "confidence", "share that is right"
    return reliability(confidence, true, what, share)


def reliability(confidence: np.ndarray, true: np.ndarray, what: str, share: str) -> list[Markup]:
    """A reliability diagram of scores (N,) and whether what they are about is true, and the number of rows by score.

    `what` and `share` name the axes.
    """
    scale = _scale(confidence)
    width = scale[1] / BINS
    diagram = Chart("Reliability", what, share, scale, scale, legend=True)
    counts = Chart("Rows by score", what, "rows", scale, log=True)
    diagram.line("perfect", [(0, 0), (scale[1], scale[1])], guide=True)
    bins = np.minimum((confidence / width).astype(int), BINS - 1)
    points = []
    for index in range(BINS):
        inside = bins == index
        rows, hits = int(inside.sum()), int(true[inside].sum())
        bounds = f"{index * width:.3g} to {(index + 1) * width:.3g}"
        counts.bar(index * width, (index + 1) * width, rows, f"{bounds}: {rows:,} rows")
        if rows:
            mean = float(confidence[inside].mean())
            points.append((mean, hits / rows, f"{bounds}: {hits:,} of {rows:,} rows, {mean:.3f} expected"))
            diagram.error(mean, *statistics.wilson(hits, rows))
    diagram.line("model", [(x, y) for x, y, _ in points])
    for x, y, text in points:
        diagram.dot(x, y, text)
    return [diagram.figure(), counts.figure()]


def thresholds(predictions: Predictions, missed_costs: np.ndarray, alarm_cost: float) -> list[Markup]:
    """Two classes: precision, recall, F1 and cost by threshold.

    `missed_costs` (N,) is what each row of the second class costs if it is missed; `alarm_cost` is what a false alarm
    costs.
    """
    positive = predictions.y == 1
    order = np.argsort(predictions.probabilities[:, 1], kind="stable")
    scores = predictions.probabilities[order, 1]
    chosen = LIKELIER if predictions.threshold is None else single(predictions.threshold)
    scale = _scale(scores, chosen)
    at = np.linspace(*scale, GRID_POINTS)
    start = np.searchsorted(scores, at, side="left")

    def from_threshold(values: np.ndarray) -> np.ndarray:
        summed = np.append(np.cumsum(values[order][::-1])[::-1], 0.0)
        return np.asarray(summed[start], np.float64)

    found, flagged = from_threshold(positive), from_threshold(np.ones(len(order)))
    precision = np.where(flagged > 0, found / np.maximum(flagged, 1), np.nan)
    recall = found / max(1, positive.sum())
    f1 = 2 * found / np.maximum(flagged + positive.sum(), 1)
    missed = missed_costs[positive].sum() - from_threshold(np.where(positive, missed_costs, 0))
    cost = missed + alarm_cost * (flagged - found)
    quality = Chart("Precision, recall and F1", "threshold", "share", scale, UNIT)
    for name, values in (("precision", precision), ("recall", recall), ("F1", f1)):
        quality.line(name, zip(at, values, strict=True))
    # Flagging every row may cost many times more than any sensible threshold, and would flatten the rest of the chart.
    most = max(missed_costs[positive].sum(), cost[GRID_POINTS // 2], 1.0) * 1.5
    price = Chart("Cost on the test rows", "threshold", "cost", scale, (0.0, most))
    price.line("cost", zip(at, cost, strict=True))
    for chart in (quality, price):
        chart.mark(chosen, f"{'chosen' if predictions.threshold is not None else 'the likelier class'}, {chosen:.3f}")
    return [quality.figure(), price.figure()]


def cost(predictions: Predictions, missed_costs: np.ndarray, alarm_cost: float) -> float:
    """The cost of the model's decisions on these rows."""
    flagged, positive = predictions.predicted == 1, predictions.y == 1
    return float(missed_costs[positive & ~flagged].sum() + alarm_cost * (flagged & ~positive).sum())


def abstention(predictions: Predictions) -> list[Markup]:
    """Several classes: accuracy and share of the rows kept when predictions below a confidence are withheld."""
    confidence, right = predictions.probabilities.max(axis=1), predictions.predicted == predictions.y
    order = np.argsort(confidence, kind="stable")
    at = np.linspace(0, 1, GRID_POINTS)
    start = np.searchsorted(confidence[order], at, side="left")
    kept = len(confidence) - start
    hits = np.append(np.cumsum(right[order][::-1])[::-1], 0)[start]
    chart = Chart("Accuracy and coverage by confidence", "minimum confidence", "share", UNIT, UNIT)
    known = kept > 0
    chart.line("accuracy of the rows kept", zip(at[known], hits[known] / kept[known], strict=True))
    chart.line("share of rows kept", zip(at, kept / len(confidence), strict=True))
    return [chart.figure()]
