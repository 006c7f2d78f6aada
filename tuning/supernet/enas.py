"""Efficient search by reinforcement: a controller's paths share the weights of a supernet (Pham et al. 2018)."""

import time
from typing import Any

import keras
import numpy as np

from suite.search_record import Ranking
from suite.training import fit
from tuning.controller import Controller
from tuning.ranking import RankingProblem
from tuning.supernet.path_costs import PathCosts
from tuning.supernet.path_search import PathSearch
from tuning.supernet.supernet import Path, Supernet

# The supernet is trained for so many times the epochs of a network by itself, in at most this share of the time.
EPOCHS, TRAINING_SHARE = 4, 0.8
# How many paths an epoch is trained on, and how many the controller learns from after it.
PATHS_OF_EPOCH, UPDATES_OF_EPOCH = 24, 3
# With less, it settles on a path before the shared weights tell good ones from bad ones.
ENTROPY_WEIGHT, LEARNING_RATE = 0.5, 3e-3
# Epochs on uniformly drawn paths before the controller's, as a share.
WARM_UP = 0.2
# A controller's paths among those that the final ranking begins with.
FINALISTS = 100
ATTEMPTS = 20


def rank(problem: RankingProblem) -> Ranking:
    """The best of the paths that a controller came to like, by their loss with the supernet's weights."""
    started = time.time()
    fit.set_seeds(problem.seed)
    supernet = Supernet.of(problem, EPOCHS * problem.epochs)
    costs = PathCosts(supernet, problem.limits, problem.seed)
    learner = _Learner(supernet, problem.seed)
    seconds = problem.seconds_for(TRAINING_SHARE)
    supernet.train(learner.draw, problem.report, "ENAS supernet", problem.seed, seconds, [learner])
    search = PathSearch(supernet, costs, problem)
    search.run(dict.fromkeys(learner.write() for _ in range(FINALISTS)))
    return Ranking(
        "enas", tuple(search.best(problem.count)), len(search.losses), round(time.time() - started, 2),
        supernet.options, learner.history,
    )  # fmt: skip


class _Learner(keras.callbacks.Callback):  # type: ignore[misc]
    """Draws the paths of an epoch from a controller, and has it learn from the validation loss of some after it."""

    def __init__(self, supernet: Supernet, seed: int) -> None:
        super().__init__()
        self._supernet, self._random = supernet, np.random.default_rng((seed, 2))
        counts = [len(gate.options) for gate in supernet.gates.values()]
        self._controller = Controller(counts, seed, ENTROPY_WEIGHT, LEARNING_RATE)
        self.history: dict[str, list[list[float]]] = {name: [] for name in supernet.gates}

    def draw(self, epoch: int, steps: int) -> np.ndarray:
        """The paths of an epoch's steps."""
        if epoch < WARM_UP * self._supernet.epochs:
            paths = [self._supernet.draw(self._random) for _ in range(PATHS_OF_EPOCH)]
        else:
            paths = [self.write() for _ in range(PATHS_OF_EPOCH)]
        self._note(paths)
        return np.array(paths, np.int32)[self._random.integers(len(paths), size=steps)]

    def write(self) -> Path:
        """A path as the controller writes it, again where it does not stand for all that are equal."""
        path = self._written()
        for _ in range(ATTEMPTS):
            if self._supernet.stands(path):
                return path
            path = self._written()
        return self._supernet.standing(path)

    def _written(self) -> Path:
        state, last = self._controller.initial_state, self._controller.start_token
        path = []
        for position in range(len(self._supernet.gates)):
            likelihoods, state = self._controller.step(last, position, state)
            path.append(int(self._random.choice(len(likelihoods), p=likelihoods)))
            last = self._controller.token(position, path[-1])
        return tuple(path)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch + 1 < WARM_UP * self._supernet.epochs:
            return
        for _ in range(UPDATES_OF_EPOCH):
            path = self.write()
            loss = self._supernet.loss(path)
            if np.isfinite(loss):
                self._controller.reward(list(enumerate(path)), -loss)

    def _note(self, paths: list[Path]) -> None:
        for number, (name, gate) in enumerate(self._supernet.gates.items()):
            counts = np.bincount([path[number] for path in paths], minlength=len(gate.options))
            self.history[name].append([round(float(share), 4) for share in counts / len(paths)])
