"""`suite evaluate`: measure a saved model on labelled data."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suite.cli import options
from suite.cli.engine import load
from suite.cli.output import Output, metric_lines

if TYPE_CHECKING:
    import numpy as np

    from suite.artifact import Card
    from suite.data.dataset import Dataset

LOG = "evaluations.jsonl"
CHUNK = 512


@click.command(epilog="Example: suite evaluate fraud/2 --data march.csv --label-column is_fraud --split all")
@click.argument("model", metavar="NAME[/VERSION]")
@options.labelled
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test", "all"]),
    default="test",
    show_default=True,
    help="The rows to measure on.",
)
@options.common
def command(
    model: str, source: str | None, split: str, models: Path, as_json: bool, quiet: bool, **reader: Any
) -> None:
    """Measure a model on a split of labelled data, and note the result beside the model.

    Without --data it is the data that the model was made from, split as it was then. The label is in the column of
    the name that it had then, where there is one. Rows that are all of one class are not split.
    """
    import numpy as np

    from suite import artifact
    from suite.errors import SuiteError
    from suite.training.evaluate import evaluate

    output = Output(as_json, quiet)
    folder = artifact.find(models, model)
    card = artifact.read_card(folder)
    if card is None:
        raise SuiteError(f"{folder} has no card, so its labels are unknown: measure a model made by 'suite fit'")
    dataset = _read(card, source, reader, split)
    rows = np.concatenate(list(dataset.rows.values())) if split == "all" else dataset.rows[split]  # type: ignore[index]
    if not len(rows):
        raise SuiteError(f"no rows are for {split}, since the data is of one class: measure on --split all")
    y = _translate(dataset, card.labels)[rows]
    probabilities, engine = _answer(folder, card, dataset, rows, output)
    metrics = evaluate(y, probabilities, card.threshold)
    record = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": dataset.source.get("name") or dataset.source.get("path"),
        "sha256": dataset.source["sha256"],
        "split": split,
        "rows": len(rows),
        "metrics": metrics,
    }
    log = folder / LOG
    earlier = log.read_bytes() if log.exists() else b""
    artifact.replace_file(log, earlier + json.dumps(record, ensure_ascii=False).encode() + b"\n")
    title = f"{card.name}/{card.version} on {len(rows):,} rows of {record['data']} ({split}), engine {engine}"
    notes = [*dataset.notes, *_left_out(y, card.labels, metrics)]
    output.result(
        [title, *metric_lines({split: metrics}), *notes, f"noted in {log}"], {"metrics": metrics, "rows": len(rows)}
    )


def _read(card: "Card", source: str | None, given: dict[str, Any], split: str) -> "Dataset":
    """The data, read as the model's own was, and brought to the inputs that the model takes."""
    from suite.data.options import DataOptions
    from suite.domain import get
    from suite.domains import load_data

    made_from = card.data.get("name") or card.data["path"]
    remembered = card.data.get("options", {}) if source in (None, made_from) else {}
    chosen = remembered | {name: value for name, value in given.items() if value is not None}
    options = {
        "seed": card.training["seed"],
        "inputs": tuple(card.inputs),
        "known_label": card.data.get("label_column"),
        "undivided": split == "all",
    }
    return load_data(get(card.domain), source or made_from, DataOptions(**options | chosen))


def _translate(dataset: "Dataset", labels: list[str]) -> "np.ndarray":
    """The data's class numbers as the model's; an error names a label that the model never saw."""
    import numpy as np

    from suite.errors import SuiteError

    strange = [label for label in dataset.labels if label not in labels]
    if strange:
        raise SuiteError(
            f"the data has labels that the model does not know: {', '.join(strange[:5])} (it knows {', '.join(labels)})"
        )
    numbers = np.array([labels.index(label) for label in dataset.labels])
    return np.asarray(numbers[dataset.y])


def _left_out(y: "np.ndarray", labels: list[str], metrics: dict[str, float]) -> list[str]:
    """A note on the metrics that rows of one of two classes do not have."""
    from suite.training.evaluate import TWO_CLASSES

    lacking = [name for name in TWO_CLASSES if name not in metrics]
    if len(labels) != 2 or not lacking:
        return []
    return [f"all rows are '{labels[int(y[0])]}': without both classes there is no {', '.join(lacking)}"]


def _answer(
    folder: Path, card: "Card", dataset: "Dataset", rows: "np.ndarray", output: Output
) -> "tuple[np.ndarray, str]":
    """Probabilities (rows, labels), and the engine that gave them."""
    import numpy as np

    from suite.artifact import PROBABILITIES

    engine = load(folder, card)
    with output.bar() as bar:
        parts = [
            engine.run(dataset.take(rows[start : start + CHUNK]))[PROBABILITIES]
            for start in bar.track(range(0, len(rows), CHUNK))
        ]
    return np.concatenate(parts), engine.name
