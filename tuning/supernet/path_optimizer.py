"""The optimiser of a supernet: what is on no open path stays as it is."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from suite.blocks.relaxation import Owned

MAX_NORM = 5.0


class PathAdamW(keras.optimizers.Optimizer):  # type: ignore[misc]
    """AdamW (Loshchilov and Hutter 2019) of all variables as one vector, with gradients of a norm of at most MAX_NORM.

    Variables of closed branches keep their values and moments: their gradients are zero, but momentum and weight decay
    would go on. As one vector, hundreds of small variables are traced and updated in a fraction of the time.
    """

    def __init__(self, learning_rate: Any, weight_decay: float, owned: Sequence[Owned]) -> None:
        super().__init__(learning_rate, name="path_adamw")
        self._decay, self._owned = weight_decay, [one for one in owned if not one.selector.soft]

    def build(self, variables: Sequence[Any]) -> None:
        """Make room for the moments."""
        if self.built:
            return
        super().build(variables)
        sizes = [int(np.prod(variable.shape)) for variable in variables]
        self._sizes, self._shapes = sizes, [tuple(variable.shape) for variable in variables]
        self._mean, self._square = (tf.Variable(tf.zeros(sum(sizes)), trainable=False) for _ in range(2))
        owners: dict[int, list[Owned]] = {}
        for one in self._owned:
            for variable in one.variables:
                owners.setdefault(id(variable), []).append(one)
        # Variables with the same owners are open and closed together.
        groups: dict[tuple[int, ...], int] = {}
        self._groups: list[list[Owned]] = []
        numbers = []
        for variable in variables:
            own = owners.get(id(variable), [])
            key = tuple(map(id, own))
            if key not in groups:
                groups[key] = len(groups)
                self._groups.append(own)
            numbers.append(groups[key])
        self._group_of = tf.constant(np.repeat(numbers, sizes), tf.int32)
        # How often each group was updated: a variable's first moments are those of few gradients, whenever they come.
        self._counts = tf.Variable(tf.zeros(len(self._groups)), trainable=False)

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        variables = self._trainable_variables if trainable_variables is None else trainable_variables
        self.build(variables)
        gradient = tf.concat([tf.reshape(one, [-1]) for one in grads], 0)
        gradient = tf.clip_by_norm(gradient, MAX_NORM)
        weights = tf.concat([tf.reshape(variable, [-1]) for variable in variables], 0)
        opened = tf.stack([self._is_open(group) for group in self._groups])
        counts = self._counts + tf.cast(opened, tf.float32)
        is_open = tf.gather(opened, self._group_of)
        mean = tf.where(is_open, 0.9 * self._mean + 0.1 * gradient, self._mean)
        square = tf.where(is_open, 0.999 * self._square + 0.001 * gradient**2, self._square)
        shares = [tf.gather(1 - decay ** tf.maximum(counts, 1.0), self._group_of) for decay in (0.9, 0.999)]
        rate = tf.cast(self._get_current_learning_rate(), tf.float32)
        change = (mean / shares[0]) / (tf.sqrt(square / shares[1]) + 1e-7) + self._decay * weights
        weights = tf.where(is_open, weights - rate * change, weights)
        self._counts.assign(counts)
        self._mean.assign(mean)
        self._square.assign(square)
        for variable, part, shape in zip(variables, tf.split(weights, self._sizes), self._shapes, strict=True):
            variable.assign(tf.reshape(part, shape))
        self.iterations.assign_add(1)

    @staticmethod
    def _is_open(owners: Sequence[Owned]) -> Any:
        return tf.reduce_all([tf.constant(True), *(tf.equal(one.selector.position(), one.branch) for one in owners)])
