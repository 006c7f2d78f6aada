"""Reader of tables with a label: a first pass for the columns' kinds, a second for the values."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from suite.artifact import TensorSpec
from suite.data import columns, digits, formats, splits, suspicions, table_label, table_layout
from suite.data.column import MAX_NON_NUMERIC_SHARE, Column
from suite.data.dataset import Dataset
from suite.data.label_column import LabelColumn, NumberColumn
from suite.data.options import DataOptions
from suite.data.source import Source, check_source, describe
from suite.data.table_label import FindLabel
from suite.data.table_layout import TableLayout
from suite.errors import SuiteError, UsageError


@dataclass
class _Values:
    """The values of all labelled rows: inputs, y (class numbers, or numbers), time in seconds or as it was, groups.

    `non_numeric` counts, for each input, the values that are no numbers.
    """

    inputs: dict[str, np.ndarray]
    y: np.ndarray
    time: np.ndarray | None
    groups: np.ndarray | None
    non_numeric: dict[str, int]


def read_any(source: Source, options: DataOptions) -> Dataset:
    """As `read`, with a label of up to 1,000 classes, or a number."""
    return read(source, options, table_label.any_label)


def read(source: Source, options: DataOptions, find_label: FindLabel = table_label.rare_class) -> Dataset:
    """Columns by name, as Dataset describes them; of two classes, the positive one is the last.

    `find_label` decides what the label is; by default it has two classes, of which one is rare.
    """
    source = check_source(source)
    if source.is_dir():
        raise UsageError(
            f"{source} is a folder: give a CSV, JSON Lines or Parquet file, or use 'suite fit image_cls' for a folder "
            "of pictures, 'suite fit text_cls' for one of texts"
        )
    file = formats.TableFile(source, options.reading)
    profiles = columns.profile(file)
    layout = table_layout.detect(source, profiles, options, find_label)
    numeric = [spec.name for spec in layout.specs if spec.kind == "numeric"]
    wide = [] if options.inputs else [name for name in numeric if digits.may_need_float64(profiles[name])]
    values = _load(file, layout, wide)
    y = values.y
    anomalies = _anomalies(profiles, values.non_numeric)
    if options.inputs:
        _check_numbers(source, layout, values)
    else:
        layout.specs, notes = digits.settle(layout.specs, values.inputs)
        anomalies += notes
    detected = [*file.notes, *layout.detected, *anomalies, *layout.label.notes()]
    if options.has_splits(layout.classes):
        rows, order = _split(values, layout, options)
    else:
        rows, order = splits.undivided(len(y)), None
    if not options.inputs:
        detected += suspicions.leaks(layout.specs, values.inputs, y, rows["train"]) if layout.labels else []
    described = describe(source, rows, detected, options, layout.label.name)
    return Dataset(
        values.inputs, y, layout.labels, rows, layout.specs, described, detected, ignored=layout.ignored, order=order,
        notes=anomalies if options.inputs else [], groups=values.groups,
    )  # fmt: skip


def _load(source: formats.TableFile, layout: TableLayout, wide: Collection[str]) -> _Values:
    """The values of all labelled rows; columns of numbers that are `wide` as float64."""
    total = layout.label.known
    types = {spec.name: "float64" if spec.name in wide else spec.dtype for spec in layout.specs}
    inputs = {name: np.empty(total, object if kind == "string" else kind) for name, kind in types.items()}
    is_number = isinstance(layout.label, NumberColumn)
    y = np.empty(total, np.float64 if is_number else np.int32)
    time = None if layout.time is None else np.empty(total, np.float64)
    groups = None if layout.group is None else columns.GroupNumbers(total)
    shared: dict[str, str] = {}
    non_numeric = dict.fromkeys(inputs, 0)
    start = 0
    numbers = {name: number for number, name in enumerate(layout.labels)}
    for batch, classes in _labelled_batches(source, layout.label):
        rows = slice(start, start + batch.num_rows)
        y[rows] = classes if is_number else [numbers[name] for name in classes]
        for spec in layout.specs:
            if spec.name in batch.schema.names:
                target = inputs[spec.name][rows]
                non_numeric[spec.name] += _fill(source.name, spec, batch, target, shared)
            else:
                inputs[spec.name][rows] = "" if spec.dtype == "string" else np.nan
        if layout.time and time is not None:
            kind = "date" if layout.time.kind == "date" else "numeric"
            columns.fill(kind, layout.time.form, batch.column(layout.time.name), time[rows], shared)
        if layout.group and groups is not None:
            has_group = layout.group.name in batch.schema.names
            groups.add(batch.column(layout.group.name) if has_group else None, rows)
        start += batch.num_rows
    return _Values(inputs, y, time, None if groups is None else groups.numbers, non_numeric)


def _fill(source: str, spec: TensorSpec, batch: Any, target: np.ndarray, shared: dict[str, str]) -> int:
    try:
        return columns.fill(spec.kind, columns.form_of(spec, batch), batch.column(spec.name), target, shared)
    except ValueError as error:
        raise SuiteError(f"{source}, column '{spec.name}', must hold {spec.kind} values: {error}") from error


def _labelled_batches(source: formats.TableFile, label: LabelColumn | NumberColumn) -> Iterator[tuple[Any, Any]]:
    """The rows that have a label, and their classes or numbers."""
    for batch in formats.batches(source):
        if label.name not in batch.schema.names:
            continue
        if isinstance(label, NumberColumn):
            found = label.read(batch.column(label.name), columns.is_plain(batch, label.name))
            yield batch.filter(pa.array(~np.isnan(found))), found[~np.isnan(found)]
        else:
            classes = label.read(batch.column(label.name))
            kept = pa.array([name is not None for name in classes], pa.bool_())
            yield batch.filter(kept), [name for name in classes if name is not None]


def _check_numbers(source: Source, layout: TableLayout, values: _Values) -> None:
    """SuiteError where more values of a model's column are no numbers than could be overlooked."""
    for spec in layout.specs:
        count = values.non_numeric[spec.name]
        if count > MAX_NON_NUMERIC_SHARE * len(values.y):
            written = f" as in {spec.format}" if spec.format else " with a decimal point"
            raise SuiteError(
                f"{source}, column '{spec.name}': {count:,} of {len(values.y):,} values are no numbers{written}: "
                "write them as the model learned them"
            )


def _anomalies(profiles: dict[str, Column], non_numeric: dict[str, int]) -> list[str]:
    """Notes on infinite numbers, on those beyond float32 and on values that are no numbers."""
    used = {name: profiles[name] for name in non_numeric if name in profiles}
    counts = {
        "infinite numbers": {name: column.infinite for name, column in used.items()},
        "numbers beyond float32 (3.4e38)": {name: column.beyond for name, column in used.items()},
        "values that are no numbers": non_numeric,
    }
    named = {what: [f"{name} ({n:,})" for name, n in found.items() if n] for what, found in counts.items()}
    return [f"{what} taken as missing: {', '.join(names)}" for what, names in named.items() if names]


def _split(values: _Values, layout: TableLayout, options: DataOptions) -> tuple[splits.Rows, np.ndarray | None]:
    """The splits, and the order of rows in time if they are split in time."""
    y, seed, shares = values.y, options.seed, splits.Shares.of(options)
    if values.groups is not None:
        return splits.grouped(y, layout.labels, values.groups, seed, shares), None
    if values.time is None:
        return splits.stratified(y, layout.labels, seed, shares), None
    splits.check_classes(y, layout.labels, shares)
    order = np.argsort(values.time, kind="stable")
    rows = splits.in_time(order, shares)
    for name, split in rows.items():
        if len(split) and layout.labels and len(np.unique(y[split])) < 2:
            raise SuiteError(
                f"split in time by '{layout.time.name if layout.time else ''}', the {name} rows hold only "
                f"'{layout.labels[int(y[split][0])]}': bring data with both classes in every period"
            )
    return rows, order
