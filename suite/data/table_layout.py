"""The layout of a table: which columns are the label, the time, the groups and the inputs."""

import math
from dataclasses import dataclass

from suite.artifact import TensorSpec
from suite.data import time_column
from suite.data.column import MAX_DISTINCT, Column
from suite.data.label_column import LabelColumn
from suite.data.options import GROUP, DataOptions
from suite.data.source import Source
from suite.data.tensor_names import tensor_name
from suite.data.time_column import TimeColumn
from suite.errors import SuiteError, UsageError, listed, nearest, shortened, unknown
from suite.preprocessing.mirror import dates, label_names, numbers

LABEL_NAMES = ("class", "label", "target", "fraud", "is_fraud", "isfraud", "y", "default", "creditability", "outcome")
INPUT_KINDS = ("numeric", "boolean", "categorical", "date")
DTYPES = {"numeric": "float32", "boolean": "float32", "categorical": "string", "date": "float64"}

FIRST = {"mdy": "month", "dmy": "day", "ymd": "year"}
DROPPED = {"row index": "row indices", "unlearnable": "columns of types that cannot be learned from"}


@dataclass
class TableLayout:
    """The columns to read, and what was `detected`, a line each; the last of `labels` is the positive one."""

    label: LabelColumn
    labels: list[str]
    time: Column | None
    group: Column | None
    specs: list[TensorSpec]
    ignored: list[str]
    detected: list[str]


def detect(source: Source, profiles: dict[str, Column], options: DataOptions) -> TableLayout:
    """The layout of a table with these column profiles; errors name the option that settles what is unclear."""
    label, reason = _label(source, profiles, options)
    positive = _positive(label, options)
    labels = sorted(label.counts, key=lambda value: value == positive)
    group = _group(profiles, label, options)
    _settle_dates(profiles, options)
    splits_by_group = group is not None and options.split in (None, GROUP)
    time = TimeColumn(None) if splits_by_group else time_column.find(profiles, label.name, options)
    if options.inputs:
        specs, input_notes = _inputs_of_model(source, profiles, options)
    else:
        specs, input_notes = _inputs(source, profiles, label.column, time.column, group)
    detected = [
        f"label column: {label.name} ({reason})",
        _describe_positive(label, labels, positive, options),
        *input_notes,
        *([time.note] if time.note else []),
        _describe_split(group if splits_by_group else None, time, options, labels),
    ]
    used = {spec.name for spec in specs}
    ignored = [name for name in profiles if name not in used]
    return TableLayout(label, labels, time.column, group if splits_by_group else None, specs, ignored, detected)


def _positive(label: LabelColumn, options: DataOptions) -> str:
    if options.positive is None:
        return min(label.counts, key=lambda value: (label.counts[value], value))
    found = label_names.match([options.positive], list(label.counts))
    if not found:
        raise unknown(f"value in the label column '{label.name}'", options.positive, list(label.counts))
    return found[options.positive]


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


def _describe_positive(label: LabelColumn, labels: list[str], positive: str, options: DataOptions) -> str:
    if len(labels) == 1:
        return f"all rows are '{positive}'"
    reason = "as asked" if options.positive else "the rarer value"
    return f"positive: '{positive}' ({label.counts[positive]:,} of {label.known:,} rows; {reason})"


def _describe_split(group: Column | None, time: TimeColumn, options: DataOptions, labels: list[str]) -> str:
    if not options.has_splits(len(labels)):
        return "split: none"
    if options.validation and options.test:
        return "split: all of these rows are for training"
    if group:
        return f"split: random, rows with the same {group.name} kept together"
    if time.column:
        return f"split: in time by {time.column.name}"
    return f"split: random, stratified by label ({time.reason})"


def _inputs(
    source: Source, profiles: dict[str, Column], label: Column, time: Column | None, group: Column | None
) -> tuple[list[TensorSpec], list[str]]:
    """Every column that a network can learn from, and notes on kept and dropped columns."""
    features: list[Column] = []
    dropped: dict[str, list[str]] = {}
    for column in profiles.values():
        if column in (label, time, group) and not (column is time and column.kind == "date"):
            continue
        if column.kind in INPUT_KINDS:
            features.append(column)
        else:
            dropped.setdefault(column.kind, []).append(f"{column.name}{_explain(column)}")
    if not features:
        raise SuiteError(f"{source} has no column to learn from besides '{label.name}': add some that vary")
    notes = []
    for kind in INPUT_KINDS:
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
    if column.kind not in ("identifier", "text") or not column.known / 2 <= count < column.known:
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


def _label(source: Source, profiles: dict[str, Column], options: DataOptions) -> tuple[LabelColumn, str]:
    """The label column, and the reason why it is that one."""
    # A network needs two classes to learn from, but can be evaluated on rows of one.
    min_values = 1 if options.inputs else 2
    wanted = options.label_column_in(profiles)
    if wanted is not None:
        label = _named_label(profiles, wanted, min_values)
        return label, f"{'as asked' if options.label_column else 'as the model knows it'}, {_count_values(label)}"
    all_labels = [LabelColumn.of(column, 2) for column in profiles.values() if not column.native_date]
    few = [label for label in all_labels if 1 <= len(label.counts) <= 2]
    named = [label for name in LABEL_NAMES for label in few if label.name.lower() == name]
    enough = next((label for label in named if len(label.counts) >= min_values), None)
    if enough:
        return enough, f"named like a label, {_count_values(enough)}"
    if named:
        raise SuiteError(
            f"the label column '{named[0].name}' holds only '{next(iter(named[0].counts))}': two classes are needed"
        )
    two = [label for label in few if len(label.counts) == 2]
    if len(two) == 1:
        return two[0], "the only column of two values"
    if not two:
        raise SuiteError(f"{source} has no column of exactly two values: name the label with --label-column")
    raise UsageError(
        f"{source} has several columns that may be the label ({', '.join(label.name for label in two)}): "
        "say which with --label-column"
    )


def _named_label(profiles: dict[str, Column], wanted: str, min_values: int) -> LabelColumn:
    if wanted not in profiles:
        raise unknown("column", wanted, list(profiles))
    label = LabelColumn.of(profiles[wanted], 2)
    if not min_values <= len(label.counts) <= 2:
        some = ", ".join(list(label.counts)[:4]) or "nothing"
        count = "more than 1,000" if len(label.counts) > MAX_DISTINCT else str(len(label.counts))
        raise SuiteError(f"the label column '{wanted}' has {count} values ({some}, ...): it needs exactly two classes")
    return label


def _count_values(label: LabelColumn) -> str:
    return "two values" if len(label.counts) == 2 else "one value"


def _group(profiles: dict[str, Column], label: LabelColumn, options: DataOptions) -> Column | None:
    if options.group_column is None:
        if options.split == GROUP:
            raise UsageError("--split group needs a column of groups: name it with --group-column")
        return None
    if options.group_column not in profiles or options.group_column == label.name:
        raise unknown("column", options.group_column, [name for name in profiles if name != label.name])
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
