"""A fitted model in memory, for pickles: the files of its folder."""

import shutil
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path

from suite import artifact
from suite.api.model import Model
from suite.api.verbs import load

# Bytes by the path of a file from the folder of models.
Files = Mapping[str, bytes]


def temporary_folder() -> Path:
    """A folder of models that `delete_with` a model removes."""
    return Path(tempfile.mkdtemp(prefix="suite-"))


def delete_with(model: Model, folder: Path) -> None:
    """Delete the folder when the model is no longer used, or when the process ends."""
    weakref.finalize(model, shutil.rmtree, folder, ignore_errors=True)


def pack(model: Model) -> Files:
    """All files of the model's version."""
    root = model.path.parents[1]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in model.path.rglob("*") if path.is_file()}


def unpack(files: Files) -> Model:
    """A model of these files, in a temporary folder."""
    root = temporary_folder()
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    model = load(next(root.rglob(artifact.CARD)).parent)
    delete_with(model, root)
    return model
