"""Whatever a table is like, all readers take the same values from it, or say in one line what is wrong."""

import csv
import io
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from generated_tables import Recipe, recipes
from hypothesis import HealthCheck, given, settings

from serving import codecs, signature
from serving.codecs import csv as csv_body
from serving.codecs.base import Limits
from serving.codecs.payload import Payload
from serving.deadline import NO_DEADLINE
from serving.errors import ServiceError
from suite.artifact import Card
from suite.data import formats, stream, tables, texts
from suite.data.dataset import Dataset
from suite.data.options import DataOptions
from suite.errors import SuiteError
from suite.preprocessing import adapt, mirror

# More are tried by hand: 2,000 take some minutes.
FILES = int(os.environ.get("SUITE_TEST_FILES", "40"))


def check_error(error: Exception) -> None:
    """An error is one line that says a way out."""
    text = str(error)
    assert "\n" not in text
    assert len(text) < 2_000
    assert re.search(r"[:;] \w|--", text), f"no way out: {text}"


def learn(path: Path) -> Dataset | None:
    try:
        return tables.read(path, DataOptions())
    except SuiteError as error:
        check_error(error)
        return None


def learn_texts(path: Path) -> None:
    """The same as texts: an error, or as many texts as labels."""
    try:
        found = texts.read(path, DataOptions())
    except SuiteError as error:
        check_error(error)
        return
    assert len(found.inputs["text"]) == len(found.y)
    answered = list(stream.texts(str(path), found.source["text_column"], 16))
    assert sum(len(batch.inputs["text"]) for batch in answered) >= len(found.y)


def evaluated(path: Path, learned: Dataset) -> dict[str, np.ndarray] | None:
    label = learned.source["label_column"]
    options = DataOptions(inputs=tuple(learned.specs), known_label=label, undivided=True)
    try:
        return tables.read(path, options).inputs
    except SuiteError as error:
        check_error(error)
        return None


def predicted(path: Path, learned: Dataset) -> dict[str, np.ndarray] | None:
    try:
        batches = list(stream.table(str(path), learned.specs, learned.ignored, 16))
    except SuiteError as error:
        check_error(error)
        return None
    return {spec.name: np.concatenate([batch.inputs[spec.name] for batch in batches]) for spec in learned.specs}


def served(path: Path, learned: Dataset, preprocessing: dict[str, Any]) -> dict[str, np.ndarray] | None:
    """What a service takes from the file's text as CSV; None if it refuses it."""
    body = io.StringIO(newline="")
    writer = csv.writer(body, quoting=csv.QUOTE_ALL)
    rows = [row for batch in formats.batches(path) for row in batch.to_pylist()]
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer.writerow(names)
    writer.writerows([["" if row.get(name) is None else row[name] for name in names] for row in rows])
    card = Card("a", 1, "fraud", "", learned.specs, [], learned.labels, preprocessing, ignored=learned.ignored)
    codec = codecs.for_model(card, signature.of_card(card), Limits())
    try:
        return codec.decode(Payload(table=csv_body.read(body.getvalue(), Limits(), NO_DEADLINE)), NO_DEADLINE)
    except ServiceError:
        return None


def check(recipe: Recipe, path: Path) -> None:
    recipe.write(path)
    learned = learn(path)
    if learned is None:
        return
    preprocessing = adapt.columns(learned.specs, learned.inputs, learned.rows["train"])
    core = mirror.load(preprocessing)(learned.inputs)
    assert all(np.isfinite(values).all() for values in core.values())
    again = evaluated(path, learned)
    assert again is not None
    for name, values in learned.inputs.items():
        np.testing.assert_array_equal(again[name], values, f"evaluate, {name}")
    asked = predicted(path, learned)
    if asked is None:
        # Training takes some values as missing that prediction refuses.
        assert any("taken as missing" in line for line in learned.detected), learned.detected
    elif len(next(iter(asked.values()))) == len(learned.y):
        for name, values in learned.inputs.items():
            np.testing.assert_array_equal(asked[name], values, f"predict, {name}")
    learn_texts(path)
    if recipe.format in ("csv", "xlsx", "jsonl", "json list"):
        over_http = served(path, learned, preprocessing)
        assert (over_http is None) == (asked is None)
        for name, values in (over_http or {}).items():
            np.testing.assert_array_equal(values, asked[name], f"service, {name}")


def test_all_readers_agree_on_generated_tables(tmp_path: Path) -> None:
    @given(recipes)
    @settings(max_examples=FILES, deadline=None, suppress_health_check=list(HealthCheck))
    def agree(recipe: Recipe) -> None:
        check(recipe, tmp_path / "table")

    agree()
