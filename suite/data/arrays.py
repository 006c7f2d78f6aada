"""Readers of pictures in arrays: .npz files, and folders of idx files (the format of MNIST)."""

import gzip
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from suite.data import splits
from suite.data.memory import Memory, Pictures
from suite.data.source import Source
from suite.errors import SuiteError, UsageError
from suite.preprocessing.mirror.image import Form, fitted

IDX = re.compile(r"(?P<split>train|t10k|test).*(?P<kind>images|labels).*ubyte(\.gz)?$")
IDX_TYPES = {8: np.uint8}
IMAGE_KEYS = ("images", "image", "x", "data")
LABEL_KEYS = ("labels", "label", "y", "target", "targets")
CLASS_NAMES = "class_names"
Pair = tuple[np.ndarray, np.ndarray]


@dataclass
class Arrays:
    """uint8 images (N, height, width, channels), and classes int32 (N,).

    `given_splits` is the split of each row, or "" if there are no splits.
    """

    images: np.ndarray
    y: np.ndarray
    labels: list[str]
    given_splits: np.ndarray
    detected: list[str] = field(default_factory=list)


def has_idx(folder: Path) -> bool:
    """Whether a folder holds idx files."""
    return bool(idx_files(folder))


def idx_files(folder: Path) -> list[Path]:
    """The idx files of a folder, sorted by name."""
    return sorted(path for path in folder.iterdir() if IDX.match(path.name))


def read_idx(folder: Path) -> Arrays:
    """The train-images and train-labels files of a folder, and its t10k- or test- files if there are any."""
    files = {(found["split"], found["kind"]): path for path in idx_files(folder) if (found := IDX.match(path.name))}
    if ("train", "images") not in files or ("train", "labels") not in files:
        raise SuiteError(
            f"{folder} lacks idx files: it needs train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz"
        )
    splits = [split for split in ("train", "t10k", "test") if (split, "images") in files]
    parts = {
        "train" if split == "train" else "test": (_idx(files[split, "images"]), _idx(files[split, "labels"]))
        for split in splits
        if (split, "labels") in files
    }
    names = [path.name for path in files.values()]
    return _join(folder, parts, [f"idx files: {', '.join(names)}"], None)


def _idx(path: Path) -> np.ndarray:
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise SuiteError(f"{path} cannot be unpacked ({error}): download it again") from error
    sizes = np.frombuffer(content, ">u4", count=content[3], offset=4) if len(content) > 4 else np.zeros(0, int)
    if not len(sizes) or content[:2] != b"\0\0" or content[2] not in IDX_TYPES:
        raise SuiteError(f"{path} is no idx file of unsigned bytes: download it again")
    offset = 4 + 4 * len(sizes)
    if len(content) - offset != np.prod(sizes, dtype=np.int64):
        raise SuiteError(f"{path} is cut off: its header announces {tuple(sizes.tolist())} values; download it again")
    return np.frombuffer(content, IDX_TYPES[content[2]], offset=offset).reshape(sizes)


def read_npz(path: Path) -> Arrays:
    """The arrays `images, labels`, or `x_train, y_train` and optionally `x_test, y_test`; `class_names` is optional."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name.lower(): file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        reason = "it holds Python objects, which are never loaded" if "pickle" in str(error) else str(error)
        raise SuiteError(f"{path} cannot be read ({reason}): save plain arrays with numpy.savez_compressed") from error
    names = [str(name) for name in arrays.pop(CLASS_NAMES)] if CLASS_NAMES in arrays else None
    parts: dict[str, Pair] = {}
    for word, split in splits.WORDS.items():
        pair = _pair(arrays, word)
        if pair is not None:
            parts.setdefault(split, pair)
    whole = None if "train" in parts else _pair(arrays)
    if whole is not None:
        parts = {"train": whole, **parts}
    if "train" not in parts:
        raise SuiteError(
            f"{path} holds {', '.join(arrays) or 'nothing'}: name the arrays images and labels, "
            "or x_train, y_train, x_test and y_test"
        )
    return _join(path, parts, [f"arrays: {', '.join(arrays)}"], names)


def in_memory(source: Memory) -> Arrays:
    """The arrays of pictures that are in memory, with their labels."""
    if not isinstance(source, Pictures):
        raise UsageError(f"{source} holds no pictures: give an array of them, or a path")
    if source.labels is None:
        raise UsageError(f"{source} has no labels: give one for each picture")
    return _join(source, {"train": (source.images, source.labels)}, [], None)


def _pair(arrays: dict[str, np.ndarray], word: str = "") -> Pair | None:
    """The images and labels of a split, such as `x_val` or `val_images`; None if one of them is missing."""

    def first(keys: tuple[str, ...]) -> np.ndarray | None:
        names = [name for key in keys for name in ((f"{key}_{word}", f"{word}_{key}") if word else (key,))]
        return next((arrays[name] for name in names if name in arrays), None)

    images, labels = first(IMAGE_KEYS), first(LABEL_KEYS)
    return None if images is None or labels is None else (images, labels)


def _join(source: Source, parts: dict[str, Pair], detected: list[str], names: list[str] | None) -> Arrays:
    """The splits' pictures behind each other; `names` are those of classes 0, 1, ..."""
    for pictures, labels in parts.values():
        if len(pictures) != len(labels) or labels.ravel().shape != (len(pictures),):
            raise SuiteError(
                f"{source} has {len(pictures)} pictures but labels of shape {labels.shape}: give one label each"
            )
    images = [to_uint8(source, pictures) for pictures, _ in parts.values()]
    joined = images[0] if len(images) == 1 else np.concatenate(images)
    classes, y = np.unique(np.concatenate([labels.ravel() for _, labels in parts.values()]), return_inverse=True)
    if classes.dtype.kind == "f" and (classes != np.round(classes)).any():
        raise SuiteError(f"{source} has labels such as {classes[0]}, which are no classes: give whole numbers or names")
    if names and classes.dtype.kind in "iu" and classes.max() < len(names):
        class_labels = [names[index] for index in classes]
    else:
        class_labels = [str(int(name)) if classes.dtype.kind == "f" else str(name) for name in classes]
    given = np.repeat(list(parts) if len(parts) > 1 else [""], [len(pictures) for pictures in images])
    return Arrays(joined, y.astype(np.int32), class_labels, given, detected)


def to_uint8(source: Source, images: np.ndarray) -> np.ndarray:
    """Images as uint8 (N, height, width, channels); values are 0 to 255, or 0 to 1."""
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[-1] not in (1, 3, 4) or not len(images):
        raise SuiteError(
            f"{source} has pictures of shape {images.shape}: "
            "give (rows, height, width), or (rows, height, width, channels) with 1, 3 or 4 channels last"
        )
    images = images[..., :3]
    if images.dtype == np.uint8:
        return images
    low, high = float(images.min()), float(images.max())
    if not (low >= 0 and high <= 255):
        raise SuiteError(f"{source} has pictures with values from {low:g} to {high:g}: give 0 to 255, or 0 to 1")
    scale = 255 if images.dtype.kind in "fb" and high <= 1 else 1
    return np.rint(images * np.float32(scale)).astype(np.uint8)


def convert_to_form(images: np.ndarray, form: Form) -> tuple[np.ndarray, list[str]]:
    """The images in the form, (N, height, width, channels); and a note if that was needed."""
    shape = form[:3]
    if images.shape[1:] == shape:
        return images, []
    from PIL import Image

    result = np.empty((len(images), *shape), np.uint8)
    for index, image in enumerate(images):
        picture = Image.fromarray(image.squeeze(2) if image.shape[2] == 1 else image)
        result[index] = np.asarray(fitted(picture.convert("L" if form.channels == 1 else "RGB"), form)).reshape(shape)
    return result, [f"converted from {_size(images.shape[1:])} to {_size(shape)}"]


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} x {shape[1]} {'grey' if shape[2] == 1 else 'RGB'}"
