"""Text columns of a table, read by bags of tokens."""

from collections.abc import Mapping

import keras
import numpy as np
from keras_tuner import HyperParameters

from suite.blocks import bags


def vector(
    hp: HyperParameters, inputs: Mapping[str, keras.KerasTensor], rarity: Mapping[str, np.ndarray], name: str
) -> keras.KerasTensor | None:
    """Ids int32 (N, length) by the names in `rarity` to one vector for each row; None if there are none.

    `rarity` holds the initial weight of every id of an input, see bags.bags.
    """
    if not rarity:
        return None
    return bags.bags(hp, {key: inputs[key] for key in rarity}, dict(rarity), name)
