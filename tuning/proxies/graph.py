"""Running a network operation by operation, some of them differently than it would itself."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tuning.proxies import Batch

Call = Callable[..., Any]


def run(model: keras.Model, inputs: Mapping[str, Any], change: Callable[[Any], Call]) -> list[Any]:
    """The outputs of a network in which `change` gives what is called instead of each layer or operation."""
    return keras.tree.flatten(  # type: ignore[no-any-return]
        model._run_through_graph([inputs[tensor.name] for tensor in model.inputs], operation_fn=change)
    )


def in_mode(operation: Any, training: bool) -> Call:
    """A layer in training or in inference; what is no layer has no modes."""
    if not isinstance(operation, layers.Layer):
        return operation  # type: ignore[no-any-return]
    return lambda *args, **kwargs: operation(*args, **{**kwargs, "training": training})


def inputs_of(model: keras.Model, batch: Batch) -> dict[str, np.ndarray]:
    """The batch's values of the network's inputs; zeros for scores of base models, which are not fitted yet."""
    count = len(batch.targets)
    return {
        tensor.name: batch.inputs[tensor.name]
        if tensor.name in batch.inputs
        else np.zeros((count, *tensor.shape[1:]), tensor.dtype)
        for tensor in model.inputs
    }


def first_weights(model: keras.Model) -> list[tuple[keras.Variable, tf.Tensor]]:
    """The trainable weights with values to begin with.

    Those are their own, but kernels of zeros, such as those of heads that correct base models, are drawn as those of
    other heads are (Glorot and Bengio 2010): nothing would pass through them.
    """
    draw = keras.initializers.GlorotUniform(seed=0)
    dense = [layer for layer in model.layers if isinstance(layer, layers.Dense | layers.EinsumDense)]
    zero = {id(layer.kernel) for layer in dense if not np.any(layer.kernel)}
    return [
        (variable, draw(variable.shape) if id(variable) in zero else tf.convert_to_tensor(variable))
        for variable in model.trainable_variables
    ]
