"""Readers of token sequences."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
from keras import layers, ops
from keras_tuner import HyperParameters

from suite.blocks import activations
from suite.blocks.choice import choice
from suite.blocks.relaxation import Relaxed
from suite.errors import UsageError

PADDING = 0
WIDTHS = (3, 4, 5)
# Recurrent networks are unrolled up to this length: the light engine cannot run loops.
MAX_UNROLLED = 64


def reader(hp: HyperParameters, ids: keras.KerasTensor, vocabulary: int, name: str) -> keras.KerasTensor | None:
    """Token ids int32 (N, length), padded with 0 at the end, to one vector for each row; None if `kind` is none."""
    with hp.name_scope(name):
        kinds = {"none": _nothing} | {kind: partial(_read, hp, read, name) for kind, read in READERS.items()}
        read = choice(hp, "kind", kinds)
        if read is _nothing or (
            isinstance(hp, Relaxed) and hp.options(hp.whole("kind"), list(kinds), "none")[0] == "none"
        ):
            return None
        units = hp.Choice("units", [16, 32, 64, 128], default=64)
        x = layers.Embedding(vocabulary, units, mask_zero=False, name=f"{name}_embedding")(ids)
        present = Present(name=f"{name}_present")(ids)
        x = layers.SpatialDropout1D(hp.Float("dropout", 0.0, 0.6, step=0.1, default=0.3), name=f"{name}_dropout")(x)
        return read((x, present))


def _nothing(texts: tuple[Any, Any]) -> keras.KerasTensor:
    raise UsageError("a text that nothing reads has no vector")


def _read(hp: HyperParameters, read: Callable[..., keras.KerasTensor], name: str, texts: tuple[Any, Any]) -> Any:
    return read(hp, *texts, name)


@keras.saving.register_keras_serializable(package="suite")
class Present(layers.Layer):  # type: ignore[misc]
    """Token ids (N, length) to the mask of tokens, bool (N, length); an empty row has its first position set."""

    def call(self, ids: Any) -> Any:
        return ops.logical_or(ops.not_equal(ids, PADDING), ops.equal(ops.arange(ids.shape[1])[None], 0))

    def compute_output_spec(self, ids: Any) -> Any:
        return keras.KerasTensor(ids.shape, "bool")


def convolution(hp: HyperParameters, x: keras.KerasTensor, present: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Convolutions of widths 3, 4 and 5 side by side, each with its maximum over the text (Kim 2014)."""
    units = x.shape[-1]
    x = layers.Multiply(name=f"{name}_known")([x, _column(present, name)])
    parts = []
    for width in WIDTHS:
        activation, initializer = activations.choose(hp)
        read = layers.Conv1D(units, width, padding="same", kernel_initializer=initializer, name=f"{name}_{width}")(x)
        parts.append(layers.GlobalMaxPooling1D(name=f"{name}_{width}_max")(activation(read)))
    return layers.Concatenate(name=f"{name}_join")(parts)


def gru(hp: HyperParameters, x: keras.KerasTensor, present: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """A gated recurrent network in each direction (Cho et al. 2014)."""
    return _recurrent(layers.GRU, x, present, name)


def lstm(hp: HyperParameters, x: keras.KerasTensor, present: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """A long short-term memory in each direction (Hochreiter & Schmidhuber 1997)."""
    return _recurrent(layers.LSTM, x, present, name)


def _recurrent(kind: Any, x: keras.KerasTensor, present: keras.KerasTensor, name: str) -> keras.KerasTensor:
    unroll = x.shape[1] <= MAX_UNROLLED
    both = layers.Bidirectional(kind(x.shape[-1] // 2, unroll=unroll, name=name), name=f"{name}_both")
    return both(x, mask=present)


def transformer(hp: HyperParameters, x: keras.KerasTensor, present: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Transformer layers with normalisation first (Vaswani et al. 2017; Xiong et al. 2020)."""
    units, length = x.shape[-1], x.shape[1]
    heads = hp.Choice("heads", [1, 2, 4], default=2)
    x = Positions(length, name=f"{name}_positions")(x)
    for index in range(hp.Int("layers", 1, 4, default=1)):
        label = f"{name}_{index}"
        normalized = layers.LayerNormalization(name=f"{label}_norm")(x)
        attention = layers.MultiHeadAttention(heads, units // heads, name=f"{label}_attention")
        # Separate masks keep Keras from a fused kernel that the light engine may not have.
        attended = attention(normalized, normalized, key_mask=present, value_mask=present)
        x = layers.Add(name=f"{label}_add")([x, attended])
        activation, initializer = activations.choose(hp)
        wide = layers.Dense(2 * units, kernel_initializer=initializer, name=f"{label}_wide")
        normalized = activation(wide(layers.LayerNormalization(name=f"{label}_norm_2")(x)))
        x = layers.Add(name=f"{label}_add_2")([x, layers.Dense(units, name=f"{label}_narrow")(normalized)])
    x = layers.LayerNormalization(name=f"{name}_norm")(x)
    return layers.GlobalAveragePooling1D(name=f"{name}_mean")(x, mask=present)


@keras.saving.register_keras_serializable(package="suite")
class Positions(layers.Layer):  # type: ignore[misc]
    """Adds a learned vector for each position: (N, length, units) to the same shape."""

    def __init__(self, length: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.length = length

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.places = self.add_weight(shape=(self.length, input_shape[-1]), initializer="uniform", name="places")

    def call(self, x: Any) -> Any:
        return x + self.places

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "length": self.length}


def _column(present: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return ops.expand_dims(ops.cast(present, "float32"), -1)


READERS: dict[str, Callable[[HyperParameters, Any, Any, str], keras.KerasTensor]] = {
    "convolution": convolution,
    "gru": gru,
    "lstm": lstm,
    "transformer": transformer,
}
