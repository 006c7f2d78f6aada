"""`suite demo`: the whole way once, from data to an answer over HTTP."""

import json
import os
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suite.api import steps
from suite.api.fit import FitRequest, fit
from suite.api.output import Output
from suite.cli import complete, options
from suite.cli.fit import show

if TYPE_CHECKING:
    import numpy as np

    from suite.artifact import Card
    from suite.data.dataset import Dataset

MAX_ROWS = 4
SHADES = " ░▒▓█"
TEXT_WIDTH = 90


@click.command(epilog="Example: suite demo text_cls")
@click.argument("domain", default="image_cls", shell_complete=complete.domain)
@options.common
def command(domain: str, models: Path, as_json: bool, quiet: bool) -> None:
    """Fit DOMAIN (default: image_cls) on its built-in data, serve it, ask it, and show the answers."""
    from suite.data.options import DataOptions
    from suite.domain import get
    from suite.domains import load_data

    output = Output(as_json, quiet)
    chosen = get(domain)
    preset = "quick" if "quick" in chosen.presets else None
    progress = output.progress_only()
    saved = fit(FitRequest(domain, models, preset=preset, retrain=False), progress)
    show(saved, progress)
    folder, card = saved.folder, saved.card
    dataset = load_data(chosen, None, DataOptions())
    rows = _test_rows(dataset)
    predictions = _serve_and_ask(models, card, dataset, rows, output)
    right = sum(predictions[row]["label"] == dataset.labels[dataset.y[row]] for row in rows)
    lines, value = _summarise(folder, card)
    output.result(lines, value | {"asked": len(rows), "right": right, "report": os.fspath(folder / "report.html")})


def _test_rows(dataset: "Dataset") -> list[int]:
    """A few test rows of different classes."""
    rows: list[int] = []
    for row in dataset.rows["test"]:
        if len(rows) < MAX_ROWS and (
            dataset.y[row] not in dataset.y[rows] or len(dataset.labels) <= len(rows) < MAX_ROWS
        ):
            rows.append(int(row))
    return rows


def _serve_and_ask(
    models: Path, card: "Card", dataset: "Dataset", rows: list[int], output: Output
) -> dict[int, dict[str, Any]]:
    """Start a service, ask it about the rows and show its answers; return the predictions by row."""
    from serving.server import launcher

    output.say("starting the service")
    with launcher.running(models) as url:
        output.say(f"asking {url}/predict about {len(rows)} rows that it never saw")
        answer = _ask(url, card, dataset, rows)
    predictions = dict(zip(rows, answer["predictions"], strict=True))
    for row, prediction in predictions.items():
        for line in _show(dataset, row):
            output.say(line)
        truth = dataset.labels[dataset.y[row]]
        output.say(f"  -> {prediction['label']}, score {prediction['score']:.3f} (truly {truth})\n")
    output.say(f"the service has stopped; it ran on the engine '{answer['engine']}'")
    return predictions


def _summarise(folder: Path, card: "Card") -> tuple[list[str], dict[str, Any]]:
    from suite import task as tasks

    objective = tasks.get(card.task).objective
    lines = [
        f"test {objective} {card.metrics['test'][objective]:.4f}",
        *card.notes,
        f"report: {(folder / 'report.html').resolve()}",
        "serve it yourself: suite serve",
    ]
    return lines, steps.saved_json(folder, card)


def _ask(url: str, card: "Card", dataset: "Dataset", rows: list[int]) -> dict[str, Any]:
    body = {"model": card.name, "instances": [instance(dataset, row) for row in rows]}
    request = urllib.request.Request(f"{url}/predict", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def instance(dataset: "Dataset", row: int) -> Any:
    """A row as a client sends it: nested numbers, a string, or an object by column."""
    kind = dataset.specs[0].kind
    if kind in ("image", "text"):
        value = dataset.inputs[kind][row]
        return value.tolist() if kind == "image" else value
    values = {spec.name: dataset.inputs[spec.name][row] for spec in dataset.specs}
    return {
        name: value if isinstance(value, str) else None if value != value else float(value)
        for name, value in values.items()
    }


def _show(dataset: "Dataset", row: int) -> list[str]:
    kind = dataset.specs[0].kind
    if kind == "image":
        return block_characters(dataset.inputs["image"][row])
    if kind == "text":
        return [f"  “{dataset.inputs['text'][row][:TEXT_WIDTH]}”"]
    shown = ", ".join(
        f"{spec.name} {dataset.inputs[spec.name][row]:.4g}" for spec in dataset.specs if spec.dtype != "string"
    )
    return [f"  {shown[:TEXT_WIDTH]} ..."]


def block_characters(image: "np.ndarray") -> list[str]:
    """A picture (height, width, channels) in shades of block characters, two rows of pixels to a line."""
    grey = image.mean(axis=2)
    grey = grey[: len(grey) // 2 * 2]
    halved = (grey[::2] + grey[1::2]) / 2
    return ["  " + "".join(SHADES[int(value) * len(SHADES) // 256] for value in line) for line in halved]
