"""A table's columns as the input of a trunk: one vector for each row, or one for each column."""

from collections.abc import Sequence

import keras
from keras import layers
from keras_tuner import HyperParameters

from suite.blocks import numeric

# About as large as features are: Keras's default is far smaller, and would take many epochs to catch up.
EMBEDDING_SCALE = 0.3


def vector(
    hp: HyperParameters,
    inputs: dict[str, keras.KerasTensor],
    edges: Sequence[Sequence[float]],
    vocabularies: Sequence[int],
    name: str,
    texts: keras.KerasTensor | None = None,
) -> keras.KerasTensor:
    """Features float32 (N, F) and category ids int32 (N, C), either of which may be absent, to (N, width).

    The features, their embeddings, a vector for each category, the vector of `texts` if there are any, and crosses if
    `crosses` is above 0.
    """
    parts = []
    if "features" in inputs:
        parts.append(inputs["features"])
        embedded = numeric.embedding(hp, inputs["features"], edges, name)
        if embedded is not None:
            parts.append(layers.Flatten(name=f"{name}_flatten")(embedded))
    with hp.name_scope(name):
        largest = hp.Choice("largest", [2, 4, 8, 16, 32], default=8) if vocabularies else 0
        for index, size in enumerate(vocabularies):
            units = min(largest, (size + 1) // 2)
            # One for each column: an initializer gives the same values whenever it is asked for the same shape.
            normal = keras.initializers.RandomNormal(stddev=EMBEDDING_SCALE)
            embedding = layers.Embedding(size, units, embeddings_initializer=normal, name=f"{name}_{index}")
            parts.append(embedding(inputs["categories"][:, index]))
    if texts is not None:
        parts.append(texts)
    x = layers.Concatenate(name=f"{name}_join")(parts) if len(parts) > 1 else parts[0]
    return crosses(hp, x, name)


def crosses(hp: HyperParameters, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Learned products of features, of one degree more in each layer (Wang et al. 2021, DCN v2): keeps (N, width).

    A bottleneck limits the number of weights.
    """
    first, width = x, x.shape[-1]
    with hp.name_scope(name):
        count = hp.Int("crosses", 0, 3, default=0)
    for index in range(count):
        label = f"{name}_cross_{index}"
        narrow = layers.Dense(max(1, width // 4), use_bias=False, name=f"{label}_narrow")(x)
        product = layers.Multiply(name=label)([first, layers.Dense(width, name=f"{label}_wide")(narrow)])
        x = layers.Add(name=f"{label}_add")([x, product])
    return x


def tokens(
    hp: HyperParameters,
    inputs: dict[str, keras.KerasTensor],
    edges: Sequence[Sequence[float]],
    vocabularies: Sequence[int],
    units: int,
    name: str,
    texts: keras.KerasTensor | None = None,
) -> keras.KerasTensor:
    """The same columns as one vector for each column, and one for all `texts`: (N, F + C, units) or one more."""
    parts = []
    if "features" in inputs:
        embedded = numeric.embedding(hp, inputs["features"], edges, name, units)
        if embedded is None:
            plain = layers.Reshape((-1, 1), name=f"{name}_reshape")(inputs["features"])
            embedded = numeric.PerFeature(units, name=f"{name}_per_feature")(plain)
        parts.append(embedded)
    for index, size in enumerate(vocabularies):
        ids = inputs["categories"][:, index : index + 1]
        parts.append(layers.Embedding(size, units, name=f"{name}_{index}")(ids))
    if texts is not None:
        parts.append(layers.Reshape((1, units), name=f"{name}_texts")(layers.Dense(units, name=f"{name}_dense")(texts)))
    return layers.Concatenate(axis=1, name=f"{name}_join")(parts) if len(parts) > 1 else parts[0]
