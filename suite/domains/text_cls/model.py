"""The network for texts: bags of words, bigrams and character n-grams, and optionally a reader of the word sequence."""

from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from suite.blocks import backbone, bags, dense, sequence
from suite.blocks.types import Head
from suite.preprocessing.mirror import text


def build(hp: HyperParameters, preprocessing: dict[str, Any], head: Head) -> keras.Model:
    """Ids int32 (N, length) under `words`, `bigrams` and `characters` to what the head answers."""
    lengths = [preprocessing["length"], preprocessing["length"], preprocessing["characters_length"]]
    inputs = {
        name: keras.Input((length,), dtype="int32", name=name)
        for name, length in zip(text.TOKENS, lengths, strict=True)
    }
    rarity = text.rarity(preprocessing)
    x = bags.bags(hp, inputs, rarity, "bag")
    read_in_order = sequence.reader(hp, inputs["words"], len(rarity["words"]), "reader")
    words = ["", backbone.UNKNOWN_WORD, *preprocessing["words"]]
    pretrained = backbone.pretrained(hp, inputs["words"], words, "reader")
    parts = [part for part in (x, read_in_order, pretrained) if part is not None]
    if len(parts) > 1:
        x = layers.Concatenate(name="join")(parts)
    x = dense.multilayer(hp, x, "dense", depth=0, units=64)
    return keras.Model(inputs, head(x), name="text_cls")
