"""Reinforcement learning: a recurrent controller writes configurations and is rewarded for good ones."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras_tuner.engine.hyperparameters import HyperParameter

from tuning.hyperparameter_kinds import all_values, is_active, is_continuous, is_integer
from tuning.oracles.base import RUNNING, BaseOracle, Suggestion
from tuning.oracles.options import OracleOptions
from tuning.task import Values

UNITS, EMBEDDING_WIDTH = 32, 16
# For numbers with more values than this, the controller chooses one of this many parts of the range.
BINS = 10
LEARNING_RATE = 0.02
# The rate at which the baseline and the spread of rewards follow new rewards, and the weight of the entropy bonus.
AVERAGE_RATE, ENTROPY_WEIGHT = 0.2, 0.01
ATTEMPTS = 20


class Reinforce(BaseOracle):
    """An LSTM chooses the value of one hyperparameter after another, as far as they exist (Zoph & Le 2017).

    Each finished trial makes its choices more or less likely, by how much its score beats the moving average of those
    before it (REINFORCE). After a restart the controller learns from the recorded trials again.
    """

    def __init__(self, space: Any, objectives: Any, options: OracleOptions) -> None:
        super().__init__(space, objectives, options)
        self._choices = [_Choices(item) for item in self.hyperparameters.space]
        self._controller = _Controller([choices.count for choices in self._choices], options.seed)
        self._trials_learned = 0
        self._baseline: float | None = None
        self._spread = 0.0

    def suggest(self, trial_id: str) -> Suggestion:
        for ended in self.end_order[self._trials_learned :]:
            if self.trials[ended].score is not None:
                self._learn(self.trials[ended])
        self._trials_learned = len(self.end_order)
        if self.initial_values is not None and not self._duplicate(self.initial_values):
            return self.random_suggestion()
        random = self.random(2)
        values = self._write_configuration(random)
        for _ in range(ATTEMPTS):
            if not self._duplicate(values):
                break
            values = self._write_configuration(random)
        return {"status": RUNNING, "values": values}

    def _write_configuration(self, random: np.random.Generator) -> Values:
        values: Values = {}
        state, last = self._controller.initial_state, self._controller.start_token
        for position, item in enumerate(self.hyperparameters.space):
            if is_active(item, values):
                likelihoods, state = self._controller.step(last, position, state)
                choice = int(random.choice(len(likelihoods), p=likelihoods))
                values[item.name] = self._choices[position].value(choice, random)
                last = self._controller.token(position, choice)
        return values

    def _learn(self, trial: Any) -> None:
        reward = float(trial.score) if self.objective.direction == "max" else -float(trial.score)
        if self._baseline is None:
            self._baseline = reward
        advantage = reward - self._baseline
        self._baseline += AVERAGE_RATE * advantage
        self._spread += AVERAGE_RATE * (advantage**2 - self._spread)
        values = trial.hyperparameters.values
        if self._spread > 0:
            written = [
                (position, self._choices[position].index(values[item.name]))
                for position, item in enumerate(self.hyperparameters.space)
                if item.name in values
            ]
            self._controller.learn(written, advantage / self._spread**0.5)


class _Choices:
    """The controller's choices for a hyperparameter: its values, or parts of its range."""

    def __init__(self, item: HyperParameter) -> None:
        self._item = item
        self._values = [] if is_continuous(item) else all_values(item)
        if is_integer(item) and len(self._values) > BINS:
            self._values = []
        self.count = len(self._values) or BINS

    def value(self, choice: int, random: np.random.Generator) -> Any:
        """A value of that choice."""
        if self._values:
            return self._values[choice]
        return self._item.prob_to_value((choice + random.random()) / self.count)

    def index(self, value: Any) -> int:
        """The choice that a value belongs to."""
        if self._values:
            return self._values.index(value)
        return min(int(self._item.value_to_prob(value) * self.count), self.count - 1)


class _Controller:
    """Reads the latest choice and predicts the likelihood of each choice for the next hyperparameter."""

    def __init__(self, counts: list[int], seed: int) -> None:
        self._starts = np.cumsum([0, *counts])
        tokens = np.arange(self._starts[-1])
        own = [(low <= tokens) & (tokens < high) for low, high in zip(self._starts, self._starts[1:], strict=False)]
        self._mask = tf.constant(np.where(own, 0.0, -1e9), tf.float32)

        def uniform(number: int) -> keras.initializers.Initializer:
            return keras.initializers.RandomUniform(-0.1, 0.1, seed=3 * seed + number)

        self._embedding = keras.layers.Embedding(len(tokens) + 1, EMBEDDING_WIDTH, uniform(0), dtype="float32")
        self._cell = keras.layers.LSTMCell(
            UNITS, kernel_initializer=uniform(1), recurrent_initializer=uniform(2), dtype="float32"
        )
        self._output = keras.layers.Dense(len(tokens), kernel_initializer="zeros", dtype="float32")
        self._optimizer = keras.optimizers.Adam(LEARNING_RATE)
        self._step = tf.function(self._forward)
        self.start_token, self.initial_state = len(tokens), [tf.zeros((1, UNITS))] * 2
        # A call outside of any graph creates the weights.
        self._forward(tf.constant(self.start_token), tf.constant(0), self.initial_state)

    def token(self, position: int, choice: int) -> int:
        """The number of a choice among those of all hyperparameters."""
        return int(self._starts[position]) + choice

    def step(self, last: int, position: int, state: Any) -> tuple[np.ndarray, Any]:
        """The likelihood of each choice for the hyperparameter at `position` after the token `last`; the next state."""
        logarithms, state = self._step(tf.constant(last), tf.constant(position), state)
        own = np.exp(logarithms.numpy()[self._starts[position] : self._starts[position + 1]].astype(float))
        return own / own.sum(), state

    def learn(self, written: list[tuple[int, int]], advantage: float) -> None:
        """Take a gradient step that makes these choices (position, choice) more likely, times `advantage`."""
        with tf.GradientTape() as tape:
            state, last, gain = self.initial_state, self.start_token, tf.zeros(())
            for position, choice in written:
                logarithms, state = self._step(tf.constant(last), tf.constant(position), state)
                last = self.token(position, choice)
                entropy = -tf.reduce_sum(tf.exp(logarithms) * logarithms)
                gain += advantage * logarithms[last] + ENTROPY_WEIGHT * entropy
            loss = -gain / len(written)
        layers = (self._embedding, self._cell, self._output)
        weights = [variable for layer in layers for variable in layer.trainable_variables]
        self._optimizer.apply(tape.gradient(loss, weights), weights)

    def _forward(self, last: Any, position: Any, state: Any) -> tuple[Any, Any]:
        output, state = self._cell(self._embedding(last[tf.newaxis]), state)
        return tf.nn.log_softmax(self._output(output)[0] + self._mask[position]), state
