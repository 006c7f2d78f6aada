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

    Without --data it is the data that the model was made from, split as it was then.
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
    output.result(
        [title, *metric_lines({split: metrics}), *dataset.notes, f"noted in {log}"],
        {"metrics": metrics, "rows": len(rows)},
    )


def _read(card: "Card", source: str | None, given: dict[str, Any], split: str) -> "Dataset":
    """The data, read as the model's own was, and brought to the inputs that the model takes."""
    from suite.data.options import DataOptions
    from suite.domain import get
    from suite.domains import load_data

    made_from = card.data.get("name") or card.data["path"]
    remembered = card.data.get("options", {}) if source in (None, made_from) else {}
    chosen = remembered | {name: value for name, value in given.items() if value is not None}
    options = {"seed": card.training["seed"], "inputs": tuple(card.inputs), "undivided": split == "all"} | chosen
    return load_data(get(card.domain), source or made_from, DataOptions(**options))


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
