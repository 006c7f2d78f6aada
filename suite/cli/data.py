"""`suite data`: the built-in data sets."""

from dataclasses import asdict

import click

from suite.api.output import Output
from suite.cli import options


@click.group()
def command() -> None:
    """List the built-in data sets."""


@command.command("list", epilog="Example: suite data list; then suite fit image_cls --data mnist")
@options.printing
def list_data(as_json: bool, quiet: bool) -> None:
    """List every name that --data accepts, and the source of its rows."""
    from suite.data import builtin

    rows = [{"name": name, **asdict(entry)} for name, entry in builtin.NAMES.items()]
    lines = [
        f"{name:20} {entry.domain:10} {'embedded' if entry.embedded else 'download':9} {entry.rows:>8,} rows  "
        f"{entry.summary} ({entry.licence})"
        for name, entry in builtin.NAMES.items()
    ]
    Output(as_json, quiet).result(lines, {"data": rows})
