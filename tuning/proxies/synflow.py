"""SynFlow (Tanaka et al. 2020), as a proxy (Abdelfattah et al. 2021)."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from suite.training.dead_units import ACTIVATIONS
from tuning.proxies import Batch, graph

NORMS = (
    layers.BatchNormalization, layers.LayerNormalization, layers.GroupNormalization, layers.RMSNormalization,
)  # fmt: skip
IDS = ("int32", "int64")
# By the name of their class, as layers and as operations.
PRODUCT = "Multiply"


@dataclass(frozen=True)
class _Signal:
    """`values` times e to the power of `log_scale`; the largest value is one."""

    values: tf.Tensor
    log_scale: float


def score(model: keras.Model, batch: Batch) -> float:
    """The logarithm of the sum of |w dR/dw| over all trainable weights w.

    R is the sum of what the last trained layers give if all weights are their absolute values and all inputs are ones
    (token and category ids: those of the batch). Activations pass everything on, as rectifiers do with what is
    positive, and so do normalisations. Thus it measures paths from inputs to answers, and no data.

    Products of all weights along a path are too large for floating-point numbers in deep networks: every signal has
    a scale of its own, of which the logarithm is kept. For layers that are not linear, such as attention and
    recurrent networks, this means that they get inputs of at most one, and what they give is scaled as inputs were; a
    gate does not change the scale of what it gates.
    """
    weights = [(variable, tf.abs(value)) for variable, value in graph.first_weights(model)]
    values = [value for _, value in weights]
    last = _last_trained(model)
    answers: list[_Signal] = []

    def change(operation: Any) -> graph.Call:
        call = _scaled(operation)
        if id(operation) not in last:
            return call

        def note(*args: Any, **kwargs: Any) -> Any:
            result = call(*args, **kwargs)
            answers.extend(one for one in keras.tree.flatten(result) if isinstance(one, _Signal))
            return result

        return note

    with _linear(model), keras.StatelessScope(weights), tf.GradientTape() as tape:
        tape.watch(values)
        graph.run(model, _inputs(model, batch), change)
        scale = max((one.log_scale for one in answers), default=0.0)
        total = sum(tf.reduce_sum(tf.abs(_at(one, scale))) for one in answers)
    if not answers:
        return -math.inf
    gradients = tape.gradient(total, values)
    pairs = [(value, gradient) for value, gradient in zip(values, gradients, strict=True) if gradient is not None]
    flow = sum(float(tf.reduce_sum(tf.abs(value * gradient))) for value, gradient in pairs)
    return scale + math.log(flow) if flow > 0 else -math.inf


def _inputs(model: keras.Model, batch: Batch) -> dict[str, Any]:
    """Ones for numbers and pixels, one row if that is all; ids as they are in the batch."""
    ids = {name: values for name, values in graph.inputs_of(model, batch).items() if values.dtype in IDS}
    count = len(batch.targets) if ids else 1
    ones = {tensor.name: tf.ones((count, *tensor.shape[1:]), tensor.dtype) for tensor in model.inputs}
    return {name: _as_signal(values, 0.0) for name, values in (ones | ids).items()}


def _last_trained(model: keras.Model) -> set[int]:
    """The ids of operations that have trainable weights, and after which none have on some way to the outputs."""
    found: set[int] = set()
    seen: set[int] = set()

    def visit(tensor: Any) -> None:
        operation, index, _ = tensor._keras_history
        if id(tensor) in seen:
            return
        seen.add(id(tensor))
        if getattr(operation, "trainable_variables", []):
            found.add(id(operation))
            return
        for entering in operation._inbound_nodes[index].input_tensors:
            visit(entering)

    for output in keras.tree.flatten(model.outputs):
        visit(output)
    return found


def _scaled(operation: Any) -> graph.Call:
    """An operation on signals."""
    if isinstance(operation, (*ACTIVATIONS, *NORMS)):
        return lambda x, *_, **__: x
    is_rescaling = isinstance(operation, layers.Rescaling)
    call = _without_offset(operation) if is_rescaling else graph.in_mode(operation, training=False)
    is_product = type(operation).__name__ == PRODUCT

    def apply(*args: Any, **kwargs: Any) -> Any:
        signals = [one for one in keras.tree.flatten((args, kwargs)) if isinstance(one, _Signal)]
        scales = [one.log_scale for one in signals] or [0.0]
        scale = scales[0] if is_product else max(scales)

        def bare(one: Any) -> Any:
            if not isinstance(one, _Signal):
                return one
            return one.values if is_product else _at(one, scale)

        args, kwargs = keras.tree.map_structure(bare, (args, kwargs))
        return keras.tree.map_structure(lambda one: _as_signal(one, scale), call(*args, **kwargs))

    return apply


def _without_offset(rescaling: layers.Rescaling) -> graph.Call:
    """A rescaling that leaves out its offset, which would make signals negative."""
    return lambda x, **_: tf.cast(x, rescaling.compute_dtype) * tf.cast(rescaling.scale, rescaling.compute_dtype)


def _at(signal: _Signal, log_scale: float) -> tf.Tensor:
    """The values of a signal for another scale, which is not below its own."""
    difference = signal.log_scale - log_scale
    return signal.values * math.exp(difference) if difference else signal.values


def _as_signal(values: Any, log_scale: float) -> Any:
    """Floating-point values of a scale as a signal; others as they are."""
    if not (tf.is_tensor(values) and values.dtype.is_floating):
        return values
    largest = float(tf.reduce_max(tf.abs(values)))
    if largest in (0.0, 1.0):
        return _Signal(values, log_scale)
    return _Signal(values / largest, log_scale + math.log(largest))


@contextmanager
def _linear(model: keras.Model) -> Iterator[None]:
    """In this block, dense layers and convolutions have no activations of their own."""
    found = [(layer, layer.activation) for layer in model.layers if "activation" in vars(layer)]
    try:
        for layer, _ in found:
            layer.activation = keras.activations.linear
        yield
    finally:
        for layer, activation in found:
            layer.activation = activation
