"""Readers of picture files: decoded into one array, with damaged files left out and named."""

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from suite.data import formats, label_set
from suite.data.folders import LabelledFiles
from suite.data.label_column import whole_column
from suite.data.options import DataOptions
from suite.errors import SuiteError, UsageError
from suite.preprocessing.mirror import image, sixteen_bits

SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp")
# Pictures of one size keep it up to MAX_NATIVE_SIDE pixels; others become squares of at most MAX_DEFAULT_SIDE.
MAX_NATIVE_SIDE = 96
MAX_DEFAULT_SIDE, MIN_DEFAULT_SIDE = 64, 4
# Proportions that differ by less look the same.
SAME_PROPORTIONS = 1.05
MAX_DAMAGED_SHARE = 0.05
FILES_AT_ONCE = 256
THREADS = 4
PATH_NAMES = ("path", "file", "filename", "image", "file_name", "image_path")
LABEL_NAMES = ("label", "class", "category", "target")


class Loaded(NamedTuple):
    """Pictures uint8 (kept, *form[:3]), the numbers of the kept paths, what was detected, and what to beware of."""

    images: np.ndarray
    kept: np.ndarray
    form: image.Form
    detected: list[str]
    notes: list[str]


class _Probe(NamedTuple):
    """A file's height, width and channels, and of one of 16 bits a channel how many of these it uses."""

    shape: tuple[int, int, int]
    bits: int | None


def load(paths: list[Path], size: int | None, form: image.Form | None = None) -> Loaded:
    """The pictures in a form; without one, `size` is both sides; without that, they follow from the pictures."""
    probed: list[Any] = [None] * len(paths)
    for index, probe in _map_files(paths, lambda content: _Probe(image.probe(content), image.used_bits(content))):
        probed[index] = probe
    _check_damage(paths, [index for index, probe in enumerate(probed) if isinstance(probe, SuiteError)], probed)
    usable = [probe for probe in probed if not isinstance(probe, SuiteError)]
    shapes = Counter(probe.shape for probe in usable)
    bits = [probe.bits for probe in usable if probe.bits]
    form = form or _form(shapes, size, bits)

    images = np.empty((len(paths), *form[:3]), np.uint8)
    damaged: dict[int, SuiteError] = {}
    transparent = 0
    for index, picture in _map_files(paths, lambda content: image.read(content, form)):
        if isinstance(picture, SuiteError):
            damaged[index] = picture
        else:
            images[index] = picture.pixels
            transparent += picture.is_transparent
    _check_damage(paths, list(damaged), damaged)
    kept = np.array([index for index in range(len(paths)) if index not in damaged])
    # Kept pictures move down within the array: a second array would need as much memory again.
    for position, index in enumerate(kept):
        if position != index:
            images[position] = images[index]
    detected = [
        *_sizes(shapes, form),
        *_depths(bits, form),
        *([f"pictures with transparent pixels: {transparent:,}, laid on white"] if transparent else []),
        *_left_out(paths, damaged),
    ]
    return Loaded(images[: len(kept)], kept, form, detected, _beyond(bits, form))


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


def _form(shapes: Counter[tuple[int, int, int]], size: int | None, bits: list[int]) -> image.Form:
    """The form that loses least of these pictures."""
    fit = image.LETTERBOX if _differ_in_proportions(shapes) else image.STRETCH
    height, width = (size, size) if size else _target_size(shapes, fit)
    return image.Form(height, width, max(shape[2] for shape in shapes), fit, max(bits, default=sixteen_bits.ALL))


def _differ_in_proportions(shapes: Iterable[tuple[int, int, int]]) -> bool:
    proportions = [width / height for height, width, _ in shapes]
    return max(proportions) > SAME_PROPORTIONS * min(proportions)


def _target_size(shapes: Counter[tuple[int, int, int]], fit: str) -> tuple[int, int]:
    sizes = Counter[tuple[int, int]]()
    for (height, width, _), count in shapes.items():
        sizes[height, width] += count
    if len(sizes) == 1 and max(next(iter(sizes))) <= MAX_NATIVE_SIDE:
        return next(iter(sizes))
    # The side that has to fit into the square.
    decisive = max if fit == image.LETTERBOX else min
    sides = sorted((decisive(shape), count) for shape, count in sizes.items())
    median = np.repeat([side for side, _ in sides], [count for _, count in sides])[sizes.total() // 2]
    side = int(np.clip(median, MIN_DEFAULT_SIDE, MAX_DEFAULT_SIDE))
    return side, side


def _sizes(shapes: Counter[tuple[int, int, int]], form: image.Form) -> list[str]:
    height, width = form[:2]
    if len({shape[:2] for shape in shapes}) == 1 and (height, width) == next(iter(shapes))[:2]:
        return []
    sides = [side for shape in shapes for side in shape[:2]]
    how = (
        f"made to fit into {height} x {width} with their proportions kept, the rest grey"
        if form.fit == image.LETTERBOX
        else f"stretched to {height} x {width}"
    )
    return [f"sizes: sides of {min(sides)} to {max(sides)} pixels, {how} (--image-size sets another)"]


def _depths(bits: list[int], form: image.Form) -> list[str]:
    """How pictures of 16 bits a channel are taken, from the bits that each of them uses."""
    if not bits:
        return []
    reason = f", as they use {form.bits} bits" if max(bits) == form.bits < sixteen_bits.ALL else ""
    return [f"pictures of 16 bits: {len(bits):,}, scaled from 0 to {2**form.bits - 1:,}{reason}"]


def _beyond(bits: list[int], form: image.Form) -> list[str]:
    beyond = sum(used > form.bits for used in bits)
    if not beyond:
        return []
    return [
        f"{beyond:,} of {len(bits):,} pictures of 16 bits have values above {2**form.bits - 1:,}, which the model "
        "takes for white: it learned from pictures without such values"
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
        raise label_set.no_column(label_column, names)
    paths = [source.parent / str(value) for value in table[path_column].to_pylist()]
    classes = whole_column(table[label_column])
    labels = sorted({name for name in classes if name})
    kept = [index for index, name in enumerate(classes) if name]
    y = np.array([labels.index(name) for name in classes if name], np.int32)
    detected = [*file.notes, f"columns: path '{path_column}', label '{label_column}'"]
    if len(kept) < len(classes):
        detected.append(f"rows without a label left out: {len(classes) - len(kept):,}")
    return LabelledFiles([paths[index] for index in kept], y, labels, np.full(len(kept), ""), detected, label_column)
