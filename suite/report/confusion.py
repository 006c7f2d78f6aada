"""The confusion matrix of a report: numbers for up to 50 classes, classes in clusters for more."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from markupsafe import Markup, escape

MAX_TABLE_CLASSES = 50
MAX_HEAT_MAP_CLASSES = 200
# Distances take memory by the square of the classes.
MAX_CLUSTERED_CLASSES = 1_000
MAX_PAIRS, MAX_CLUSTERS, MAX_MEMBERS = 10, 12, 12
# Clusters join while, on average, two of their classes have this share of their rows confused with each other.
MIN_CONFUSED_SHARE = 0.05
# A single mistake is no cluster.
MIN_WRONG = 2


@dataclass(frozen=True)
class Cluster:
    """Classes that are confused with each other: `wrong` of their `rows` are predicted as another of them.

    `places` is where they are in the order of the heat map.
    """

    labels: list[str]
    rows: int
    wrong: int
    places: range

    @property
    def names(self) -> str:
        """The labels, or the first of many."""
        shown = self.labels[:MAX_MEMBERS]
        more = len(self.labels) - len(shown)
        return ", ".join(shown) + (f" and {more} more" if more else "")


@dataclass(frozen=True)
class Clustered:
    """Many classes: those confused with each other in clusters, and a heat map unless there are too many."""

    clusters: list[Cluster]
    heat_map: Markup | None


def confused_pairs(labels: Sequence[str], confusion: np.ndarray) -> list[tuple[str, str, int, float]]:
    """The commonest mistakes: true class, predicted class, rows, and their share of the true class."""
    wrong = _mistakes(confusion)
    commonest = np.argsort(-wrong, axis=None, kind="stable")[:MAX_PAIRS]
    pairs = [divmod(int(index), len(labels)) for index in commonest]
    return [
        (labels[true], labels[answer], int(wrong[true, answer]), float(wrong[true, answer] / confusion[true].sum()))
        for true, answer in pairs
        if wrong[true, answer]
    ]


def _mistakes(confusion: np.ndarray) -> np.ndarray:
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    return wrong


def _shares(confusion: np.ndarray) -> np.ndarray:
    """Each count as a share of its true class."""
    return np.asarray(confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1))


def matrix(confusion: np.ndarray) -> list[list[tuple[int, float]]] | None:
    """Counts with the opacity of their colour, for a table; None for too many classes."""
    if len(confusion) > MAX_TABLE_CLASSES:
        return None
    return [
        list(zip(map(int, row), map(opacity, part), strict=True))
        for row, part in zip(confusion, _shares(confusion), strict=True)
    ]


def cluster(labels: Sequence[str], confusion: np.ndarray) -> Clustered | None:
    """None for classes that a table has room for."""
    if len(labels) <= MAX_TABLE_CLASSES:
        return None
    order, ranges = _cluster_order(confusion)
    wrong = _mistakes(confusion)
    found = []
    for places in ranges:
        members = [order[place] for place in places]
        inside = int(wrong[np.ix_(members, members)].sum())
        found.append(Cluster([labels[member] for member in members], int(confusion[members].sum()), inside, places))
    found = sorted(found, key=lambda one: -one.wrong)[:MAX_CLUSTERS]
    found = sorted((one for one in found if one.wrong >= MIN_WRONG), key=lambda one: one.places.start)
    fits = len(labels) <= MAX_HEAT_MAP_CLASSES
    return Clustered(found, _heat_map(labels, confusion, order, found) if fits else None)


def _cluster_order(confusion: np.ndarray) -> tuple[list[int], list[range]]:
    """An order of the classes in which those confused with each other are neighbours, and the clusters' ranges in it.

    Average linkage by how many rows of two classes are confused with each other; a cluster has at least two classes.
    Of very many classes, those with the most mistakes are ordered.
    """
    from scipy.cluster import hierarchy

    wrong = _mistakes(confusion)
    wrong = wrong + wrong.T
    most = np.sort(np.argsort(-wrong.sum(axis=1), kind="stable")[:MAX_CLUSTERED_CLASSES])
    rows = confusion.sum(axis=1)[most]
    shares = wrong[np.ix_(most, most)] / np.maximum(rows[:, None] + rows, 1)
    distances = 1 - shares[np.triu_indices(len(most), 1)]
    tree = hierarchy.linkage(distances, "average", optimal_ordering=len(most) <= MAX_HEAT_MAP_CLASSES)
    leaves = hierarchy.leaves_list(tree)
    groups = hierarchy.fcluster(tree, 1 - MIN_CONFUSED_SHARE, "distance")[leaves]
    ends = [0, *(np.flatnonzero(np.diff(groups)) + 1), len(leaves)]
    order = [int(index) for index in most[leaves]]
    return order, [range(int(start), int(end)) for start, end in pairwise(ends) if end - start > 1]


def _heat_map(
    labels: Sequence[str], confusion: np.ndarray, order: Sequence[int], clusters: Sequence[Cluster]
) -> Markup:  # fmt: skip
    """The shares of the true class in this order, with a numbered frame around each cluster."""
    size = len(confusion)
    counts, shares = (values[np.ix_(order, order)] for values in (confusion, _shares(confusion)))
    margin = size / 12
    parts = [
        f'<svg class="map" viewBox="{-margin:g} -1 {size + margin + 1:g} {size + 2}" role="img" '
        f'aria-label="Confusion of {size} classes: rows are true classes, columns predictions">'
        f'<rect class="frame" x="0" y="0" width="{size}" height="{size}"/>'
    ]
    for true, answer in zip(*np.nonzero(counts), strict=True):
        text = f"{labels[order[true]]} predicted as {labels[order[answer]]}: {counts[true, answer]:,}"
        parts.append(
            f'<rect x="{answer}" y="{true}" width="1" height="1" opacity="{opacity(shares[true, answer]):.2f}">'
            f"<title>{escape(text)}</title></rect>"
        )
    for number, one in enumerate(clusters, 1):
        start, length = one.places.start, len(one.places)
        # Numbers of small clusters would overlap in one column.
        across = -0.1 * margin if number % 2 else -0.55 * margin
        parts.append(
            f'<rect class="cluster" x="{start}" y="{start}" width="{length}" height="{length}"/>'
            f'<text x="{across:.2f}" y="{start + length / 2:g}" style="font-size:{0.35 * margin:.2f}px" '
            f'text-anchor="end" dominant-baseline="central">{number}</text>'
        )
    return Markup("".join([*parts, "</svg>"]))


def opacity(share: float) -> float:
    """How strong the colour of a share is: in proportion, rare mistakes would be invisible."""
    return max(0.12, float(share) ** 0.5) if share else 0.0
