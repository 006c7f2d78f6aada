"""A domain's supernet: its paths, its training, and how good a path is."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import prod
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf
from keras_tuner import HyperParameters

from suite.blocks.choice import layers_of
from suite.blocks.relaxation import Relaxed
from suite.domain import Domain
from suite.errors import UsageError
from suite.training import interruption, steps
from suite.training import model as networks
from suite.training.callbacks import ProgressReporter, TrainingProgress
from suite.training.data import PreparedData, TrainingChunks
from suite.training.predictor import Predictor
from tuning import feasibility
from tuning.ranking import RankingProblem
from tuning.supernet.path_optimizer import PathAdamW
from tuning.task import Values

# A path's normalisation has the statistics of this many training rows, and its loss is that of so many others.
CALIBRATION_ROWS, VALIDATION_ROWS = 512, 2_048
# Of large pictures, fewer rows are calibrated on: so many bytes of all that is computed for them.
CALIBRATION_BYTES, FLOAT_BYTES = 1_000_000_000, 4

Path = tuple[int, ...]
# From an epoch and its number of steps to a path for each step, int32 (steps, gates).
Draw = Callable[[int, int], np.ndarray]


class Supernet:
    """All networks of a space that differ by operations only; see suite.blocks.choice.

    `values` are those of all other hyperparameters, `allowed` the values that hyperparameters may take. A path is the
    position of every gate. `rows` are the training rows to use, all by default. UsageError if there is nothing to
    choose between.
    """

    def __init__(
        self,
        domain: Domain,
        prepared: PreparedData,
        values: Values,
        allowed: Mapping[str, Sequence[Any]],
        epochs: int,
        *,
        soft: bool = False,
        rows: np.ndarray | None = None,
    ) -> None:
        self.domain, self.epochs, self._given = domain, epochs, dict(values)
        self.hp = Relaxed(values, allowed, soft=soft)
        self.model = self.hp.built(lambda hp: networks.build(domain, hp, prepared, epochs))
        self.gates = self.hp.gates
        if not self.gates:
            raise UsageError(
                f"no hyperparameter of this space chooses between operations of one shape for {domain.name}, which is "
                "what a supernet searches: fix others so that some do, as 'suite show' tells (for texts "
                "--fix reader.kind=gru or dense.depth=2), or choose another --strategy"
            )
        self.rate = float(self.hp.values["training/learning_rate"])
        decay = float(self.hp.values["training/weight_decay"])
        self.model.compile(PathAdamW(self.rate, decay, self.hp.owned), self.model.loss)
        self.prepared, self._thinning = networks.with_base_scores(self.model, self.hp, prepared)
        if rows is not None:
            self.prepared, self._thinning = replace(self.prepared, rows={**self.prepared.rows, "train": rows}), None
        recipe = networks.recipe_of(domain, prepared, self.hp.values)
        self.rows_of_epoch = networks.rows_of_epoch(prepared, self.hp.values) if rows is None else len(rows)
        self.batch_size = networks.batch_size(self.hp, recipe, self.rows_of_epoch)
        self._check_memory()
        self._score = _PathScore(self)

    @classmethod
    def of(
        cls, problem: RankingProblem, epochs: int, *, soft: bool = False, rows: np.ndarray | None = None
    ) -> Self:  # fmt: skip
        """The supernet of a problem's space."""
        return cls(problem.domain, problem.prepared, problem.defaults, problem.allowed, epochs, soft=soft, rows=rows)

    def _check_memory(self) -> None:
        """UsageError if its training would not fit into the free memory."""
        at_once = max(len(gate.options) for gate in self.gates.values()) if self.hp.soft else 1
        feasibility.check_memory(self.model, at_once * self.batch_size)

    @property
    def count(self) -> int:
        """How many paths there are."""
        return prod(len(gate.options) for gate in self.gates.values())

    @property
    def options(self) -> dict[str, list[Any]]:
        """The options of every gate."""
        return {name: gate.options for name, gate in self.gates.items()}

    def paths(self) -> list[Path]:
        """All paths, of equal networks one."""
        every = product(*(range(len(gate.options)) for gate in self.gates.values()))
        return [path for path in every if self.stands(path)]

    def stands(self, path: Path) -> bool:
        """Whether a path is the one that stands for all whose networks are equal; only such paths are ever opened.

        Where the others are opened too, what they have in common is trained more than the rest.
        """
        return self.standing(path) == path

    def standing(self, path: Path) -> Path:
        """The path that stands for all whose networks are equal to this one's; itself, where that is not allowed.

        There, an edge out of nothing brings what normalisation makes of it: the path's loss is near its network's.
        """
        values = self.values_of(path)
        standing = self.hp.canonical(values)
        for name, value in standing.items():
            is_allowed = name in self.gates and value in self.gates[name].options
            if value != values[name] and not is_allowed:
                return path
        return self.path_of(standing)

    def draw(self, random: np.random.Generator) -> Path:
        """A path, any of them as likely as another."""
        while True:
            path = tuple(int(random.integers(len(gate.options))) for gate in self.gates.values())
            if self.stands(path):
                return path

    def values_of(self, path: Path) -> Values:
        """The hyperparameters of a path's network."""
        chosen = {name: gate.options[position] for (name, gate), position in zip(self.gates.items(), path, strict=True)}
        return {**self._given, **chosen}

    def path_of(self, values: Values) -> Path:
        """The path of a network with these values."""
        return tuple(gate.options.index(values[name]) for name, gate in self.gates.items())

    def hyperparameters(self, path: Path) -> HyperParameters:
        """The same as networks are built with."""
        hp = HyperParameters()
        hp.values.update(self.values_of(path))
        return hp

    def open(self, path: Path) -> None:
        """Open a path."""
        for gate, position in zip(self.gates.values(), path, strict=True):
            gate.open.assign(position)

    def loss(self, path: Path) -> float:
        """The task's loss on validation rows, with normalisation by training rows on this path."""
        self.open(path)
        return self._score()

    def mixed_loss(self) -> float:
        """The same of a soft supernet, with its paths mixed as they are."""
        return self._score()

    def network(self, path: Path) -> keras.Model:
        """The path's network by itself, with the supernet's weights; UsageError if it cannot be built."""
        self.open(path)
        network = networks.build(self.domain, self.hyperparameters(path), self.prepared, self.epochs)
        known = {layer.name: layer for layer in layers_of(self.model, open_only=True)}
        for layer in network.layers:
            if layer.weights:
                layer.set_weights(known[layer.name].get_weights())
        return network

    def train(
        self,
        draw: Draw,
        report: Callable[[TrainingProgress], None],
        title: str,
        seed: int,
        seconds: float | None = None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        before_step: Callable[[], None] = lambda: None,
    ) -> None:
        """Train for `epochs`, or as long as `seconds` allow; `draw` gives the path of each step of an epoch.

        The learning rate decays to nothing (cosine, Loshchilov and Hutter 2017). `before_step` is a part of the graph
        of each step.
        """
        hp, prepared = self.hp, self.prepared
        weight, oversample = prepared.task.balance(hp)
        size = self.batch_size
        chunks = TrainingChunks(
            prepared, size, seed=seed, augmentation=self.domain.augmentation(hp), class_weight=weight,
            oversample=oversample, thinning=None if oversample else self._thinning,
        )  # fmt: skip
        route = Route(self, draw, -(-self.rows_of_epoch // size))

        def before() -> None:
            route.advance()
            before_step()

        self.model.train_function = steps.train_function(self.model, size, before)
        with interruption.between_steps() as interrupt:
            self.model.fit(
                chunks.dataset(), epochs=self.epochs, shuffle=False, verbose=0,
                callbacks=[
                    chunks, route, _Annealing(self.rate, self.epochs, seconds), *callbacks,
                    ProgressReporter(report, "", title), interrupt,
                ],
            )  # fmt: skip


class _Annealing(keras.callbacks.Callback):  # type: ignore[misc]
    """Lets the learning rate fall with the share of the epochs, or of the time, that is over; stops at the end."""

    def __init__(self, rate: float, epochs: int, seconds: float | None) -> None:
        super().__init__()
        self._rate, self._epochs, self._seconds = rate, epochs, seconds
        self._started = time.monotonic()
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        share = (self._epoch + (batch + 1) / self.params["steps"]) / self._epochs
        if self._seconds is not None:
            share = max(share, (time.monotonic() - self._started) / self._seconds)
        self.model.optimizer.learning_rate.assign(self._rate * 0.5 * (1 + math.cos(math.pi * min(share, 1.0))))
        if share >= 1:
            self.model.stop_training = True


class Route(keras.callbacks.Callback):  # type: ignore[misc]
    """Opens a new path before every step of a training, inside its graph."""

    def __init__(self, supernet: Supernet, draw: Draw, steps_of_epoch: int) -> None:
        super().__init__()
        self._gates, self._draw, self._steps = list(supernet.gates.values()), draw, steps_of_epoch
        self._paths = tf.Variable(tf.zeros((steps_of_epoch, len(self._gates)), tf.int32))
        self._step = tf.Variable(0)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._paths.assign(self._draw(epoch, self._steps))
        self._step.assign(0)

    def advance(self) -> None:
        """Open the next path."""
        path = tf.gather(self._paths, self._step % self._steps)
        for number, gate in enumerate(self._gates):
            gate.open.assign(path[number])
        self._step.assign_add(1)


class _PathScore:
    """The loss of the open path on validation rows, after its normalisation has seen training rows."""

    def __init__(self, supernet: Supernet) -> None:
        prepared = supernet.prepared
        self._model, self._prepared = supernet.model, prepared
        self._predict = Predictor(supernet.model, prepared)
        self._calibrate = tf.function(self._normalize, autograph=False)
        spread = np.random.default_rng(0)
        rows = spread.permutation(prepared.rows["train"])[: self._calibration_rows(supernet)]
        self._calibration = {name: tf.constant(values[rows]) for name, values in prepared.core.items()}
        self._rows = np.sort(spread.permutation(prepared.rows["validation"])[:VALIDATION_ROWS])
        self._core = {name: values[self._rows] for name, values in prepared.core.items()}
        kinds = keras.layers.BatchNormalization
        self._norms = [layer for layer in layers_of(supernet.model) if isinstance(layer, kinds)]

    @staticmethod
    def _calibration_rows(supernet: Supernet) -> int:
        fitting = CALIBRATION_BYTES // (FLOAT_BYTES * networks.values_per_row(supernet.model))
        return max(supernet.batch_size, min(CALIBRATION_ROWS, fitting))

    def _normalize(self) -> None:
        self._model(self._calibration, training=True)

    def __call__(self) -> float:
        if self._norms:
            momenta = [layer.momentum for layer in self._norms]
            for layer in self._norms:
                layer.momentum = 0.0
            self._calibrate()
            for layer, momentum in zip(self._norms, momenta, strict=True):
                layer.momentum = momentum
        task, y = self._prepared.task, self._prepared.y[self._rows]
        outputs = self._predict.predict(self._core)
        if not np.isfinite(outputs).all():
            return np.inf
        scores = task.evaluate(y, outputs)
        # Without calibration: it would hide how far weights are from those of a network by itself.
        name = task.loss_metric or task.criterion
        return float(scores[name] if name in scores else task.criterion_of(y, outputs))
