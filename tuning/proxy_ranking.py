"""A ranking of networks before any training, by a zero-cost proxy."""

import time
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
from keras_tuner import HyperParameters

from suite.errors import UsageError
from suite.search_record import Candidate, Ranking
from suite.training import fit, memory
from suite.training import model as networks
from tuning import feasibility, objectives, space
from tuning.hyperparameter_kinds import all_values, configurations, is_active, is_continuous
from tuning.proxies import PROXIES, Batch
from tuning.ranking import RankingProblem
from tuning.task import Values

PROXY = "synflow"
# At most so many networks are scored, drawn at random where there are more.
SAMPLES = 100
# What the proxy does not see: these keep their defaults.
NOT_SCORED = ("training/", "augment/")
UNSEEN = ("activation", "dropout", "stochastic_depth", "normalization", "l1", "l2")


def rank(problem: RankingProblem) -> Ranking:
    """The networks of the highest score."""
    started = time.time()
    batch = Batch.of(problem.prepared, seed=problem.seed)
    scored: list[Candidate] = []
    for values in _networks(problem):
        if scored and problem.is_over:
            break
        score = _score(problem, values, batch)
        if score is not None:
            scored.append(Candidate(values, round(-score, 6)))
    if not scored:
        raise UsageError("no network of this space could be scored within the budget: raise it, or allow more of them")
    # Networks that the proxy cannot tell apart are mostly equal.
    best = {candidate.score: candidate for candidate in sorted(scored, key=lambda one: -one.score)}
    found = tuple(sorted(best.values(), key=lambda one: one.score)[: problem.count])
    note = f"Scored by {PROXY}, untrained; what it does not see is as by default: training, activations, dropout."
    if not problem.limits:
        note += " No budget was given: larger networks tend to score higher."
    return Ranking("proxies", found, len(scored), round(time.time() - started, 2), notes=(note,))


def _score(problem: RankingProblem, values: Values, batch: Batch) -> float | None:
    """A network's score; None if it cannot be built, cannot learn, or is beyond the limits."""
    hp = HyperParameters()
    hp.values.update(values)
    with memory.released():
        fit.set_seeds(problem.seed)
        try:
            model = networks.build(problem.domain, hp, problem.prepared, problem.epochs)
            recipe = networks.recipe_of(problem.domain, problem.prepared, hp.values)
            rows = networks.rows_of_epoch(problem.prepared, hp.values)
            feasibility.check_memory(model, networks.batch_size(hp, recipe, rows))
            if problem.limits:
                whole = networks.complete(problem.domain, hp, problem.prepared, model)
                costs = objectives.measure_costs(whole, list(problem.limits))
                objectives.check_limits(costs, problem.limits)
            score = PROXIES[PROXY].score(model, batch)
        except (UsageError, MemoryError, tf.errors.OpError):
            return None
    return score if np.isfinite(score) else None


def _networks(problem: RankingProblem) -> Iterator[Values]:
    """All networks of the space in a random order, if there are few; else some at random, each once."""
    items = space.to_hyperparameters(problem.dimensions).space
    random = np.random.default_rng(problem.seed)
    kept = {item.name: item.default for item in items if item.name.startswith(NOT_SCORED) or item.name.endswith(UNSEEN)}
    varied = [item for item in items if item.name not in kept]
    if not any(map(is_continuous, varied)):
        every = []
        for values in configurations(varied, all_values):
            every.append(values)
            if len(every) > SAMPLES:
                break
        if len(every) <= SAMPLES:
            random.shuffle(every)
            yield from ({**values, **kept} for values in every)
            return
    known = set()
    for _ in range(10 * SAMPLES):
        drawn: Values = {}
        for item in varied:
            if is_active(item, drawn):
                drawn[item.name] = item.prob_to_value(random.random())
        key = tuple(sorted(map(str, drawn.items())))
        if key not in known:
            known.add(key)
            yield {**drawn, **kept}
        if len(known) == SAMPLES:
            return
