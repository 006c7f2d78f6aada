"""`suite models`: what is in the store."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from suite import artifact
from suite.cli import options
from suite.cli.output import Output, metric_lines
from suite.errors import SuiteError


@click.group()
def command() -> None:
    """List the saved models, or show one."""


@command.command("list", epilog="Example: suite models list --models saved_models")
@options.common
def list_models(models: Path, as_json: bool, quiet: bool) -> None:
    """List every model with its versions."""
    rows = [
        _row(models, name, version)
        for name in artifact.model_names(models)
        for version in artifact.versions(models / name)
    ]
    lines = []
    for row in rows:
        lines += [f"{row['name']}/{row['version']}  {row['summary']}", *(f"  {note}" for note in row["notes"])]
    Output(as_json, quiet).result(
        lines or [f"{models} holds no model yet: make one with 'suite fit'"], {"models": rows}
    )


def _row(models: Path, name: str, version: int) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "version": version, "notes": []}
    try:
        card = artifact.read_card(models / name / str(version))
    except SuiteError as error:
        return row | {"summary": f"damaged: {error}", "error": str(error)}
    if card is None:
        return row | {"summary": "a SavedModel without a card", "domain": None}
    test = card.metrics.get("test", {})
    metric = "accuracy" if card.threshold is None else "average_precision"
    best = f"test {metric} {test[metric]:.4f}" if metric in test else ""
    summary = f"{card.domain}  {card.created}  {best}  engines {', '.join(card.engines)}"
    return row | {
        "summary": summary,
        "notes": card.notes,
        "domain": card.domain,
        "created": card.created,
        "metrics": card.metrics,
        "engines": list(card.engines),
    }


@command.command("show", epilog="Example: suite models show image_cls/1")
@click.argument("model", metavar="NAME[/VERSION]")
@options.common
def show(model: str, models: Path, as_json: bool, quiet: bool) -> None:
    """Show one version's card (the newest unless a version is given)."""
    folder = artifact.find(models, model)
    card = artifact.read_card(folder)
    output = Output(as_json, quiet)
    if card is None:
        output.result(
            [f"{folder} is a SavedModel without a card: it is served through its own signature"],
            {"artifact": str(folder), "card": None},
        )
        return
    artifact.verify(folder, card)
    source = card.data.get("name") or card.data.get("path")
    rows = ", ".join(f"{split} {count:,}" for split, count in card.data.get("rows", {}).items())
    training = card.training
    engines = [f"{name} ({engine['file']})" for name, engine in card.engines.items()]
    lines = [
        f"{card.name}/{card.version}  {card.domain}  {card.created}  {folder}",
        f"inputs   {', '.join(f'{spec.name} ({spec.kind})' for spec in card.inputs)}",
        f"labels   {', '.join(card.labels)}",
        f"data     {source} ({rows})",
        f"engines  {', '.join(engines)}",
        f"trained  {training['epochs']} epochs in {training['seconds']} s, {training['parameters']:,} parameters",
        f"command  {training['command']}",
        *metric_lines(card.metrics),
        *card.notes,
    ]
    output.result(lines, {"artifact": str(folder), "card": asdict(card)})
