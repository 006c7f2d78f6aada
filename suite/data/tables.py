"""Reader of tables with a label of two values: a first pass for the columns' kinds, a second for the values."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from suite.artifact import TensorSpec
from suite.data import columns, formats, splits, table_layout
from suite.data.columns import Column
from suite.data.dataset import Dataset
from suite.data.options import DataOptions
from suite.data.source import check_source, describe
from suite.data.table_layout import TableLayout
from suite.errors import SuiteError, UsageError


@dataclass
class _Values:
    """The values of all labelled rows: inputs, y, time in seconds or as it was, and group numbers.

    `non_numeric` counts, for each input, the values that are no numbers.
    """

    inputs: dict[str, np.ndarray]
    y: np.ndarray
    time: np.ndarray | None
    groups: np.ndarray | None
    non_numeric: dict[str, int]


def read(source: Path, options: DataOptions) -> Dataset:
    """Columns by name, as Dataset describes them; y is 1 where the label is the positive one."""
    source = check_source(source)
    if source.is_dir():
        raise UsageError(f"{source} is a folder: give a CSV, JSON Lines or Parquet file")
    file = formats.TableFile(source, options.reading)
    profiles = columns.profile(file)
    layout = table_layout.detect(source, profiles, options)
    values = _load(file, layout)
    y = values.y
    detected = [*file.notes, *layout.detected, *_anomalies(profiles, values.non_numeric)]
    if len(y) < layout.label.rows:
        detected.append(f"rows without a label left out: {layout.label.rows - len(y):,}")
    if options.has_splits(len(layout.labels)):
        rows, order = _split(values, layout, options.seed)
    else:
        rows, order = splits.undivided(len(y)), None
    described = describe(source, rows, detected, options, layout.label.name)
    return Dataset(
        values.inputs, y, layout.labels, rows, layout.specs, described, detected, ignored=layout.ignored, order=order,
        groups=values.groups,
    )  # fmt: skip


def _load(source: formats.TableFile, layout: TableLayout) -> _Values:
    total = layout.label.known
    inputs = {spec.name: np.empty(total, object if spec.kind == "categorical" else spec.dtype) for spec in layout.specs}
    y = np.empty(total, np.int32)
    time = None if layout.time is None else np.empty(total, np.float64)
    groups = None if layout.group is None else columns.GroupNumbers(total)
    shared: dict[str, str] = {}
    non_numeric = dict.fromkeys(inputs, 0)
    start = 0
    for batch in _labelled_batches(source, layout.label.name):
        rows = slice(start, start + batch.num_rows)
        y[rows] = [layout.labels.index(text) for text in columns.texts(batch.column(layout.label.name)).to_pylist()]
        for spec in layout.specs:
            if spec.name in batch.schema.names:
                target = inputs[spec.name][rows]
                non_numeric[spec.name] += _fill(source.name, spec, batch.column(spec.name), target, shared)
            else:
                inputs[spec.name][rows] = "" if spec.kind == "categorical" else np.nan
        if layout.time and time is not None:
            kind = "date" if layout.time.kind == "date" else "numeric"
            form = table_layout.date_format(layout.time)
            columns.fill(kind, form, batch.column(layout.time.name), time[rows], shared)
        if layout.group and groups is not None:
            has_group = layout.group.name in batch.schema.names
            groups.add(batch.column(layout.group.name) if has_group else None, rows)
        start += batch.num_rows
    return _Values(inputs, y, time, None if groups is None else groups.numbers, non_numeric)


def _fill(source: str, spec: TensorSpec, column: Any, target: np.ndarray, shared: dict[str, str]) -> int:
    try:
        return columns.fill(spec.kind, spec.format, column, target, shared)
    except ValueError as error:
        raise SuiteError(f"{source}, column '{spec.name}', must hold {spec.kind} values: {error}") from error


def _labelled_batches(source: formats.TableFile, label: str) -> Iterator[Any]:
    """The rows that have a label."""
    from pyarrow import compute as pc

    for batch in formats.batches(source):
        if label in batch.schema.names:
            yield batch.filter(pc.is_valid(columns.texts(batch.column(label))))


def _anomalies(profiles: dict[str, Column], non_numeric: dict[str, int]) -> list[str]:
    """Notes on infinite numbers and on values that are no numbers."""
    infinite = [f"{name} ({c.infinite:,})" for name, c in profiles.items() if name in non_numeric and c.infinite]
    no_numbers = [f"{name} ({count:,})" for name, count in non_numeric.items() if count]
    notes = [f"infinite numbers taken as missing: {', '.join(infinite)}"] if infinite else []
    return notes + ([f"values that are no numbers taken as missing: {', '.join(no_numbers)}"] if no_numbers else [])


def _split(values: _Values, layout: TableLayout, seed: int) -> tuple[splits.Rows, np.ndarray | None]:
    """The splits, and the order of rows in time if they are split in time."""
    y = values.y
    if values.groups is not None:
        return splits.grouped(y, layout.labels, values.groups, seed), None
    if values.time is None:
        return splits.stratified(y, layout.labels, seed), None
    splits.check_classes(y, layout.labels)
    order = np.argsort(values.time, kind="stable")
    rows = splits.in_time(order)
    for name, split in rows.items():
        if len(np.unique(y[split])) < 2:
            raise SuiteError(
                f"split in time by '{layout.time.name if layout.time else ''}', the {name} rows hold only "
                f"'{layout.labels[int(y[split][0])]}': bring data with both classes in every period"
            )
    return rows, order
