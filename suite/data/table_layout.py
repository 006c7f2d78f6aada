"""The layout of a table: which columns are the label, the time, the groups and the inputs."""

import math
from dataclasses import dataclass

from suite.artifact import TensorSpec
from suite.data import time_column
from suite.data.column import Column
from suite.data.label_column import LabelColumn, NumberColumn
from suite.data.options import GROUP, DataOptions
from suite.data.source import Source
from suite.data.table_label import FindLabel, TableLabel
from suite.data.tensor_names import tensor_name
from suite.data.time_column import TimeColumn
from suite.errors import SuiteError, UsageError, listed, nearest, shortened, unknown
from suite.preprocessing.mirror import dates, numbers

DTYPES = {"numeric": "float32", "boolean": "float32", "categorical": "string", "date": "float64", "text": "string"}

FIRST = {"mdy": "month", "dmy": "day", "ymd": "year"}
DROPPED = {"row index": "row indices", "unlearnable": "columns of types that cannot be learned from"}


@dataclass
class TableLayout:
    """The columns to read, and what was `detected`, a line each; see TableLabel for `label` and `labels`."""

    label: LabelColumn | NumberColumn
    labels: list[str]
    classes: int
    time: Column | None
    group: Column | None
    specs: list[TensorSpec]
    ignored: list[str]
    detected: list[str]


def detect(source: Source, profiles: dict[str, Column], options: DataOptions, find_label: FindLabel) -> TableLayout:
    """The layout of a table with these column profiles; errors name the option that settles what is unclear."""
    found = find_label(source, profiles, options)
    label, labels = found.column, found.labels
    group = _group(profiles, label.name, options)
    _settle_dates(profiles, options)
    splits_by_group = group is not None and options.split in (None, GROUP)
    time = TimeColumn(None) if splits_by_group else time_column.find(profiles, label.name, options)
    if options.inputs:
        specs, input_notes = _inputs_of_model(source, profiles, options)
    else:
        specs, input_notes = _inputs(source, profiles, label.column, time.column, group)
    detected = [
        *found.detected,
        *input_notes,
        *([time.note] if time.note else []),
        _describe_split(group if splits_by_group else None, time, options, found),
    ]
    used = {spec.name for spec in specs}
    ignored = [name for name in profiles if name not in used]
    return TableLayout(
        label, labels, found.classes, time.column, group if splits_by_group else None, specs, ignored, detected
    )


def _settle_dates(profiles: dict[str, Column], options: DataOptions) -> None:
    """Take the order of day and month that the model knows, or the one asked for; UsageError where it cannot be."""
    for spec in options.inputs:
        if spec.kind == "date" and spec.format and spec.name in profiles:
            profiles[spec.name].date_order = dates.order(spec.format)
    if options.date_order is None:
        return
    known = [column for column in profiles.values() if column.date_orders]
    if known and not options.inputs and not any(options.date_order in column.date_orders for column in known):
        raise UsageError(
            f"the dates of '{known[0].name}' are as in {known[0].form}: leave --date-order {options.date_order} out"
        )
    for column in known:
        column.date_order = options.date_order


def _describe_split(group: Column | None, time: TimeColumn, options: DataOptions, label: TableLabel) -> str:
    if not options.has_splits(label.classes):
        return "split: none"
    if options.validation and options.test:
        return "split: all of these rows are for training"
    if group:
        return f"split: random, rows with the same {group.name} kept together"
    if time.column:
        return f"split: in time by {time.column.name}"
    return f"split: random{', stratified by label' if label.labels else ''} ({time.reason})"


def _inputs(
    source: Source, profiles: dict[str, Column], label: Column, time: Column | None, group: Column | None
) -> tuple[list[TensorSpec], list[str]]:
    """Every column that a network can learn from, and notes on kept and dropped columns."""
    features: list[Column] = []
    dropped: dict[str, list[str]] = {}
    for column in profiles.values():
        if column in (label, time, group) and not (column is time and column.kind == "date"):
            continue
        if column.kind in DTYPES:
            features.append(column)
        else:
            dropped.setdefault(column.kind, []).append(f"{column.name}{_explain(column)}")
    if not features:
        raise SuiteError(f"{source} has no column to learn from besides '{label.name}': add some that vary")
    notes = []
    for kind in DTYPES:
        names = [column.name for column in features if column.kind == kind]
        if names:
            notes.append(f"{kind} columns: {', '.join(names)}")
    notes += _describe_forms(features)
    for kind, names in dropped.items():
        notes.append(f"{DROPPED.get(kind, f'{kind} columns')} dropped: {', '.join(names)}")
    return _specs(features), notes


def _explain(column: Column) -> str:
    """What is remarkable about a dropped column: its type, or that most of its values are numbers."""
    if column.unlearnable:
        return f" ({column.unlearnable})"
    form, count = column.number_forms.best(column.prefers_comma)
    if column.kind != "identifier" or not column.known / 2 <= count < column.known:
        return ""
    other = next((text for text in column.distinct if math.isnan(numbers.read(text, form))), "")
    return f" ({column.known - count:,} of {column.known:,} values are no numbers, such as '{other[:30]}')"


def _describe_forms(features: list[Column]) -> list[str]:
    """How numbers and dates are written that can be written in several ways."""
    by_form: dict[str, list[str]] = {}
    for column in features:
        if column.form:
            by_form.setdefault(f"{'numbers' if column.kind == 'numeric' else 'dates'} as in {column.form}", []).append(
                column.name
            )
    notes = [f"{form}: {', '.join(names)}" for form, names in by_form.items()]
    unclear: dict[str, list[str]] = {}
    for column in features:
        orders, order = column.date_orders, dates.order(column.form)
        if len(orders) > 1:
            parts = "day, month and year" if "ymd" in orders else "day and month"
            others = " or ".join(other for other in orders if other != order)
            unclear.setdefault(
                f"{parts} cannot be told apart, the {FIRST[order]} is taken first (else: --date-order {others})", []
            ).append(column.name)
    return [*notes, *(f"{told}: {', '.join(names)}" for told, names in unclear.items())]


def _inputs_of_model(
    source: Source, profiles: dict[str, Column], options: DataOptions
) -> tuple[list[TensorSpec], list[str]]:
    """The inputs of the model to evaluate, even if these rows alone would suggest other kinds of columns."""
    absent = [spec.name for spec in options.inputs if spec.name not in profiles]
    if len(absent) == len(options.inputs):
        raise SuiteError(
            f"{source} has none of the model's columns, such as {', '.join(absent[:3])}: measure it on data like "
            "its training data"
        )
    if absent and not options.allow_missing:
        near = nearest(absent[0], [name for name in profiles if name not in {spec.name for spec in options.inputs}])
        raise UsageError(
            f"{source} has no column {listed(absent)}{f' (is it {shortened(near)!r}?)' if near else ''}, which the "
            "model uses: add it (suite evaluate takes it as missing with --allow-missing)"
        )
    return list(options.inputs), [f"columns absent, taken as missing: {', '.join(absent)}"] if absent else []


def _group(profiles: dict[str, Column], label: str, options: DataOptions) -> Column | None:
    if options.group_column is None:
        if options.split == GROUP:
            raise UsageError("--split group needs a column of groups: name it with --group-column")
        return None
    if options.group_column not in profiles or options.group_column == label:
        raise unknown("column", options.group_column, [name for name in profiles if name != label])
    if options.time_column is not None and options.split is None:
        raise UsageError(
            "rows are split by --group-column or by --time-column: leave one of them out, or say which with --split"
        )
    return profiles[options.group_column]


def _specs(features: list[Column]) -> list[TensorSpec]:
    """A spec for each column, with a tensor name that TensorFlow accepts."""
    specs: list[TensorSpec] = []
    taken: set[str] = set()
    for column in features:
        tensor = tensor_name(column.name, taken)
        specs.append(TensorSpec(column.name, DTYPES[column.kind], (), tensor, column.kind, column.form))
    return specs
