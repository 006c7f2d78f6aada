"""The label of a table: two classes of which one is rare, several classes, a number, or several labels at once."""

from collections.abc import Callable
from dataclasses import dataclass

from suite.data import label_set
from suite.data.column import MAX_CATEGORIES, MAX_DISTINCT, MAX_NON_NUMERIC_SHARE, Column
from suite.data.label_column import LabelColumn, NumberColumn
from suite.data.label_set import LabelSet
from suite.data.options import CLASSIFICATION, MULTI_LABEL, REGRESSION, DataOptions
from suite.data.source import Source
from suite.errors import SuiteError, UsageError, listed, unknown
from suite.notation import join_names, split_names
from suite.preprocessing.mirror import label_names

LABEL_NAMES = ("class", "label", "target", "fraud", "is_fraud", "isfraud", "y", "default", "creditability", "outcome")
ANY = "use 'suite fit table', which takes any number of classes"
SHOWN = 10
Label = LabelColumn | NumberColumn | LabelSet


@dataclass(frozen=True)
class TableLabel:
    """The label, its classes or names in order (none where it is a number), and what was `detected`, a line each."""

    column: Label
    labels: list[str]
    detected: list[str]

    @property
    def classes(self) -> int:
        """The number of classes that matter to a split; a number to predict and several labels count as several."""
        return len(self.labels) if isinstance(self.column, LabelColumn) else 2


FindLabel = Callable[[Source, dict[str, Column], DataOptions], TableLabel]


def rare_class(source: Source, profiles: dict[str, Column], options: DataOptions) -> TableLabel:
    """A label of two classes, the positive one last: the one asked for, else the rarer one."""
    label, reason = _of_two(source, profiles, options)
    positive = _positive(label, options)
    labels = sorted(label.counts, key=lambda value: value == positive)
    return TableLabel(
        label, labels, [f"label column: {label.name} ({reason})", _describe_positive(label, labels, positive, options)]
    )


def _positive(label: LabelColumn, options: DataOptions) -> str:
    if options.positive is None:
        return min(label.counts, key=lambda value: (label.counts[value], value))
    found = label_names.match([options.positive], list(label.counts))
    if not found:
        raise unknown(f"value in the label column '{label.name}'", options.positive, list(label.counts))
    return found[options.positive]


def _describe_positive(label: LabelColumn, labels: list[str], positive: str, options: DataOptions) -> str:
    if len(labels) == 1:
        return f"all rows are '{positive}'"
    reason = "as asked" if options.positive else "the rarer value"
    return f"positive: '{positive}' ({label.counts[positive]:,} of {label.known:,} rows; {reason})"


def _of_two(source: Source, profiles: dict[str, Column], options: DataOptions) -> tuple[LabelColumn, str]:
    """The label column of two values, and the reason why it is that one."""
    # A network needs two classes to learn from, but can be evaluated on rows of one.
    min_values = 1 if options.inputs else 2
    wanted = options.label_column_in(profiles)
    if wanted is not None:
        label = _named(profiles, wanted, min_values)
        return label, f"{_as_asked(options)}, {_count_values(label)}"
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
        raise SuiteError(
            f"{source} has no column of exactly two values: name the label with --label-column, or {ANY} or a number"
        )
    raise UsageError(
        f"{source} has several columns that may be the label ({', '.join(label.name for label in two)}): "
        "say which with --label-column"
    )


def _named(profiles: dict[str, Column], wanted: str, min_values: int) -> LabelColumn:
    if wanted not in profiles:
        raise label_set.no_column(wanted, list(profiles))
    label = LabelColumn.of(profiles[wanted], 2)
    if not min_values <= len(label.counts) <= 2:
        more = f": {ANY} or a number" if len(label.counts) > 2 else ""
        raise SuiteError(
            f"the label column '{wanted}' has {label.described_values}: it needs exactly two classes{more}"
        )
    return label


def _count_values(label: LabelColumn) -> str:
    return "two values" if len(label.counts) == 2 else "one value"


def _as_asked(options: DataOptions, several: bool = False) -> str:
    return "as asked" if options.label_column else "as the model knows them" if several else "as the model knows it"


def any_label(source: Source, profiles: dict[str, Column], options: DataOptions) -> TableLabel:
    """A label of up to 1,000 classes, a number, or several label columns: by their values, or as `task` says."""
    several = _several(source, profiles, options)
    if several is not None:
        found = label_set.find(profiles, several)
        return TableLabel(found, several, found.describe(_as_asked(options, several=True)))
    column, reason = _any_column(source, profiles, options)
    task, why = _task(column, options)
    if task == REGRESSION:
        return _number(column, reason, why)
    label = LabelColumn.of(column)
    if len(label.counts) > MAX_DISTINCT:
        raise SuiteError(
            f"the label column '{column.name}' has more than {MAX_DISTINCT:,} classes: join rare ones, or name another "
            "with --label-column"
        )
    labels = sorted(label.counts, key=_in_order)
    shown = ", ".join(labels[:SHOWN]) + (", ..." if len(labels) > SHOWN else "")
    count = f"{len(labels):,} class{'es' if len(labels) != 1 else ''}"
    return TableLabel(label, labels, [f"label column: {column.name} ({reason}), {count}{why}: {shown}"])


def _several(source: Source, profiles: dict[str, Column], options: DataOptions) -> list[str] | None:
    """The names of several label columns, in the model's order if there is one; None for a label of one column."""
    known = split_names(options.known_label or "") if options.known_task == MULTI_LABEL else []
    asked = options.label_column
    # A column that is named so is one, whatever commas there are in its name.
    is_one = not known and options.task != MULTI_LABEL and (asked is None or asked in profiles)
    names = [] if is_one else split_names(asked) if asked else known
    if known:
        _check_known(source, profiles, names, known)
        return known
    _check_count(len(names), options)
    return names if len(names) > 1 else None


def _check_known(source: Source, profiles: dict[str, Column], names: list[str], known: list[str]) -> None:
    """UsageError unless the names are those of the model's labels, and there are columns of these names."""
    if set(names) != set(known):
        raise UsageError(f"--label-column names {join_names(names)}, and the model's labels are {join_names(known)}")
    absent = [name for name in names if name not in profiles]
    if absent:
        raise UsageError(f"{source} has no column {listed(absent)}, which the model has as a label: add it")


def _check_count(names: int, options: DataOptions) -> None:
    """UsageError where so many label columns do not go with the task."""
    if options.task == MULTI_LABEL and names < 2:
        raise UsageError(f"--task {MULTI_LABEL} takes several label columns: name them, as in --label-column a,b,c")
    if options.task not in (None, MULTI_LABEL) and names > 1:
        raise UsageError(
            f"--task {options.task} takes one label column, and --label-column names {names:,}: leave --task out, or "
            "name one column"
        )
    if options.known_task not in (None, MULTI_LABEL) and names > 1:
        raise UsageError(f"--label-column names {names:,} columns, and the model has one label: name its column")


def _any_column(source: Source, profiles: dict[str, Column], options: DataOptions) -> tuple[Column, str]:
    """The label column, and the reason why it is that one."""
    wanted = options.label_column_in(profiles)
    if wanted is not None:
        if wanted not in profiles:
            raise unknown("column", wanted, list(profiles))
        return profiles[wanted], _as_asked(options)
    if options.known_label is not None:
        raise UsageError(
            f"{source} has no column '{options.known_label}', which is the model's label: name it with --label-column"
        )
    names = {name.lower() for name in profiles}
    # Beside x and z, y is a place and no label.
    usual = [name for name in LABEL_NAMES if name != "y" or not {"x", "z"} <= names]
    named = [column for name in usual for column in profiles.values() if column.name.lower() == name]
    if named:
        return named[0], "named like a label"
    raise UsageError(
        f"{source} has no column named like a label: say which with --label-column ({listed([*profiles])})"
    )


def _task(column: Column, options: DataOptions) -> tuple[str, str]:
    """Whether a column is a number to predict or a class, and words on why where it may be either."""
    asked = options.task or options.known_task
    if asked:
        return asked, ", as asked" if options.task else ""
    if not column.is_number or column.native_date:
        return CLASSIFICATION, ""
    few = len(column.distinct) <= MAX_CATEGORIES
    if column.whole and few:
        told = f", since there are at most {MAX_CATEGORIES} whole numbers (--task {REGRESSION} predicts a number)"
        return CLASSIFICATION, told if len(column.distinct) > 2 else ""
    if not few and column.whole:
        return REGRESSION, f"; --task {CLASSIFICATION} takes each number as a class"
    return (CLASSIFICATION, "") if len(column.distinct) <= 2 else (REGRESSION, "")


def _number(column: Column, reason: str, why: str) -> TableLabel:
    """The label as a number; SuiteError where its values are none, or infinite."""
    number = NumberColumn(column)
    strange = column.known - number.known
    if strange > MAX_NON_NUMERIC_SHARE * column.known or not number.known:
        example = next((text for text in column.distinct if not number.is_read(text)), "")
        raise SuiteError(
            f"the label column '{column.name}' has {strange:,} of {column.known:,} values that are no numbers"
            f"{f', such as {example[:30]!r}' if example else ''}: correct them, or use --task {CLASSIFICATION}"
        )
    if column.infinite or column.beyond:
        raise SuiteError(
            f"the label column '{column.name}' has {column.infinite + column.beyond:,} of {column.known:,} values that "
            "are infinite or beyond 3.4e38, which cannot be learned: correct them, or leave their rows out"
        )
    return TableLabel(
        number, [], [f"label column: {column.name} ({reason}), a number from {column.low:g} to {column.high:g}{why}"]
    )


def _in_order(label: str) -> tuple[int, float, str]:
    """Whole numbers by their size, then other labels by the alphabet."""
    return (0, float(label), label) if label_names.WHOLE.fullmatch(label) else (1, 0.0, label)
