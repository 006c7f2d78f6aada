"""The losses of networks."""

from typing import Any

import keras
from keras import ops

MIN_PROBABILITY = 1e-7


@keras.saving.register_keras_serializable(package="suite")
class FocalCrossEntropy(keras.losses.Loss):  # type: ignore[misc]
    """Cross-entropy of targets, (N, K) or class numbers (N,), and probabilities (N, K); in nats.

    `label_smoothing` spreads that share of each target over all classes (Szegedy et al. 2016). A `gamma` above 0 gives
    less weight to rows that are already right (Lin et al. 2017). Unlike Keras's own, it does not rescale probabilities
    to a sum of one: while an ensemble trains, its output is the geometric mean of its members.
    """

    def __init__(self, label_smoothing: float = 0.0, gamma: float = 0.0, name: str = "loss", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.label_smoothing = label_smoothing
        self.gamma = gamma

    def call(self, y_true: Any, y_pred: Any) -> Any:
        classes = y_pred.shape[-1]
        targets = ops.one_hot(y_true, classes) if len(y_true.shape) == 1 else ops.cast(y_true, "float32")
        targets = targets * (1 - self.label_smoothing) + self.label_smoothing / classes
        probabilities = ops.clip(y_pred, MIN_PROBABILITY, 1.0)
        terms = targets * ops.log(probabilities)
        if self.gamma:
            terms = terms * ops.power(1 - probabilities, self.gamma)
        return -ops.sum(terms, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "label_smoothing": self.label_smoothing, "gamma": self.gamma}


@keras.saving.register_keras_serializable(package="suite")
class LabelCrossEntropy(keras.losses.Loss):  # type: ignore[misc]
    """The mean cross-entropy of labels that hold (N, L) and their probabilities (N, L); in nats.

    Those of an ensemble that trains are (N, 2 L), see suite.blocks.heads.LabelProbabilities. `label_smoothing` takes
    that share of each target as undecided, and `gamma` is as in FocalCrossEntropy.
    """

    def __init__(self, label_smoothing: float = 0.0, gamma: float = 0.0, name: str = "loss", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.label_smoothing = label_smoothing
        self.gamma = gamma

    def call(self, y_true: Any, y_pred: Any) -> Any:
        labels = y_true.shape[-1]
        targets = ops.cast(y_true, "float32") * (1 - self.label_smoothing) + self.label_smoothing / 2
        holds = y_pred[:, -labels:]
        fails = y_pred[:, :labels] if y_pred.shape[-1] == 2 * labels else 1 - holds
        return -ops.mean(targets * self._logarithm(holds) + (1 - targets) * self._logarithm(fails), axis=-1)

    def _logarithm(self, probabilities: Any) -> Any:
        clipped = ops.clip(probabilities, MIN_PROBABILITY, 1.0)
        return ops.log(clipped) * ops.power(1 - clipped, self.gamma) if self.gamma else ops.log(clipped)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "label_smoothing": self.label_smoothing, "gamma": self.gamma}


@keras.saving.register_keras_serializable(package="suite")
class QuadraticLoss(keras.losses.Loss):  # type: ignore[misc]
    """The loss a y²/2 - b y + c of targets y, (N,) or (N, 1), and coefficients a, b, c (N, 3).

    See suite.blocks.regression.
    """

    def __init__(self, name: str = "loss", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        y = ops.reshape(ops.cast(y_true, "float32"), (-1,))
        return y_pred[:, 0] * ops.square(y) / 2 - y_pred[:, 1] * y + y_pred[:, 2]
