"""Single-path one-shot search: a supernet of which a uniformly drawn path is trained at each step (Guo et al. 2020)."""

import time

import numpy as np

from suite.search_record import Ranking
from suite.training import fit
from tuning.ranking import RankingProblem
from tuning.supernet.path_costs import PathCosts
from tuning.supernet.path_search import PathSearch
from tuning.supernet.supernet import Supernet

# The supernet is trained for so many times the epochs of a network by itself, in at most this share of the time.
EPOCHS, TRAINING_SHARE = 5, 0.7


def rank(problem: RankingProblem) -> Ranking:
    """The networks whose paths have the lowest loss on validation rows with the supernet's weights."""
    started = time.time()
    fit.set_seeds(problem.seed)
    supernet = Supernet.of(problem, EPOCHS * problem.epochs)
    costs = PathCosts(supernet, problem.limits, problem.seed)
    random = np.random.default_rng(problem.seed)

    def draw(epoch: int, steps: int) -> np.ndarray:
        return np.array([supernet.draw(random) for _ in range(steps)], np.int32)

    seconds = problem.seconds_for(TRAINING_SHARE)
    supernet.train(draw, problem.report, "one-shot supernet", problem.seed, seconds)
    search = PathSearch(supernet, costs, problem)
    search.run()
    notes = () if problem.limits else (
        "No budget was given: among networks that are alike otherwise, shared weights favour larger ones.",
    )  # fmt: skip
    return Ranking(
        "oneshot", tuple(search.best(problem.count)), len(search.losses), round(time.time() - started, 2),
        supernet.options, {}, notes,
    )  # fmt: skip
