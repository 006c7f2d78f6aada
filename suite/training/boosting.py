"""Boosted trees by LightGBM, as tensors for a network; LightGBM is needed only here."""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from suite.blocks.trees import Forest
from suite.config import cores
from suite.preprocessing.mirror.table import GRID

if TYPE_CHECKING:
    import lightgbm

MAX_ROUNDS, PATIENCE = 500, 50
# Beyond every feature.
LARGE = 1e6
# Two kinds of forests that err differently: one looks for the best split, the other one takes the best of random splits
# (Geurts et al. 2006). Chosen by out-of-fold predictions among training rows of eight tables.
COMMON = {
    "learning_rate": 0.1, "num_leaves": 8, "min_child_samples": 20, "subsample": 0.8, "subsample_freq": 1,
    "colsample_bytree": 0.8, "reg_lambda": 1.0, "num_threads": 1, "verbosity": -1, "seed": 0, "deterministic": True,
    "force_row_wise": True,
}  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {"best splits": COMMON, "random splits": {**COMMON, "extra_trees": True}}


@dataclass(frozen=True)
class TreeData:
    """A table as LightGBM takes it: float32 (N, F + C), missing features NaN and then category ids, with the truth.

    Features are rounded, see `on_grid`. `marks` gives, for each feature that may be missing, the feature that is 1
    where it is. `objective` is LightGBM's, with `scores` numbers a row. `weights` (N,) is how often each row counts.
    """

    x: np.ndarray
    y: np.ndarray
    categories: int
    marks: Mapping[int, int]
    objective: str
    scores: int
    weights: np.ndarray | None = None

    def dataset(self, rows: np.ndarray, reference: Any = None, weighted: bool = True) -> "lightgbm.Dataset":
        """Those rows."""
        import lightgbm

        width = self.x.shape[1]
        return lightgbm.Dataset(
            self.x[rows], self.y[rows], weight=self.weights[rows] if weighted and self.weights is not None else None,
            categorical_feature=list(range(width - self.categories, width)), reference=reference, free_raw_data=True,
        )  # fmt: skip

    def options(self, kind: str) -> dict[str, Any]:
        """LightGBM's options for a kind of forest."""
        classes = {"num_class": self.scores} if self.objective == "multiclass" else {}
        return {**KINDS[kind], "objective": self.objective, **classes}


def out_of_fold(
    data: TreeData, kind: str, folds: Sequence[tuple[np.ndarray, np.ndarray]], rounds: int | None = None
) -> tuple[np.ndarray, int]:
    """The scores (N, scores) of the folds' rows by forests trained on other folds, and the number of rounds.

    With None for the rounds, it is the mean of the numbers that are best for the folds, whose own rows count as they
    are, without weights. Scores of other rows are 0.
    """
    import lightgbm

    def fit(fold: tuple[np.ndarray, np.ndarray]) -> "lightgbm.Booster":
        rest, held_out = fold
        train = data.dataset(rest)
        if rounds is not None:
            return lightgbm.train(data.options(kind), train, rounds)
        stop = lightgbm.early_stopping(PATIENCE, verbose=False)
        validation = data.dataset(held_out, train, weighted=False)
        return lightgbm.train(data.options(kind), train, MAX_ROUNDS, valid_sets=[validation], callbacks=[stop])

    # A fold a thread: threads within a forest wait for each other, for very long on a busy machine.
    with ThreadPoolExecutor(cores()) as executor:
        boosters = list(executor.map(fit, folds))
    best = rounds or max(1, round(float(np.mean([booster.best_iteration for booster in boosters]))))
    scores = np.zeros((len(data.y), data.scores), np.float32)
    for (_, held_out), booster in zip(folds, boosters, strict=True):
        scores[held_out] = predict(booster, data.x[held_out], best)
    return scores, best


def train(data: TreeData, kind: str, rows: np.ndarray, rounds: int) -> "lightgbm.Booster":
    """A forest of these rows."""
    import lightgbm

    return lightgbm.train(data.options(kind), data.dataset(rows), rounds)


def predict(booster: "lightgbm.Booster", x: np.ndarray, rounds: int | None = None) -> np.ndarray:
    """Scores before the link function, float32 (N, scores), by so many rounds; by all if it is None."""
    scores = booster.predict(x, raw_score=True, num_iteration=rounds, num_threads=1)
    return np.asarray(scores, np.float32).reshape(len(x), -1)


def forest(boosters: "Sequence[lightgbm.Booster]", data: TreeData, sizes: Sequence[int]) -> Forest:
    """The trees of several forests as tensors, whose scores follow each other; `sizes` of the categorical columns."""
    trees = [
        (_leaves(tree["tree_structure"], ()), number * data.scores + index % data.scores)
        for number, booster in enumerate(boosters)
        for index, tree in enumerate(booster.dump_model()["tree_info"])
    ]
    return _Layout(data, sizes).forest(trees, len(boosters) * data.scores)


# A condition of a node, as LightGBM dumps it, and whether it must hold on the way to a leaf.
_Condition = tuple[int, str, float | str, bool]
_Leaf = tuple[float, tuple[tuple[_Condition, bool], ...]]


def _leaves(node: Mapping[str, Any], path: tuple[tuple[_Condition, bool], ...]) -> list[_Leaf]:
    """The leaves of a tree: the value of each and the conditions on the way to it."""
    if "split_feature" not in node:
        return [(float(node["leaf_value"]), path)]
    condition = (
        int(node["split_feature"]), str(node["decision_type"]), node["threshold"],
        # Without missing values in what it saw, LightGBM takes them as zeros.
        bool(node["default_left"]) if node["missing_type"] == "NaN" else _zero_goes_left(node),
    )  # fmt: skip
    return [
        *_leaves(node["left_child"], (*path, (condition, True))),
        *_leaves(node["right_child"], (*path, (condition, False))),
    ]


def _zero_goes_left(node: Mapping[str, Any]) -> bool:
    return node["decision_type"] == "<=" and float(node["threshold"]) >= 0


class _Layout:
    """Gives each condition of a forest a number, once for all trees that share it."""

    def __init__(self, data: TreeData, sizes: Sequence[int]) -> None:
        self._features = data.x.shape[1] - data.categories
        self._marks, self._sizes = data.marks, sizes

    def forest(self, trees: Sequence[tuple[Sequence[_Leaf], int]], scores: int) -> Forest:
        used = dict.fromkeys(condition for leaves, _ in trees for _, path in leaves for condition, _ in path)
        numeric = [condition for condition in used if condition[1] == "<="]
        sets = [
            [condition for condition in used if condition[0] == self._features + column and condition[1] == "=="]
            for column in range(len(self._sizes))
        ]
        order = {condition: number for number, condition in enumerate([*numeric, *(one for of in sets for one in of)])}
        if not order:
            # Trees without a condition: one that always holds keeps the arrays from being empty.
            numeric, order = [(0, "<=", np.inf, False)], {}
        leaves = max([2, *(len(of) for of, _ in trees)])
        conditions = np.zeros((len(trees), leaves - 1), np.int32)
        paths = np.zeros((len(trees), leaves - 1, leaves), np.float32)
        depths = np.full((len(trees), leaves), leaves, np.float32)
        values = np.zeros((len(trees), leaves), np.float32)
        for tree, (of, _) in enumerate(trees):
            places: dict[_Condition, int] = {}
            for leaf, (value, path) in enumerate(of):
                values[tree, leaf] = value
                depths[tree, leaf] = sum(holds for _, holds in path)
                for condition, holds in path:
                    place = places.setdefault(condition, len(places))
                    conditions[tree, place] = order[condition]
                    paths[tree, place, leaf] = 1 if holds else -1
        return Forest(
            features=np.array([condition[0] for condition in numeric], np.int32),
            thresholds=np.array([threshold_beside_grid(float(condition[2])) for condition in numeric], np.float32),
            marks=np.array([self._marks.get(condition[0], 0) for condition in numeric], np.int32),
            sides=np.array([self._side(condition) for condition in numeric], np.float32),
            sets=[self._table(of, size) for of, size in zip(sets, self._sizes, strict=True)],
            conditions=conditions.ravel(), paths=paths, depths=depths, values=values,
            groups=np.eye(scores, dtype=np.float32)[[score for _, score in trees]],
        )  # fmt: skip

    def _side(self, condition: _Condition) -> float:
        if condition[0] not in self._marks:
            return 0.0
        return -1.0 if condition[3] else 1.0

    @staticmethod
    def _table(conditions: Sequence[_Condition], size: int) -> np.ndarray:
        table = np.zeros((size, len(conditions)), np.int8)
        for number, condition in enumerate(conditions):
            table[[int(category) for category in str(condition[2]).split("||")], number] = 1
        return table


def on_grid(features: np.ndarray) -> np.ndarray:
    """Features float32 (N, F) rounded to the grid, from the middle downward, as a threshold there is met; NaN stays."""
    return np.asarray(np.ceil(features / GRID - 0.5) * GRID, np.float32)


def threshold_beside_grid(threshold: float) -> float:
    """The middle of two steps of the grid on which features, before they are rounded, are parted as by a threshold."""
    return (math.floor(threshold / GRID) + 0.5) * GRID if abs(threshold) < LARGE else math.copysign(math.inf, threshold)
