"""The network for texts: bags of words, bigrams and character n-grams, and optionally a reader of the word sequence."""

from typing import Any

import keras
import numpy as np
from keras import layers
from keras_tuner import HyperParameters

from suite.blocks import backbone, bags, dense, sequence
from suite.blocks.types import Head
from suite.preprocessing.mirror.text import FIRST

TOKENS = ("words", "bigrams", "characters")


def build(hp: HyperParameters, preprocessing: dict[str, Any], head: Head) -> keras.Model:
    """Ids int32 (N, length) under `words`, `bigrams` and `characters` to what the head answers."""
    lengths = [preprocessing["length"], preprocessing["length"], preprocessing["characters_length"]]
    inputs = {
        name: keras.Input((length,), dtype="int32", name=name) for name, length in zip(TOKENS, lengths, strict=True)
    }
    rarity = {name: _rarity(preprocessing["frequencies"][name], preprocessing["texts"]) for name in TOKENS}
    x = bags.bags(hp, inputs, rarity, "bag")
    read_in_order = sequence.reader(hp, inputs["words"], len(rarity["words"]), "reader")
    words = ["", backbone.UNKNOWN_WORD, *preprocessing["words"]]
    pretrained = backbone.pretrained(hp, inputs["words"], words, "reader")
    parts = [part for part in (x, read_in_order, pretrained) if part is not None]
    if len(parts) > 1:
        x = layers.Concatenate(name="join")(parts)
    x = dense.multilayer(hp, x, "dense", depth=0, units=64)
    return keras.Model(inputs, head(x), name="text_cls")


def _rarity(frequencies: list[int], texts: int) -> np.ndarray:
    """The smoothed inverse document frequency of every id (Spärck Jones 1972), scaled to a mean of one.

    It is one for the ids of padding and of unknown tokens.
    """
    known = np.log((1 + texts) / (1 + np.array(frequencies, np.float32))) + 1
    return np.concatenate([np.ones(FIRST, np.float32), known / (known.mean() if len(known) else 1)]).astype(np.float32)
