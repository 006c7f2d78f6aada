"""What an evaluation knows of the rows that its model was trained on."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest

from suite import domain as registry
from suite.artifact import Card, TensorSpec
from suite.data import row_keys, tables
from suite.data.dataset import Dataset
from suite.data.options import DataOptions
from suite.domains import load_data
from suite.report import provenance, stored_predictions

Run = Callable[..., CompletedProcess[str]]
OUTPUTS = [TensorSpec("probabilities", "float32", (2,))]


def table(path: Path, rows: Sequence[int], columns: int = 3) -> Path:
    """A table in which each row follows from its number alone; with one column, many rows are equal."""
    lines = ["label,place," + ",".join(f"x{index}" for index in range(columns))]
    for row in rows:
        values = np.random.default_rng(row).normal(size=columns).round(3 if columns > 1 else 0)
        place = "here" if columns == 1 else f"place {row % 4}"
        lines.append(f"{int(row % 5 == 0)},{place}," + ",".join(map(str, values)))
    path.write_text("\n".join(lines))
    return path


def made_from(folder: Path, dataset: Dataset) -> Card:
    """What an artifact in `folder` keeps of its data."""
    row_keys.write_trained(folder, dataset)
    probabilities = np.full((len(dataset.rows["test"]), 2), 0.5)
    stored_predictions.write(folder, stored_predictions.collect(dataset, probabilities))
    return Card("a", 1, "fraud", "", dataset.specs, OUTPUTS, dataset.labels, {}, data=dataset.source)


def test_rows_are_recognised_in_another_order_and_among_others(tmp_path: Path) -> None:
    dataset = tables.read(table(tmp_path / "a.csv", range(100)), DataOptions())
    card = made_from(tmp_path, dataset)
    assert provenance.has_same_splits(card, dataset)
    options = DataOptions(inputs=tuple(card.inputs), undivided=True)
    other = tables.read(table(tmp_path / "b.csv", [*range(99, 49, -1), *range(100, 130)]), options)
    assert not provenance.is_unchanged(card, other)
    found = provenance.trained_on(tmp_path, card, other, other.rows["test"])
    trained = {*dataset.rows["train"].tolist(), *dataset.rows["validation"].tolist()}
    assert found is not None
    assert found.tolist() == [row in trained for row in [*range(99, 49, -1), *range(100, 130)]]


def test_the_same_content_with_other_options_has_other_splits(tmp_path: Path) -> None:
    dataset = tables.read(table(tmp_path / "a.csv", range(100)), DataOptions())
    other = replace(dataset, source=dataset.source | {"options": {"group_column": "place"}})
    card = made_from(tmp_path, dataset)
    assert provenance.is_unchanged(card, other)
    assert not provenance.has_same_splits(card, other)


def test_rows_that_repeat_by_nature_cannot_be_told_apart(tmp_path: Path) -> None:
    dataset = tables.read(table(tmp_path / "a.csv", range(200), columns=1), DataOptions())
    card = made_from(tmp_path, dataset)
    assert provenance.trained_on(tmp_path, card, dataset, dataset.rows["test"]) is None


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY torn"])
def test_an_artifact_without_its_rows_cannot_tell(tmp_path: Path, content: bytes) -> None:
    dataset = tables.read(table(tmp_path / "a.csv", range(100)), DataOptions())
    card = made_from(tmp_path, dataset)
    (tmp_path / row_keys.FILE).write_bytes(content)
    assert provenance.trained_on(tmp_path, card, dataset, dataset.rows["test"]) is None


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data.csv, and with a model of it in models/fraud/1."""
    from suite.config import load_tensorflow

    load_tensorflow()
    from suite import saving, workflow
    from suite.training.data import prepare
    from suite.training.fit import TrainingSettings

    folder = tmp_path_factory.mktemp("learned")
    domain = registry.get("fraud")
    dataset = domain.read(table(folder / "data.csv", range(100)), DataOptions())
    prepared = prepare(domain, dataset)
    hp = workflow.resolve_hyperparameters(domain, prepared, 1, {"mlp.units": 16, "mlp.depth": 1})
    trained = workflow.train(domain, dataset, prepared, hp, TrainingSettings(1, 0, prepared.task.objective))
    saving.save(folder / "models", "fraud", trained, command="suite fit")
    return folder


def test_changed_files_of_other_splits_are_told(tmp_path: Path) -> None:
    source, test = table(tmp_path / "a.csv", range(100)), table(tmp_path / "t.csv", range(100, 130))
    options = DataOptions(test=str(test))
    dataset = load_data(registry.get("fraud"), str(source), options)
    card = made_from(tmp_path, dataset)
    assert provenance.has_same_splits(card, dataset)
    assert provenance.changed_file(card, dataset) is None
    table(test, range(90, 120))
    changed = load_data(registry.get("fraud"), str(source), options)
    assert not provenance.is_unchanged(card, changed)
    assert provenance.changed_file(card, changed) == str(test)
    seen = provenance.trained_on(tmp_path, card, changed, changed.rows["test"])
    assert seen is not None
    assert seen.tolist() == [row < 100 for row in range(90, 120)]


def test_an_evaluation_tells_changed_data_and_leaves_out_rows_that_were_trained_on(
    suite: Run, learned: Path
) -> None:  # fmt: skip
    evaluate = ("evaluate", "fraud", "--models", learned / "models")
    source = learned / "data.csv"
    unchanged = suite(*evaluate)
    assert unchanged.returncode == 0, unchanged.stderr
    assert "no longer" not in unchanged.stdout
    assert "on 20 rows" in unchanged.stdout
    everything = suite(*evaluate, "--split", "all")
    assert "the model was trained on 80 of 100 rows" in everything.stdout

    table(source, [*range(99, -1, -1), *range(100, 200)])
    changed = suite(*evaluate)
    assert changed.returncode == 0, changed.stderr
    assert f"{source} is no longer what fraud/1 was made from (its sha256 differs)" in changed.stdout
    assert "left out of the test, since the model was trained on them:" in changed.stdout

    whole = tables.read(table(source, range(100)), DataOptions())
    table(source, [*whole.rows["train"].tolist(), *whole.rows["validation"].tolist()])
    known = suite(*evaluate)
    assert known.returncode == 1
    assert "the model was trained on all 16 test rows of" in known.stderr
    assert suite(*evaluate, "--split", "all").returncode == 0
    table(source, range(100))


def test_where_rows_are_not_known_changed_data_has_no_test_rows(suite: Run, learned: Path) -> None:
    kept: Any = (learned / "models" / "fraud" / "1" / row_keys.FILE).read_bytes()
    (learned / "models" / "fraud" / "1" / row_keys.FILE).unlink()
    table(learned / "data.csv", range(99, -1, -1))
    refused = suite("evaluate", "fraud", "--models", learned / "models")
    assert refused.returncode == 1
    assert "it cannot be told which rows the model was trained on" in refused.stderr
    table(learned / "data.csv", range(100))
    (learned / "models" / "fraud" / "1" / row_keys.FILE).write_bytes(kept)
