"""Kernels: initialisers and penalties of a layer's weights."""

from dataclasses import dataclass

import keras
from keras_tuner import HyperParameters

PENALTIES = [0.0, 1e-6, 1e-5, 1e-4, 1e-3]


@dataclass(frozen=True)
class Kernel:
    """The kernel of a convolution: its size in taps a side, the initialiser's name, and a penalty or None."""

    size: int
    initializer: str
    regularizer: keras.Regularizer | None = None


def penalty(hp: HyperParameters) -> keras.Regularizer | None:
    """A penalty on the sum of the weights' absolute values (`l1`), of their squares (`l2`), on both, or None."""
    l1, l2 = hp.Choice("l1", PENALTIES, default=0.0), hp.Choice("l2", PENALTIES, default=0.0)
    return keras.regularizers.L1L2(l1, l2) if l1 or l2 else None
