"""Measure a saved model on labelled data: `suite evaluate` and `Model.evaluate`."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.api.engine import load
from suite.api.output import Output
from suite.errors import SuiteError, UsageError

if TYPE_CHECKING:
    import numpy as np

    from suite.artifact import Card
    from suite.data.dataset import Dataset
    from suite.data.memory import Memory

LOG_FILE = "evaluations.jsonl"
ROWS_AT_ONCE = 512


@dataclass(frozen=True)
class Evaluation:
    """The metrics of a model on the rows of a split of some data, and notes; `log` is where it was noted."""

    model: str
    metrics: dict[str, float]
    rows: int
    split: str
    data: str
    engine: str
    notes: list[str]
    log: Path


def evaluate(
    folder: Path, source: "str | Memory | None", split: str, reader: dict[str, Any], output: Output
) -> Evaluation:
    """Measure the model in `folder` on a split of labelled data, and note the result beside it.

    `reader` holds the reader's options that people set. Without a source, the data is that of the model's training.
    """
    from suite import artifact
    from suite import task as tasks

    card = artifact.read_card(folder)
    if card is None:
        raise SuiteError(f"{folder} has no card, so its labels are unknown: measure a model made by 'suite fit'")
    task = tasks.get(card.task)
    dataset = _read(card, source, reader, split)
    rows, seen = _leave_out_trained(folder, card, dataset, _rows(dataset, split), split)
    y = _translate(dataset, card.labels)[rows]
    outputs, engine = _answer(folder, card, dataset, rows, output)
    metrics = task.evaluate(y, outputs, card.threshold)
    measured = dataset.source.get("files", {}).get(split, dataset.source)
    data = _name(measured)
    log = _note(folder, {
        "created": datetime.now(UTC).isoformat(timespec="seconds"), "data": data,
        "sha256": measured["sha256"], "split": split, "rows": len(rows), "metrics": metrics,
    })  # fmt: skip
    notes = [*seen, *dataset.notes, *task.undefined_metrics(y, card.labels, metrics)]
    return Evaluation(f"{card.name}/{card.version}", metrics, len(rows), split, data, engine, notes, log)


def _read(card: "Card", source: "str | Memory | None", given: dict[str, Any], split: str) -> "Dataset":
    """The data, read like the model's own data and converted to the model's inputs."""
    from suite.data.memory import Memory
    from suite.data.options import DataOptions
    from suite.domain import get
    from suite.domains import load_data
    from suite.preprocessing.mirror.image import Form

    if source is None and card.data.get("in_memory"):
        raise UsageError(f"{card.name}/{card.version} was made from data in memory, which is not kept: name the --data")
    made_from = _name(card.data)
    is_the_same = source in (None, made_from) or (
        isinstance(source, Memory) and card.data.get("in_memory") and source.sha256() == card.data["sha256"]
    )
    remembered = card.data.get("options", {}) if is_the_same else {}
    chosen = remembered | {name: value for name, value in given.items() if value is not None}
    options = {
        "seed": card.training["seed"],
        "inputs": tuple(card.inputs),
        "known_label": card.data.get("label_column"),
        "known_text": card.data.get("text_column"),
        "known_task": card.task,
        "picture": Form.of(card.inputs[0].shape, card.preprocessing) if card.preprocessing["kind"] == "image" else None,
        "undivided": split == "all",
    }
    return load_data(get(card.domain), source or made_from, DataOptions(**options | chosen))


def _rows(dataset: "Dataset", split: str) -> "np.ndarray":
    """The rows of a split, or of all."""
    import numpy as np

    rows = np.concatenate(list(dataset.rows.values())) if split == "all" else dataset.rows[split]  # type: ignore[index]
    if not len(rows):
        raise SuiteError(f"no rows are for {split}, since the data is of one class: measure on --split all")
    return rows


def _name(source: dict[str, Any]) -> str:
    """The built-in name or the path of a card's or a data set's source."""
    return str(source.get("name") or source["path"])


def _leave_out_trained(
    folder: Path, card: "Card", dataset: "Dataset", rows: "np.ndarray", split: str
) -> "tuple[np.ndarray, list[str]]":
    """The rows, of test rows only those that the model was not trained on; and notes on that.

    SuiteError if none are left, or if the data has changed and it cannot be told which rows the model has seen.
    """
    from suite.report import provenance

    data, notes = _name(dataset.source), []
    changed = provenance.changed_file(card, dataset)
    if changed:
        notes.append(f"{changed} is no longer what {card.name}/{card.version} was made from (its sha256 differs)")
    if split in ("train", "validation") or (split == "test" and provenance.has_same_splits(card, dataset)):
        return rows, notes
    trained = provenance.trained_on(folder, card, dataset, rows)
    way_out = "measure rows that it has not seen with --data, or say --split all to measure them anyway"
    if trained is None and notes and split == "test":
        raise SuiteError(f"{notes[0]}, and it cannot be told which rows the model was trained on: {way_out}")
    if trained is None or not trained.any():
        return rows, notes
    known = f"{trained.sum():,} of {len(rows):,} rows"
    if split == "all":
        return rows, [*notes, f"the model was trained on {known}"]
    if trained.all():
        raise SuiteError(f"the model was trained on all {len(rows):,} test rows of {data}: {way_out}")
    return rows[~trained], [*notes, f"left out of the test, since the model was trained on them: {known}"]


def _translate(dataset: "Dataset", labels: list[str]) -> "np.ndarray":
    """The data's truth with the model's labels; SuiteError for a label that the model does not know."""
    from suite.data import truth

    unfamiliar = truth.unfamiliar(dataset.y, dataset.labels, labels)
    if unfamiliar:
        raise SuiteError(
            f"the data has labels that the model does not know: {', '.join(unfamiliar[:5])} "
            f"(it knows {', '.join(labels)})"
        )
    return truth.translate(dataset.y, dataset.labels, labels)


def _answer(
    folder: Path, card: "Card", dataset: "Dataset", rows: "np.ndarray", output: Output
) -> "tuple[np.ndarray, str]":
    """The model's outputs (rows, K), and the name of the engine."""
    import numpy as np

    engine = load(folder, card)
    with output.bar() as bar:
        parts = [
            engine.run(dataset.take(rows[start : start + ROWS_AT_ONCE]))[card.outputs[0].name]
            for start in bar.track(range(0, len(rows), ROWS_AT_ONCE))
        ]
    return np.concatenate(parts), engine.name


def _note(folder: Path, record: dict[str, Any]) -> Path:
    """Append a record to the model's log of evaluations; return the file."""
    from suite import artifact

    log = folder / LOG_FILE
    earlier = log.read_bytes() if log.exists() else b""
    artifact.replace_file(log, earlier + json.dumps(record, ensure_ascii=False).encode() + b"\n")
    return log
