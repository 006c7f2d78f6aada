"""The networks for tables: columns as vectors, a trunk, and a head for each member of an ensemble."""

from typing import Any

import keras
from keras_tuner import HyperParameters

from suite.blocks import tabular, trunks
from suite.blocks.types import Head
from suite.preprocessing.mirror import table

TRUNKS = ["mlp", "resnet", "transformer"]


def build(hp: HyperParameters, preprocessing: dict[str, Any], head: Head) -> keras.Model:
    """`features` float32 (N, F) and `categories` int32 (N, C) to what the head answers."""
    shapes = table.core_inputs(preprocessing)
    inputs = {name: keras.Input(shape, dtype=dtype, name=name) for name, (shape, dtype) in shapes.items()}
    categorical = [column for column in preprocessing["columns"] if column["kind"] == "categorical"]
    columns = inputs, preprocessing["edges"], [len(column["vocabulary"]) + 1 for column in categorical]
    trunk = hp.Choice("trunk", TRUNKS, default="mlp")
    if trunk == "transformer":
        units = hp.Choice("columns/units", [16, 32, 64], default=32)
        x = trunks.transformer(hp, tabular.tokens(hp, *columns, units, "columns"), trunk)
    else:
        make = {"mlp": trunks.mlp, "resnet": trunks.resnet}[trunk]
        x = make(hp, tabular.vector(hp, *columns, "columns"), trunk)
    return keras.Model(inputs, head(x), name="table")
