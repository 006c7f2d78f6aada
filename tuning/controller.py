"""A recurrent controller that writes one choice after another, and learns from rewards by REINFORCE."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

UNITS, EMBEDDING_WIDTH = 32, 16
LEARNING_RATE = 0.02
# The rate at which the baseline and the spread of rewards follow new rewards, and the weight of the entropy bonus.
AVERAGE_RATE, ENTROPY_WEIGHT = 0.2, 0.01


class Controller:
    """Reads the latest choice and predicts the likelihood of each choice for the next decision (Zoph & Le 2017).

    `counts` holds the number of choices of each decision. `entropy_weight` is that of the bonus for being undecided.
    """

    def __init__(
        self, counts: list[int], seed: int, entropy_weight: float = ENTROPY_WEIGHT, rate: float = LEARNING_RATE
    ) -> None:
        self._entropy_weight = entropy_weight
        self._baseline: float | None = None
        self._spread = 0.0
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
        self._optimizer = keras.optimizers.Adam(rate)
        self._step = tf.function(self._forward)
        self.start_token, self.initial_state = len(tokens), [tf.zeros((1, UNITS))] * 2
        # A call outside of any graph creates the weights.
        self._forward(tf.constant(self.start_token), tf.constant(0), self.initial_state)

    def token(self, position: int, choice: int) -> int:
        """The number of a choice among those of all decisions."""
        return int(self._starts[position]) + choice

    def step(self, last: int, position: int, state: Any) -> tuple[np.ndarray, Any]:
        """The likelihood of each choice for the decision at `position` after the token `last`; the next state."""
        logarithms, state = self._step(tf.constant(last), tf.constant(position), state)
        own = np.exp(logarithms.numpy()[self._starts[position] : self._starts[position + 1]].astype(float))
        return own / own.sum(), state

    def reward(self, written: list[tuple[int, int]], reward: float) -> None:
        """Make these choices (position, choice) more or less likely, by how much `reward` beats those before it."""
        if self._baseline is None:
            self._baseline = reward
        advantage = reward - self._baseline
        self._baseline += AVERAGE_RATE * advantage
        self._spread += AVERAGE_RATE * (advantage**2 - self._spread)
        if self._spread > 0:
            self._learn(written, advantage / self._spread**0.5)

    def _learn(self, written: list[tuple[int, int]], advantage: float) -> None:
        """Take a gradient step that makes these choices (position, choice) more likely, times `advantage`."""
        with tf.GradientTape() as tape:
            state, last, gain = self.initial_state, self.start_token, tf.zeros(())
            for position, choice in written:
                logarithms, state = self._step(tf.constant(last), tf.constant(position), state)
                last = self.token(position, choice)
                entropy = -tf.reduce_sum(tf.exp(logarithms) * logarithms)
                gain += advantage * logarithms[last] + self._entropy_weight * entropy
            loss = -gain / len(written)
        layers = (self._embedding, self._cell, self._output)
        weights = [variable for layer in layers for variable in layer.trainable_variables]
        self._optimizer.apply(tape.gradient(loss, weights), weights)

    def _forward(self, last: Any, position: Any, state: Any) -> tuple[Any, Any]:
        output, state = self._cell(self._embedding(last[tf.newaxis]), state)
        return tf.nn.log_softmax(self._output(output)[0] + self._mask[position]), state
