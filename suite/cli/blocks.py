"""`suite blocks`: the building blocks of networks and their hyperparameters."""

from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from suite.cli import options, spaces
from suite.cli.output import Output

if TYPE_CHECKING:
    from suite.catalogue import Block


@click.command(epilog="Example: suite blocks; then suite blocks conv.stages")
@click.argument("name", required=False)
@options.printing
def command(name: str | None, as_json: bool, quiet: bool) -> None:
    """List every building block of networks with its hyperparameters, or show NAME in detail.

    What is printed was asked of the block itself, with each value of each hyperparameter. Its defaults are the block's
    own; a domain may set others, which 'suite show DOMAIN' prints.
    """
    output = Output(as_json, quiet)
    output.say("loading TensorFlow")

    from suite.config import load_tensorflow

    load_tensorflow()

    from suite import catalogue

    if name:
        block = catalogue.find(name)
        found = _describe(block)
        output.result(
            [f"{block.name}  ({block.kind}; {block.module})", *block.description.splitlines(), *found["lines"]],
            {"block": found["value"] | {"description": block.description, "module": block.module}},
        )
        return
    lines, values = [], []
    for kind, blocks in groupby(catalogue.BLOCKS, lambda block: block.kind):
        lines += ["", kind]
        for block in blocks:
            found = _describe(block)
            lines += [f"  {block.name}", f"    {block.summary}", *(f"      {line}" for line in found["lines"])]
            values.append(found["value"])
    output.result(lines, {"blocks": values})


def _describe(block: "Block") -> dict[str, Any]:
    from tuning import space

    found = space.explore(block.make)
    value = {"name": block.name, "kind": block.kind, "summary": block.summary}
    return {"lines": spaces.lines(found), "value": value | {"hyperparameters": spaces.to_json(found)}}
