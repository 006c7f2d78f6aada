"""The network for texts: bags of word and bigram vectors, then a fully connected head."""

from typing import Any

import keras
from keras_tuner import HyperParameters

from suite.blocks import dense, heads, sequence
from suite.preprocessing.mirror.text import FIRST


def build(hp: HyperParameters, preprocessing: dict[str, Any], classes: int) -> keras.Model:
    """Ids int32 (N, length) under `words` and `bigrams` to probabilities (N, classes)."""
    names = ("words", "bigrams")
    inputs = {name: keras.Input((preprocessing["length"],), dtype="int32", name=name) for name in names}
    vocabularies = {name: len(preprocessing[name]) + FIRST for name in names}
    x = sequence.bags(hp, inputs, vocabularies, "bag")
    x = dense.multilayer(hp, x, "dense", depth=0, units=64)
    return keras.Model(inputs, heads.classification(x, classes), name="text_cls")
