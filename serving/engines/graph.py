"""What a SavedModel's graph would do besides computing: refused before TensorFlow runs any of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from suite.errors import SuiteError

REFUSED = (
    "PyFunc", "EagerPyFunc", "ReadFile", "WriteFile", "MatchingFiles", "Save", "Restore", "Rpc", "TryRpc",
    "WholeFileReader", "TextLineReader", "FixedLengthRecordReader", "TFRecordReader", "LMDBReader",
    "TextLineDataset", "TFRecordDataset", "FixedLengthRecordDataset", "CSVDataset", "SqlDataset", "LMDBDataset",
    "CacheDataset", "SnapshotDataset", "SaveDataset", "LoadDataset", "DataServiceDataset", "Debug",
    "CreateSummaryFileWriter", "CreateSummaryDbWriter",
)  # fmt: skip
CHECKPOINT = ("SaveV2", "RestoreV2", "MergeV2Checkpoints")
SAVERS = ("traced_save", "traced_restore")


def check_graph(path: Path) -> None:
    """SuiteError if the graph in a saved_model.pb could touch files or the network, or run Python.

    A SavedModel saves and restores its own variables in two functions of its own: checkpoint operations may stand
    there, and nothing else may call them.
    """
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from tensorflow.core.protobuf import saved_model_pb2

    try:
        saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    except (OSError, DecodeError) as error:
        raise SuiteError(f"{path} is no SavedModel ({type(error).__name__}): save the model again") from error
    for meta in saved.meta_graphs:
        for node in meta.graph_def.node:
            _check(path, node, inside_saver=True)
        for function in meta.graph_def.library.function:
            inside_saver = _is_saver(function.signature.name)
            for node in function.node_def:
                _check(path, node, inside_saver)


def _check(path: Path, node: Any, inside_saver: bool) -> None:
    refused = node.op.startswith(REFUSED) and node.op not in CHECKPOINT
    if not inside_saver:
        refused = refused or node.op in CHECKPOINT or any(_is_saver(name) for name in _called(node))
    if node.op == "PrintV2" and node.attr["output_stream"].s.startswith(b"file:"):
        refused = True
    if refused:
        raise SuiteError(f"{path} is refused: its graph holds the operation {node.op}, which no prediction needs")


def _called(node: Any) -> Iterator[str]:
    """The functions that a node names."""
    yield node.op
    for value in node.attr.values():
        yield value.func.name
        yield from (function.name for function in value.list.func)


def _is_saver(name: str) -> bool:
    return any(part in name for part in SAVERS)
