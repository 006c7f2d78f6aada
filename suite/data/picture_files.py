"""Readers of picture files: decoded into one array, with damaged files left out and named."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from suite.data import formats
from suite.data.folders import LabelledFiles
from suite.data.label_column import whole_column
from suite.data.options import DataOptions
from suite.errors import SuiteError, UsageError, unknown
from suite.preprocessing.mirror import image

SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp")
# Pictures of one size keep it up to MAX_NATIVE_SIDE pixels; others become squares of at most MAX_DEFAULT_SIDE.
MAX_NATIVE_SIDE = 96
MAX_DEFAULT_SIDE, MIN_DEFAULT_SIDE = 64, 4
MAX_DAMAGED_SHARE = 0.05
FILES_AT_ONCE = 256
THREADS = 4
PATH_NAMES = ("path", "file", "filename", "image", "file_name", "image_path")
LABEL_NAMES = ("label", "class", "category", "target")


def load(
    paths: list[Path], size: int | None, wanted: tuple[int, ...] | None = None
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """uint8 (kept, height, width, channels), the numbers of the kept paths, and what was detected.

    `wanted` is the height, width and channels. Without it, `size` is both sides; without that, they follow from the
    pictures.
    """
    probed: list[Any] = [None] * len(paths)
    for index, shape in _map_files(paths, image.probe):
        probed[index] = shape
    shapes = Counter(shape for shape in probed if not isinstance(shape, SuiteError))
    _check_damage(paths, [index for index, shape in enumerate(probed) if isinstance(shape, SuiteError)], probed)
    height, width, channels = wanted or (*_target_size(shapes, size), max(shape[2] for shape in shapes))

    images = np.empty((len(paths), height, width, channels), np.uint8)
    damaged: dict[int, SuiteError] = {}
    for index, picture in _map_files(paths, lambda content: image.decode(content, height, width, channels)):
        if isinstance(picture, SuiteError):
            damaged[index] = picture
        else:
            images[index] = picture
    _check_damage(paths, list(damaged), damaged)
    kept = np.array([index for index in range(len(paths)) if index not in damaged])
    # Kept pictures move down within the array: a second array would need as much memory again.
    for position, index in enumerate(kept):
        if position != index:
            images[position] = images[index]
    return images[: len(kept)], kept, [*_sizes(shapes, height, width), *_left_out(paths, damaged)]


def _map_files(paths: list[Path], work: Any) -> Iterator[tuple[int, Any]]:
    """Each file's number and the result of `work(content)`, or the SuiteError that it raised; in order."""

    def attempt(path: Path) -> Any:
        try:
            return work(path.read_bytes())
        except SuiteError as error:
            return error
        except OSError as error:
            return SuiteError(f"the file cannot be read ({error.strerror})")

    with ThreadPoolExecutor(THREADS) as pool:
        for chunk in _chunks(range(len(paths))):
            yield from zip(chunk, pool.map(attempt, [paths[index] for index in chunk]), strict=True)


def _chunks(numbers: range) -> Iterator[range]:
    for start in range(0, len(numbers), FILES_AT_ONCE):
        yield numbers[start : start + FILES_AT_ONCE]


def _target_size(shapes: Counter[tuple[int, int, int]], size: int | None) -> tuple[int, int]:
    if size:
        return size, size
    sizes = Counter[tuple[int, int]]()
    for (height, width, _), count in shapes.items():
        sizes[height, width] += count
    if len(sizes) == 1 and max(next(iter(sizes))) <= MAX_NATIVE_SIDE:
        return next(iter(sizes))
    shorter = sorted((min(shape), count) for shape, count in sizes.items())
    median = np.repeat([side for side, _ in shorter], [count for _, count in shorter])[sizes.total() // 2]
    side = int(np.clip(median, MIN_DEFAULT_SIDE, MAX_DEFAULT_SIDE))
    return side, side


def _sizes(shapes: Counter[tuple[int, int, int]], height: int, width: int) -> list[str]:
    if len({shape[:2] for shape in shapes}) == 1 and (height, width) == next(iter(shapes))[:2]:
        return []
    sides = [side for shape in shapes for side in shape[:2]]
    return [
        f"sizes: sides of {min(sides)} to {max(sides)} pixels, stretched to {height} x {width} "
        "(--image-size sets another)"
    ]


def _left_out(paths: list[Path], damaged: dict[int, SuiteError]) -> list[str]:
    if not damaged:
        return []
    named = ", ".join(str(paths[index]) for index in list(damaged)[:3])
    return [
        f"damaged pictures left out: {len(damaged):,} of {len(paths):,} ({named}{', ...' if len(damaged) > 3 else ''})"
    ]


def _check_damage(paths: list[Path], damaged: list[int], reasons: Any) -> None:
    if len(damaged) > MAX_DAMAGED_SHARE * len(paths):
        first = damaged[0]
        raise SuiteError(
            f"{len(damaged):,} of {len(paths):,} pictures cannot be used, more than {MAX_DAMAGED_SHARE:.0%}; "
            f"the first is {paths[first]}: {reasons[first]}"
        )


def read_listing(source: Path, options: DataOptions) -> LabelledFiles:
    """The pictures and classes listed in a table of paths, relative to the table's folder, and labels."""
    file = formats.TableFile(source, options.reading)
    table = formats.table(file)
    names = table.column_names
    path_column = next((name for name in names if name.lower() in PATH_NAMES), None)
    label_column = options.label_column_in(names) or next((name for name in names if name.lower() in LABEL_NAMES), None)
    if path_column is None and label_column and len(names) == 2:
        path_column = next(name for name in names if name != label_column)
    if path_column is None or label_column is None:
        raise UsageError(
            f"{source} has the columns {', '.join(names)}: name them path and label, or say --label-column"
        )
    if label_column not in names:
        raise unknown("column", label_column, names)
    paths = [source.parent / str(value) for value in table[path_column].to_pylist()]
    classes = whole_column(table[label_column])
    labels = sorted({name for name in classes if name})
    kept = [index for index, name in enumerate(classes) if name]
    y = np.array([labels.index(name) for name in classes if name], np.int32)
    detected = [*file.notes, f"columns: path '{path_column}', label '{label_column}'"]
    if len(kept) < len(classes):
        detected.append(f"rows without a label left out: {len(classes) - len(kept):,}")
    return LabelledFiles([paths[index] for index in kept], y, labels, np.full(len(kept), ""), detected, label_column)
