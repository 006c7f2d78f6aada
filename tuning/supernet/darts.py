"""Differentiable search: operations are mixed by weights that gradients learn (Liu et al. 2019), first order."""

import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from suite.search_record import Candidate, Ranking
from suite.training import fit
from suite.training.data import PreparedData
from tuning.ranking import RankingProblem
from tuning.supernet.path_costs import PathCosts
from tuning.supernet.path_search import WHOLE
from tuning.supernet.supernet import Supernet

# The supernet is trained as long as a network by itself; the first epochs of these train no mixture.
WARM_UP, TRAINING_SHARE = 0.25, 0.8
RATE, ROWS = 2e-2, 2_048
# How much an expected cost beyond a limit counts, as a share of the limit.
PENALTY = 1.0
# Operations without weights: where most gates prefer them, the relaxation has collapsed.
EMPTY, COLLAPSED = ("none", "identity"), 0.5


def rank(problem: RankingProblem) -> Ranking:
    """The path that matters most to the mixture, then its neighbours."""
    started = time.time()
    fit.set_seeds(problem.seed)
    weights_rows, mixture_rows = _halves(problem.prepared, problem.seed)
    relaxed = max(2, problem.epochs)
    supernet = Supernet.of(problem, relaxed, soft=True, rows=weights_rows)
    gates = len(supernet.gates)
    supernet.epochs += gates
    costs = PathCosts(supernet, problem.limits, problem.seed)
    seconds = problem.seconds_for(TRAINING_SHARE)
    mixture = _Mixture(supernet, mixture_rows, costs, problem.seed, relaxed)
    supernet.train(
        lambda epoch, steps: np.zeros((steps, gates), np.int32), problem.report, "DARTS supernet", problem.seed,
        seconds, [mixture], mixture.step,
    )  # fmt: skip
    mixture.decide_rest()
    compared, found = _best(supernet, costs, mixture, problem)
    return Ranking(
        "darts", tuple(found), compared, round(time.time() - started, 2), supernet.options, mixture.history,
        tuple(mixture.notes),
    )  # fmt: skip


def _halves(prepared: PreparedData, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The training rows for weights, and those for the mixture."""
    rows = np.random.default_rng((seed, 3)).permutation(prepared.rows["train"])
    return np.sort(rows[: len(rows) // 2]), np.sort(rows[len(rows) // 2 :])


def _best(
    supernet: Supernet, costs: PathCosts, mixture: "_Mixture", problem: RankingProblem
) -> tuple[int, list[Candidate]]:
    """The paths of the greatest importance within the limits, and of how many; nothing is measured once time is over.

    Their score is what they fall short of the first.
    """
    sizes = [len(gate.options) for gate in supernet.gates.values()]
    if supernet.count <= WHOLE:
        paths = supernet.paths()
    else:
        chosen = tuple(int(np.argmax(one)) for one in mixture.importance)
        single = [(*chosen[:at], other, *chosen[at + 1 :]) for at, size in enumerate(sizes) for other in range(size)]
        double = [
            (*one[:at], other, *one[at + 1 :])
            for one in single
            for at, size in enumerate(sizes)
            for other in range(size)
        ]
        paths = list(dict.fromkeys(supernet.standing(path) for path in (*single, *double)))
    totals = {path: sum(one[at] for one, at in zip(mixture.importance, path, strict=True)) for path in paths}
    most = max(totals.values())
    found: list[Candidate] = []
    for path in sorted(totals, key=lambda path: -totals[path]):
        if len(found) == problem.count or (found and problem.is_over):
            break
        if costs.may_fit(path) and costs.fits(path):
            found.append(Candidate(supernet.values_of(path), round(float(most - totals[path]), 6)))
    return len(totals), found


class _Mixture(keras.callbacks.Callback):  # type: ignore[misc]
    """The mixture's weights: trained before each step on rows of its own, then decided gate by gate.

    A gate's operation is the one without which the supernet loses most, not the one with the largest weight (Wang et
    al. 2021); an epoch of training follows each decision. `importance` holds for each gate by how much the loss grows
    without each option.
    """

    def __init__(self, supernet: Supernet, rows: np.ndarray, costs: PathCosts, seed: int, relaxed: int) -> None:
        super().__init__()
        self._supernet, self._relaxed = supernet, relaxed
        self._gates = list(supernet.gates.values())
        self._logits = [gate.logits for gate in self._gates]
        self._optimizer = keras.optimizers.Adam(RATE, beta_1=0.5)
        self._optimizer.build(self._logits)
        self._is_on = tf.Variable(0.0)
        prepared = supernet.prepared
        kept = np.sort(np.random.default_rng((seed, 4)).permutation(rows)[:ROWS])
        self._inputs = {name: tf.constant(values[kept]) for name, values in prepared.core.items()}
        self._targets = tf.constant(prepared.task.targets(prepared.y[kept], prepared.target))
        self._costs = costs
        self._undecided = list(np.random.default_rng((seed, 5)).permutation(len(self._gates)))
        self.importance = [np.zeros(len(gate.options)) for gate in self._gates]
        self.history: dict[str, list[list[float]]] = {name: [] for name in supernet.gates}
        self.notes: list[str] = []

    def step(self) -> None:
        """A step of the mixture on rows that the weights are not trained on, while it is on."""
        tf.cond(self._is_on > 0, self._learn, lambda: 0)

    def _learn(self) -> int:
        model = self._supernet.model
        rows = tf.random.uniform((self._supernet.batch_size,), 0, len(self._targets), tf.int32)
        with tf.GradientTape() as tape:
            outputs = model({name: tf.gather(values, rows) for name, values in self._inputs.items()}, training=True)
            loss = model.compute_loss(None, tf.gather(self._targets, rows), outputs, training=True)
            loss += PENALTY * self._costs.expected_excess([gate.weights() for gate in self._gates])
            values = [logits.value for logits in self._logits]
        self._optimizer.apply(tape.gradient(loss, values), self._logits)
        return 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._is_on.assign(float(WARM_UP * self._relaxed <= epoch < self._relaxed))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        weights = [keras.ops.convert_to_numpy(gate.weights()) for gate in self._gates]
        for name, values in zip(self._supernet.gates, weights, strict=True):
            self.history[name].append([round(float(value), 4) for value in values])
        if epoch + 1 < self._relaxed:
            self._watch(epoch + 1, weights)
        elif self._undecided:
            self._decide()
        else:  # after a collapse there are epochs left that nothing needs
            self.model.stop_training = True

    def decide_rest(self) -> None:
        """Decide the gates for which there was no time to train in between."""
        while self._undecided:
            self._decide()

    def _watch(self, epoch: int, weights: list[np.ndarray]) -> None:
        """End the relaxation where it collapses."""
        strongest = [gate.options[int(np.argmax(one))] for gate, one in zip(self._gates, weights, strict=True)]
        share = np.mean([option in EMPTY for option in strongest])
        if self._is_on.numpy() and share > COLLAPSED:
            self.notes.append(
                f"The relaxation was ended after epoch {epoch}: {share:.0%} of the gates preferred operations without "
                "weights, by which mixtures collapse."
            )
            self._relaxed = epoch

    def _decide(self) -> None:
        number = self._undecided.pop(0)
        gate = self._gates[number]
        whole = self._supernet.mixed_loss()
        losses = []
        for option in range(len(gate.options)):
            gate.bar([option])
            losses.append(self._supernet.mixed_loss() - whole)
        # A loss that is no number says nothing.
        self.importance[number] = np.nan_to_num(np.array(losses), nan=0.0, posinf=0.0, neginf=0.0)
        kept = int(np.argmax(self.importance[number]))
        gate.bar([option for option in range(len(gate.options)) if option != kept])
