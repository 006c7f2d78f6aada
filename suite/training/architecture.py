"""The architecture of a network, read from the network itself: layers, memory, multiply-adds."""

from dataclasses import dataclass
from math import prod
from typing import Any

import keras
import tensorflow as tf

from suite.shapes_only import backend

Shape = tuple[int | None, ...]
# Settings to show of a layer, each with the usual value that is left out.
SHOWN_SETTINGS = {
    "kernel_size": None, "pool_size": None, "strides": (1, 1), "dilation_rate": (1, 1), "groups": 1, "units": None,
    "rate": None, "members": None, "num_heads": None, "frequencies": None,
}  # fmt: skip
FLOAT_BYTES = 4
LOOPS = {"While", "StatelessWhile", "PartitionedCall", "StatefulPartitionedCall", "If", "StatelessIf"}


@dataclass(frozen=True)
class Layer:
    """One layer: `inputs` are the names of the layers before it; `shape` is its output's, without the batch axis."""

    name: str
    kind: str
    settings: str
    shape: Shape
    parameters: int
    inputs: tuple[str, ...]


def layers(model: keras.Model) -> list[Layer]:
    """All layers and operations of a functional network, each after all of its inputs."""
    found: dict[str, Layer] = {}

    def visit(tensor: Any) -> str:
        operation, index, _ = tensor._keras_history
        if operation.name not in found:
            inputs = [visit(entering) for entering in operation._inbound_nodes[index].arguments.keras_tensors]
            found[operation.name] = _layer(operation, tensor.shape[1:], tuple(dict.fromkeys(inputs)))
        return str(operation.name)

    for output in keras.tree.flatten(model.outputs):
        visit(output)
    return list(found.values())


def training_bytes(model: keras.Model, batch: int) -> int:
    """About how many bytes a training step needs: every layer's outputs and gradients, weights and optimiser."""
    each = sum(prod(length or 1 for length in layer.shape) for layer in layers(model))
    return 2 * FLOAT_BYTES * batch * each + 3 * FLOAT_BYTES * int(model.count_params())


def multiply_adds(model: keras.Model) -> int | None:
    """The multiply-adds of convolutions and matrix products for one row.

    They are counted in the traced graph; None if it has loops, whose number of rounds is unknown. Where networks are
    described without TensorFlow, they are counted while the network answers a row.
    """
    if keras.backend.backend() == "numpy":
        return backend.multiply_adds(model)
    inputs = keras.tree.map_structure(lambda tensor: tf.TensorSpec((1, *tensor.shape[1:]), tensor.dtype), model.input)
    graph = tf.function(lambda rows: model(rows, training=False)).get_concrete_function(inputs).graph
    operations = graph.get_operations()
    if any(operation.type in LOOPS for operation in operations):
        return None
    return sum(COSTS[operation.type](operation) for operation in operations if operation.type in COSTS)


def _layer(operation: Any, shape: Shape, inputs: tuple[str, ...]) -> Layer:
    kind = type(operation).__name__
    if not isinstance(operation, keras.layers.Layer):
        return Layer(operation.name, kind, "", shape, 0, inputs)
    config = operation.get_config()
    kind = {"InputLayer": f"{config.get('dtype')} input", "Activation": str(config.get("activation"))}.get(kind, kind)
    if kind == "Bidirectional":
        kind = f"Bidirectional {type(operation.forward_layer).__name__}"
    if config.get("strides") == config.get("pool_size"):
        config.pop("strides", None)  # pooling moves by its own size
    shown = [name for name, usual in SHOWN_SETTINGS.items() if config.get(name) not in (None, usual)]
    settings = [_describe_setting(name, config[name]) for name in shown]
    if "activation" in config and config["activation"] not in ("linear", kind):
        settings.append(str(config["activation"]))
    return Layer(operation.name, kind, ", ".join(settings), shape, operation.count_params(), inputs)


def _describe_setting(name: str, value: Any) -> str:
    sides = tuple(value) if isinstance(value, list | tuple) else None
    text = " x ".join(map(str, sides)) if sides else f"{value:g}" if isinstance(value, float) else str(value)
    names = {"strides": "stride {}", "dilation_rate": "{} apart", "num_heads": "{} heads", "members": "{} members",
             "units": "{} units", "frequencies": "{} frequencies", "groups": "{} groups"}  # fmt: skip
    return names.get(name, "{}").format(str(sides[0]) if sides and name in ("strides", "dilation_rate") else text)


def _per_output(operation: Any, taps: int) -> int:
    """The multiply-adds if each value of the output takes `taps`."""
    return int(prod(operation.outputs[0].shape) * taps)


def _convolution(operation: Any) -> int:
    height, width, channels, _ = operation.inputs[1].shape
    return _per_output(operation, height * width * channels)


def _depthwise(operation: Any) -> int:
    height, width, *_ = operation.inputs[1].shape
    return _per_output(operation, height * width)


def _product(operation: Any) -> int:
    transposed = operation.get_attr("transpose_a" if operation.type == "MatMul" else "adj_x")
    return _per_output(operation, operation.inputs[0].shape[-2 if transposed else -1])


def _einsum(operation: Any) -> int:
    operands = operation.get_attr("equation").decode().partition("->")[0].split(",")
    sizes: dict[str, int] = {}
    for labels, tensor in zip(operands, operation.inputs, strict=True):
        sizes |= dict(zip(labels, tensor.shape, strict=True))
    return prod(sizes.values())


COSTS = {
    "Conv2D": _convolution,
    "DepthwiseConv2dNative": _depthwise,
    "MatMul": _product,
    "BatchMatMulV2": _product,
    "Einsum": _einsum,
}
