"""The search for the best paths of a trained supernet."""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain

import numpy as np

from suite.search_record import Candidate
from tuning.ranking import RankingProblem
from tuning.supernet.path_costs import PathCosts
from tuning.supernet.supernet import Path, Supernet

# A space of at most so many paths is ranked whole.
WHOLE = 1_000
# Evolution over the paths of a larger one (Guo et al. 2020): parents, and what becomes of them.
POPULATION, PARENTS, GENERATIONS, MUTATION = 50, 10, 20, 0.1
ATTEMPTS = 100


class PathSearch:
    """Ranks paths by their loss, those already ranked once only, as long as the problem's time allows."""

    def __init__(self, supernet: Supernet, costs: PathCosts, problem: RankingProblem) -> None:
        self._supernet, self._costs, self._problem = supernet, costs, problem
        self._random = np.random.default_rng((problem.seed, 1))
        self.losses: dict[Path, float] = {}

    def run(self, first: Iterable[Path] = ()) -> None:
        """Rank all paths of a small space; else `first` and what evolves from them."""
        if self._supernet.count <= WHOLE:
            paths = self._supernet.paths()
            self._random.shuffle(paths)
            self._rank(paths)
            return
        self._rank((*first, *self._costs.fitting))
        self._rank(self._new(POPULATION, lambda: self._supernet.draw(self._random)))
        for _ in range(GENERATIONS if self.losses else 0):
            parents = sorted(self.losses, key=self.losses.__getitem__)[:PARENTS]
            children = [self._new(POPULATION // 2, partial(make, parents)) for make in (self._mutated, self._crossed)]
            self._rank(chain(*children))
            if self._problem.is_over:
                return

    def best(self, count: int) -> list[Candidate]:
        """The best paths within the limits."""
        found: list[Candidate] = []
        for path in sorted(self.losses, key=self.losses.__getitem__):
            if len(found) == count or (found and self._problem.is_over):
                break
            if np.isfinite(self.losses[path]) and self._costs.fits(path):
                found.append(Candidate(self._supernet.values_of(path), round(self.losses[path], 6)))
        return found

    def _rank(self, paths: Iterable[Path]) -> None:
        for path in paths:
            if self.losses and self._problem.is_over:
                return
            if path not in self.losses and self._supernet.stands(path) and self._costs.may_fit(path):
                self.losses[path] = self._supernet.loss(path)

    def _new(self, count: int, draw: Callable[[], Path]) -> list[Path]:
        """Up to `count` paths that are not ranked yet."""
        found: dict[Path, None] = {}
        for _ in range(ATTEMPTS * count):
            path = draw()
            if path not in self.losses and self._supernet.stands(path) and self._costs.may_fit(path):
                found[path] = None
            if len(found) == count:
                break
        return list(found)

    def _mutated(self, parents: list[Path]) -> Path:
        parent, drawn = parents[self._random.integers(len(parents))], self._supernet.draw(self._random)
        return tuple(
            new if self._random.random() < MUTATION else old for old, new in zip(parent, drawn, strict=True)
        )  # fmt: skip

    def _crossed(self, parents: list[Path]) -> Path:
        one, other = (parents[self._random.integers(len(parents))] for _ in range(2))
        return tuple(int(self._random.choice(pair)) for pair in zip(one, other, strict=True))
