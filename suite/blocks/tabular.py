"""Blocks for the columns of a table."""

import keras
from keras import layers
from keras_tuner import HyperParameters


def columns(
    hp: HyperParameters, inputs: dict[str, keras.KerasTensor], vocabularies: list[int], name: str
) -> keras.KerasTensor:
    """Features float32 (N, F) and category ids int32 (N, C), either of which may be absent, to one vector a row.

    Each categorical column gets an embedding whose size grows with its vocabulary, up to `largest`.
    """
    parts = [inputs["features"]] if "features" in inputs else []
    with hp.name_scope(name):
        largest = hp.Choice("largest", [4, 8, 16, 32], default=8) if vocabularies else 0
        for index, size in enumerate(vocabularies):
            units = min(largest, (size + 1) // 2)
            ids = inputs["categories"][:, index]
            parts.append(layers.Embedding(size, units, name=f"{name}_{index}")(ids))
    return layers.Concatenate(name=f"{name}_join")(parts) if len(parts) > 1 else parts[0]
