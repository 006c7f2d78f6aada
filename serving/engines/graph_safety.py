"""Refuses SavedModels whose graphs do more than compute, before TensorFlow runs any of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from suite import files
from suite.errors import SuiteError

REFUSED_OPERATIONS = (
    "PyFunc", "EagerPyFunc", "ReadFile", "WriteFile", "MatchingFiles", "Save", "Restore", "Rpc", "TryRpc",
    "WholeFileReader", "TextLineReader", "FixedLengthRecordReader", "TFRecordReader", "LMDBReader",
    "TextLineDataset", "TFRecordDataset", "FixedLengthRecordDataset", "CSVDataset", "SqlDataset", "LMDBDataset",
    "CacheDataset", "SnapshotDataset", "SaveDataset", "LoadDataset", "DataServiceDataset", "Debug",
    "CreateSummaryFileWriter", "CreateSummaryDbWriter",
)  # fmt: skip
CHECKPOINT_OPERATIONS = ("SaveV2", "RestoreV2", "MergeV2Checkpoints")
SAVERS = ("traced_save", "traced_restore")
# In graphs of TensorFlow 1, the collections of operations that run after the variables were restored.
LOADING_COLLECTIONS = ("legacy_init_op", "saved_model_main_op")
# Protocol buffers cannot be larger than this.
MAX_FILE_SIZE = 2**31


def check_graph(path: Path) -> Any:
    """Parse a saved_model.pb; raise SuiteError if a graph in it could access files or the network, or run Python.

    Operations on checkpoints are allowed in functions that save and restore the model's own variables, as long as no
    signature and nothing that runs during loading can reach them.
    """
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from tensorflow.core.protobuf import saved_model_pb2

    try:
        saved = saved_model_pb2.SavedModel.FromString(files.read_small(path, MAX_FILE_SIZE))
    except (OSError, DecodeError) as error:
        raise SuiteError(f"{path} is no SavedModel ({type(error).__name__}): save the model again") from error
    for meta in saved.meta_graphs:
        if any(map(_is_saver, meta.object_graph_def.concrete_functions)):
            raise SuiteError(f"{path} is refused: it offers the function that saves its variables to be called")
        reached = _reached(meta)
        for node in meta.graph_def.node:
            _check(path, node, inside_saver=node.name not in reached)
        for function in meta.graph_def.library.function:
            inside_saver = _is_saver(function.signature.name)
            for node in function.node_def:
                _check(path, node, inside_saver)
    return saved


def _reached(meta: Any) -> set[str]:
    """Return the names of all nodes that a signature, or loading the model, can run."""
    inputs = {node.name: node.input for node in meta.graph_def.node}
    waiting = [
        name
        for signature in meta.signature_def.values()
        for output in signature.outputs.values()
        for name in _names(output)
    ]
    waiting += [name for key in LOADING_COLLECTIONS for name in meta.collection_def[key].node_list.value]
    reached: set[str] = set()
    while waiting:
        # "name:1" is the second output of a node; "^name" means that the node must have run.
        name = waiting.pop().lstrip("^").partition(":")[0]
        if name not in reached:
            reached.add(name)
            waiting.extend(inputs.get(name, ()))
    return reached


def _names(output: Any) -> list[str]:
    """Return the names of a tensor in the graph: several if it is sparse or composite."""
    parts = output.coo_sparse
    sparse = [parts.values_tensor_name, parts.indices_tensor_name, parts.dense_shape_tensor_name]
    return [output.name, *sparse, *(one.name for one in output.composite_tensor.components)]


def _check(path: Path, node: Any, inside_saver: bool) -> None:
    refused = node.op.startswith(REFUSED_OPERATIONS) and node.op not in CHECKPOINT_OPERATIONS
    if not inside_saver:
        refused = refused or node.op in CHECKPOINT_OPERATIONS or any(_is_saver(name) for name in _called(node))
    if node.op == "PrintV2" and node.attr["output_stream"].s.startswith(b"file:"):
        refused = True
    if refused:
        raise SuiteError(f"{path} is refused: its graph holds the operation {node.op}, which no prediction needs")


def _called(node: Any) -> Iterator[str]:
    """Yield the names of the functions that a node refers to."""
    yield node.op
    for value in node.attr.values():
        yield value.func.name
        yield from (function.name for function in value.list.func)


def _is_saver(name: str) -> bool:
    return any(part in name for part in SAVERS)
