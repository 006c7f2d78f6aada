"""`suite blocks`: the building blocks of networks and their hyperparameters."""

from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from suite.api import steps
from suite.api.output import Output
from suite.cli import options, space_table

if TYPE_CHECKING:
    from suite.catalogue import Block


@click.command(epilog="Example: suite blocks; then suite blocks conv.stages")
@click.argument("name", required=False)
@options.printing
def command(name: str | None, as_json: bool, quiet: bool) -> None:
    """List every building block of networks with its hyperparameters, or show NAME in detail.

    Hyperparameters are found by building each block with each of their values. Defaults are the block's own; a domain
    may set others, which 'suite show DOMAIN' prints.
    """
    from suite.shapes_only.describe import described

    output = Output(as_json, quiet)
    output.result(*described(lambda: _describe_all(name), lambda: steps.load_tensorflow(output)))


def _describe_all(name: str | None) -> tuple[list[str], dict[str, Any]]:
    """All blocks, or the one of that name, for people and for a script."""
    from suite import catalogue

    if name:
        block = catalogue.find(name)
        space_lines, value = _describe(block)
        return (
            [f"{block.name}  ({block.kind}; {block.module})", *block.description.splitlines(), *space_lines],
            {"block": value | {"description": block.description, "module": block.module}},
        )
    lines, values = [], []
    for kind, blocks in groupby(catalogue.BLOCKS, lambda block: block.kind):
        lines += ["", kind]
        for block in blocks:
            space_lines, value = _describe(block)
            lines += [f"  {block.name}", f"    {block.summary}", *(f"      {line}" for line in space_lines)]
            values.append(value)
    return lines, {"blocks": values}


def _describe(block: "Block") -> tuple[list[str], dict[str, Any]]:
    """A block's hyperparameters for people, and the block for a script."""
    from tuning import space

    dimensions = space.explore(block.make)
    value = {"name": block.name, "kind": block.kind, "summary": block.summary}
    return space_table.lines(dimensions), value | {"hyperparameters": space_table.to_json(dimensions)}
