"""Reader of labelled texts: a table with a text and a label column, or a folder of .txt files per class."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from suite.artifact import TensorSpec
from suite.data import columns, folders, formats, label_set, splits
from suite.data.column import Column
from suite.data.dataset import Dataset
from suite.data.label_column import LabelColumn
from suite.data.options import GROUP, RANDOM, DataOptions
from suite.data.source import Source, check_source, describe, names_within
from suite.errors import SuiteError, UsageError, unknown

LABEL_NAMES = ("label", "sentiment", "class", "category", "target", "y", "topic")
MAX_CLASSES = 200
# A column whose texts are at least so long, relative to the longest, could be the text column as well.
RIVAL_LENGTH = 0.8
FOLDER_SUFFIXES = (".txt",)
SPEC = TensorSpec("text", "string", (), "text", "text")


def read(source: Source, options: DataOptions) -> Dataset:
    """Texts, object (N,) of str, under the name `text`, and their classes."""
    source = check_source(source)
    if isinstance(source, Path) and source.is_dir():
        return _from_folder(source, options)
    return _from_table(source, options)


def _from_folder(source: Path, options: DataOptions) -> Dataset:
    files = folders.read_class_folders(source, FOLDER_SUFFIXES)
    texts = np.empty(len(files.paths), object)
    texts[:] = [formats.text(formats.TableFile(path, options.reading)) for path in files.paths]
    rows = files.rows(options)
    dataset = _dataset(source, texts, files.y, files.labels, rows, files.detected, options, files=files.paths)
    dataset.files = names_within(source, files.paths)
    return dataset


def _from_table(source: Source, options: DataOptions) -> Dataset:
    file = formats.TableFile(source, options.reading)
    profiles = columns.profile(file)
    asked, asked_text = options.label_column_in(profiles), options.text_column_in(profiles)
    if options.label_column is not None and options.label_column not in profiles:
        raise label_set.no_column(options.label_column, list(profiles))
    for wanted in (options.text_column, options.group_column):
        if wanted is not None and wanted not in profiles:
            raise unknown("column", wanted, list(profiles))
    if asked is not None and asked in (asked_text, options.group_column):
        raise UsageError(f"'{asked}' cannot be the label and something else too: name other columns")
    text = profiles[asked_text] if asked_text else _text_column(source, profiles, asked, options.group_column)
    label = LabelColumn.of(profiles[asked]) if asked else _label_column(source, profiles, text, options.group_column)
    labels = sorted(label.counts)
    if len(labels) > MAX_CLASSES:
        raise SuiteError(
            f"the label column '{label.name}' has more than {MAX_CLASSES} values: name another with --label-column"
        )
    if label.column.numbers == label.column.known and not label.column.whole:
        raise SuiteError(
            f"the label column '{label.name}' holds numbers such as {labels[0]}, which are no classes: name another"
        )
    texts, y, groups = _load(file, text.name, label, labels, _group_to_split_by(options))
    detected = [
        *file.notes,
        f"text column: {text.name}",
        f"label column: {label.name} ({', '.join(labels[:10])}{', ...' if len(labels) > 10 else ''})",
    ]
    detected += label.notes()
    if not options.has_splits(len(labels)):
        rows = splits.undivided(len(y))
    elif groups is None:
        rows = splits.stratified(y, labels, options.seed, splits.Shares.of(options))
    else:
        rows = splits.grouped(y, labels, groups, options.seed, splits.Shares.of(options))
        detected.append(f"split: random, rows with the same {options.group_column} kept together")
    return _dataset(source, texts, y, labels, rows, detected, options, groups, label.name, text_column=text.name)


def _group_to_split_by(options: DataOptions) -> str | None:
    """The column whose values are kept together; UsageError for a split that texts do not allow."""
    if options.split == GROUP and options.group_column is None:
        raise UsageError("--split group needs a column of groups: name it with --group-column")
    if options.split != GROUP:
        splits.check_random(options, "texts")
    return None if options.split == RANDOM else options.group_column


def _text_column(source: Source, profiles: dict[str, Column], label: str | None, group: str | None) -> Column:
    """The column with the longest values that are no numbers, dates or booleans."""
    candidates = [
        c
        for c in profiles.values()
        if c.name not in (label, group) and c.known and c.numbers < c.known and c.kind not in ("date", "boolean")
    ]
    if not candidates:
        raise SuiteError(
            f"{source} has no column of texts (columns: {', '.join(profiles)}): name it with --text-column"
        )
    lengths = {column.name: column.length / column.known for column in candidates}
    best = max(candidates, key=lambda column: lengths[column.name])
    rivals = [
        c
        for c in candidates
        if c is not best
        and lengths[c.name] > RIVAL_LENGTH * lengths[best.name]
        and len(c.distinct) > min(MAX_CLASSES, c.known // 2)
    ]
    if rivals:
        names = ", ".join(column.name for column in [best, *rivals])
        raise UsageError(f"{source} has several columns that may be the text ({names}): say which with --text-column")
    return best


def _label_column(source: Source, profiles: dict[str, Column], text: Column, group: str | None) -> LabelColumn:
    """The only column of few, repeated values; among several, the one named like a label."""
    candidates = [
        label
        for label in map(LabelColumn.of, profiles.values())
        if label.column is not text
        and label.name != group
        and 1 <= len(label.counts) <= min(MAX_CLASSES, max(2, label.known // 2))
        and (label.column.whole or label.column.numbers < label.column.known)
    ]
    named = [label for name in LABEL_NAMES for label in candidates if label.name.lower() == name]
    several = [label for label in candidates if len(label.counts) > 1]
    if named:
        return named[0]
    if len(several) == 1:
        return several[0]
    names = ", ".join(label.name for label in several) or "none"
    raise UsageError(
        f"{source} has no single column that is clearly the label (candidates: {names}): say which with --label-column"
    )


def _load(
    source: formats.TableFile, text: str, label: LabelColumn, labels: list[str], group: str | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Texts, classes, and group numbers if there is a group column."""
    groups = None if group is None else columns.GroupNumbers(label.known)
    texts = np.empty(label.known, object)
    y = np.empty(label.known, np.int32)
    number = {value: index for index, value in enumerate(labels)}
    start = 0
    for batch in formats.batches(source):
        if label.name not in batch.schema.names:
            continue
        first = start
        classes = label.read(batch.column(label.name))
        words = batch.column(text).to_pylist() if text in batch.schema.names else [None] * len(classes)
        for value, words_of_row in zip(classes, words, strict=True):
            if value is not None:
                texts[start] = "" if words_of_row is None else str(words_of_row)
                y[start] = number[value]
                start += 1
        if groups is not None:
            labelled = pa.array([value is not None for value in classes], pa.bool_())
            named = batch.column(group).filter(labelled) if group in batch.schema.names else None
            groups.add(named, slice(first, start))
    return texts, y, None if groups is None else groups.numbers


def _dataset(
    source: Source,
    texts: np.ndarray,
    y: np.ndarray,
    labels: list[str],
    rows: splits.Rows,
    detected: list[str],
    options: DataOptions,
    groups: np.ndarray | None = None,
    label_column: str | None = None,
    files: Sequence[Path] = (),
    text_column: str | None = None,
) -> Dataset:
    described = describe(source, rows, detected, options, label_column, files, text_column)
    return Dataset({"text": texts}, y, labels, rows, [SPEC], described, detected, groups=groups)
