"""Activations by name, each with the initialiser that preserves the variance of its signal."""

from dataclasses import dataclass

import keras
from keras import layers
from keras_tuner import HyperParameters

from suite.blocks.choice import Operation, choice
from suite.blocks.relaxation import Relaxed

INITIALIZERS = {
    "relu": "he_normal",
    "leaky_relu": "he_normal",
    "elu": "he_normal",
    "gelu": "he_normal",
    "silu": "he_normal",
    "mish": "he_normal",
    "selu": "lecun_normal",
    "tanh": "glorot_uniform",
    "sigmoid": "glorot_uniform",
}


@dataclass(frozen=True)
class Activation:
    """An activation by name, as a layer named `label`."""

    name: str
    label: str | None = None

    def __call__(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return layers.Activation(self.name, name=self.label)(x)


def choose(hp: HyperParameters, default: str = "relu", label: str | None = None) -> tuple[Operation, str]:
    """The activation that `activation` chooses, as a layer named `label`, and the initialiser of weights before it.

    The initialiser is that of He et al. 2015 before rectifiers and similar activations (ELU, Clevert et al. 2016; GELU,
    Hendrycks and Gimpel 2016; SiLU, also called swish, Ramachandran et al. 2017; Mish, Misra 2020), of LeCun et al.
    1998 before SELU (Klambauer et al. 2017), and of Glorot and Bengio 2010 before tanh and sigmoid. In a supernet, it
    is that of the activation that it has where that is not searched.
    """
    operations: dict[str, Operation] = {name: Activation(name, label) for name in INITIALIZERS}
    if isinstance(hp, Relaxed):
        operations["silu"] = _plain_silu
    activation = choice(hp, "activation", operations, default, plain=True)
    if isinstance(hp, Relaxed):
        given, *others = hp.options(hp.whole("activation"), list(operations), default)
        return activation if others else operations[given], INITIALIZERS[given]
    return activation, INITIALIZERS[next(name for name, one in operations.items() if one is activation)]


def _plain_silu(x: keras.KerasTensor) -> keras.KerasTensor:
    """SiLU without TensorFlow's own gradient of it, which fails in a branch within a branch of a supernet."""
    return layers.Multiply()([x, layers.Activation("sigmoid")(x)])


def dropout(activation: Operation, rate: float, name: str) -> layers.Layer:
    """Dropout after `activation`; after SELU, dropout that keeps mean and variance (Klambauer et al. 2017)."""
    keeps_variance = isinstance(activation, Activation) and activation.name == "selu"
    return (layers.AlphaDropout if keeps_variance else layers.Dropout)(rate, name=name)
