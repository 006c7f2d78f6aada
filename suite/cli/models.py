"""`suite models`: what is in the store."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from serving.models import settings as model_settings
from suite import artifact, labels, model_folders
from suite.api.output import Output, metric_lines
from suite.cli import complete, options
from suite.errors import SuiteError, UsageError
from suite.labels import Label


@click.group()
def command() -> None:
    """List the saved models, show one, say which version answers and how, delete."""


@command.command("list", epilog="Example: suite models list --models saved_models")
@options.common
def list_models(models: Path, as_json: bool, quiet: bool) -> None:
    """List every model with its versions, and the folders that hold none."""
    found, passed_over = model_folders.list_models(models) if models.is_dir() else ({}, [])
    rows = [_row(name, version, folder) for name, versions in found.items() for version, folder in versions.items()]
    lines = []
    for row in rows:
        lines += [f"{row['name']}/{row['version']}  {row['summary']}", *(f"  {note}" for note in row["notes"])]
    lines = lines or [f"{models} holds no model yet: make one with 'suite fit'"]
    others = [{"folder": one.folder, "reason": one.reason} for one in passed_over]
    lines += [f"{one['folder']}  passed over: {one['reason']}" for one in others]
    Output(as_json, quiet).result(lines, {"models": rows, "passed_over": others})


def _row(name: str, version: int, folder: Path) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "version": version, "notes": []}
    try:
        card = artifact.read_card(folder)
    except SuiteError as error:
        return row | {"summary": f"damaged: {error}", "error": str(error)}
    if card is None:
        return row | {"summary": "a SavedModel without a card", "domain": None}
    test = card.metrics.get("test", {})
    metric = card.training.get("objective")
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
@click.argument("model", metavar="NAME[/VERSION]", shell_complete=complete.model)
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
        f"labels   {', '.join(card.labels)}" if card.labels else f"predicts {card.target.get('name') or 'a number'}",
        f"data     {source} ({rows})",
        f"engines  {', '.join(engines)}",
        f"trained  {training['epochs']} epochs in {training['seconds']} s, {training['parameters']:,} parameters",
        f"command  {training['command']}",
        *metric_lines(card.metrics),
        *card.notes,
    ]
    output.result(lines, {"artifact": str(folder), "card": asdict(card)})


@command.command("label", epilog="Example: suite models label image_cls canary 4 --weight 10")
@click.argument("name", shell_complete=complete.model)
@click.argument("label")
@click.argument("version", type=click.IntRange(1), required=False)
@click.option("--weight", type=click.FloatRange(0, 100), default=0.0, help="Percentage of requests that a canary gets.")
@click.option("--remove", is_flag=True, help="Take the label away.")
@options.common
def label(
    name: str, label: str, version: int | None, weight: float, remove: bool, models: Path, as_json: bool, quiet: bool
) -> None:
    """Call a VERSION of a model by a LABEL; a running service takes it over by itself.

    stable is the version that answers where none is asked for (else the newest). canary gets a share of those
    requests. shadow is asked too, and its answers are only compared.
    """
    if (version is None) != remove:
        raise UsageError("give a version, or --remove to take the label away")
    parent = _parent(models, name)
    labels.put(parent, label, None if version is None else Label(version, weight))
    said = f"{name}: {label} is taken away" if version is None else f"{name}: {label} is version {version}"
    Output(as_json, quiet).result([said], {"name": name, "labels": _labels(parent)})


@command.command("set", epilog="Example: suite models set image_cls max_batch=32 max_delay_ms=5")
@click.argument("name", shell_complete=complete.model)
@click.argument("assignments", metavar="SETTING=VALUE...", nargs=-1, required=True)
@options.common
def set_settings(name: str, assignments: tuple[str, ...], models: Path, as_json: bool, quiet: bool) -> None:
    """Give a model settings of its own, which a running service takes over by itself.

    SETTING is max_batch (rows that are run together), max_delay_ms (how long they wait for one another), max_waiting
    (requests in its queue), engine, or served (false: nobody is answered). SETTING= takes one away: then the service's
    holds again.
    """
    given = model_settings.put(_parent(models, name), assignments).given()
    said = ", ".join(f"{setting} {value}" for setting, value in given.items()) or "the service's settings"
    Output(as_json, quiet).result([f"{name}: {said}"], {"name": name, "settings": given})


@command.command("rollback", epilog="Example: suite models rollback image_cls")
@click.argument("name", shell_complete=complete.model)
@options.common
def rollback(name: str, models: Path, as_json: bool, quiet: bool) -> None:
    """Let the version before the one that answers now answer again."""
    parent = _parent(models, name)
    present = artifact.versions(parent)
    known = labels.read(parent)
    now = known[labels.STABLE].version if labels.STABLE in known else present[-1]
    older = [version for version in present if version < now]
    if not older:
        raise UsageError(f"there is no version of {name} before {now}: nothing to go back to")
    labels.put(parent, labels.STABLE, Label(older[-1]))
    said = f"{name}: version {older[-1]} answers in place of {now}; 'suite models label {name} stable {now}' undoes it"
    Output(as_json, quiet).result([said], {"name": name, "version": older[-1], "instead_of": now})


@command.command("delete", epilog="Example: suite models delete image_cls/1 --yes")
@click.argument("model", metavar="NAME/VERSION", shell_complete=complete.model)
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.common
def delete(model: str, yes: bool, models: Path, as_json: bool, quiet: bool) -> None:
    """Delete one version; a running service lets go of it."""
    if "/" not in model:
        raise UsageError(f"say which version of {model} to delete, as in {model}/1")
    folder = artifact.find(models, model)
    named = [one for one, label in labels.read(folder.parent).items() if label.version == int(folder.name)]
    if named:
        raise UsageError(f"{model} is called {', '.join(named)}: give that label to another version first")
    if not yes:
        click.confirm(f"delete {folder}?", abort=True, err=True)
    artifact.delete(folder)
    Output(as_json, quiet).result([f"deleted {folder}"], {"deleted": str(folder)})


def _parent(models: Path, name: str) -> Path:
    return artifact.find(models, name).parent


def _labels(parent: Path) -> dict[str, dict[str, Any]]:
    return {name: asdict(one) for name, one in labels.read(parent).items()}
