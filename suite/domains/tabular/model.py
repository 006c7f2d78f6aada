"""The networks for tables: columns as vectors, a trunk, and a head for each member of an ensemble."""

from functools import partial
from typing import Any

import keras
from keras_tuner import HyperParameters

from suite.blocks import bags, stacking, tabular, trunks
from suite.blocks.choice import choice
from suite.blocks.stacking import MEMBERS, NETWORK
from suite.blocks.types import Base, Head
from suite.preprocessing.mirror import table, text

# Less than where texts are all there is.
TEXT_DROPOUT = 0.5


def build(hp: HyperParameters, preprocessing: dict[str, Any], head: Head, dropout: float) -> keras.Model:
    """`features` float32 (N, F), `categories` int32 (N, C) and ids of texts' tokens to what the head answers.

    If the head has base models, the network corrects their scores, or `members` leaves some of all that out. `dropout`
    is the trunk's default.
    """
    shapes = table.core_inputs(preprocessing)
    inputs = {name: keras.Input(shape, dtype=dtype, name=name) for name, (shape, dtype) in shapes.items()}
    columns = dict(inputs)
    members = _members(hp) if head.base else [NETWORK]
    offset = _offset(head.base, inputs, [member for member in members if member != NETWORK]) if head.base else None
    # Without a network, the base models' own scores are what the last layer weighs once more.
    x = _trunk(hp, columns, preprocessing, dropout) if NETWORK in members else offset
    return keras.Model(inputs, head(x, offset), name="table")


def _members(hp: HyperParameters) -> list[str]:
    """What the network consists of: boosted trees, a linear model, and layers that correct both."""
    return str(hp.Choice("members", MEMBERS, default=MEMBERS[0])).split("+")


def _offset(base: Base, inputs: dict[str, keras.KerasTensor], members: list[str]) -> keras.KerasTensor | None:
    """The weighted scores of base models (N, K); None for none of them."""
    if not members:
        return None
    weighted = stacking.WeightedScores(base.limit, dtype="float32", name=stacking.WEIGHTED)
    return weighted(base.layers(inputs, members))


def _trunk(
    hp: HyperParameters, inputs: dict[str, keras.KerasTensor], preprocessing: dict[str, Any], dropout: float
) -> keras.KerasTensor:
    """What the trunk makes of the columns: (N, units), or (N, members, units) of an ensemble."""
    described = preprocessing["edges"], table.sizes(preprocessing)

    def of_vector(make: Any, tensors: Any) -> keras.KerasTensor:
        columns, texts = tensors
        return make(hp, tabular.vector(hp, columns, *described, "columns", *texts), make.__name__, dropout)

    def of_tokens(tensors: Any) -> keras.KerasTensor:
        columns, texts = tensors
        units = hp.Choice("columns/units", [16, 32, 64], default=32)
        tokens = tabular.tokens(hp, columns, *described, units, "columns", *texts)
        return trunks.transformer(hp, tokens, "transformer", dropout)

    kinds = {make.__name__: partial(of_vector, make) for make in (trunks.mlp, trunks.resnet)}
    texts = _texts(hp, preprocessing, inputs)
    trunk = choice(hp, "trunk", {**kinds, "transformer": of_tokens})
    return trunk((inputs, [] if texts is None else [texts]))


def _texts(
    hp: HyperParameters, preprocessing: dict[str, Any], inputs: dict[str, keras.KerasTensor]
) -> keras.KerasTensor | None:
    """One vector for all text columns, from bags of their tokens; None if there are none."""
    rarity = {
        names[token]: weights
        for column, names in table.text_columns(preprocessing)
        for token, weights in text.rarity(column).items()
    }
    if not rarity:
        return None
    return bags.bags(hp, {name: inputs[name] for name in rarity}, rarity, "texts", TEXT_DROPOUT)
