"""Reader of labelled pictures: class folders, .npz arrays, idx files, or a table of paths and labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from suite.artifact import TensorSpec
from suite.data import arrays, file_kinds, folders, formats, picture_files, splits
from suite.data.compression import suffix_of
from suite.data.dataset import Dataset
from suite.data.memory import Memory
from suite.data.options import DataOptions
from suite.data.source import Source, check_source, describe, names_within
from suite.errors import UsageError
from suite.preprocessing.mirror import image


def read(source: Source, options: DataOptions) -> Dataset:
    """Pictures uint8 (N, height, width, channels) under the name `image`, and their classes."""
    source = check_source(source)
    if isinstance(source, Memory):
        return _from_arrays(source, arrays.in_memory(source), options)
    if source.is_dir() and not arrays.has_idx(source):
        return _from_files(source, folders.read_class_folders(source, picture_files.SUFFIXES), options)
    if source.is_dir():
        return _from_arrays(source, arrays.read_idx(source), options)
    kind = formats.kind_of(source)
    promised = file_kinds.SUFFIXES.get(suffix_of(source))
    if file_kinds.ARRAYS in (kind, promised):
        return _from_arrays(source, arrays.read_npz(source), options)
    # Text of any name may be CSV, but only its name says that it is no other text.
    if kind != file_kinds.CSV or not source.suffix or promised in (file_kinds.CSV, file_kinds.JSON):
        return _from_files(source, picture_files.read_listing(source, options), options)
    raise UsageError(
        f"{source} is no source of pictures: give a folder with a sub-folder per class, an .npz file, "
        "a folder of idx .gz files, or a CSV or Parquet file of paths and labels"
    )


def _from_files(source: Path, listing: folders.LabelledFiles, options: DataOptions) -> Dataset:
    loaded = picture_files.load(listing.paths, options.image_size, options.picture)
    kept_files = listing.select(loaded.kept)
    dataset = _dataset(
        source,
        loaded.images,
        loaded.form,
        kept_files.y,
        listing.labels,
        kept_files.rows(options),
        options,
        [*listing.detected, *loaded.detected],
        listing.label_column,
        listing.paths,
        loaded.notes,
    )
    dataset.files = names_within(source, kept_files.paths)
    return dataset


def _from_arrays(source: Source, found: arrays.Arrays, options: DataOptions) -> Dataset:
    rows = splits.as_given(found.y, found.labels, found.given_splits, options, "pictures")
    side, channels = options.image_size, found.images.shape[3]
    form = options.picture or image.Form(*((side, side, channels) if side else found.images.shape[1:]))
    images, detected = arrays.convert_to_form(found.images, form)
    files = arrays.idx_files(source) if isinstance(source, Path) and source.is_dir() else ()
    return _dataset(
        source, images, form, found.y, found.labels, rows, options, [*found.detected, *detected], files=files
    )


def _dataset(
    source: Source,
    images: np.ndarray,
    form: image.Form,
    y: np.ndarray,
    labels: list[str],
    rows: Any,
    options: DataOptions,
    detected: list[str],
    label_column: str | None = None,
    files: Sequence[Path] = (),
    notes: Sequence[str] = (),
) -> Dataset:
    height, width, channels = images.shape[1:]
    detected = [
        *detected,
        f"pictures: {len(images):,} of {height} x {width}, {'grey' if channels == 1 else 'RGB'}",
        f"classes: {len(labels)} ({', '.join(labels[:10])}{', ...' if len(labels) > 10 else ''})",
    ]
    spec = TensorSpec("image", "uint8", (height, width, channels), "image", "image")
    described = describe(source, rows, detected, options, label_column, files)
    return Dataset({"image": images}, y, labels, rows, [spec], described, detected, list(notes), picture=form)
