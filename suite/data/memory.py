"""Data in memory, which readers take where they take a path."""

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa


class Memory:
    """What frames and arrays of pictures have in common: as a source, they are no file and no folder."""

    words = "the data"

    def __str__(self) -> str:
        return self.words

    def exists(self) -> bool:
        """Whether it is there, as of a path."""
        return True

    def is_dir(self) -> bool:
        """Whether it is a folder, as of a path."""
        return False

    def sha256(self) -> str:
        """The hash of all values."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Frame(Memory):
    """A table in memory. `notes` say what was decided when it was made an Arrow table, a line each."""

    table: "pa.Table"
    notes: list[str] = field(default_factory=list)
    words = "the frame"

    __str__ = Memory.__str__

    def sha256(self) -> str:
        """The hash of names, types and values, whatever the batches they are in."""
        import pyarrow as pa

        plain = self.table.replace_schema_metadata(None).combine_chunks()
        sink = _Hash()
        with pa.ipc.new_stream(pa.PythonFile(sink, "w"), plain.schema) as stream:
            stream.write_table(plain)
        return sink.total.hexdigest()


@dataclass(frozen=True, eq=False)
class Pictures(Memory):
    """Pictures (N, height, width) or (N, height, width, channels) and their labels (N,), if any."""

    images: np.ndarray
    labels: np.ndarray | None = None
    words = "the array"

    __str__ = Memory.__str__

    def sha256(self) -> str:
        """The hash of shape, type and values, and of the labels."""
        total = hashlib.sha256(f"{self.images.shape} {self.images.dtype}".encode())
        total.update(np.ascontiguousarray(self.images).data)
        if self.labels is not None:
            total.update("\0".join(map(str, self.labels.tolist())).encode())
        return total.hexdigest()


class _Hash:
    """A file to write to, of which only the hash is kept."""

    closed = False

    def __init__(self) -> None:
        self.total = hashlib.sha256()

    def write(self, content: Any) -> int:
        self.total.update(content)
        return len(content)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing was opened."""
