"""Reads the signatures of a SavedModel from its file."""

from collections.abc import Mapping
from typing import Any

from serving.signature import Signature, Tensor

# A signature that TensorFlow runs when it loads a model.
INITIALIZER = "__saved_model_init_op"
INPUT_DTYPES = (
    "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool",
    "string",
)  # fmt: skip
OUTPUT_DTYPES = (*INPUT_DTYPES, "bfloat16")


def read_signatures(saved: Any) -> dict[str, Signature]:
    """Return all signatures by name; if there are several graphs, those of the graph for serving."""
    serving = [meta for meta in saved.meta_graphs if "serve" in meta.meta_info_def.tags] or saved.meta_graphs
    found = serving[0].signature_def if serving else {}
    return {name: _signature(name, found[name]) for name in sorted(found)}


def _signature(name: str, found: Any) -> Signature:
    inputs, outputs = _tensors(found.inputs), _tensors(found.outputs)
    return Signature(inputs, outputs, found.method_name, _complaint(name, inputs, outputs))


def _tensors(found: Mapping[str, Any]) -> dict[str, Tensor]:
    return {name: _tensor(found[name]) for name in sorted(found)}


def _tensor(info: Any) -> Tensor:
    from tensorflow.dtypes import as_dtype

    lengths = tuple(None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim)
    # A sparse tensor has no name of its own, only names of its parts.
    dtype = as_dtype(info.dtype).name if info.dtype and info.name else "invalid"
    return Tensor(dtype, None if info.tensor_shape.unknown_rank else lengths, info.name)


def _complaint(name: str, inputs: Mapping[str, Tensor], outputs: Mapping[str, Tensor]) -> str:
    """Return why requests cannot use this signature; empty if they can."""
    if name == INITIALIZER:
        return "it is not for requests"
    for key, tensor in inputs.items():
        if tensor.dtype not in INPUT_DTYPES:
            return f"the input '{key}' is {tensor.dtype}, which JSON cannot hold: export it as float32"
    for key, tensor in outputs.items():
        if tensor.dtype not in OUTPUT_DTYPES:
            return f"the output '{key}' is {tensor.dtype}, which JSON cannot hold: export it as float32"
    if inputs and all(tensor.shape == () for tensor in inputs.values()):
        return f"the input '{next(iter(inputs))}' has no batch axis: export the model with one"
    return "" if inputs and outputs else f"the signature '{name}' has no inputs or no outputs"
