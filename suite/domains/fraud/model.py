"""The network for tables: features and category embeddings side by side, then fully connected layers."""

from typing import Any

import keras
from keras_tuner import HyperParameters

from suite.blocks import dense, heads, tabular
from suite.preprocessing.mirror import table


def build(hp: HyperParameters, preprocessing: dict[str, Any], classes: int) -> keras.Model:
    """`features` float32 (N, F) and `categories` int32 (N, C) to probabilities (N, classes)."""
    shapes = table.core_inputs(preprocessing)
    inputs = {name: keras.Input(shape, dtype=dtype, name=name) for name, (shape, dtype) in shapes.items()}
    categorical = [column for column in preprocessing["columns"] if column["kind"] == "categorical"]
    x = tabular.columns(hp, inputs, [len(column["vocabulary"]) + 1 for column in categorical], "columns")
    x = dense.multilayer(hp, x, "dense", depth=2, units=128, dropout=0.3)
    return keras.Model(inputs, heads.classification(x, classes), name="fraud")
