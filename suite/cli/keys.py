"""`suite keys`: who may ask a service."""

import json
import secrets
from pathlib import Path
from typing import Any

import click

from suite.cli import options
from suite.cli.output import Output
from suite.errors import UsageError


@click.group()
def command() -> None:
    """Give out keys for a service, or take them back; FILE keeps only their hashes."""


@command.command("add", epilog="Example: suite keys add keys.json shop --model fraud --per-second 50")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("name")
@click.option("--model", "models", multiple=True, help="A model it is for (else all); may be given often.")
@click.option("--per-second", type=click.FloatRange(0), default=0.0, help="How often it may ask (else as it likes).")
@options.printing
def add(file: Path, name: str, models: tuple[str, ...], per_second: float, as_json: bool, quiet: bool) -> None:
    """Make a key for NAME and print it: it is shown this once.

    'suite serve --keys FILE' then answers who sends one; send it SIGHUP to take over a change.
    """
    from serving.http.auth import EVERY, fingerprint

    kept = _read(file)
    if name in kept:
        raise UsageError(f"{file} has a key of '{name}': remove that first, or choose another name")
    key = secrets.token_urlsafe(32)
    kept[name] = {"sha256": fingerprint(key), "models": list(models or (EVERY,)), "per_second": per_second}
    _write(file, kept)
    Output(as_json, quiet).result([key], {"name": name, "key": key})


@command.command("remove", epilog="Example: suite keys remove keys.json shop")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("name")
@options.printing
def remove(file: Path, name: str, as_json: bool, quiet: bool) -> None:
    """Take back the key of NAME."""
    kept = _read(file)
    if name not in kept:
        raise UsageError(f"{file} has no key of '{name}': there are: {', '.join(kept) or 'none'}")
    del kept[name]
    _write(file, kept)
    Output(as_json, quiet).result([f"removed the key of {name}"], {"removed": name})


def _read(file: Path) -> dict[str, Any]:
    from serving.http import auth as access

    if not file.exists():
        return {}
    access.read(file)
    kept: dict[str, Any] = json.loads(file.read_bytes())
    return kept


def _write(file: Path, kept: dict[str, Any]) -> None:
    from suite.artifact import replace_file

    replace_file(file, json.dumps(kept, indent=2).encode() + b"\n")
