"""The networks for tables: columns as vectors, a trunk, and a head for each member of an ensemble."""

from typing import Any

import keras
from keras_tuner import HyperParameters

from suite.blocks import bags, tabular, trunks
from suite.blocks.types import Head
from suite.preprocessing.mirror import table, text

TRUNKS = ["mlp", "resnet", "transformer"]
# Less than where texts are all there is.
TEXT_DROPOUT = 0.5


def build(hp: HyperParameters, preprocessing: dict[str, Any], head: Head, dropout: float) -> keras.Model:
    """`features` float32 (N, F), `categories` int32 (N, C) and ids of texts' tokens to what the head answers.

    `dropout` is the trunk's default.
    """
    shapes = table.core_inputs(preprocessing)
    inputs = {name: keras.Input(shape, dtype=dtype, name=name) for name, (shape, dtype) in shapes.items()}
    categorical = [column for column in preprocessing["columns"] if column["kind"] == "categorical"]
    columns = inputs, preprocessing["edges"], [len(column["vocabulary"]) + 1 for column in categorical]
    texts = _texts(hp, preprocessing, inputs)
    trunk = hp.Choice("trunk", TRUNKS, default="mlp")
    if trunk == "transformer":
        units = hp.Choice("columns/units", [16, 32, 64], default=32)
        x = trunks.transformer(hp, tabular.tokens(hp, *columns, units, "columns", texts), trunk, dropout)
    else:
        make = {"mlp": trunks.mlp, "resnet": trunks.resnet}[trunk]
        x = make(hp, tabular.vector(hp, *columns, "columns", texts), trunk, dropout)
    return keras.Model(inputs, head(x), name="table")


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
