"""Read a table with a label of two values: what each column is, which rows are for what, then the values, once."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from suite.artifact import TensorSpec
from suite.data import columns, formats, splits
from suite.data.columns import Column
from suite.data.dataset import Dataset
from suite.data.options import DataOptions
from suite.data.source import describe, existing
from suite.errors import SuiteError, UsageError, unknown

LABEL_NAMES = ("class", "label", "target", "fraud", "is_fraud", "isfraud", "y", "default", "creditability", "outcome")
TIME_NAMES = ("time", "timestamp", "date", "datetime", "step")
FEATURES = ("numeric", "boolean", "categorical", "date")
DTYPES = {"numeric": "float32", "boolean": "float32", "categorical": "string", "date": "float64"}


@dataclass
class Plan:
    """What is to be read: the label, what it looks for, the column of time if any, and the inputs."""

    label: Column
    labels: list[str]
    time: Column | None
    group: Column | None
    specs: list[TensorSpec]
    ignored: list[str]
    detected: list[str]


def read(source: Path, options: DataOptions) -> Dataset:
    """Columns by name as Dataset says, y = 1 where the label is the positive one."""
    source = existing(source)
    if source.is_dir():
        raise UsageError(f"{source} is a folder: give a CSV, JSON Lines or Parquet file")
    found = profile(source)
    plan = _plan(source, found, options)
    inputs, y, time, groups, slips = _load(source, plan)
    detected = [*plan.detected, *_oddities(found, slips)]
    if len(y) < plan.label.rows:
        detected.append(f"rows without a label left out: {plan.label.rows - len(y):,}")
    divided = options.divides(len(plan.labels))
    rows, order = _rows(y, plan, time, groups, options.seed) if divided else (splits.undivided(len(y)), None)
    described = describe(source, rows, detected, options, plan.label.name)
    return Dataset(inputs, y, plan.labels, rows, plan.specs, described, detected, [], plan.ignored, order, groups)


def profile(source: Path) -> dict[str, Column]:
    """Every column's profile, in one pass over the file."""
    found: dict[str, Column] = {}
    rows = 0
    for batch in formats.batches(source):
        for name in batch.schema.names:
            if name not in found:
                found[name] = Column(name, rows=rows, missing=rows)
            found[name].add(batch.column(name))
        rows += batch.num_rows
        for column in found.values():
            column.missing += rows - column.rows
            column.rows = rows
    if not rows:
        raise SuiteError(f"{source} has a header and no rows: add rows")
    return found


def _plan(source: Path, found: dict[str, Column], options: DataOptions) -> Plan:
    label, why = _label(source, found, options)
    positive = options.positive or min(label.distinct, key=lambda value: (label.distinct[value], value))
    if positive not in label.distinct:
        raise unknown(f"value in the label column '{label.name}'", positive, list(label.distinct))
    labels = sorted(label.distinct, key=lambda value: value == positive)
    detected = [
        f"label column: {label.name} ({why})",
        f"positive: '{positive}' ({label.distinct[positive]:,} of {label.known:,} rows; "
        f"{'as asked' if options.positive else 'the rarer value'})"
        if len(labels) == 2
        else f"all rows are '{positive}'",
    ]
    group = _group(found, label, options)
    time = None if group else _time(found, label, options.time_column)
    specs, told = (
        _inputs_of_model(source, found, options) if options.inputs else _inputs(source, found, label, time, group)
    )
    detected += told
    if not options.divides(len(labels)):
        detected.append("split: none")
    elif group:
        detected.append(f"split: random, rows with the same {group.name} kept together")
    else:
        detected.append(
            f"split: in time by {time.name}" if time else "split: random, stratified by label (no time column)"
        )
    used = {spec.name for spec in specs}
    return Plan(label, labels, time, group, specs, [name for name in found if name not in used], detected)


def _inputs(
    source: Path, found: dict[str, Column], label: Column, time: Column | None, group: Column | None
) -> tuple[list[TensorSpec], list[str]]:
    """Every column that can be learned from, and what to tell of each."""
    features: list[Column] = []
    dropped: dict[str, list[str]] = {}
    for column in found.values():
        if column in (label, time, group) and not (column is time and column.kind == "date"):
            continue
        if column.kind in FEATURES:
            features.append(column)
        else:
            dropped.setdefault(column.kind, []).append(column.name)
    if not features:
        raise SuiteError(f"{source} has no column to learn from beside '{label.name}': add some that vary")
    told = []
    for kind in FEATURES:
        names = [column.name for column in features if column.kind == kind]
        if names:
            told.append(f"{kind} columns: {', '.join(names)}")
    told += [f"{kind} columns dropped: {', '.join(names)}" for kind, names in dropped.items()]
    return _specs(features), told


def _inputs_of_model(
    source: Path, found: dict[str, Column], options: DataOptions
) -> tuple[list[TensorSpec], list[str]]:
    """The inputs of the model that is measured, whatever these rows alone would make of their columns."""
    lacking = [spec.name for spec in options.inputs if spec.name not in found]
    if len(lacking) == len(options.inputs):
        raise SuiteError(
            f"{source} has none of the model's columns, such as {', '.join(lacking[:3])}: measure it on data like that "
            "it was made from"
        )
    return list(options.inputs), [f"columns not there, taken as missing: {', '.join(lacking)}"] if lacking else []


def _label(source: Path, found: dict[str, Column], options: DataOptions) -> tuple[Column, str]:
    # To learn from there have to be two classes; a model can be measured on rows of one.
    fewest = 1 if options.inputs else 2
    wanted = options.label_among(found)
    if wanted is not None:
        column = _wanted_label(found, wanted, fewest)
        return column, f"{'as asked' if options.label_column else 'as the model knows it'}, {_count(column)}"
    few = [column for column in found.values() if 1 <= len(column.distinct) <= 2 and not column.native_date]
    named = [column for name in LABEL_NAMES for column in few if column.name.lower() == name]
    enough = next((column for column in named if len(column.distinct) >= fewest), None)
    if enough:
        return enough, f"named like a label, {_count(enough)}"
    if named:
        raise SuiteError(
            f"the label column '{named[0].name}' holds only '{next(iter(named[0].distinct))}': two classes are needed"
        )
    two = [column for column in few if len(column.distinct) == 2]
    if len(two) == 1:
        return two[0], "the only column of two values"
    if not two:
        raise SuiteError(f"{source} has no column of exactly two values: name the label with --label-column")
    raise UsageError(
        f"{source} has several columns that may be the label ({', '.join(column.name for column in two)}): "
        "say which with --label-column"
    )


def _wanted_label(found: dict[str, Column], wanted: str, fewest: int) -> Column:
    if wanted not in found:
        raise unknown("column", wanted, list(found))
    column = found[wanted]
    if not fewest <= len(column.distinct) <= 2:
        some = ", ".join(list(column.distinct)[:4]) or "nothing"
        count = "more than 1,000" if len(column.distinct) > columns.DISTINCT else str(len(column.distinct))
        raise SuiteError(f"the label column '{wanted}' has {count} values ({some}, ...): it needs exactly two classes")
    return column


def _count(column: Column) -> str:
    return "two values" if len(column.distinct) == 2 else "one value"


def _group(found: dict[str, Column], label: Column, options: DataOptions) -> Column | None:
    if options.group_column is None:
        return None
    if options.group_column not in found or options.group_column == label.name:
        raise unknown("column", options.group_column, [name for name in found if name != label.name])
    if options.time_column is not None:
        raise UsageError("rows are split by --group-column or by --time-column: leave one of them out")
    return found[options.group_column]


def _time(found: dict[str, Column], label: Column, wanted: str | None) -> Column | None:
    if wanted is not None:
        if wanted not in found:
            raise unknown("column", wanted, list(found))
        if not _orders(found[wanted]):
            raise SuiteError(f"the time column '{wanted}' holds neither dates nor numbers: name another, or none")
        return found[wanted]
    candidates = [column for column in found.values() if column is not label and not column.missing and _orders(column)]
    named = [column for column in candidates if column.name.lower() in TIME_NAMES]
    dates = [column for column in candidates if column.kind == "date"]
    return next(iter([*named, *dates]), None)


def _orders(column: Column) -> bool:
    return column.kind == "date" or column.numbers == column.known > 0


def _load(
    source: Path, plan: Plan
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray | None, np.ndarray | None, dict[str, int]]:
    """The features, y, the time in seconds or as it was, the groups, and each column's count of values not numbers."""
    total = plan.label.known
    inputs = {spec.name: np.empty(total, object if spec.kind == "categorical" else spec.dtype) for spec in plan.specs}
    y = np.empty(total, np.int32)
    time = None if plan.time is None else np.empty(total, np.float64)
    groups = None if plan.group is None else columns.Groups(total)
    shared: dict[str, str] = {}
    slips = dict.fromkeys(inputs, 0)
    start = 0
    for batch in _labelled(source, plan.label.name):
        rows = slice(start, start + batch.num_rows)
        y[rows] = [plan.labels.index(text) for text in columns.texts(batch.column(plan.label.name)).to_pylist()]
        for spec in plan.specs:
            if spec.name in batch.schema.names:
                target = inputs[spec.name][rows]
                slips[spec.name] += _fill(source, spec, batch.column(spec.name), target, shared)
            else:
                inputs[spec.name][rows] = "" if spec.kind == "categorical" else np.nan
        if plan.time and time is not None:
            kind = "date" if plan.time.kind == "date" else "numeric"
            columns.fill(kind, _format(plan.time), batch.column(plan.time.name), time[rows], shared)
        if plan.group and groups is not None:
            groups.add(batch.column(plan.group.name) if plan.group.name in batch.schema.names else None, rows)
        start += batch.num_rows
    return inputs, y, time, None if groups is None else groups.numbers, slips


def _fill(source: Path, spec: TensorSpec, column: Any, target: np.ndarray, shared: dict[str, str]) -> int:
    try:
        return columns.fill(spec.kind, spec.format, column, target, shared)
    except ValueError as error:
        raise SuiteError(f"{source}, column '{spec.name}', is to hold {spec.kind} values: {error}") from error


def _labelled(source: Path, label: str) -> Iterator[Any]:
    from pyarrow import compute as pc

    for batch in formats.batches(source):
        if label in batch.schema.names:
            yield batch.filter(pc.is_valid(columns.texts(batch.column(label))))


def _format(column: Column) -> str:
    return column.date_formats[0] if column.date_formats else ""


def _oddities(columns_found: dict[str, Column], slips: dict[str, int]) -> list[str]:
    infinite = [f"{name} ({c.infinite:,})" for name, c in columns_found.items() if name in slips and c.infinite]
    strange = [f"{name} ({count:,})" for name, count in slips.items() if count]
    found = [f"infinite numbers taken as missing: {', '.join(infinite)}"] if infinite else []
    return found + ([f"values that are no numbers taken as missing: {', '.join(strange)}"] if strange else [])


def _rows(
    y: np.ndarray, plan: Plan, time: np.ndarray | None, groups: np.ndarray | None, seed: int
) -> tuple[splits.Rows, np.ndarray | None]:
    """The splits, and the rows in the order of time where that is what splits them."""
    if groups is not None:
        return splits.grouped(y, plan.labels, groups, seed), None
    if time is None:
        return splits.stratified(y, plan.labels, seed), None
    splits.check_classes(y, plan.labels)
    order = np.argsort(time, kind="stable")
    rows = splits.in_time(order)
    for name, split in rows.items():
        if len(np.unique(y[split])) < 2:
            raise SuiteError(
                f"split in time by '{plan.time.name if plan.time else ''}', the {name} rows hold only "
                f"'{plan.labels[int(y[split][0])]}': bring data with both classes in every period"
            )
    return rows, order


def _specs(features: list[Column]) -> list[TensorSpec]:
    specs: list[TensorSpec] = []
    taken: set[str] = set()
    for column in features:
        alias = re.sub(r"[^a-z0-9]+", "_", column.name.lower()).strip("_")
        alias = alias if alias[:1].isalpha() else f"column_{alias}".rstrip("_")
        while alias in taken:
            alias += "_"
        taken.add(alias)
        specs.append(
            TensorSpec(
                column.name,
                DTYPES[column.kind],
                (),
                alias,
                column.kind,
                _format(column) if column.kind == "date" else "",
            )
        )
    return specs
