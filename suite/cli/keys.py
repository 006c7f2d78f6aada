"""`suite keys`: the keys of a service."""

import json
import secrets
from pathlib import Path
from typing import Any

import click

from suite import files
from suite.api.output import Output
from suite.cli import options
from suite.errors import UsageError


@click.group()
def command() -> None:
    """Create keys for a service, or revoke them; FILE holds only their hashes."""


@command.command("add", epilog="Example: suite keys add keys.json shop --model fraud --per-second 50")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("name")
@click.option("--model", "models", multiple=True, help="A model that the key is for (default: all); may be repeated.")
@click.option(
    "--per-second", type=click.FloatRange(0), default=0.0, help="The most requests a second (default: no limit)."
)
@options.printing
def add(file: Path, name: str, models: tuple[str, ...], per_second: float, as_json: bool, quiet: bool) -> None:
    """Create a key for NAME and print it: it is shown only once.

    'suite serve --keys FILE' answers requests with a key; send it SIGHUP after a change.
    """
    from serving.http.auth import ALL_MODELS, fingerprint, parse

    entries = _read(file)
    if name in entries:
        raise UsageError(f"{file} has a key of '{name}': remove that first, or choose another name")
    key = secrets.token_urlsafe(32)
    entries[name] = {"sha256": fingerprint(key), "models": list(models or (ALL_MODELS,)), "per_second": per_second}
    try:
        parse(name, entries[name])
    except ValueError as error:
        raise UsageError(f"no key was written: {error}") from error
    _write(file, entries)
    Output(as_json, quiet).result([key], {"name": name, "key": key})


@command.command("remove", epilog="Example: suite keys remove keys.json shop")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("name")
@options.printing
def remove(file: Path, name: str, as_json: bool, quiet: bool) -> None:
    """Revoke the key of NAME."""
    entries = _read(file)
    if name not in entries:
        raise UsageError(f"{file} has no key of '{name}': there are: {', '.join(entries) or 'none'}")
    del entries[name]
    _write(file, entries)
    Output(as_json, quiet).result([f"removed the key of {name}"], {"removed": name})


def _read(file: Path) -> dict[str, Any]:
    """The file's entries by name; SuiteError if it is no file of keys."""
    from serving.http import auth

    if not file.exists():
        return {}
    auth.read(file)
    entries: dict[str, Any] = json.loads(files.read_small(file, auth.LARGEST_FILE))
    return entries


def _write(file: Path, entries: dict[str, Any]) -> None:
    from suite.artifact import replace_file

    replace_file(file, json.dumps(entries, indent=2).encode() + b"\n")
