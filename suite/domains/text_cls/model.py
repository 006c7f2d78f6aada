"""The network for texts: bags of words, bigrams and runs of characters; beside them, one that reads words in order."""

from typing import Any

import keras
import numpy as np
from keras import layers
from keras_tuner import HyperParameters

from suite.blocks import backbone, bags, dense, heads, sequence
from suite.preprocessing.mirror.text import FIRST

TOKENS = ("words", "bigrams", "characters")


def build(hp: HyperParameters, preprocessing: dict[str, Any], classes: int) -> keras.Model:
    """Ids int32 (N, length) under `words`, `bigrams` and `characters` to probabilities (N, classes)."""
    lengths = [preprocessing["length"], preprocessing["length"], preprocessing["characters_length"]]
    inputs = {
        name: keras.Input((length,), dtype="int32", name=name) for name, length in zip(TOKENS, lengths, strict=True)
    }
    rarity = {name: _rarity(preprocessing["frequencies"][name], preprocessing["texts"]) for name in TOKENS}
    x = bags.bags(hp, inputs, rarity, "bag")
    read = sequence.reader(hp, inputs["words"], len(rarity["words"]), "reader")
    known = backbone.pretrained(hp, inputs["words"], ["", backbone.UNKNOWN_WORD, *preprocessing["words"]], "reader")
    parts = [part for part in (x, read, known) if part is not None]
    if len(parts) > 1:
        x = layers.Concatenate(name="join")(parts)
    x = dense.multilayer(hp, x, "dense", depth=0, units=64)
    return keras.Model(inputs, heads.classification(x, classes), name="text_cls")


def _rarity(frequencies: list[int], texts: int) -> np.ndarray:
    """Inverse document frequency of every id (Spärck Jones 1972), smoothed, one on average and where it is unknown."""
    known = np.log((1 + texts) / (1 + np.array(frequencies, np.float32))) + 1
    return np.concatenate([np.ones(FIRST, np.float32), known / (known.mean() if len(known) else 1)]).astype(np.float32)
