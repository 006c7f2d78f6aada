"""A recurrent controller that writes configurations, and is rewarded for good ones."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras_tuner.engine.hyperparameters import HyperParameter

from tuning.oracles.distinct import RUNNING, Answer, Distinct, every_value, exists, is_continuum
from tuning.strategies import Options
from tuning.trial import Values

UNITS, WIDTH = 32, 16
# Of numbers with more values than this, the controller chooses one of so many parts of the range.
BINS = 10
LEARNING_RATE = 0.02
# How fast the baseline and the spread of rewards follow, and what it is worth that choices stay even.
FOLLOW, ENTROPY = 0.2, 0.01
ATTEMPTS = 20


class Reinforce(Distinct):
    """An LSTM chooses the value of one hyperparameter after another, as far as they exist (Zoph & Le 2017).

    Every trial that ends makes what was chosen in it more or less likely, by how much better it was than those before
    (REINFORCE with a moving baseline). After a restart the controller learns from the recorded trials anew.
    """

    def __init__(self, space: Any, objectives: Any, options: Options) -> None:
        super().__init__(space, objectives, options)
        self._choices = [_Choices(item) for item in self.hyperparameters.space]
        self._controller = _Controller([one.count for one in self._choices], options.seed)
        self._learned = 0
        self._baseline: float | None = None
        self._spread = 0.0

    def suggest(self, trial_id: str) -> Answer:
        for ended in self.end_order[self._learned :]:
            if self.trials[ended].score is not None:
                self._learn(self.trials[ended])
        self._learned = len(self.end_order)
        if self.first is not None and not self._duplicate(self.first):
            return self.untried()
        random = self.random(2)
        values = self._written(random)
        for _ in range(ATTEMPTS):
            if not self._duplicate(values):
                break
            values = self._written(random)
        return {"status": RUNNING, "values": values}

    def _written(self, random: np.random.Generator) -> Values:
        values: Values = {}
        state, last = self._controller.state, self._controller.nothing
        for place, item in enumerate(self.hyperparameters.space):
            if exists(item, values):
                likelihoods, state = self._controller.step(last, place, state)
                choice = int(random.choice(len(likelihoods), p=likelihoods))
                values[item.name] = self._choices[place].value(choice, random)
                last = self._controller.token(place, choice)
        return values

    def _learn(self, trial: Any) -> None:
        reward = float(trial.score) if self.objective.direction == "max" else -float(trial.score)
        if self._baseline is None:
            self._baseline = reward
        advantage = reward - self._baseline
        self._baseline += FOLLOW * advantage
        self._spread += FOLLOW * (advantage**2 - self._spread)
        values = trial.hyperparameters.values
        if self._spread > 0:
            written = [
                (place, self._choices[place].of(values[item.name]))
                for place, item in enumerate(self.hyperparameters.space)
                if item.name in values
            ]
            self._controller.learn(written, advantage / self._spread**0.5)


class _Choices:
    """What the controller may choose for a hyperparameter: its values, or parts of its range."""

    def __init__(self, item: HyperParameter) -> None:
        self._item = item
        self._values = [] if is_continuum(item) else every_value(item)
        if type(item).__name__ == "Int" and len(self._values) > BINS:
            self._values = []
        self.count = len(self._values) or BINS

    def value(self, choice: int, random: np.random.Generator) -> Any:
        """A value of that choice."""
        if self._values:
            return self._values[choice]
        return self._item.prob_to_value((choice + random.random()) / self.count)

    def of(self, value: Any) -> int:
        """The choice that a value belongs to."""
        if self._values:
            return self._values.index(value)
        return min(int(self._item.value_to_prob(value) * self.count), self.count - 1)


class _Controller:
    """Reads what was chosen last, answers how likely each choice for the next hyperparameter is."""

    def __init__(self, counts: list[int], seed: int) -> None:
        self._starts = np.cumsum([0, *counts])
        every = np.arange(self._starts[-1])
        own = [(low <= every) & (every < high) for low, high in zip(self._starts, self._starts[1:], strict=False)]
        self._mask = tf.constant(np.where(own, 0.0, -1e9), tf.float32)

        def uniform(number: int) -> keras.initializers.Initializer:
            return keras.initializers.RandomUniform(-0.1, 0.1, seed=3 * seed + number)

        self._embedding = keras.layers.Embedding(len(every) + 1, WIDTH, uniform(0), dtype="float32")
        self._cell = keras.layers.LSTMCell(
            UNITS, kernel_initializer=uniform(1), recurrent_initializer=uniform(2), dtype="float32"
        )
        self._answer = keras.layers.Dense(len(every), kernel_initializer="zeros", dtype="float32")
        self._optimizer = keras.optimizers.Adam(LEARNING_RATE)
        self._step = tf.function(self._forward)
        self.nothing, self.state = len(every), [tf.zeros((1, UNITS))] * 2
        self._forward(tf.constant(self.nothing), tf.constant(0), self.state)  # makes the weights, outside of any graph

    def token(self, place: int, choice: int) -> int:
        """The number of a choice among those of all hyperparameters."""
        return int(self._starts[place]) + choice

    def step(self, last: int, place: int, state: Any) -> tuple[np.ndarray, Any]:
        """How likely each choice for the hyperparameter at `place` is after the choice `last`, and the next state."""
        logarithms, state = self._step(tf.constant(last), tf.constant(place), state)
        own = np.exp(logarithms.numpy()[self._starts[place] : self._starts[place + 1]].astype(float))
        return own / own.sum(), state

    def learn(self, written: list[tuple[int, int]], advantage: float) -> None:
        """One step along the gradient of the likelihood of these choices (place, choice), times `advantage`."""
        with tf.GradientTape() as tape:
            state, last, gain = self.state, self.nothing, tf.zeros(())
            for place, choice in written:
                logarithms, state = self._step(tf.constant(last), tf.constant(place), state)
                last = self.token(place, choice)
                entropy = -tf.reduce_sum(tf.exp(logarithms) * logarithms)
                gain += advantage * logarithms[last] + ENTROPY * entropy
            loss = -gain / len(written)
        weights = [one for layer in (self._embedding, self._cell, self._answer) for one in layer.trainable_variables]
        self._optimizer.apply(tape.gradient(loss, weights), weights)

    def _forward(self, last: Any, place: Any, state: Any) -> tuple[Any, Any]:
        output, state = self._cell(self._embedding(last[tf.newaxis]), state)
        return tf.nn.log_softmax(self._answer(output)[0] + self._mask[place]), state
