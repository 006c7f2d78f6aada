"""The layout of a table: which columns are the label, the time, the groups and the inputs."""

from dataclasses import dataclass
from pathlib import Path

from suite.artifact import TensorSpec
from suite.data import columns
from suite.data.columns import Column
from suite.data.options import DataOptions
from suite.data.tensor_names import tensor_name
from suite.errors import SuiteError, UsageError, unknown

LABEL_NAMES = ("class", "label", "target", "fraud", "is_fraud", "isfraud", "y", "default", "creditability", "outcome")
TIME_NAMES = ("time", "timestamp", "date", "datetime", "step")
INPUT_KINDS = ("numeric", "boolean", "categorical", "date")
DTYPES = {"numeric": "float32", "boolean": "float32", "categorical": "string", "date": "float64"}


@dataclass
class TableLayout:
    """The columns to read, and what was `detected`, a line each; the last of `labels` is the positive one."""

    label: Column
    labels: list[str]
    time: Column | None
    group: Column | None
    specs: list[TensorSpec]
    ignored: list[str]
    detected: list[str]


def detect(source: Path, profiles: dict[str, Column], options: DataOptions) -> TableLayout:
    """The layout of a table with these column profiles; errors name the option that settles what is unclear."""
    label, reason = _label(source, profiles, options)
    positive = options.positive or min(label.distinct, key=lambda value: (label.distinct[value], value))
    if positive not in label.distinct:
        raise unknown(f"value in the label column '{label.name}'", positive, list(label.distinct))
    labels = sorted(label.distinct, key=lambda value: value == positive)
    group = _group(profiles, label, options)
    time = None if group else _time(profiles, label, options.time_column)
    if options.inputs:
        specs, input_notes = _inputs_of_model(source, profiles, options)
    else:
        specs, input_notes = _inputs(source, profiles, label, time, group)
    detected = [
        f"label column: {label.name} ({reason})",
        _describe_positive(label, labels, positive, options),
        *input_notes,
        _describe_split(group, time, options.has_splits(len(labels))),
    ]
    used = {spec.name for spec in specs}
    return TableLayout(label, labels, time, group, specs, [name for name in profiles if name not in used], detected)


def date_format(column: Column) -> str:
    """The format of a column of dates, as strptime takes it; empty for ISO 8601."""
    return column.date_formats[0] if column.date_formats else ""


def _describe_positive(label: Column, labels: list[str], positive: str, options: DataOptions) -> str:
    if len(labels) == 1:
        return f"all rows are '{positive}'"
    reason = "as asked" if options.positive else "the rarer value"
    return f"positive: '{positive}' ({label.distinct[positive]:,} of {label.known:,} rows; {reason})"


def _describe_split(group: Column | None, time: Column | None, has_splits: bool) -> str:
    if not has_splits:
        return "split: none"
    if group:
        return f"split: random, rows with the same {group.name} kept together"
    return f"split: in time by {time.name}" if time else "split: random, stratified by label (no time column)"


def _inputs(
    source: Path, profiles: dict[str, Column], label: Column, time: Column | None, group: Column | None
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
            dropped.setdefault(column.kind, []).append(column.name)
    if not features:
        raise SuiteError(f"{source} has no column to learn from besides '{label.name}': add some that vary")
    notes = []
    for kind in INPUT_KINDS:
        names = [column.name for column in features if column.kind == kind]
        if names:
            notes.append(f"{kind} columns: {', '.join(names)}")
    notes += [f"{kind} columns dropped: {', '.join(names)}" for kind, names in dropped.items()]
    return _specs(features), notes


def _inputs_of_model(
    source: Path, profiles: dict[str, Column], options: DataOptions
) -> tuple[list[TensorSpec], list[str]]:
    """The inputs of the model to evaluate, even if these rows alone would suggest other kinds of columns."""
    absent = [spec.name for spec in options.inputs if spec.name not in profiles]
    if len(absent) == len(options.inputs):
        raise SuiteError(
            f"{source} has none of the model's columns, such as {', '.join(absent[:3])}: measure it on data like "
            "its training data"
        )
    return list(options.inputs), [f"columns absent, taken as missing: {', '.join(absent)}"] if absent else []


def _label(source: Path, profiles: dict[str, Column], options: DataOptions) -> tuple[Column, str]:
    """The label column, and the reason why it is that one."""
    # A network needs two classes to learn from, but can be evaluated on rows of one.
    min_values = 1 if options.inputs else 2
    wanted = options.label_column_in(profiles)
    if wanted is not None:
        column = _named_label(profiles, wanted, min_values)
        return column, f"{'as asked' if options.label_column else 'as the model knows it'}, {_count_values(column)}"
    few = [column for column in profiles.values() if 1 <= len(column.distinct) <= 2 and not column.native_date]
    named = [column for name in LABEL_NAMES for column in few if column.name.lower() == name]
    enough = next((column for column in named if len(column.distinct) >= min_values), None)
    if enough:
        return enough, f"named like a label, {_count_values(enough)}"
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


def _named_label(profiles: dict[str, Column], wanted: str, min_values: int) -> Column:
    if wanted not in profiles:
        raise unknown("column", wanted, list(profiles))
    column = profiles[wanted]
    if not min_values <= len(column.distinct) <= 2:
        some = ", ".join(list(column.distinct)[:4]) or "nothing"
        count = "more than 1,000" if len(column.distinct) > columns.MAX_DISTINCT else str(len(column.distinct))
        raise SuiteError(f"the label column '{wanted}' has {count} values ({some}, ...): it needs exactly two classes")
    return column


def _count_values(column: Column) -> str:
    return "two values" if len(column.distinct) == 2 else "one value"


def _group(profiles: dict[str, Column], label: Column, options: DataOptions) -> Column | None:
    if options.group_column is None:
        return None
    if options.group_column not in profiles or options.group_column == label.name:
        raise unknown("column", options.group_column, [name for name in profiles if name != label.name])
    if options.time_column is not None:
        raise UsageError("rows are split by --group-column or by --time-column: leave one of them out")
    return profiles[options.group_column]


def _time(profiles: dict[str, Column], label: Column, wanted: str | None) -> Column | None:
    if wanted is not None:
        if wanted not in profiles:
            raise unknown("column", wanted, list(profiles))
        if not _can_order(profiles[wanted]):
            raise SuiteError(f"the time column '{wanted}' holds neither dates nor numbers: name another, or none")
        return profiles[wanted]
    others = [column for column in profiles.values() if column is not label]
    candidates = [column for column in others if not column.missing and _can_order(column)]
    named = [column for column in candidates if column.name.lower() in TIME_NAMES]
    dates = [column for column in candidates if column.kind == "date"]
    return next(iter([*named, *dates]), None)


def _can_order(column: Column) -> bool:
    return column.kind == "date" or column.numbers == column.known > 0


def _specs(features: list[Column]) -> list[TensorSpec]:
    """A spec for each column, with a tensor name that TensorFlow accepts."""
    specs: list[TensorSpec] = []
    taken: set[str] = set()
    for column in features:
        tensor = tensor_name(column.name, taken)
        form = date_format(column) if column.kind == "date" else ""
        specs.append(TensorSpec(column.name, DTYPES[column.kind], (), tensor, column.kind, form))
    return specs
